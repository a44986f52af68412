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

// TestPodman: podman's own commands, which share their library with skopeo and buildah but keep logins elsewhere.
func TestPodman(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	m := newMachine(t, s)
	m.records("podman", "login, search, push, pull, tags, lists of manifests, logout", "--version")
	m.env = append(m.env, "DOCKER_CONFIG=") // so that it keeps logins in a file of its own
	m.file(".config/containers/policy.json", []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`))
	options := append(m.storage(), "--tmpdir", filepath.Join(m.home, "libpod"), "--cgroup-manager", "cgroupfs", "--events-backend", "none")
	podman := func(args ...string) []string {
		return append(options[:len(options):len(options)], args...)
	}
	ok := func(args ...string) string {
		t.Helper()
		return m.ok("podman", podman(args...)...)
	}
	app := s.Addr + "/main/team/app"
	ok("import", "--change", "LABEL org.opencontainers.image.revision=0123456789abcdef", m.layer("one", strings.Repeat("one", 50_000)), app+":1")
	m.fails("unauthorized", "podman", podman("push", "--tls-verify=false", app+":1")...)
	m.fails("invalid username/password", "podman", podman("login", "--tls-verify=false", "-u", "ci", "-p", "slp_wrong", s.Addr)...)
	ok("login", "--tls-verify=false", "-u", "ci", "-p", string(s.token("main", access.Read, access.Publish)), s.Addr)
	ok("push", "--tls-verify=false", "--digestfile", filepath.Join(m.home, "digest"), app+":1")
	pushed, err := os.ReadFile(filepath.Join(m.home, "digest"))
	must(t, err)
	d := strings.TrimSpace(string(pushed))
	if got := s.want(http.StatusOK, admin, http.MethodHead, "main/team/app/manifests/1", nil).Header.Get("Docker-Content-Digest"); got != d {
		t.Errorf("pushed %s, but the tag has %s", d, got)
	}
	ok("push", "--tls-verify=false", "--format", "v2s2", app+":1", "docker://"+app+":docker")
	if got := s.want(http.StatusOK, admin, http.MethodHead, "main/team/app/manifests/docker", nil).Header.Get("Content-Type"); got != dockerImageType {
		t.Errorf("the image in Docker's format has the type %s", got)
	}
	if out := ok("search", "--tls-verify=false", "--list-tags", app); !strings.Contains(out, "docker") {
		t.Errorf("tags: %s", out)
	}
	ok("manifest", "create", "list")
	ok("manifest", "add", "--tls-verify=false", "list", "docker://"+app+":1")
	ok("manifest", "push", "--all", "--tls-verify=false", "list", "docker://"+app+":list")
	ok("rmi", "--all", "--force")
	for _, ref := range []string{app + ":1", app + "@" + d, app + ":list"} {
		ok("pull", "--tls-verify=false", ref)
	}
	if out := ok("image", "inspect", "--format", "{{.Labels}}", app+":1"); !strings.Contains(out, "0123456789abcdef") {
		t.Errorf("labels of the pulled image: %s", out)
	}
	ok("logout", s.Addr)
	m.fails("unauthorized", "podman", podman("pull", "--tls-verify=false", app+":1")...)
	m.login(string(s.token("main", access.Read))) // what docker keeps, podman reads too
	ok("pull", "--tls-verify=false", app+":1")
	m.fails("denied", "podman", podman("push", "--tls-verify=false", app+":1", "docker://"+app+":no")...)
	s.MustFsck(t)
}
