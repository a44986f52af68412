package npm

import (
	"archive/tar"
	"bytes"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
)

// largeTarball streams the same package tarball each time, with about size bytes that do not compress. It is made of many
// gzip members, so that making it costs little.
func largeTarball(t testing.TB, name, version string, size int64) func(w io.Writer) error {
	t.Helper()
	noise := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // never fails
	n := size>>20 + 1
	var head, tail bytes.Buffer
	must(t, tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "package/noise", Mode: 0o644, Size: n << 20, Typeflag: tar.TypeReg}))
	manifest := fmt.Sprintf(`{"name":%q,"version":%q}`, name, version)
	end := tar.NewWriter(&tail)
	must(t, end.WriteHeader(&tar.Header{Name: "package/package.json", Mode: 0o644, Size: int64(len(manifest)), Typeflag: tar.TypeReg}))
	_, err := io.WriteString(end, manifest)
	must(t, err)
	must(t, end.Close())
	first, middle, last := gz(t, head.Bytes()), gz(t, noise), gz(t, tail.Bytes())
	return func(w io.Writer) error {
		_, err := w.Write(first)
		for i := int64(0); i < n && err == nil; i++ {
			_, err = w.Write(middle)
		}
		if err == nil {
			_, err = w.Write(last)
		}
		return err
	}
}

// largeBody streams the document that publishes it, in npm's order of keys.
func largeBody(t testing.TB, name, version string, size int64) io.Reader {
	t.Helper()
	s1, s512, n := sha1.New(), sha512.New(), &count{}
	tarball := largeTarball(t, name, version, size)
	must(t, tarball(io.MultiWriter(s1, s512, n)))
	pr, pw := io.Pipe()
	go func() {
		_, err := fmt.Fprintf(pw, `{"_id":%q,"name":%[1]q,"dist-tags":{"latest":%[2]q},"versions":{%[2]q:{"name":%[1]q,"version":%[2]q,"dist":{"shasum":%[3]q,"integrity":"sha512-%[4]s"}}},`+
			`"access":null,"_attachments":{"%[1]s-%[2]s.tgz":{"content_type":"application/octet-stream","data":"`,
			name, version, hex.EncodeToString(s1.Sum(nil)), base64.StdEncoding.EncodeToString(s512.Sum(nil)))
		if err == nil {
			b64 := base64.NewEncoder(base64.StdEncoding, pw)
			if err = tarball(b64); err == nil {
				err = b64.Close()
			}
		}
		if err == nil {
			_, err = fmt.Fprintf(pw, `","length":%d}}}`, n.n)
		}
		_ = pw.CloseWithError(err)
	}()
	return pr
}

type count struct{ n int64 }

func (c *count) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// TestLargePublish: a tarball of 300 MB passes through without sitting in memory (acceptance 11).
func TestLargePublish(t *testing.T) {
	const limit = 16 << 20
	formatstest.UsualHeap(t)
	size := formatstest.Large(300e6)
	e := newEnv(t, formatstest.Options{Local: true})
	body := largeBody(t, "large", "1.0.0", size)
	req, err := http.NewRequest(http.MethodPut, e.URL+"/npm/main/large", body)
	must(t, err)
	req.SetBasicAuth(accounts.AdminUser, registrytest.AdminPassword)

	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	start := m.HeapInuse
	var peak atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	res, err := http.DefaultClient.Do(req)
	close(stop)
	<-stopped
	must(t, err)
	answer, err := io.ReadAll(res.Body)
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, answer)
	}
	grown := int64(peak.Load()) - int64(start)
	t.Logf("heap grew by %d KiB at most", grown>>10)
	if grown > limit {
		t.Errorf("the heap grew by %d bytes, want at most %d", grown, limit)
	}
	dist := e.get("/large/latest")["dist"].(map[string]any)
	if dist["unpackedSize"].(float64) < float64(size) || dist["fileCount"] != 2.0 {
		t.Errorf("%v", dist)
	}
}

// TestCutPublish: a publish that breaks off leaves nothing behind that can be seen.
func TestCutPublish(t *testing.T) {
	e := newEnv(t, formatstest.Options{Local: true})
	req, err := http.NewRequest(http.MethodPut, e.URL+"/npm/main/large", io.LimitReader(largeBody(t, "large", "1.0.0", 4e6), 3e6))
	must(t, err)
	req.SetBasicAuth(accounts.AdminUser, registrytest.AdminPassword)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("a body that ends early: %d", res.StatusCode)
	}
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodGet, "/large", nil))
	e.MustFsck(t)
}

// TestRefusedWhileSending: who may not publish gets an answer, not a reset, although the body is long (npm.md 2.5).
func TestRefusedWhileSending(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	body := pub{name: "web", version: "1.0.0", tarball: make([]byte, 20<<20)}.body(t)
	for as, status := range map[formatstest.As]int{
		formatstest.Anonymous: 401, "slp_stale": 401, formatstest.As(e.ReadToken("main")): 403, formatstest.Admin: 400,
	} {
		e.want(status, "", e.do(as, http.MethodPut, "/web", body))
	}
}

// TestEscapedData: a tarball of nothing but escape sequences takes longer to read, but not out of proportion.
func TestEscapedData(t *testing.T) {
	raw := bytes.Repeat([]byte{0xff}, 3<<20)
	data := strings.Repeat(`\u002f`, len(raw)/3*4)
	start := time.Now()
	_, got, err := collect(strings.NewReader(`{"_attachments":{"a.tgz":{"data":"` + data + `"}}}`))
	must(t, err)
	if got["a.tgz"] != base64.StdEncoding.EncodeToString(raw) {
		t.Error("other data")
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}
