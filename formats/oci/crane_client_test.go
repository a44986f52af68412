package oci_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slipway/registry/access"
)

// TestCrane is acceptance 32 to 38: go-containerregistry, as crane, ko, kaniko and flux use it.
func TestCrane(t *testing.T) {
	stores(t, func(t *testing.T, s *server) {
		m := newMachine(t, s)
		m.publisher()
		m.records("crane", "push, pull, copy, tag, delete", "version")
		app := s.Addr + "/main/team/app"
		m.ok("crane", "append", "-f", m.layer("base", "base"), "-t", app+":base")
		m.ok("crane", "append", "-b", app+":base", "-f", m.layer("one", strings.Repeat("one", 100_000)), "-t", app+":1")
		d := m.ok("crane", "digest", app+":1")
		m.ok("crane", "validate", "--remote", app+":1")
		m.ok("crane", "pull", app+"@"+d, "img.tar")
		m.ok("crane", "push", "img.tar", s.Addr+"/main/pushed:1")
		m.ok("crane", "validate", "--remote", s.Addr+"/main/pushed:1")

		since := len(s.Log())
		m.ok("crane", "cp", app+":1", s.Addr+"/main/copy:1")
		if m.ok("crane", "digest", s.Addr+"/main/copy:1") != d {
			t.Error("the copy has another digest")
		}
		if got := s.status(since, "upload_start"); slices.Contains(got, "202") {
			t.Errorf("copy within the server: uploads instead of mounts: %v", got)
		}
		m.ok("crane", "cp", app+":1", s.Addr+"/other/copy:1")

		m.ok("crane", "tag", app+":1", "v2")
		if m.ok("crane", "digest", app+":v2") != d {
			t.Error("the tag has another digest")
		}
		if got := m.ok("crane", "ls", app); got != "1\nbase\nv2" {
			t.Errorf("tags: %s", got)
		}
		if got := m.ok("crane", "catalog", s.Addr); got != "main/copy\nmain/pushed\nmain/team/app\nother/copy" {
			t.Errorf("catalog: %s", got)
		}
		m.ok("crane", "mutate", app+":1", "--annotation", "org.opencontainers.image.revision=0123456789abcdef", "--label", "x=y", "-t", app+":annotated")
		m.ok("crane", "flatten", app+":1", "-t", app+":flat")
		m.ok("crane", "index", "append", "-m", app+":1", "-m", app+":flat", "-t", app+":index")
		m.ok("crane", "validate", "--remote", app+":index")
		m.ok("crane", "pull", "--format", "oci", app+":index", filepath.Join(m.home, "layout"))

		m.ok("crane", "delete", app+":v2")
		m.fails("MANIFEST_UNKNOWN", "crane", "manifest", app+":v2")
		m.ok("crane", "digest", app+":1")
		m.ok("crane", "delete", app+"@"+d)
		m.fails("MANIFEST_UNKNOWN", "crane", "manifest", app+":1")
		m.fails("NAME_UNKNOWN|MANIFEST_UNKNOWN", "crane", "manifest", s.Addr+"/main/absent:1")

		m.login("slp_wrong")
		m.fails("UNAUTHORIZED", "crane", "digest", "--full-ref", app+":flat")
		m.login("")
		m.fails("UNAUTHORIZED", "crane", "manifest", app+":flat")
		m.login(string(s.token("main", access.Read)))
		m.ok("crane", "manifest", app+":flat")
		m.fails("DENIED", "crane", "append", "-f", m.layer("two", "two"), "-t", app+":2")
		m.fails("DENIED", "crane", "tag", app+":flat", "latest")
		m.fails("NAME_UNKNOWN", "crane", "manifest", s.Addr+"/other/copy:1")
		// Who may tag only promotes what is there.
		m.login(string(s.token("main", access.Read, access.Tag)))
		m.ok("crane", "tag", app+":flat", "production")
		s.want(http.StatusOK, admin, http.MethodHead, "main/team/app/manifests/production", nil)
		s.MustFsck(t)
	})
}

// TestRegctl is acceptance 53 to 56 and 58: chunks with ranges, referrers, sha512, tags by parameter, deletion of tags.
func TestRegctl(t *testing.T) {
	answers(t, func(t *testing.T, s *server) {
		m := newMachine(t, s)
		m.publisher()
		m.records("regctl", "artifacts, referrers, chunks, sha512", "version")
		app := s.Addr + "/main/app"
		m.ok("crane", "append", "-f", m.layer("one", "one"), "-t", app+":1")
		m.ok("regctl", "registry", "set", "--tls", "disabled", s.Addr)
		file := m.file("sbom.json", []byte(`{"sbom":true}`))
		m.ok("regctl", "artifact", "put", "--artifact-type", "application/sbom+json", "--subject", app+":1", "-f", file)
		if got := m.ok("regctl", "artifact", "list", app+":1", "--format", "{{len .Descriptors}}"); got != "1" {
			t.Errorf("referrers: %s", got)
		}
		if got := m.ok("regctl", "artifact", "tree", app+":1"); !strings.Contains(got, "application/sbom+json") {
			t.Errorf("tree: %s", got)
		}
		m.ok("regctl", "image", "copy", "--referrers", "--digest-tags", app+":1", s.Addr+"/other/app:1")
		if got := m.ok("regctl", "artifact", "list", s.Addr+"/other/app:1", "--format", "{{len .Descriptors}}"); got != "1" {
			t.Errorf("referrers of the copy: %s", got)
		}
		if got := m.ok("regctl", "tag", "ls", app); got != "1" {
			t.Errorf("tags, a fallback tag with them: %s", got)
		}
		for _, tag := range []string{"a", "b", "c", "d"} {
			m.ok("regctl", "image", "copy", app+":1", app+":"+tag)
		}
		if got := m.ok("regctl", "tag", "ls", "--limit", "2", "--last", "a", app); got != "b\nc" {
			t.Errorf("a page of tags: %s", got)
		}
		m.ok("regctl", "tag", "delete", app+":b")
		if got := m.ok("regctl", "tag", "ls", app); got != "1\na\nc\nd" {
			t.Errorf("tags after a deletion: %s", got)
		}
		m.ok("regctl", "image", "mod", "--digest-algo", "sha512", "--create", app+":s512", app+":1")
		if got := m.ok("regctl", "manifest", "head", app+":s512"); !strings.Contains(got, "sha512:") {
			t.Errorf("sha512: %s", got)
		}
		m.ok("regctl", "registry", "set", "--blob-chunk", "1048576", "--blob-max", "1", s.Addr)
		big := random(5<<20 + 17)
		since := len(s.Log())
		out, _, code := m.exec(big, "regctl", "blob", "put", s.Addr+"/main/big")
		if d := digestOf(big); code != 0 || !strings.Contains(out, d.String()) || len(s.status(since, "upload_append")) < 5 {
			t.Errorf("a blob in chunks: %d %s", code, out)
		} else if got, _, code := m.exec(nil, "regctl", "blob", "get", s.Addr+"/main/big", d.String()); code != 0 || len(got) < 1000 || !strings.Contains(string(big), got[:1000]) {
			t.Errorf("the blob has other bytes (%d): %.40q, want %.40q", code, got, big) // regctl verifies the digest; our exec cuts white space
		}
		s.MustFsck(t)
	})
}
