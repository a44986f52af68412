package maven

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/catalog"
)

// TestComing: a file on its way from elsewhere is answered without the sums that are not known yet; who asks for one waits for it.
func TestComing(t *testing.T) {
	var coming formatstest.Coming
	e := newEnvOn(t, Options{}, formatstest.Options{Reader: func(r catalog.Reader) catalog.Reader { coming.Reader = r; return &coming }})
	e.deploy(formatstest.Admin, "1.0", "bytes of a jar")
	const jar = "com/acme/lib/1.0/lib-1.0.jar"
	reader := e.reader()
	for _, method := range []string{"GET", "HEAD"} {
		res := e.do(reader, method, jar, "")
		if res.Status != 200 || res.Header.Get("Content-Length") != "14" || method == "GET" && string(res.Body) != "bytes of a jar" {
			t.Errorf("%s: %v %v", method, res, res.Header)
		}
		for _, name := range []string{"Etag", "X-Checksum-Md5", "X-Checksum-Sha1", "X-Checksum-Sha256", "X-Checksum-Sha512"} {
			if v, ok := res.Header[name]; ok {
				t.Errorf("%s: %s %q", method, name, v)
			}
		}
	}
	if res := e.do(reader, "GET", jar, "", "Range", "bytes=9-"); res.Status != 206 || string(res.Body) != "a jar" {
		t.Errorf("a range: %v", res)
	}
	etag := `"` + sumHex(sha256.New(), "bytes of a jar") + `"`
	if res := e.do(reader, "GET", jar, "", "If-Match", etag); res.Status != 200 || res.Header.Get("Etag") != etag {
		t.Errorf("If-Match: %v", res)
	}
	if res := e.do(reader, "GET", jar, "", "If-Range", etag, "Range", "bytes=9-"); res.Status != 206 {
		t.Errorf("If-Range: %v", res)
	}
	sum := sumHex(sha1.New(), "bytes of a jar")
	e.get(reader, jar+".sha1", 200, sum)
	e.get(reader, jar+".sha256", 200, sumHex(sha256.New(), "bytes of a jar"))
	e.get(reader, jar+".sha1.md5", 200, sumHex(md5.New(), sum))

	coming.Slow = true
	for _, suffix := range []string{".sha1", ".sha256", ".sha1.md5"} {
		if res := e.get(reader, jar+suffix, 503); res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %v", suffix, res.Header)
		}
	}
}
