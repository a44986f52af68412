package oci_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/access"
	"slipway/registry/registrytest"
)

func (m *machine) skopeo(args ...string) []string {
	return append([]string{"--insecure-policy", "--tmpdir", m.home}, args...)
}

// TestSkopeo is acceptance 20 to 28: the library of skopeo, podman and buildah.
func TestSkopeo(t *testing.T) {
	answers(t, func(t *testing.T, s *server) {
		m := newMachine(t, s)
		m.publisher()
		m.records("skopeo", "inspect, copy, sync, delete", "--version")
		app := s.Addr + "/main/app"
		m.ok("crane", "append", "-f", m.layer("one", strings.Repeat("one", 50_000)), "-t", app+":1")
		m.ok("crane", "append", "-b", app+":1", "-f", m.layer("two", "two"), "-t", app+":2")
		list := man{SchemaVersion: 2, MediaType: dockerIndexType}
		for _, tag := range []string{"1", "2"} {
			list.Manifests = append(list.Manifests, content(dockerImageType, s.call(admin, http.MethodGet, "main/app/manifests/"+tag, nil).Body))
		}
		d := s.push("main/app", "all", list).String()

		inspect := m.ok("skopeo", m.skopeo("inspect", "--tls-verify=false", "docker://"+app+":1")...)
		if !strings.Contains(inspect, m.ok("crane", "digest", app+":1")) || !strings.Contains(inspect, `"all"`) {
			t.Errorf("inspect: %s", inspect)
		}
		_, raw, code := m.exec(nil, "skopeo", m.skopeo("inspect", "--raw", "--tls-verify=false", "docker://"+app+":all")...)
		if code != 0 || digestOf([]byte(raw)).String() != d {
			t.Errorf("inspect --raw: %d, other bytes than %s", code, d)
		}
		copyImage := func(args ...string) {
			t.Helper()
			m.ok("skopeo", m.skopeo(append([]string{"copy", "--src-tls-verify=false", "--dest-tls-verify=false"}, args...)...)...)
		}
		copyImage("--all", "--preserve-digests", "docker://"+app+":all", "docker://"+s.Addr+"/other/app:all")
		if got := m.ok("crane", "digest", s.Addr+"/other/app:all"); got != d {
			t.Errorf("copy: %s, want %s", got, d)
		}
		m.ok("crane", "validate", "--remote", s.Addr+"/other/app:all")
		copyImage("--multi-arch=index-only", "--preserve-digests", "docker://"+app+":all", "docker://"+s.Addr+"/other/index:all") // O4
		pull := func(what string, args ...string) {
			t.Helper()
			args = append([]string{"copy", "--src-tls-verify=false"}, args...)
			m.ok("skopeo", m.skopeo(append(args, "oci:"+filepath.Join(m.home, what))...)...)
			if _, err := os.Stat(filepath.Join(m.home, what, "index.json")); err != nil {
				t.Error(err)
			}
		}
		pull("tag", "docker://"+app+":1")
		pull("digest", "docker://"+app+"@"+m.ok("crane", "digest", app+":2"))
		copyImage("--dest-compress-format", "zstd", "oci:"+filepath.Join(m.home, "tag"), "docker://"+s.Addr+"/main/zstd:1")
		pull("zstd", "docker://"+s.Addr+"/main/zstd:1")
		copyImage("--format", "v2s2", "docker://"+app+":1", "docker://"+s.Addr+"/main/v2s2:1")
		copyImage("--format", "oci", "docker://"+app+":1", "docker://"+s.Addr+"/main/oci:1")
		for image, want := range map[string]string{"v2s2": dockerImageType, "oci": imageType} {
			if got := s.want(http.StatusOK, admin, http.MethodHead, "main/"+image+"/manifests/1", nil).Header.Get("Content-Type"); got != want {
				t.Errorf("%s: %s", image, got)
			}
		}
		m.fails("schema 1", "skopeo", m.skopeo("copy", "--format", "v2s1", "--src-tls-verify=false", "--dest-tls-verify=false", "docker://"+app+":1", "docker://"+s.Addr+"/main/s1:1")...)
		m.ok("skopeo", m.skopeo("sync", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", "--src", "docker", "--dest", "docker", app, s.Addr+"/other/synced")...)
		if got := m.ok("skopeo", m.skopeo("list-tags", "--tls-verify=false", "docker://"+s.Addr+"/other/synced/app")...); strings.Count(got, `"`) < 10 {
			t.Errorf("list-tags: %s", got)
		}
		m.ok("crane", "tag", app+":1", "sibling")
		m.ok("skopeo", m.skopeo("delete", "--tls-verify=false", "docker://"+app+":1")...)
		for _, tag := range []string{"1", "sibling"} {
			s.want(http.StatusNotFound, admin, http.MethodHead, "main/app/manifests/"+tag, nil)
		}
		m.login("slp_wrong")
		m.fails("unauthorized", "skopeo", m.skopeo("inspect", "--tls-verify=false", "docker://"+app+":2")...)
		m.login(string(s.token("main", access.Read)))
		pull("reader", "docker://"+app+":2")
		m.fails("denied", "skopeo", m.skopeo("copy", "--dest-tls-verify=false", "oci:"+filepath.Join(m.home, "tag"), "docker://"+app+":no")...)
		m.fails("unknown", "skopeo", m.skopeo("inspect", "--tls-verify=false", "docker://"+app+":absent")...)
		s.MustFsck(t)
	})
}

// TestSkopeoAnonymous is acceptance 24: no credentials where everybody may read.
func TestSkopeoAnonymous(t *testing.T) {
	s := newServer(t, formatstest.Options{AnonymousRead: true})
	m := newMachine(t, s)
	m.publisher()
	app := s.Addr + "/main/pub"
	m.ok("crane", "append", "-f", m.layer("one", "one"), "-t", app+":1")
	m.login("")
	m.ok("skopeo", m.skopeo("copy", "--src-no-creds", "--src-tls-verify=false", "docker://"+app+":1", "dir:"+filepath.Join(m.home, "out"))...)
	m.ok("crane", "pull", app+":1", "out.tar")
	m.fails("unauthorized|UNAUTHORIZED", "crane", "tag", app+":1", "2")
	if out, code := m.run("skopeo", "login", "--tls-verify=false", "-u", "admin", "-p", "wrong", s.Addr); code == 0 {
		t.Errorf("login with a wrong password: %s", out)
	}
	m.ok("skopeo", "login", "--tls-verify=false", "-u", "admin", "-p", registrytest.AdminPassword, s.Addr)
	m.ok("skopeo", m.skopeo("delete", "--tls-verify=false", "docker://"+app+":1")...)
}

// TestBuildah is acceptance 29 and 30: an image built from nothing, both formats, a list of manifests.
func TestBuildah(t *testing.T) {
	answers(t, func(t *testing.T, s *server) {
		m := newMachine(t, s)
		m.publisher()
		m.records("buildah", "build, push, pull, lists of manifests", "--version")
		storage := m.storage()
		buildah := func(args ...string) string {
			t.Helper()
			return m.ok("buildah", append(storage[:len(storage):len(storage)], args...)...)
		}
		policy := []string{"--signature-policy", m.file("policy.json", []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`)), "--tls-verify=false"}
		content := bytes.Repeat([]byte("hello "), 10_000)
		container := buildah("from", "scratch")
		buildah("add", container, m.file("hello", content), "/hello")
		buildah("config", "--label", "org.opencontainers.image.source=https://git.example.com/team/app", container)
		buildah("commit", "--signature-policy", filepath.Join(m.home, "policy.json"), container, "built")
		app := s.Addr + "/main/built"
		for format, want := range map[string]string{"v2s2": dockerImageType, "oci": imageType} {
			buildah(append(append([]string{"push", "--format", format}, policy...), "built", "docker://"+app+":"+format)...)
			if got := s.want(http.StatusOK, admin, http.MethodHead, "main/built/manifests/"+format, nil).Header.Get("Content-Type"); got != want {
				t.Errorf("%s: %s", format, got)
			}
		}
		buildah("manifest", "create", "list")
		buildah("manifest", "add", "--tls-verify=false", "list", "docker://"+app+":oci")
		buildah(append(append([]string{"manifest", "push", "--all"}, policy...), "list", "docker://"+s.Addr+"/main/list:1")...)
		m.ok("crane", "validate", "--remote", s.Addr+"/main/list:1")
		buildah(append(append([]string{"manifest", "push"}, policy...), "list", "docker://"+s.Addr+"/main/sparse:1")...) // O4: without its image
		buildah("rmi", "--all", "--force")
		for _, ref := range []string{app + ":v2s2", app + "@" + m.ok("crane", "digest", app+":oci"), s.Addr + "/main/list:1"} {
			buildah(append(append([]string{"pull"}, policy...), "docker://"+ref)...)
		}
		s.MustFsck(t)
	})
}
