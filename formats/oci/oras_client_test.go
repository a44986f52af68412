package oci_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

// TestOras is acceptance 39 to 45: artifacts of any type, attached ones, copies with what belongs to them.
func TestOras(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	m := newMachine(t, s)
	m.publisher()
	m.records("oras", "push, attach, discover, copy, pull, tag", "version")
	oras := func(args ...string) string {
		t.Helper()
		return m.ok("oras", append(args, "--plain-http")...)
	}
	app := s.Addr + "/main/artifact"
	m.file("hello.txt", []byte("hello"))
	m.file("sbom.json", []byte(`{"sbom":true}`))
	oras("push", app+":1", "hello.txt:text/plain", "--artifact-type", "application/vnd.example.config+json")
	oras("attach", app+":1", "sbom.json", "--artifact-type", "application/spdx+json")
	if got := oras("discover", app+":1", "--artifact-type", "application/spdx+json", "--format", "json"); strings.Count(got, `"application/spdx+json"`) < 1 {
		t.Errorf("referrers: %s", got)
	}
	oras("tag", app+":1", "production")
	m.ok("oras", "cp", "-r", "--from-plain-http", "--to-plain-http", app+":1", s.Addr+"/other/artifact:1")
	if got := oras("discover", s.Addr+"/other/artifact:1", "--format", "json"); !strings.Contains(got, "application/spdx+json") {
		t.Errorf("referrers of the copy: %s", got)
	}
	if got := oras("repo", "tags", app); got != "1\nproduction" {
		t.Errorf("tags: %s", got)
	}
	oras("pull", s.Addr+"/other/artifact:1", "-o", filepath.Join(m.home, "out"))
	if got, err := os.ReadFile(filepath.Join(m.home, "out", "hello.txt")); err != nil || string(got) != "hello" {
		t.Errorf("pulled %q, %v", got, err)
	}
	oras("manifest", "delete", "--force", app+":production")
	s.want(http.StatusNotFound, admin, http.MethodHead, "main/artifact/manifests/1", nil)
	m.login(string(s.token("main", access.Read)))
	m.fails("denied", "oras", "push", "--plain-http", app+":2", "hello.txt")
	m.login("slp_wrong")
	m.fails("unauthorized", "oras", "pull", "--plain-http", s.Addr+"/other/artifact:1")
	s.MustFsck(t)
}
