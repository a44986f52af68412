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

// TestOldClients: the oldest crane, regctl and oras in use push, pull, copy and delete as the newest do.
func TestOldClients(t *testing.T) {
	long(t)
	s := newServer(t, formatstest.Options{})
	// old is a machine that is logged in, and an image on the server.
	old := func(t *testing.T) (m *machine, image string) {
		m = newMachine(t, s)
		m.publisher()
		image = s.Addr + "/main/" + strings.ToLower(filepath.Base(t.Name())) + ":1"
		m.ok("crane", "append", "--oci-empty-base", "-f", m.layer("one", "one"), "-t", image)
		return m, image
	}
	t.Run("crane", func(t *testing.T) {
		m, image := old(t)
		m.recordsAs("crane", "crane-old", "push, pull, copy, tag, delete", "version")
		m.ok("crane-old", "append", "-f", m.layer("two", "two"), "-b", image, "-t", image+"2")
		m.ok("crane-old", "pull", image+"2", "image.tar")
		m.ok("crane-old", "push", "image.tar", image+"3")
		m.ok("crane-old", "validate", "--remote", image+"3")
		m.ok("crane-old", "cp", image, s.Addr+"/other/copy:1")
		m.ok("crane-old", "tag", image, "stable")
		if out := m.ok("crane-old", "ls", strings.TrimSuffix(image, ":1")); out != "1\n12\n13\nstable" {
			t.Errorf("tags: %s", out)
		}
		m.ok("crane-old", "delete", strings.TrimSuffix(image, ":1")+":stable")
		m.login(string(s.token("main", access.Read)))
		m.fails("DENIED", "crane-old", "tag", image, "no")
	})
	t.Run("regctl", func(t *testing.T) {
		m, image := old(t)
		m.recordsAs("regctl", "regctl-old", "artifacts, referrers, tags, delete", "version")
		m.ok("regctl-old", "registry", "set", "--tls", "disabled", s.Addr)
		m.ok("regctl-old", "image", "copy", image, image+"2")
		m.ok("regctl-old", "artifact", "put", "--artifact-type", "application/sbom+json", "--subject", image, "-f", m.file("sbom.json", []byte("{}")))
		if out := m.ok("regctl-old", "artifact", "list", image, "--format", "{{len .Descriptors}}"); out != "1" {
			t.Errorf("referrers: %s", out)
		}
		m.ok("regctl-old", "tag", "delete", image+"2")
		if out := m.ok("regctl-old", "tag", "ls", strings.TrimSuffix(image, ":1")); out != "1" {
			t.Errorf("tags: %s", out)
		}
	})
	t.Run("oras", func(t *testing.T) {
		m, image := old(t)
		m.recordsAs("oras", "oras-old", "push, attach, discover, copy, pull, tag", "version")
		m.file("hello.txt", []byte("hello"))
		m.file("sbom.json", []byte("{}"))
		m.ok("oras-old", "push", "--plain-http", image+"2", "hello.txt:text/plain")
		m.ok("oras-old", "attach", "--plain-http", "--artifact-type", "application/sbom+json", image+"2", "sbom.json")
		if out := m.ok("oras-old", "discover", "--plain-http", "-o", "json", image+"2"); !strings.Contains(out, "application/sbom+json") {
			t.Errorf("referrers: %s", out)
		}
		m.ok("oras-old", "tag", "--plain-http", image+"2", "stable")
		m.ok("oras-old", "cp", "-r", "--from-plain-http", "--to-plain-http", image+"2", s.Addr+"/other/artifact:1")
		m.ok("oras-old", "pull", "--plain-http", s.Addr+"/other/artifact:1", "-o", "out")
		if got, err := os.ReadFile(filepath.Join(m.home, "out", "hello.txt")); err != nil || string(got) != "hello" {
			t.Errorf("pulled %q, %v", got, err)
		}
		m.ok("oras-old", "manifest", "delete", "--plain-http", "--force", strings.TrimSuffix(image, ":1")+":stable")
		s.want(http.StatusNotFound, admin, http.MethodHead, "main/oras/manifests/12", nil)
	})
	s.MustFsck(t)
}
