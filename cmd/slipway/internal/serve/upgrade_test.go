package serve_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
)

// formerly is a data directory as a build of commit cec372e, the first one, left it, with packages of every format, and answers.json: what that build
// answered about them at formerURL.
const (
	formerly  = "testdata/cec372e.tar.gz"
	formerURL = "http://127.0.0.1:18977"
)

// formerAnswer is one of these answers. Body is for bytes that are no text.
type formerAnswer struct {
	Path, Accept string
	Status       int
	ContentType  string `json:"content_type"`
	Text, Body   string
}

// TestUpgrade is the second half of upstreams.md acceptance 62: documents and files of repositories without upstreams are byte for byte what the first
// build answered from the same data, also after a restart, and the data are consistent.
func TestUpgrade(t *testing.T) {
	dir := t.TempDir()
	unpack(t, dir)
	raw, err := os.ReadFile(filepath.Join(dir, "answers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var answers []formerAnswer
	if err := json.Unmarshal(raw, &answers); err != nil || len(answers) < 40 {
		t.Fatal(len(answers), err)
	}
	for range 2 {
		r := commandtest.Start(t, func(c *installation.Config) {
			c.Data, c.AdminPassword, c.AnonymousRead = filepath.Join(dir, "data"), "", true
		})
		for _, want := range answers {
			same(t, r.URL, want)
		}
		r.Stop()
		if out := r.With("", nil, 0, "fsck", "--data", r.Data); strings.Contains(out, "finding") {
			t.Errorf("fsck: %s", out)
		}
	}
}

// same compares an answer with the former one, but for the server's address. Of a refusal its status counts: the text has the request's id.
func same(t *testing.T, server string, want formerAnswer) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+want.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want.Accept != "" {
		req.Header.Set("Accept", want.Accept)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(want.Text, formerURL, server)
	if want.Body != "" {
		b, err := base64.StdEncoding.DecodeString(want.Body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	if res.StatusCode != want.Status || want.Status < http.StatusBadRequest && (res.Header.Get("Content-Type") != want.ContentType || string(body) != text) {
		t.Errorf("%s as %q: %d %s\n%s\nwas: %d %s\n%s", want.Path, want.Accept, res.StatusCode, res.Header.Get("Content-Type"), body, want.Status, want.ContentType, text)
	}
}

// unpack puts the files of formerly into a directory.
func unpack(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open(formerly)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		name := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err == nil {
			err = os.WriteFile(name, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
