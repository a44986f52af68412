package oci_test

import (
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/access"
)

// TestGuardClients is upstreams.md acceptance 31, 32 and 34: of an image that is published here crane and skopeo pull what is published, also
// where the registry elsewhere comes first and without credentials; a reserved one is not found; and nothing of either is asked for elsewhere.
// A push under a name that came from elsewhere is refused in words that they print, until an administrator lets both be.
func TestGuardClients(t *testing.T) {
	t.Parallel()
	s := newServer(t, formatstest.Options{AnonymousRead: true})
	u := upstreamtest.New(t, upstreamtest.Options{})
	s.Remote("mirror", "oci", u.OCIURL())
	s.Group("last", "mirror", "main")
	s.Claim("main", "oci", "Corp/**")
	theirs := u.OCI("corp/secret", "1.0")
	u.OCI("corp/secret", "99.0")
	u.OCI("corp/absent", "1.0")
	app := u.OCI("team/app", "1.0", "linux/amd64")
	m := newMachine(t, s)
	m.records("crane", "private, reserved and cached names", "version")
	m.records("skopeo", "private, reserved and cached names", "--version")
	m.publisher()
	secret, absent, cached := s.Addr+"/last/corp/secret", s.Addr+"/last/corp/absent", s.Addr+"/mirror/team/app"
	m.ok("crane", "append", "-f", m.layer("one", "ours"), "-t", s.Addr+"/main/corp/secret:1.0")
	ours := m.ok("crane", "digest", s.Addr+"/main/corp/secret:1.0")
	for _, as := range []formatstest.As{s.token("last", access.Read), formatstest.Anonymous} {
		m.login(string(as))
		if got := m.ok("crane", "digest", secret+":1.0"); got != ours || got == theirs.Digest {
			t.Errorf("the digest is %s, want %s", got, ours)
		}
		if got := m.ok("crane", "ls", secret); got != "1.0" {
			t.Errorf("tags: %s", got)
		}
		m.fails("MANIFEST_UNKNOWN", "crane", "manifest", secret+":99.0")
		m.fails("MANIFEST_UNKNOWN|BLOB_UNKNOWN", "crane", "blob", secret+"@"+theirs.Platforms["linux/amd64"].Config.Digest())
		m.fails("NAME_UNKNOWN", "crane", "manifest", absent+":1.0")
	}
	copied := "dir:" + filepath.Join(m.home, "copy")
	m.ok("skopeo", m.skopeo("copy", "--src-tls-verify=false", "docker://"+secret+":1.0", copied)...)
	m.fails("manifest unknown", "skopeo", m.skopeo("copy", "--src-tls-verify=false", "docker://"+secret+":99.0", copied+"2")...)
	m.fails("name unknown", "skopeo", m.skopeo("copy", "--src-tls-verify=false", "docker://"+absent+":1.0", copied+"3")...)
	for _, name := range []string{"secret", "absent"} {
		u.NeverAsked(t, "/v2/corp/"+name+"/**")
	}

	m.publisher()
	m.ok("crane", "validate", "--remote", cached+":1.0")
	push := m.skopeo("copy", "--dest-tls-verify=false", copied, "docker://"+cached+":2.0")
	m.fails("denied: team/app comes from an upstream of repository", "skopeo", push...)
	m.fails("DENIED: team/app comes from an upstream of repository", "crane", "append", "-f", m.layer("two", "ours"), "-t", cached+":2.0")
	s.LetBoth("mirror", "oci", "team/app")
	m.ok("skopeo", push...)
	if got := strings.Fields(m.ok("crane", "ls", cached)); len(got) != 2 {
		t.Errorf("tags of both: %v", got)
	}
	for tag, want := range map[string]string{"1.0": app.Digest, "2.0": ours} {
		if got := m.ok("crane", "digest", cached+":"+tag); got != want {
			t.Errorf("%s is %s, want %s", tag, got, want)
		}
	}
	s.MustFsck(t)
}
