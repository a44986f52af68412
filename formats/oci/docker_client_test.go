package oci_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/policy"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// daemon starts a Docker daemon of its own for the machine.
func (m *machine) daemon() {
	m.t.Helper()
	m.env = append(m.env, "DOCKER_HOST="+formatstest.DockerDaemon(m.t, m.path("dockerd"), m.env))
}

// TestDocker is acceptance 1 to 9.
func TestDocker(t *testing.T) {
	answers(t, func(t *testing.T, s *server) {
		m := newMachine(t, s)
		m.daemon()
		m.records("docker", "login, build, push, pull, mounts", "version", "--format", "{{.Client.Version}}")
		app, other := s.Addr+"/main/team/app", s.Addr+"/main/other"
		build := func(ref, content string) {
			t.Helper()
			m.ok("docker", "import", "--change", "LABEL org.opencontainers.image.revision=0123456789abcdef", m.layer("one", content), ref)
		}
		build(app+":1", strings.Repeat("one", 100_000))
		m.fails("unauthorized|authentication required", "docker", "push", app+":1")
		since := len(s.Log())
		if out, code := m.run("docker", "login", "-u", "admin", "-p", "wrong", s.Addr); code == 0 || !strings.Contains(out, "unauthorized") {
			t.Errorf("login with a wrong password: %d %s", code, out)
		}
		if got := append(s.status(since, "ping"), s.status(since, "token_form")...); !slices.Contains(append(got, s.status(since, "token")...), "401") {
			t.Errorf("login with a wrong password: %v", got)
		}
		if out := m.ok("docker", "login", "-u", "admin", "-p", registrytest.AdminPassword, s.Addr); !strings.Contains(out, "Login Succeeded") {
			t.Errorf("login: %s", out)
		}
		config, err := os.ReadFile(filepath.Join(m.home, ".docker", "config.json"))
		if err != nil || !strings.Contains(string(config), `"auth":`) || strings.Contains(string(config), "identitytoken") {
			t.Errorf("what docker keeps: %s %v", config, err)
		}

		before := len(s.events())
		out := m.ok("docker", "push", app+":1")
		d := s.call(admin, http.MethodHead, "main/team/app/manifests/1", nil).Header.Get("Docker-Content-Digest")
		if d == "" || !strings.Contains(out, d) {
			t.Errorf("push: %s, the digest is %s", out, d)
		}
		var kinds []string
		for _, e := range s.events()[before:] {
			kinds = append(kinds, e.Type)
		}
		if want := []string{"dev.slipway.artifact.published.v1", "dev.slipway.tag.set.v1"}; !slices.Equal(kinds, want) {
			t.Errorf("events of a push: %v", kinds)
		}
		since = len(s.Log())
		if out := m.ok("docker", "push", app+":1"); !strings.Contains(out, "Layer already exists") || len(s.status(since, "upload_append")) > 0 {
			t.Errorf("push again: %s", out)
		}
		m.ok("docker", "tag", app+":1", other+":1")
		since = len(s.Log())
		// Docker mounts layers only; the config is uploaded.
		if out := m.ok("docker", "push", other+":1"); !strings.Contains(out, "Mounted from main/team/app") || len(s.status(since, "upload_append")) != 1 {
			t.Errorf("push to another image: %s", out)
		}

		forget := func() {
			t.Helper()
			m.ok("docker", append([]string{"image", "rm", "-f"}, strings.Fields(m.ok("docker", "image", "ls", "-q", "--no-trunc"))[0])...)
		}
		forget()
		m.ok("docker", "pull", app+"@"+d)
		m.ok("docker", "pull", app+":1")
		container := m.ok("docker", "create", app+":1", "x")
		m.ok("docker", "cp", container+":/app/one", filepath.Join(m.home, "pulled"))
		if got, err := os.ReadFile(filepath.Join(m.home, "pulled")); err != nil || string(got) != strings.Repeat("one", 100_000) {
			t.Errorf("the pulled image has other bytes: %d %v", len(got), err)
		}
		m.ok("docker", "rm", container)
		m.fails("not found", "docker", "pull", app+":absent")

		build(app+":1", "two") // a tag moves
		m.ok("docker", "push", app+":1")
		if got := s.call(admin, http.MethodHead, "main/team/app/manifests/1", nil).Header.Get("Docker-Content-Digest"); got == d || got == "" {
			t.Errorf("the tag did not move: %s", got)
		}
		s.want(http.StatusOK, admin, http.MethodHead, "main/team/app/manifests/"+d, nil)
		for _, tag := range []string{"production", "stable", "v1"} {
			_, err := s.Publisher.SetTag(s.Admin, registry.Name{Repository: "main", Format: "oci", Package: "team/app"}, tag, publish.TagChange{Version: d})
			must(t, err)
		}
		s.keepTags(t)
		m.ok("docker", "login", "-u", "ci", "-p", string(s.token("main", access.Read, access.Publish)), s.Addr)
		m.refusedPushes(app + ":1")
		m.ok("docker", "login", "-u", "admin", "-p", registrytest.AdminPassword, s.Addr)
		s.want(http.StatusAccepted, admin, http.MethodDelete, "main/team/app/manifests/1", nil)
		m.fails("not found", "docker", "pull", app+":1")

		m.ok("docker", "tag", app+":1", s.Addr+"/app:1")
		m.fails("names no image", "docker", "push", s.Addr+"/app:1")
		m.ok("docker", "logout", s.Addr)
		m.fails("unauthorized", "docker", "pull", other+":1")
		m.fails("unauthorized", "docker", "pull", s.Addr+"/main/none:1") // the same for what is not there
		m.ok("docker", "login", "-u", "ci", "-p", string(s.token("main", access.Read)), s.Addr)
		m.ok("docker", "pull", other+":1")
		m.fails("denied", "docker", "push", app+":1")
		m.fails("not found|NAME_UNKNOWN|name unknown", "docker", "pull", s.Addr+"/other/app:1")
		// No right on the source of a mount: the layer is uploaded.
		m.ok("docker", "login", "-u", "ci", "-p", string(s.token("other", access.Read, access.Publish)), s.Addr)
		m.ok("docker", "tag", other+":1", s.Addr+"/other/app:1")
		since = len(s.Log())
		m.ok("docker", "push", s.Addr+"/other/app:1")
		if len(s.status(since, "upload_append")) != 2 {
			t.Error("the layer was taken from an image that the caller may not read")
		}
		s.MustFsck(t)
	})
}

// TestDockerAnonymous is acceptance 3, and the same of an image that lies elsewhere: a daemon sends no credentials to a mirror.
func TestDockerAnonymous(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	s := newServer(t, formatstest.Options{AnonymousRead: true})
	m := newMachine(t, s)
	m.daemon()
	m.ok("docker", "import", m.layer("one", "one"), s.Addr+"/main/pub:1")
	m.fails("denied|unauthorized", "docker", "push", s.Addr+"/main/pub:1")
	if out, code := m.run("docker", "login", "-u", "admin", "-p", "wrong", s.Addr); code == 0 {
		t.Errorf("login with a wrong password: %s", out)
	}
	m.ok("docker", "login", "-u", "admin", "-p", registrytest.AdminPassword, s.Addr)
	m.ok("docker", "push", s.Addr+"/main/pub:1")
	m.ok("docker", "logout", s.Addr)
	m.ok("docker", "image", "rm", s.Addr+"/main/pub:1")
	m.ok("docker", "pull", s.Addr+"/main/pub:1")

	s.Remote("mirror", "oci", u.OCIURL())
	image, mirrored := u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Platforms: []string{"linux/amd64", "linux/arm64"}}), s.Addr+"/mirror/team/app:1.0"
	m.fails("denied|unauthorized", "docker", "pull", mirrored)
	u.NeverAsked(t, "**")
	_, err := s.Upstreams.Change(s.Admin, "mirror", "up", func(v upstreams.Settings) (upstreams.Settings, error) {
		v.AnonymousFetch = true
		return v, nil
	})
	must(t, err)
	for range 2 {
		if out := m.ok("docker", "pull", mirrored); !strings.Contains(out, image.Digest) {
			t.Errorf("docker pull: %s", out)
		}
		m.ok("docker", "image", "rm", mirrored)
		u.Origin.Down()
	}
	s.AddRule(metadata.Rule{Action: policy.Deny, Match: "pkg:oci/team/evil", Reason: "it steals keys"})
	m.fails("denied: blocked by a rule of this server: it steals keys", "docker", "pull", s.Addr+"/mirror/team/evil:1.0")
	m.fails("503 not cached here, and upstream up can't be asked now", "docker", "pull", s.Addr+"/mirror/team/late:1.0")
	// Nobody pushes under a name that came from there.
	m.ok("docker", "login", "-u", "admin", "-p", registrytest.AdminPassword, s.Addr)
	m.ok("docker", "tag", s.Addr+"/main/pub:1", s.Addr+"/mirror/team/app:2.0")
	m.fails("denied: team/app comes from an upstream of repository", "docker", "push", s.Addr+"/mirror/team/app:2.0")
}
