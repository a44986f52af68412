package raw_test

import (
	"net/http"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/registry/catalog"
)

// TestComing: a file on its way from elsewhere is answered without the sums that are not known yet; who asks for one waits for it.
func TestComing(t *testing.T) {
	var coming formatstest.Coming
	srv := formatstest.NewServer(t, formatstest.Options{Reader: func(r catalog.Reader) catalog.Reader { coming.Reader = r; return &coming }}, raw.New())
	want(t, srv, put("tool/1.0/tool.zip", "bytes of a zip"), http.StatusCreated)
	res := want(t, srv, get("tool/1.0/tool.zip"), http.StatusOK, "bytes of a zip")
	for _, name := range []string{"Etag", "Repr-Digest", "X-Checksum-Sha1", "X-Checksum-Sha256"} {
		if v, ok := res.Header[name]; ok {
			t.Errorf("%s %q", name, v)
		}
	}
	match := get("tool/1.0/tool.zip").With("If-Match", `"`+hexOf("bytes of a zip")+`"`)
	if res := want(t, srv, match, http.StatusOK); res.Header.Get("Repr-Digest") == "" {
		t.Errorf("%v", res.Header)
	}
	want(t, srv, get("tool/1.0/tool.zip.sha256"), http.StatusOK, hexOf("bytes of a zip")+"  tool.zip")
	want(t, srv, get("tool/1.0/tool.zip.md5"), http.StatusOK)
	coming.Slow = true
	for _, suffix := range []string{".sha256", ".sha512"} {
		if res := want(t, srv, get("tool/1.0/tool.zip"+suffix), http.StatusServiceUnavailable); res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %v", suffix, res.Header)
		}
	}
}
