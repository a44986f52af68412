package npm

import (
	"strings"
	"testing"
)

// TestParsePath has every spelling of npm.md 1.1, 1.2 and 1.4, and the names that look like route words.
func TestParsePath(t *testing.T) {
	for _, c := range []struct {
		path string
		want target
	}{
		{"", target{op: opRoot}},
		{"/", target{op: opRoot}},
		{"/web", target{op: opPackument, name: "web"}},
		{"//web", target{op: opPackument, name: "web"}},
		{"/web/", target{op: opPackument, name: "web"}},
		{"/@acme%2fweb", target{op: opPackument, name: "@acme/web"}},
		{"/@acme%2Fweb", target{op: opPackument, name: "@acme/web"}},
		{"/%40acme%2Fweb", target{op: opPackument, name: "@acme/web"}},
		{"/@acme/web", target{op: opPackument, name: "@acme/web"}},
		{"/%40acme/web", target{op: opPackument, name: "@acme/web"}},
		{"/@acme//web", target{op: opPackument, name: "@acme/web"}},
		{"/-", target{op: opPackument, name: "-"}},
		{"/JSONStream", target{op: opPackument, name: "JSONStream"}},
		{"/x~'!()*", target{op: opPackument, name: "x~'!()*"}},

		{"/web/1.0.0", target{op: opVersion, name: "web", version: "1.0.0"}},
		{"/web/latest", target{op: opVersion, name: "web", version: "latest"}},
		{"/@acme/web/v1.0.0", target{op: opVersion, name: "@acme/web", version: "v1.0.0"}},
		{"/@acme%2fweb/next", target{op: opVersion, name: "@acme/web", version: "next"}},

		{"/web/-/web-1.0.0.tgz", target{op: opTarball, name: "web", file: "web-1.0.0.tgz"}},
		{"/@acme/web/-/web-1.0.0.tgz", target{op: opTarball, name: "@acme/web", file: "web-1.0.0.tgz"}},
		{"/@acme%2fweb/-/web-1.0.0.tgz", target{op: opTarball, name: "@acme/web", file: "web-1.0.0.tgz"}},
		{"/@acme/web/-/@acme/web-1.0.0.tgz", target{op: opTarball, name: "@acme/web", file: "web-1.0.0.tgz"}},
		{"/@acme%2Fweb/-/@acme/web-1.0.0.tgz", target{op: opTarball, name: "@acme/web", file: "web-1.0.0.tgz"}},
		{"/@acme/web/-/@acme%2fweb-1.0.0.tgz", target{op: opTarball, name: "@acme/web", file: "web-1.0.0.tgz"}},
		{"/@acme%2Fweb/-/1.0.0/web-1.0.0.tgz", target{op: opTarball, name: "@acme/web", version: "1.0.0", file: "web-1.0.0.tgz"}},
		{"/web/-/1.0.0/web-1.0.0.tgz", target{op: opTarball, name: "web", version: "1.0.0", file: "web-1.0.0.tgz"}},

		{"/web/-rev/3-abc", target{op: opRevision, name: "web", rev: "3-abc"}},
		{"/@acme%2fweb/-rev/3-abc", target{op: opRevision, name: "@acme/web", rev: "3-abc"}},
		{"/@acme/web/-rev/3-abc", target{op: opRevision, name: "@acme/web", rev: "3-abc"}},
		{"/web/-/web-1.0.0.tgz/-rev/3-abc", target{op: opTarballRevision, name: "web", file: "web-1.0.0.tgz", rev: "3-abc"}},
		{"/@acme/web/-/web-1.0.0.tgz/-rev/3-abc", target{op: opTarballRevision, name: "@acme/web", file: "web-1.0.0.tgz", rev: "3-abc"}},
		{"/@acme/web/-/@acme/web-1.0.0.tgz/-rev/3-abc", target{op: opTarballRevision, name: "@acme/web", file: "web-1.0.0.tgz", rev: "3-abc"}},

		// The path of the repository again, as npm 6 puts it there when it unpublishes, with that of a proxy in between.
		{"/npm/main/web/-/web-1.0.0.tgz/-rev/3-abc", target{op: opTarballRevision, name: "web", file: "web-1.0.0.tgz", rev: "3-abc"}},
		{"/npm/main/@acme/web/-/web-1.0.0.tgz/-rev/3-abc", target{op: opTarballRevision, name: "@acme/web", file: "web-1.0.0.tgz", rev: "3-abc"}},
		{"/a/b/npm/main/@acme%2fweb/-/web-1.0.0.tgz/-rev/3-abc", target{op: opTarballRevision, name: "@acme/web", file: "web-1.0.0.tgz", rev: "3-abc"}},
		{"/npm/main", target{op: opVersion, name: "npm", version: "main"}},

		{"/-/package/web/dist-tags", target{op: opTags, name: "web"}},
		{"/-/package/@acme%2fweb/dist-tags/next", target{op: opTag, name: "@acme/web", tag: "next"}},
		{"/-/package/@acme/web/dist-tags/next", target{op: opTag, name: "@acme/web", tag: "next"}},
		{"/-/package/web/dist-tags/feature%2flogin", target{op: opTag, name: "web", tag: "feature/login"}},
		{"/-/package/web/dist-tags/feature/login", target{op: opTag, name: "web", tag: "feature/login"}},
		{"/-/package/%40acme%2Fweb/access", target{op: opAccess, name: "@acme/web"}},
		{"/-/package/@acme%2fweb/visibility", target{op: opVisibility, name: "@acme/web"}},
		{"/-/package/web/collaborators", target{op: opCollaborators, name: "web"}},
		{"/-/ping", target{op: opPing}},
		{"/-/whoami", target{op: opWhoami}},
		{"/-/npm/v1/user", target{op: opProfile}},
		{"/-/npm/v1/tokens", target{op: opTokens}},
		{"/-/npm/v1/tokens/token/abc", target{op: opToken, secret: "abc"}},
		{"/-/user/org.couchdb.user:alice", target{op: opUser, user: "alice"}},
		{"/-/user/org.couchdb.user%3Aalice", target{op: opUser, user: "alice"}},
		{"/-/user/org.couchdb.user:alice/-rev/1-x", target{op: opUser, user: "alice", rev: "1-x"}},
		{"/-/user/token/slp_abc", target{op: opLogout, secret: "slp_abc"}},
		{"/-/_view/starredByUser", target{op: opStarred}},

		// Route words as names.
		{"/-/package/dist-tags/dist-tags", target{op: opTags, name: "dist-tags"}},
		{"/-/package/dist-tags/dist-tags/dist-tags", target{op: opTag, name: "dist-tags", tag: "dist-tags"}},
		{"/-/package/@acme%2faccess/access", target{op: opAccess, name: "@acme/access"}},
		{"/-/package/@acme/access/access", target{op: opAccess, name: "@acme/access"}},
		{"/-/package/@acme%2fauthentication/dist-tags", target{op: opTags, name: "@acme/authentication"}},
		{"/access", target{op: opPackument, name: "access"}},
		{"/latest/latest", target{op: opVersion, name: "latest", version: "latest"}},
		{"/download/-/download-1.0.0.tgz", target{op: opTarball, name: "download", file: "download-1.0.0.tgz"}},
		{"/a-1.2/-/a-1.2-1.0.0-1.2.tgz", target{op: opTarball, name: "a-1.2", file: "a-1.2-1.0.0-1.2.tgz"}},
	} {
		got, ok := parsePath("/npm/main" + c.path)
		c.want.repository = "main"
		if !ok || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.path, got, ok, c.want)
		}
	}
}

func TestParsePathRefuses(t *testing.T) {
	for _, path := range []string{
		"/npm", "/npm/", "/raw/main/x", "/npm/ma%2fin/x",
		"/npm/main/@acme", "/npm/main/@acme%2f", "/npm/main/@%2fweb", "/npm/main/@acme%2fa%2fb", "/npm/main/acme%2fweb",
		"/npm/main/web/../x", "/npm/main/%2e%2e/x", "/npm/main/web/./x", "/npm/main/web/%2e",
		"/npm/main/web/-rev", "/npm/main/web/-rev/1/2", "/npm/main/web/1.0.0/x", "/npm/main/web/a%2fb", "/npm/main/@acme/web/-",
		"/npm/main/npm/main/web/-/web-1.0.0.tgz", "/npm/main/npm/other/web/-/web-1.0.0.tgz/-rev/1-x",
		"/npm/main/web/-/a/b/c", "/npm/main/web/-/@acme%2fweb-1.0.0.tgz", "/npm/main/@acme/web/-/@other%2fweb-1.0.0.tgz",
		"/npm/main/-/package/web", "/npm/main/-/package/@acme",
		"/npm/main/-/user/alice", "/npm/main/-/user/org.couchdb.user:",
		"/npm/main/" + strings.Repeat("a/", 40), "/npm/main/" + strings.Repeat("a", 10_000),
	} {
		if got, ok := parsePath(path); ok {
			t.Errorf("%s: %+v, want a refusal", path, got)
		}
	}
}

func TestUnsupportedHasASentence(t *testing.T) {
	for path, want := range map[string]string{
		"/-/v1/login": "Web login", "/-/npm/v1/security/advisories/bulk": "advisories", "/-/npm/v1/security/audits/quick": "advisories",
		"/-/v1/search": "Search", "/-/npm/v1/keys": "sign", "/-/stage/package/x": "Staged", "/-/team/a/b/user": "Teams", "/-/x": "no such",
		"/-/package/web/trust": "Trusted", "/-/org/x/package": "Organizations", "/-/user/x/package": "users",
	} {
		got, ok := parsePath("/npm/main" + path)
		if !ok || got.op != opUnsupported || !strings.Contains(got.feature, want) {
			t.Errorf("%s: %+v %v, want a sentence with %q", path, got, ok, want)
		}
	}
}

// FuzzParsePath: what is accepted has a sound name and no segment that climbs.
func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"/npm/main/@acme%2fweb/-/web-1.0.0.tgz", "/npm/main/-/package/@a/b/dist-tags/c", "/npm/main//x/-rev/1-a", "/npm/main/%2e%2e", "/npm/main/-/user/token/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, ok := parsePath(path)
		if !ok {
			return
		}
		if got.op == opUnknown || got.repository == "" || strings.Contains(got.repository, "/") {
			t.Fatalf("%q: %+v", path, got)
		}
		if got.name != "" {
			if _, err := checkName(got.name); err != nil {
				t.Fatalf("%q: name %q: %v", path, got.name, err)
			}
		}
		for _, s := range []string{got.file, got.version, got.rev} {
			if strings.Contains(s, "/") || s == ".." || s == "." {
				t.Fatalf("%q: %+v", path, got)
			}
		}
	})
}
