package s3_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/storage/s3"
	"slipway/storage/s3/s3test"
)

func TestParse(t *testing.T) {
	for raw, want := range map[string]s3.Options{
		"s3://bucket":                 {Bucket: "bucket", Endpoint: "https://s3.amazonaws.com"},
		"s3://bucket/":                {Bucket: "bucket", Endpoint: "https://s3.amazonaws.com"},
		"s3://b.u-1/a/b_c/?region=eu": {Bucket: "b.u-1", Prefix: "a/b_c", Endpoint: "https://s3.amazonaws.com", Region: "eu"},
		"s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=us-east-1&path_style=true": {
			Bucket: "bucket", Prefix: "prefix", Endpoint: "http://127.0.0.1:9000", Region: "us-east-1"},
		"s3://bucket?endpoint=https%3A%2F%2Fs3.example.com%2F&create=true&spool=%2Fvar%2Ftmp": {
			Bucket: "bucket", Endpoint: "https://s3.example.com/", Region: "us-east-1", Create: true, Spool: "/var/tmp"},
	} {
		got, err := s3.Parse(raw)
		if err != nil {
			t.Errorf("Parse(%q): %v", raw, err)
		}
		if style := got.PathStyle; strings.Contains(raw, "path_style") != (style != nil && *style) {
			t.Errorf("Parse(%q): path style %v", raw, style)
		}
		got.PathStyle = nil
		if got != want {
			t.Errorf("Parse(%q) = %v, want %v", raw, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const canary = "canary9f2"
	for _, raw := range []string{
		"", "bucket", "file:///bucket", "s3:bucket", "s3://", "s3:///prefix", "s3://B_" + canary, "s3://b",
		"s3://" + canary + ":" + canary + "@bucket", "s3://" + canary + "@bucket", "s3://bucket:90", "s3://bucket#" + canary,
		"s3://bucket?secret=" + canary, "s3://bucket?region=a&region=" + canary, "s3://bucket?create=" + canary,
		"s3://bucket?path_style=" + canary, "s3://bucket?endpoint=" + canary, "s3://bucket?endpoint=ftp://" + canary,
		"s3://bucket?endpoint=http://" + canary + ":x@host", "s3://bucket?endpoint=http://host/" + canary, "s3://bucket?endpoint=http://host?" + canary,
		"s3://bucket?%zz" + canary, "s3://bucket/a//" + canary, "s3://bucket/../" + canary, "s3://bucket/a%20" + canary,
		"s3://bucket/%00" + canary, "s3://bucket/" + strings.Repeat("a", 513), "s3://%zz" + canary,
	} {
		o, err := s3.Parse(raw)
		if err == nil {
			t.Errorf("Parse(%q) = %v", raw, o)
		} else if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Parse(%q): %v", raw, err)
		}
	}
}

// TestNew: an error about a bucket is one line, and nothing is made that was not asked for.
func TestNew(t *testing.T) {
	o := s3test.Options(t)
	o.Create = false
	_, err := s3.New(t.Context(), o)
	if !errors.Is(err, s3.ErrNoBucket) || !strings.Contains(err.Error(), o.Bucket) {
		t.Errorf("missing bucket: %v, want ErrNoBucket", err)
	}
	if found, err := look(t, o).BucketExists(t.Context(), o.Bucket); err != nil || found {
		t.Errorf("the bucket was made: %v, %v", found, err)
	}
	if left, err := os.ReadDir(o.Spool); err != nil || len(left) > 0 {
		t.Errorf("the spool of a bucket that is not there: %v, %v", left, err)
	}
	o.Create = true
	open(t, o)
	open(t, o)
	attached := o
	attached.Spool, attached.Attached = filepath.Join(o.Spool, "missing"), true
	open(t, attached)
	if _, err := os.Stat(attached.Spool); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the spool of another process was made: %v", err)
	}
	mute := open(t, o)
	if err := mute.Ready(t.Context()); err != nil {
		t.Errorf("Ready: %v", err)
	}
	if err := os.Remove(o.Spool); err != nil {
		t.Fatal(err)
	}
	if err := mute.Ready(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Ready without the spool: %v", err)
	}
	o.Create = false
	open(t, o)

	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(o *s3.Options){
		"wrong secret":    func(o *s3.Options) { o.SecretKey = "wrong-secret-key" },
		"unknown key":     func(o *s3.Options) { o.AccessKey = "nobody" },
		"no server":       func(o *s3.Options) { o.Endpoint = "http://127.0.0.1:1" },
		"no endpoint":     func(o *s3.Options) { o.Endpoint = "127.0.0.1" },
		"no bucket":       func(o *s3.Options) { o.Bucket = "" },
		"no S3":           func(o *s3.Options) { o.Endpoint = teapot(t) },
		"no such host":    func(o *s3.Options) { o.Endpoint = "http://slipway.invalid" },
		"TLS to no TLS":   func(o *s3.Options) { o.Endpoint = strings.Replace(o.Endpoint, "http:", "https:", 1) },
		"half of the key": func(o *s3.Options) { o.SecretKey = "" },
		"no spool":        func(o *s3.Options) { o.Spool = "" },
		"spool is a file": func(o *s3.Options) { o.Spool = plain },
	} {
		c := o
		change(&c)
		_, err := s3.New(t.Context(), c)
		if err == nil || !strings.HasPrefix(err.Error(), "s3: ") || strings.Contains(err.Error(), "\n") || len(err.Error()) > 200 ||
			errors.Is(err, s3.ErrNoBucket) || strings.Contains(c.Endpoint, "://") && strings.Contains(err.Error(), c.Endpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func teapot(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "a long story\nabout tea", http.StatusTeapot)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestCredentials: they come from the environment; without them nothing is sent.
func TestCredentials(t *testing.T) {
	o := s3test.Options(t)
	o.AccessKey, o.SecretKey = "", ""
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	open(t, o)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1") // instead of the machine's role
	_, err := s3.New(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("no credentials: %v", err)
	}
}
