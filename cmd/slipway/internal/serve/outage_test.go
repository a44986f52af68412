package serve_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
	"slipway/storage/s3/s3test"
)

// TestStoreOutage: while the S3 server is away, every protocol answers 503 and when to retry, not that something is missing
// or broken. Requests that need no bytes still work, and all requests work once the S3 server is back.
func TestStoreOutage(t *testing.T) {
	_, env := s3test.New(t)
	for _, kv := range env {
		key, value, _ := strings.Cut(kv, "=")
		t.Setenv(key, value)
	}
	proxy := s3test.NewProxy(t)
	r := commandtest.Start(t, func(c *installation.Config) { c.Blobs = s3test.At(t, proxy.URL) })
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	send := func(method, path, contentType, body string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequest(method, r.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("admin", commandtest.Password)
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return &http.Response{}, ""
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		return res, string(answer)
	}
	const form = "--b\r\nContent-Disposition: form-data; name=\":action\"\r\n\r\nfile_upload\r\n--b\r\nContent-Disposition: form-data; name=\"content\"; filename=\"a-1.0.tar.gz\"\r\n\r\nbytes\r\n--b--\r\n"
	requests := []struct{ method, path, contentType, body string }{
		{"GET", "/raw/main/tool/1.0.0/tool", "", ""},
		{"PUT", "/raw/main/tool/1.1.0/tool", "", "two"},
		{"GET", "/api/v1/repositories/main/packages/raw/tool/versions/1.0.0/files/tool", "", ""},
		{"PUT", "/npm/main/left-pad", "application/json", string(commandtest.NpmDocument(t, "left-pad", "1.0.0", commandtest.NpmTarball(t, "left-pad", "1.0.0")))},
		{"POST", "/pypi/main/", "multipart/form-data; boundary=b", form},
		{"PUT", "/maven/main/com/acme/lib/1.0/lib-1.0.jar", "", "jar"},
		{"POST", "/v2/main/app/blobs/uploads/?digest=" + digest.FromString("three").String(), "application/octet-stream", "three"},
	}
	proxy.Stop()
	var wg sync.WaitGroup
	for _, q := range requests { // each waits for the store to come back, a few seconds
		wg.Go(func() {
			res, answer := send(q.method, q.path, q.contentType, q.body)
			if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
				t.Errorf("%s %s: %s, Retry-After %q: %s", q.method, q.path, res.Status, res.Header.Get("Retry-After"), answer)
			}
			if strings.Contains(answer, strings.TrimPrefix(proxy.URL, "http://")) {
				t.Errorf("%s %s tells where the store is: %s", q.method, q.path, answer)
			}
		})
	}
	wg.Wait()
	if res, answer := send("GET", "/api/v1/repositories/main/packages", "", ""); res.StatusCode != http.StatusOK {
		t.Errorf("a list of packages, which needs no bytes: %s %s", res.Status, answer)
	}
	proxy.Start(t)
	if res, answer := send("GET", "/raw/main/tool/1.0.0/tool", "", ""); res.StatusCode != http.StatusOK || answer != `"one"` {
		t.Errorf("when it is back: %s %s", res.Status, answer)
	}
	if res, answer := send("PUT", "/raw/main/tool/1.1.0/tool", "", "two"); res.StatusCode != http.StatusCreated {
		t.Errorf("a publish when it is back: %s %s", res.Status, answer)
	}
}
