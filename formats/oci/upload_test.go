package oci_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

const admin = formatstest.Admin

// start begins an upload and returns its path.
func (s *server) start(as formatstest.As, image string) string {
	s.t.Helper()
	res := s.want(http.StatusAccepted, as, http.MethodPost, image+"/blobs/uploads/", nil)
	path := res.Header.Get("Location")
	if !strings.HasPrefix(path, "/v2/"+image+"/blobs/uploads/") || res.Header.Get("Range") != "0-0" || res.Header.Get("Docker-Upload-UUID") == "" ||
		res.Header.Get("Content-Length") != "0" {
		s.t.Errorf("start of an upload: %v", res.Header)
	}
	return path
}

// holds checks that a blob is there, byte for byte.
func (s *server) holds(image string, d digest.Digest, content []byte) {
	s.t.Helper()
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		res := s.want(http.StatusOK, admin, method, image+"/blobs/"+d.String(), nil)
		if res.Header.Get("Docker-Content-Digest") != d.String() || res.Header.Get("Content-Length") != fmt.Sprint(len(content)) ||
			res.Header.Get("Content-Type") != "application/octet-stream" || res.Header.Get("Accept-Ranges") != "bytes" {
			s.t.Errorf("%s: %v", method, res.Header)
		}
		if method == http.MethodGet && !bytes.Equal(res.Body, content) {
			s.t.Errorf("the blob has other bytes")
		}
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// TestPushBlob pushes one blob in every way the specification has, by both digests.
func TestPushBlob(t *testing.T) {
	s := newServer(t, formatstest.Options{Local: true})
	body := random(3000)
	for _, algorithm := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		for name, content := range map[string][]byte{"bytes": body, "nothing": {}, "empty JSON": emptyJSON} {
			d := algorithm.FromBytes(content)
			query := "?digest=" + d.String()
			for way, push := range map[string]func(image string){
				"post": func(image string) {
					res := s.want(http.StatusCreated, admin, http.MethodPost, image+"/blobs/uploads/"+query, content)
					if res.Header.Get("Location") != "/v2/"+image+"/blobs/"+d.String() || res.Header.Get("Docker-Content-Digest") != d.String() {
						t.Errorf("post: %v", res.Header)
					}
				},
				"put": func(image string) {
					s.want(http.StatusCreated, admin, http.MethodPut, s.start(admin, image)+query, content)
				},
				"stream": func(image string) {
					path := s.start(admin, image)
					s.want(http.StatusAccepted, admin, http.MethodPatch, path, content)
					res := s.want(http.StatusCreated, admin, http.MethodPut, path+query, nil)
					if res.Header.Get("Location") != "/v2/"+image+"/blobs/"+d.String() || res.Header.Get("Docker-Content-Digest") != d.String() {
						t.Errorf("put: %v", res.Header)
					}
					// The answer was lost: the same again.
					s.want(http.StatusCreated, admin, http.MethodPut, path+query, nil)
				},
				"stream without slash": func(image string) {
					res := s.want(http.StatusAccepted, admin, http.MethodPost, image+"/blobs/uploads?digest-algorithm="+algorithm.String(), nil)
					s.want(http.StatusAccepted, admin, http.MethodPatch, res.Header.Get("Location"), content)
					s.want(http.StatusCreated, admin, http.MethodPut, res.Header.Get("Location")+query, nil)
				},
			} {
				t.Run(fmt.Sprint(algorithm, " ", name, " ", way), func(t *testing.T) {
					image := "main/push/" + strings.ReplaceAll(strings.ToLower(fmt.Sprint(algorithm, name, way)), " ", "-")
					push(image)
					s.holds(image, d, content)
					s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/blobs/"+d.String(), nil)
					s.refused(http.StatusNotFound, "BLOB_UNKNOWN", admin, http.MethodGet, image+"/blobs/"+d.String(), nil)
				})
			}
		}
	}
	s.MustFsck(t)
}

// TestChunks uploads in chunks, out of order first.
func TestChunks(t *testing.T) {
	s := newServer(t, formatstest.Options{Local: true})
	content := random(3 * 1000)
	d := digestOf(content)
	chunk := func(i int) []byte { return content[i*1000 : (i+1)*1000] }
	for _, form := range []string{"%d-%d", "bytes %d-%d/*"} {
		for _, last := range []string{"patch", "put"} {
			image := "main/chunks-" + last
			path := s.start(admin, image)
			send := func(method string, i int, query string) formatstest.Response {
				return s.call(admin, method, path+query, chunk(i), "Content-Range", fmt.Sprintf(form, i*1000, i*1000+999))
			}
			where := func(res formatstest.Response, status int, span string) {
				t.Helper()
				if res.Status != status || res.Header.Get("Range") != span || res.Header.Get("Location") != path {
					t.Errorf("%v %v, want %d and range %s", res, res.Header, status, span)
				}
			}
			where(send(http.MethodPatch, 1, ""), http.StatusRequestedRangeNotSatisfiable, "0-0")
			where(send(http.MethodPatch, 0, ""), http.StatusAccepted, "0-999")
			where(send(http.MethodPatch, 0, ""), http.StatusRequestedRangeNotSatisfiable, "0-999")
			where(send(http.MethodPut, 2, "?digest="+d.String()), http.StatusRequestedRangeNotSatisfiable, "0-999")
			where(s.call(admin, http.MethodGet, path, nil), http.StatusNoContent, "0-999")
			where(send(http.MethodPatch, 1, ""), http.StatusAccepted, "0-1999")
			for _, bad := range []string{"2000-2000", "x-y", "2999-2000", "2000", "-5-1000"} {
				s.refused(http.StatusBadRequest, "SIZE_INVALID", admin, http.MethodPatch, path, chunk(2), "Content-Range", bad)
			}
			if last == "patch" {
				where(send(http.MethodPatch, 2, ""), http.StatusAccepted, "0-2999")
				s.want(http.StatusCreated, admin, http.MethodPut, path+"?digest="+d.String(), nil)
			} else if res := send(http.MethodPut, 2, "?digest="+d.String()); res.Status != http.StatusCreated {
				t.Errorf("last chunk: %v", res)
			}
			s.holds(image, d, content)
			s.refused(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", admin, http.MethodGet, path, nil)
			s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/blobs/"+d.String(), nil)
		}
	}
}

// TestBadDigest: bytes that are not of the digest are not kept, however they come, and the upload is gone.
func TestBadDigest(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/bad"
	wrong := "?digest=" + digest.FromString("other").String()
	body := []byte("content")
	s.refused(http.StatusBadRequest, "DIGEST_INVALID", admin, http.MethodPost, image+"/blobs/uploads/"+wrong, body)
	for _, q := range []string{wrong, "?digest=" + digest.SHA512.FromString("other").String()} {
		path := s.start(admin, image)
		s.refused(http.StatusBadRequest, "DIGEST_INVALID", admin, http.MethodPut, path+q, body)
		s.refused(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", admin, http.MethodGet, path, nil)
	}
	path := s.start(admin, image)
	s.want(http.StatusAccepted, admin, http.MethodPatch, path, body)
	hex := strings.Repeat("a", 64)
	for _, bad := range []string{"", "sha256:", "sha256:abc", "sha256:" + strings.ToUpper(hex), "md5:" + hex[:32], "sha384:" + hex[:48] + hex[:48],
		"blake3:" + hex, hex, "sha256:" + hex + "0", "sha256:../../../etc"} {
		s.refused(http.StatusBadRequest, "DIGEST_INVALID", admin, http.MethodPut, path+"?digest="+bad, nil)
		s.refused(http.StatusBadRequest, "DIGEST_INVALID", admin, http.MethodPost, image+"/blobs/uploads/?digest="+bad, body)
		if bad != "" {
			s.want(http.StatusBadRequest, admin, http.MethodHead, image+"/blobs/"+strings.ReplaceAll(bad, "/", "%2F"), nil)
		}
	}
	s.want(http.StatusNoContent, admin, http.MethodGet, path, nil) // they did not hurt it
	s.refused(http.StatusBadRequest, "DIGEST_INVALID", admin, http.MethodPost, image+"/blobs/uploads/?digest-algorithm=md5", nil)
	// An announced digest without a body begins an upload.
	s.want(http.StatusAccepted, admin, http.MethodPost, image+"/blobs/uploads/?digest="+digestOf(body).String(), nil)
	s.want(http.StatusNoContent, admin, http.MethodDelete, path, nil)
	s.refused(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", admin, http.MethodDelete, path, nil)
}

// TestMount is mounting with and without a source; what can't be mounted becomes an upload, never an error.
func TestMount(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	body := []byte("a layer")
	d := s.blob("main/from", body)
	for _, c := range []struct {
		query  string
		status int
	}{
		{"mount=" + d.String() + "&from=main/from", http.StatusCreated},
		{"mount=" + d.String() + "&from=main/from&origin=registry.example.com", http.StatusCreated},
		{"mount=" + d.String(), http.StatusCreated},
		{"mount=" + digest.FromString("absent").String(), http.StatusAccepted},
		{"mount=" + digest.FromString("absent").String() + "&from=main/from", http.StatusAccepted},
		{"mount=" + d.String() + "&from=main/absent", http.StatusAccepted},
		{"mount=" + d.String() + "&from=absent/absent", http.StatusAccepted},
		{"mount=" + d.String() + "&from=../..//", http.StatusAccepted},
		{"mount=" + d.String() + "&from=", http.StatusAccepted},
		{"mount=rubbish&from=main/from", http.StatusAccepted},
		{"mount=&from=main/from", http.StatusAccepted},
	} {
		to := "main/to/" + digest.FromString(c.query).Encoded()[:8]
		res := s.want(c.status, admin, http.MethodPost, to+"/blobs/uploads/?"+c.query, nil)
		if c.status == http.StatusCreated {
			if res.Header.Get("Location") != "/v2/"+to+"/blobs/"+d.String() {
				t.Errorf("%s: %v", c.query, res.Header)
			}
			s.holds(to, d, body)
			continue
		}
		s.want(http.StatusCreated, admin, http.MethodPut, res.Header.Get("Location")+"?digest="+d.String(), body)
	}
}

// TestUploadSerial: of requests at once each finds the upload where the one before has left it. What comes out is what one
// of their orders makes, never a mixture that has the digest of one of them.
func TestUploadSerial(t *testing.T) {
	s := newServer(t, formatstest.Options{Local: true})
	const writers, size = 4, 1 << 20
	path := s.start(admin, "main/serial")
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			body := bytes.Repeat([]byte{byte('a' + i)}, size)
			res := s.call(admin, http.MethodPatch, path, body, "Content-Range", fmt.Sprintf("0-%d", size-1))
			if res.Status != http.StatusAccepted && res.Status != http.StatusRequestedRangeNotSatisfiable {
				t.Errorf("writer %d: %v", i, res)
			}
		})
	}
	wg.Wait()
	if got := s.call(admin, http.MethodGet, path, nil).Header.Get("Range"); got != fmt.Sprintf("0-%d", size-1) {
		t.Fatalf("the upload is at %q: more than one writer was taken", got)
	}
	// Which of two was taken is not told. Where it was the first, the blob must have its bytes only.
	for range 20 {
		path := s.start(admin, "main/serial")
		for i := range 2 {
			wg.Go(func() {
				s.call(admin, http.MethodPatch, path, bytes.Repeat([]byte{byte('a' + i)}, size), "Content-Range", fmt.Sprintf("0-%d", size-1))
			})
		}
		wg.Wait()
		content := bytes.Repeat([]byte("a"), size)
		d := digestOf(content)
		if res := s.call(admin, http.MethodPut, path+"?digest="+d.String(), nil); res.Status == http.StatusCreated {
			s.holds("main/serial", d, content)
		}
	}
	s.MustFsck(t)
}

// TestUploadResume: what arrived before the connection broke off counts, and the client goes on from there.
func TestUploadResume(t *testing.T) {
	s := newServer(t, formatstest.Options{Local: true})
	content := random(300_000)
	path := s.start(admin, "main/resume")
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n",
		path, s.token("main", access.Admin), len(content))
	if _, err := conn.Write(content[:200_000]); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	// Only who began it sees it; the token above is another caller, so nothing of its was taken.
	if res := s.call(admin, http.MethodGet, path, nil); res.Header.Get("Range") != "0-0" {
		t.Fatalf("another caller wrote into the upload: %v", res.Header)
	}
	owner := s.token("main", access.Read, access.Publish)
	path = s.start(owner, "main/resume")
	if conn, err = net.Dial("tcp", s.Addr); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", path, owner, len(content))
	if _, err := conn.Write(content[:200_000]); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	var last int
	for deadline := time.Now().Add(10 * time.Second); last == 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := fmt.Sscanf(s.call(owner, http.MethodGet, path, nil).Header.Get("Range"), "0-%d", &last); err != nil {
			t.Fatal(err)
		}
	}
	if last == 0 || last >= 200_000 {
		t.Fatalf("after the break the upload is at %d", last)
	}
	d := digestOf(content)
	s.want(http.StatusAccepted, owner, http.MethodPatch, path, content[last+1:], "Content-Range", fmt.Sprintf("%d-%d", last+1, len(content)-1))
	s.want(http.StatusCreated, owner, http.MethodPut, path+"?digest="+d.String(), nil)
	s.holds("main/resume", d, content)
	if log := s.Log(); strings.Contains(log, "level=ERROR") {
		t.Error("a client that goes away is no error of the server")
	}
}

// TestBlobRanges are the ranges of the conformance suite and of pulling clients.
func TestBlobRanges(t *testing.T) {
	s := newServer(t, formatstest.Options{Local: true})
	body := random(2048)
	path := "main/range/blobs/" + s.blob("main/range", body).String()
	tag := s.call(admin, http.MethodHead, path, nil).Header.Get("Etag")
	for _, c := range []struct {
		header   string
		from, to int // -1: 416
	}{
		{"bytes=500-1499", 500, 1500}, {"bytes=500-", 500, 2048}, {"bytes=-500", 1548, 2048}, {"bytes=2000-5000", 2000, 2048},
		{"bytes=0-1", 0, 2}, {"bytes=500-0", -1, 0}, {"bytes=5000-10000", -1, 0}, {"bytes=2048-", -1, 0},
	} {
		res := s.call(admin, http.MethodGet, path, nil, "Range", c.header)
		if c.from < 0 {
			if res.Status != http.StatusRequestedRangeNotSatisfiable || code(res) != "RANGE_INVALID" || res.Header.Get("Content-Range") != "bytes */2048" {
				t.Errorf("%s: %v %v", c.header, res, res.Header)
			}
			continue
		}
		if res.Status != http.StatusPartialContent || !bytes.Equal(res.Body, body[c.from:c.to]) ||
			res.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/2048", c.from, c.to-1) || res.Header.Get("Content-Length") != fmt.Sprint(c.to-c.from) {
			t.Errorf("%s: %d %v", c.header, res.Status, res.Header)
		}
	}
	res := s.call(admin, http.MethodGet, path, nil, "Range", "bytes=0-9,100-109")
	if res.Status != http.StatusPartialContent || !strings.HasPrefix(res.Header.Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("two ranges: %v", res.Header)
	}
	s.want(http.StatusNotModified, admin, http.MethodGet, path, nil, "If-None-Match", tag)
	s.want(http.StatusPartialContent, admin, http.MethodGet, path, nil, "If-Range", tag, "Range", "bytes=1-2")
	if res := s.call(admin, http.MethodGet, path, nil, "Accept-Encoding", "gzip, zstd"); res.Header.Get("Content-Encoding") != "" {
		t.Errorf("the blob was encoded: %v", res.Header)
	}
}
