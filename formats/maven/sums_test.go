package maven

import (
	"crypto/md5"
	"crypto/sha1"
	"io"
	"net/http"
	"testing"
	"time"

	"slipway/formats/formatstest"
)

// TestServedSums: the sum that a connection asks for after metadata is that of the bytes it has; any other one is of now.
func TestServedSums(t *testing.T) {
	e := newEnv(t, Options{})
	one := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer one.CloseIdleConnections()
	token := string(e.reader())
	const doc, sum = "com/acme/lib/maven-metadata.xml", "com/acme/lib/maven-metadata.xml.sha1"
	get := func(path string) string {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, e.URL+"/maven/main/"+path, nil)
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := one.Do(req)
		must(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		must(t, err)
		return string(body)
	}
	now := func() string {
		t.Helper()
		return sumHex(sha1.New(), string(e.get(e.reader(), doc, 200).Body))
	}
	e.deploy(formatstest.Admin, "1.0", "one")
	got := sumHex(sha1.New(), get(doc))
	start := time.Now()
	e.deploy(formatstest.Admin, "2.0", "two")
	if first := get(sum); first != got && time.Since(start) < servedMemory {
		t.Errorf("after metadata of %s its sum is %s", got, first)
	}
	if again := get(sum); again != now() || again == got {
		t.Errorf("the sum %s, asked again, of metadata %s", again, now())
	}
	get(doc)
	get(sum)
	e.deploy(formatstest.Admin, "3.0", "three")
	if next := get(sum); next != now() {
		t.Errorf("the sum %s, after a deploy, of metadata %s", next, now())
	}
}

// TestServedMemory: what was served is remembered for a moment.
func TestServedMemory(t *testing.T) {
	clock := time.Now()
	s := newServedSums()
	s.now = func() time.Time { return clock }
	s.note("k", map[string]string{"a": "1", "b": "2"})
	if sum, ok := s.take("k", "a"); !ok || sum != "1" {
		t.Errorf("%q, %v", sum, ok)
	}
	if _, ok := s.take("k", "a"); ok {
		t.Error("told twice")
	}
	clock = clock.Add(servedMemory + 1)
	if _, ok := s.take("k", "b"); ok {
		t.Error("told too late")
	}
}

// TestAnnounced is M9: an empty body is no file because its checksums are those of one, and what a header announces is compared: for
// files, POMs, sidecars and metadata, which the shared tests do for one file.
func TestAnnounced(t *testing.T) {
	e := newEnv(t, Options{})
	ci := e.publisher()
	const jar = "com/acme/lib/1.0/lib-1.0.jar"
	for _, value := range []string{"true", "True", "1"} {
		e.want(e.do(ci, http.MethodPut, jar, "", "X-Checksum-Deploy", value, "X-Checksum-Sha1", sumHex(sha1.New(), "bytes")), jar, 404, "send the bytes")
	}
	e.want(e.do(ci, http.MethodPut, jar, "bytes", "X-Explode-Archive", "true"), jar, 400)
	for path, body := range map[string]string{
		jar: "bytes", "com/acme/lib/1.0/lib-1.0.pom": pomOf("lib", "1.0", ""), jar + ".sha1": sumHex(sha1.New(), "bytes"), "com/acme/lib/maven-metadata.xml": versionsOf("lib", "1.0"),
	} {
		e.want(e.do(ci, http.MethodPut, path, body, "X-Checksum-Sha1", sumHex(sha1.New(), "other")), path, 400, "nothing was stored")
	}
	e.get(ci, jar, 404)
	e.want(e.do(ci, http.MethodPut, jar, "bytes", "X-Checksum-Deploy", "false", "X-Checksum-Sha1", sumHex(sha1.New(), "bytes"), "X-Checksum", sumHex(md5.New(), "bytes")), jar, 201)
	e.deploy(ci, "1.0", "bytes")
	e.get(e.reader(), jar, 200, "bytes")
	e.MustFsck(t)
}
