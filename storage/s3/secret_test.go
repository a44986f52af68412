package s3_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/s3"
	"slipway/storage/s3/s3test"
)

// calls are all operations.
func calls(s *s3.Store, data []byte) map[string]func(ctx context.Context) error {
	d := digest.FromBytes(data)
	return map[string]func(ctx context.Context) error{
		"Put":        func(ctx context.Context) error { _, err := s.Put(ctx, bytes.NewReader(data), -1); return err },
		"Open":       func(ctx context.Context) error { return drain(s.Open(ctx, d, 0, -1)) },
		"Open range": func(ctx context.Context) error { return drain(s.Open(ctx, d, 1, 0)) },
		"Stat":       func(ctx context.Context) error { _, err := s.Stat(ctx, d); return err },
		"Delete":     func(ctx context.Context) error { return s.Delete(ctx, d) },
		"Ready":      s.Ready,
		"Create":     func(ctx context.Context) error { return s.Create(ctx, id, nil) },
		"Append": func(ctx context.Context) error {
			_, err := s.Append(ctx, id, 0, bytes.NewReader(data), -1, nil)
			return err
		},
		"OpenUpload": func(ctx context.Context) error { return drain(s.OpenUpload(ctx, id, 1)) },
		"Finish": func(ctx context.Context) error {
			return s.Finish(ctx, id, storage.Blob{Digest: d, Size: int64(len(data))}, nil)
		},
		"Discard": func(ctx context.Context) error { return s.Discard(ctx, id) },
		"List": func(ctx context.Context) error {
			for _, err := range s.List(ctx, "") {
				return err
			}
			return nil
		},
		"ListUploads": func(ctx context.Context) error {
			for _, err := range s.ListUploads(ctx) {
				return err
			}
			return nil
		},
	}
}

// TestS59: whatever goes wrong, and however much the server repeats, no key, token or signature is in an error or a log.
func TestS59(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })

	p := s3test.NewProxy(t)
	s := open(t, s3test.OptionsAt(t, p.URL))
	var texts []string
	for _, fault := range []s3test.Fault{s3test.InternalError, s3test.BadGateway, s3test.NotSent, s3test.LostAnswer, s3test.HalfAnswer, s3test.OKError} {
		p.Break(func(int, *http.Request) s3test.Fault { return fault })
		for name, call := range calls(s, random(1, 1_000)) {
			if err := call(t.Context()); err != nil {
				texts = append(texts, name+": "+err.Error())
			}
		}
	}
	p.Break(nil)
	if len(texts) < 40 {
		t.Errorf("only %d calls failed", len(texts))
	}
	// Keys that the server does not accept, with a token: the server's answer repeats what it was sent.
	o := s3test.Options(t)
	for _, keys := range [][3]string{
		{s3test.AccessKey, "canary-secret-5db1", ""}, {"canary-access-5db1", "canary-secret-5db1", "canary-token-5db1"},
	} {
		o.AccessKey, o.SecretKey, o.SessionToken = keys[0], keys[1], keys[2]
		_, err := s3.New(t.Context(), o)
		if err == nil {
			t.Fatalf("New with wrong keys succeeds")
		}
		texts = append(texts, err.Error())
	}
	asJSON, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	texts = append(texts, log.String(), string(asJSON), fmt.Sprintf("%+v", o), fmt.Sprintf("%#v", o), fmt.Sprint(&o))
	for _, text := range texts {
		for _, secret := range []string{s3test.AccessKey, s3test.SecretKey, "canary", "Signature=", "Credential=", "AWS4-", "uploadId", "http://" + p.URL[len("http://"):] + "/"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %q", secret, text)
			}
		}
		if strings.Contains(strings.TrimSpace(text), "\n") || len(text) > 300 {
			t.Errorf("more than a line: %q", text)
		}
	}
}

// TestS61: a presigned URL gives one blob to GET, for a short time, and nothing else.
func TestS61(t *testing.T) {
	o := s3test.Options(t)
	s := open(t, o)
	data := random(1, 1_000)
	d := put(t, s, data).Digest
	get := func(method, target string) (int, http.Header, []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, target, nil)
		if err != nil {
			t.Fatal(err)
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
		return res.StatusCode, res.Header, body
	}
	u, err := s.PresignGet(t.Context(), d, storage.PresignOptions{Filename: `größe "1".tgz`, ContentType: "application/gzip"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(u, s3test.SecretKey) {
		t.Errorf("the secret key is in %s", u)
	}
	status, header, body := get(http.MethodGet, u)
	if status != http.StatusOK || !bytes.Equal(body, data) || header.Get("Content-Type") != "application/gzip" ||
		!strings.HasPrefix(header.Get("Content-Disposition"), "attachment; filename*=") {
		t.Errorf("GET = %d, %v, %d bytes", status, header, len(body))
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPost} {
		if status, _, _ := get(method, u); status/100 == 2 {
			t.Errorf("%s = %d", method, status)
		}
	}
	hex := digest.FromString("another").Encoded()
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	parsed.Path = "/" + o.Bucket + "/slipway/blobs/sha256/" + hex[:2] + "/" + hex
	if status, _, _ := get(http.MethodGet, parsed.String()); status != http.StatusForbidden {
		t.Errorf("another blob = %d, want 403", status)
	}
	mustHave(t, s, data)

	u, err = s.PresignGet(t.Context(), d, storage.PresignOptions{}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2100 * time.Millisecond)
	if status, _, _ := get(http.MethodGet, u); status != http.StatusForbidden {
		t.Errorf("an expired URL = %d, want 403", status)
	}
	for _, ttl := range []time.Duration{0, -time.Second, storage.MaxPresign + 1, time.Millisecond} {
		if u, err := s.PresignGet(t.Context(), d, storage.PresignOptions{}, ttl); err == nil {
			t.Errorf("valid for %v: %s", ttl, u)
		}
	}
	if _, err := s.PresignGet(t.Context(), "sha256:../..", storage.PresignOptions{}, time.Minute); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("no digest: %v, want ErrNotExist", err)
	}
}
