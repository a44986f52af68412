package raw_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/registry"
	"slipway/registry/access"
)

func newServer(t *testing.T) *formatstest.Server {
	return formatstest.NewServer(t, formatstest.Options{}, raw.New())
}

func put(path, content string, header ...string) formatstest.Request {
	q := formatstest.Request{Method: http.MethodPut, Path: "/raw/main/" + path, Body: []byte(content), Header: map[string]string{}}
	for i := 0; i < len(header); i += 2 {
		q.Header[header[i]] = header[i+1]
	}
	return q
}

func get(path string) formatstest.Request {
	return formatstest.Request{Method: http.MethodGet, Path: "/raw/main/" + path}
}

func del(path string) formatstest.Request {
	return formatstest.Request{Method: http.MethodDelete, Path: "/raw/main/" + path}
}

func want(t *testing.T, srv *formatstest.Server, q formatstest.Request, status int, parts ...string) formatstest.Response {
	t.Helper()
	res := srv.Do(formatstest.Admin, q)
	if res.Status != status {
		t.Errorf("%s %s: %v, want %d", q.Method, q.Path, res, status)
	}
	for _, part := range parts {
		if !strings.Contains(string(res.Body), part) {
			t.Errorf("%s %s: %v, want %q in it", q.Method, q.Path, res, part)
		}
	}
	return res
}

func hexOf(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }

func TestPut(t *testing.T) {
	srv := newServer(t)
	res := want(t, srv, put("tool/1.2.0/bin/tool", "hello"), 201)
	if len(res.Body) != 0 || res.Header.Get("Location") != srv.URL+"/raw/main/tool/1.2.0/bin/tool" ||
		res.Header.Get("Etag") != `"`+hexOf("hello")+`"` || res.Header.Get("X-Checksum-Sha256") != hexOf("hello") {
		t.Errorf("%v %v", res, res.Header)
	}
	res = want(t, srv, put("tool/1.2.0/bin/tool", "hello", "Accept", "application/json"), 200)
	var answer map[string]any
	if err := json.Unmarshal(res.Body, &answer); err != nil || answer["purl"] != "pkg:generic/tool@1.2.0" || answer["sha256"] != hexOf("hello") {
		t.Errorf("%v %v", answer, err)
	}
	want(t, srv, put("tool/1.2.0/bin/tool", "other"), 409, "bin/tool", "other content", hexOf("hello"))
	want(t, srv, put("tool/1.2.0/bin/tool", "longer than hello"), 409)
	want(t, srv, put("tool/1.2.0/bin", "x"), 409, "file and folder")
	want(t, srv, put("tool/1.2.0/bin/tool/x", "x"), 409, "file and folder")
	want(t, srv, put("tool/1.2.0/é %2B:@", "x"), 201)
	want(t, srv, get("tool/1.2.0/%C3%A9%20+:@"), 200, "x")

	for _, short := range []string{"", "tool", "tool/1.2.0", "tool/", "tool/1.2.0/"} {
		want(t, srv, put(short, "x"), 400, "<package>/<version>/<file>", "too short")
	}
	want(t, srv, put("tool/1.2.0/dir/", "x"), 400, "slash")
	want(t, srv, put("tool/1.2.0/p", "x", "X-Slipway-Publish", "not an id"), 400, "can't name a publish")
	want(t, srv, put("tool/1.2.0/p", "x", "X-Slipway-Publish", ""), 400, "is empty")
	want(t, srv, put("tool/1.2.0/p", "x", "X-Explode-Archive", "true"), 400, "not supported")
	want(t, srv, put("tool/1.2.0/p", "x", "Content-Range", "bytes 0-0/2"), 400, "part of a file")
	for _, value := range []string{"true", "True", "1", "yes"} {
		want(t, srv, put("tool/1.2.0/p", "", "X-Checksum-Deploy", value), 404)
	}
	want(t, srv, formatstest.Request{Method: "POST", Path: "/raw/main/tool/1.2.0/p"}, 405)
	want(t, srv, get("tool/1.2.0/p"), 404)
	want(t, srv, formatstest.Request{Method: "PUT", Path: "/raw/absent/tool/1.2.0/p"}, 404, "no repository")
	srv.MustFsck(t)
}

// TestPutSums: every way to announce a sum is checked, and nothing is stored when it is wrong.
func TestPutSums(t *testing.T) {
	srv := newServer(t)
	sum := sha256.Sum256([]byte("hello"))
	right := base64.StdEncoding.EncodeToString(sum[:])
	wrong := strings.Repeat("0", 64)
	want(t, srv, put("t/1/a", "hello", "X-Checksum-Sha256", wrong), 400, "checksum-mismatch", "nothing was stored")
	want(t, srv, put("t/1/a", "hello", "Repr-Digest", "sha-256=:"+strings.Repeat("A", 43)+"=:"), 400)
	want(t, srv, put("t/1/a", "hello", "X-Checksum-Sha256", "xyz"), 400)
	want(t, srv, get("t/1/a"), 404)
	want(t, srv, get("t/"), 404)
	want(t, srv, put("t/1/a", "hello", "Repr-Digest", "sha-256=:"+right+":", "X-Checksum-Md5", "5d41402abc4b2a76b9719d911017c592"), 201)
	res := want(t, srv, get("t/1/a"), 200)
	if res.Header.Get("X-Checksum-Md5") != "5d41402abc4b2a76b9719d911017c592" || res.Header.Get("Repr-Digest") != "sha-256=:"+right+":" || res.Header.Get("X-Checksum-Sha1") != "" {
		t.Errorf("%v", res.Header)
	}
	want(t, srv, put("t/1/a", "hello", "X-Checksum-Sha256", wrong), 409) // refused before the body is read
	srv.MustFsck(t)
}

func TestConditionalPut(t *testing.T) {
	srv := newServer(t)
	want(t, srv, put("t/1/a", "one", "If-Match", "*"), 412)
	want(t, srv, put("t/1/a", "one", "If-None-Match", "*"), 201)
	want(t, srv, put("t/1/a", "one", "If-None-Match", "*"), 412)
	want(t, srv, put("t/1/a", "two", "If-Match", `"`+hexOf("one")+`"`), 409) // the repository does not allow it
	srv.Set(map[string]any{"raw_redeploy": true})
	want(t, srv, put("t/1/a", "two", "If-Match", `"`+hexOf("zero")+`"`), 412)
	want(t, srv, put("t/1/a", "two", "If-Match", `"`+hexOf("one")+`"`), 200)
	want(t, srv, put("t/1/a", "two", "If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"), 412)
	if res := want(t, srv, get("t/1/a"), 200, "two"); strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("a file that may change is %s", res.Header.Get("Cache-Control"))
	}

	// Of ten writers that all saw the same file one wins.
	const writers = 10
	status := map[int]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			res, err := srv.Try(formatstest.Admin, put("t/1/a", fmt.Sprint("writer ", i), "If-Match", `"`+hexOf("two")+`"`))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			status[res.Status]++
		})
	}
	wg.Wait()
	if status[200] != 1 || status[412] != writers-1 {
		t.Errorf("answers %v, want one 200 and nine 412", status)
	}
	srv.MustFsck(t)
}

// TestParallelPuts: many files into one new version at once are all stored, in one version.
func TestParallelPuts(t *testing.T) {
	srv := newServer(t)
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			if res, err := srv.Try(formatstest.Admin, put(fmt.Sprintf("t/1/file-%d", i), fmt.Sprint(i))); err != nil || res.Status != 201 {
				t.Errorf("%v %v", res, err)
			}
		})
	}
	wg.Wait()
	res := want(t, srv, get("t/1/?format=txt"), 200)
	if n := bytes.Count(res.Body, []byte("\n")); n != 30 {
		t.Errorf("%d files", n)
	}
	srv.MustFsck(t)
}

// TestCutUpload: an upload that breaks off leaves nothing to be seen.
func TestCutUpload(t *testing.T) {
	srv := newServer(t)
	token := srv.Token("main", access.Publish)
	for _, head := range []string{"Content-Length: 1000000\r\n\r\n" + strings.Repeat("x", 500_000), "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"} {
		c, err := net.Dial("tcp", srv.Addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("PUT /raw/main/t/1/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n" + head)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
		_ = c.Close()
	}
	for end := time.Now().Add(time.Minute); strings.Count(srv.Log(), "ended early") < 4 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	want(t, srv, get("t/1/a"), 404)
	want(t, srv, get("t/"), 404)
	want(t, srv, put("t/1/a", "whole"), 201)
	srv.MustFsck(t)
}

// TestSidecars is R4: checksum files of many tools are understood.
func TestSidecars(t *testing.T) {
	srv := newServer(t)
	want(t, srv, put("t/1/a/f", "hello"), 201)
	sums := map[string]string{
		"sha256": hexOf("hello"), "sha1": "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", "md5": "5d41402abc4b2a76b9719d911017c592",
		"sha512": "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043",
	}
	for suffix, sum := range sums {
		for range 2 { // computed, then remembered
			if res := want(t, srv, get("t/1/a/f."+suffix), 200); string(res.Body) != sum+"  f\n" {
				t.Errorf("%s: %q", suffix, res.Body)
			}
		}
		want(t, srv, put("t/1/a/f."+suffix, sum+"  f\n"), 201)
		want(t, srv, put("t/1/a/f."+suffix, strings.Repeat("0", len(sum))), 400, "checksum-mismatch")
		want(t, srv, get("t/1/a/f."+suffix+"."+suffix), 404)
	}
	tag := want(t, srv, get("t/1/a/f.md5"), 200).Header.Get("Etag")
	want(t, srv, get("t/1/a/f.md5").With("If-None-Match", tag), 304)
	for status, q := range map[int]formatstest.Request{412: get("t/1/a/f.md5").With("If-Match", `"x"`), 416: get("t/1/a/f.md5").With("Range", "bytes=-0")} {
		if res := want(t, srv, q, status); formatstest.ProblemRefusal(res) != nil {
			t.Errorf("%v is no problem: %v", res, formatstest.ProblemRefusal(res))
		}
	}
	if res := want(t, srv, get("t/1/a/?format=txt"), 200); string(res.Body) != "f\n" {
		t.Errorf("a sidecar was stored: %q", res.Body)
	}
	want(t, srv, get("t/1/a/SHA256SUMS"), 200, hexOf("hello")+"  f\n")
	want(t, srv, get("t/1/SHA256SUMS"), 404)
	want(t, srv, put("t/1/a/SHA256SUMS", "mine"), 201)
	want(t, srv, get("t/1/a/SHA256SUMS"), 200, "mine")
	want(t, srv, put("t/1/c", "x"), 201)
	want(t, srv, put("t/1/c.sha256", "SHA256 of another file: see SHA256SUMS"), 201)
	want(t, srv, get("t/1/c.sha256"), 200, "SHA256 of another file")
	want(t, srv, put("t/1/b.sha256", "stored, as there is no b"), 201)
	want(t, srv, put("t/1/b", "x"), 201)
	want(t, srv, get("t/1/b.sha256"), 200, "stored, as there is no b")
	reader := formatstest.As(srv.ReadToken("main"))
	if res := srv.Do(reader, put("t/1/a/f.md5", sums["md5"])); res.Status != 403 {
		t.Errorf("a sidecar by a reader: %v", res)
	}
	publisher := formatstest.As(srv.Token("main", access.Publish))
	if res := srv.Do(publisher, put("t/1/a/f.md5", sums["md5"])); res.Status != 201 {
		t.Errorf("a sidecar by someone who may publish but not read: %v", res)
	}
	srv.MustFsck(t)
}

// TestS55Sidecar is the sidecar's line of the table of limits: at the limit, one over it, and over it without a length.
func TestS55Sidecar(t *testing.T) {
	const limit = 16 << 10
	srv := newServer(t)
	want(t, srv, put("t/1/f", "hello"), 201)
	body := hexOf("hello") + "  f\n"
	body += strings.Repeat("#", limit-len(body))
	want(t, srv, put("t/1/f.sha256", body), 201)
	want(t, srv, put("t/1/f.sha256", body+"#"), 413)
	c, err := net.Dial("tcp", srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	token := srv.Token("main", access.Publish)
	fmt.Fprintf(c, "PUT /raw/main/t/1/f.sha256 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", token, len(body)+1, body+"#")
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(c); err != nil || !strings.HasPrefix(answer.String(), "HTTP/1.1 413") {
		t.Errorf("%s %v", answer.String(), err)
	}
}

func TestDelete(t *testing.T) {
	srv := newServer(t)
	for _, p := range []string{"t/1/a", "t/1/d/x", "t/1/d/y", "t/1/d/e/z", "t/2/a", "t/3/only"} {
		want(t, srv, put(p, "content of "+p), 201)
	}
	want(t, srv, del("t/1/absent"), 404)
	want(t, srv, del("t/1/a").With("If-Match", `"x"`), 412)
	want(t, srv, del("t/1/a").With("If-Match", `"`+hexOf("content of t/1/a")+`"`), 204)
	want(t, srv, get("t/1/a"), 404)
	want(t, srv, put("t/1/a", "other"), 409)
	want(t, srv, put("t/1/a", "content of t/1/a"), 201)

	want(t, srv, del("t/1/d/"), 400, "recursive")
	want(t, srv, del("t/1/nothing/?recursive=true"), 404)
	want(t, srv, del("t/1/d/?recursive=true").With("If-Match", `"x"`), 412)
	want(t, srv, del("t/1/?recursive=true").With("If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"), 412)
	want(t, srv, del("t/1/d/?recursive=true"), 204)
	want(t, srv, get("t/1/d/"), 404)
	want(t, srv, get("t/1/a"), 200)

	want(t, srv, del("t/2"), 400, "recursive")
	want(t, srv, del("t/2/"), 400)
	want(t, srv, del("t/?recursive=true"), 400)
	want(t, srv, del("?recursive=true"), 400)
	want(t, srv, del("t/2/?recursive=true"), 204)
	want(t, srv, get("t/2/"), 404)
	want(t, srv, del("t/2/?recursive=true"), 404)
	want(t, srv, put("t/2/a", "content of t/2/a"), 409, "deleted")

	want(t, srv, del("t/3/only"), 204)
	want(t, srv, get("t/3/"), 404)
	publisher := formatstest.As(srv.Token("main", access.Read, access.Publish))
	if res := srv.Do(publisher, del("t/1/a")); res.Status != 403 {
		t.Errorf("deleted without the right: %v", res)
	}
	tagger := formatstest.As(srv.Token("main", access.Tag))
	if res := srv.Do(tagger, del("t/1/a").With("If-Match", `"x"`)); res.Status != 403 {
		t.Errorf("a condition tells someone without the right: %v", res)
	}
	srv.MustFsck(t)
}

// TestListing also is R5: listings are for people and "wget -r", not for search engines.
func TestListing(t *testing.T) {
	srv := newServer(t)
	for _, p := range []string{"b/1.9.0/x", "b/1.10.0/x", "b/1.10.0-rc.1/x", "a/1/d/e/f", "a/1/z", "a/1/d/g", "gone/1/x"} {
		want(t, srv, put(p, p), 201)
	}
	want(t, srv, del("gone/1/x"), 204)
	for path, names := range map[string]string{
		"": "a/ b/", "b/": "1.10.0/ 1.10.0-rc.1/ 1.9.0/", "a/1/": "d/ z", "a/1/d/": "e/ g", "a/1/d/e/": "f",
	} {
		if res := want(t, srv, get(path+"?format=txt"), 200); strings.Join(strings.Fields(string(res.Body)), " ") != names {
			t.Errorf("%s: %q, want %q", path, res.Body, names)
		}
		page := want(t, srv, get(path), 200, "<!DOCTYPE html>")
		for name := range strings.FieldsSeq(names) {
			if !strings.Contains(string(page.Body), `<a href="`+name+`">`+name+`</a>`) {
				t.Errorf("%s: no link to %s in %s", path, name, page.Body)
			}
		}
		if res := srv.Do(formatstest.Admin, formatstest.Request{Method: "HEAD", Path: "/raw/main/" + path}); res.Status != 200 || len(res.Body) != 0 {
			t.Errorf("HEAD %s: %v", path, res)
		}
	}
	for path, location := range map[string]string{"b": "b/", "b/1.9.0?format=json": "1.9.0/?format=json", "a/1/d": "d/", "a/1/d/e": "e/"} {
		if res := want(t, srv, get(path), 302); res.Header.Get("Location") != location {
			t.Errorf("%s: Location %q, want %q", path, res.Header.Get("Location"), location)
		}
	}
	if res := srv.Do(formatstest.Admin, formatstest.Request{Method: "GET", Path: "/raw/main"}); res.Status != 302 || res.Header.Get("Location") != "main/" {
		t.Errorf("repository without slash: %v", res)
	}
	for _, path := range []string{"absent", "absent/", "gone", "gone/", "gone/1/", "a/2/", "a/1/x/", "a/1/z/"} {
		want(t, srv, get(path), 404)
	}
	want(t, srv, get("a/?format=xml"), 400)
	want(t, srv, get("a/?cursor=!"), 400)
	want(t, srv, get("a/?limit=0"), 400)
	if res := want(t, srv, get("a/1/").With("Accept", "application/json, text/html;q=0.5"), 200); res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", res.Header)
	}
	page := want(t, srv, get("a/1/"), 200)
	if page.Header.Get("X-Robots-Tag") != "noindex" {
		t.Errorf("a listing is for search engines: %v", page.Header)
	}
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'; style-src 'sha256-") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
}

// TestDots (R2, R3) is what apt asks of a flat repository, and what a WebDAV upload of a site sends.
func TestDots(t *testing.T) {
	srv := newServer(t)
	for _, path := range []string{"deb/stable/./Packages", "deb/stable/./%2e/pool/./x.deb"} {
		if status, body := srv.Raw(t, "PUT", "/raw/main/"+path, formatstest.As(srv.Token("main", access.Publish))); status != 201 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	want(t, srv, get("deb/stable/Packages"), 200)
	want(t, srv, get("deb/stable/pool/x.deb"), 200)
	for path, wanted := range map[string]int{"deb/stable/./Packages": 200, "deb/./stable/": 200, "deb/stable/.": 200, "deb/stable/../x": 400, "deb/stable/%2e%2e/Packages": 400} {
		if status, body := srv.Raw(t, "GET", "/raw/main/"+path, formatstest.As(srv.ReadToken("main"))); status != wanted {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// TestAbsent: a raw folder may be a Maven repository: what is not there is 404 in plain text, as below /maven.
func TestAbsent(t *testing.T) {
	srv := newServer(t)
	want(t, srv, put("t/1/com/acme/lib/1.0/lib-1.0.jar", "jar"), 201)
	for _, path := range []string{"t/1/com/acme/lib/maven-metadata.xml", "t/1/com/acme/lib/1.0/lib-1.0.pom", "none/", "t/2/x", "t/1/com/acme/lib/1.0/lib-1.0.jar.sha3"} {
		for _, method := range []string{"GET", "HEAD"} {
			q := get(path).With("Accept", "application/problem+json,*/*")
			q.Method = method
			if res := want(t, srv, q, 404); res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("%s %s: %v", method, path, res.Header)
			}
		}
	}
}

// TestListingPages: a cursor leads through every entry once, at every level.
func TestListingPages(t *testing.T) {
	srv := newServer(t)
	for i := range 25 {
		for _, p := range []string{"p%02d/1/f", "v/1.%02d.0/f", "f/1/f%02d", "f/1/d%02d/f"} {
			want(t, srv, put(fmt.Sprintf(p, i), "x"), 201)
		}
	}
	for path, count := range map[string]int{"": 27, "v/": 25, "f/1/": 50} {
		seen, cursor := map[string]bool{}, ""
		for range 20 {
			res := want(t, srv, get(path+"?format=json&limit=7&cursor="+cursor), 200)
			var page struct {
				Path    string
				Entries []struct{ Name, Type, SHA256, Modified string }
				Next    string
			}
			if err := json.Unmarshal(res.Body, &page); err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Entries {
				if seen[e.Name+e.Type] || (e.Type == "file") != (e.SHA256 != "") || (e.Modified == "") != (path == "f/1/" && e.Type == "directory") {
					t.Errorf("%s: %+v", path, e)
				}
				seen[e.Name+e.Type] = true
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if len(seen) != count {
			t.Errorf("%s: %d entries, want %d", path, len(seen), count)
		}
	}
}

// TestS51 is for stored files, and acceptance 15: nothing that is stored runs on this host.
func TestS51(t *testing.T) {
	srv := newServer(t)
	want(t, srv, put("t/1/x.html", "<script>alert(1)</script>", "Content-Type", "text/html", "Content-Encoding", "gzip"), 201)
	h := want(t, srv, get("t/1/x.html"), 200).Header
	if h.Get("Content-Type") != "text/html" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment;") ||
		h.Get("Content-Security-Policy") != "sandbox; default-src 'none'" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Encoding") != "" {
		t.Errorf("%v", h)
	}
	want(t, srv, put("t/1/%3Cimg%20src=x%20onerror=alert(1)%3E", "x"), 201)
	if res := want(t, srv, get("t/1/"), 200); strings.Contains(string(res.Body), "<img") {
		t.Errorf("%s", res.Body)
	}
	if res := want(t, srv, get("t/1/%3Cscript%3E"), 404); res.Header.Get("Content-Type") != "text/plain; charset=utf-8" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", res.Header)
	}
}

// TestAnonymousRead: where everybody may read, writing still asks who it is.
func TestAnonymousRead(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{AnonymousRead: true}, raw.New())
	want(t, srv, put("t/1/a", "x"), 201)
	if res := srv.Do(formatstest.Anonymous, get("t/1/a")); res.Status != 200 {
		t.Errorf("%v", res)
	}
	for _, q := range []formatstest.Request{put("t/1/b", "x"), del("t/1/a")} {
		if res := srv.Do(formatstest.Anonymous, q); res.Status != 401 {
			t.Errorf("%s: %v", q.Method, res)
		}
	}
}

// TestVersionOrder: the newest by version order is the package's latest, prereleases aside.
func TestVersionOrder(t *testing.T) {
	srv := newServer(t)
	for _, v := range []string{"1.9.0", "1.10.0", "2.0.0-rc.1", "nightly"} {
		want(t, srv, put("t/"+v+"/x", v), 201)
	}
	p, err := srv.Catalog.Package(srv.Admin, registry.Name{Repository: "main", Format: "raw", Package: "t"})
	if err != nil || p.Latest != "1.10.0" {
		t.Errorf("latest %q %v", p.Latest, err)
	}
}

// TestDoubledSlash: a read is sent to the path without empty segments; nothing is stored or deleted under such a path, which a script makes
// whose variable for the version is empty.
func TestDoubledSlash(t *testing.T) {
	srv := newServer(t)
	want(t, srv, put("tool/1.0/linux/tool", "hello"), 201)
	for from, to := range map[string]string{
		"/tool/1.0/linux/tool": "tool/1.0/linux/tool", "tool//1.0///linux/tool": "tool/1.0/linux/tool", "tool/1.0//linux//": "tool/1.0/linux/", "//": "",
	} {
		res := want(t, srv, get(from), http.StatusFound)
		base, err := url.Parse(srv.URL + "/raw/main/" + from)
		if err != nil {
			t.Fatal(err)
		}
		at, err := base.Parse(res.Header.Get("Location"))
		if err != nil || at.String() != srv.URL+"/raw/main/"+to {
			t.Errorf("%q leads to %v, %v", from, at, err)
		}
		want(t, srv, get(to), 200)
	}
	want(t, srv, put("tool//linux/tool", "hello"), 400, "is a variable not set?")
	want(t, srv, del("tool//linux/tool"), 400, "is a variable not set?")
	want(t, srv, del("tool/1.0//?recursive=true"), 400)
}
