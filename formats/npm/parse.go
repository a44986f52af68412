package npm

import (
	"net/url"
	"regexp"
	"strings"
)

// op is the operation that a path names. Together with the method it selects a handler.
type op int

const (
	opUnknown op = iota
	opRoot
	opPackument
	opVersion
	opTarball
	opRevision
	opTarballRevision
	opTags
	opTag
	opVisibility
	opCollaborators
	opAccess
	opPing
	opWhoami
	opUser
	opLogout
	opProfile
	opTokens
	opToken
	opStarred
	opUnsupported
)

// target is a parsed request path. Every value is decoded; which of them are set follows from op.
type target struct {
	repository string
	holder     string // the repository whose package is read in its place; "": none
	op         op
	name       string // package
	version    string // or tag, of opVersion; the folder of an old tarball path
	file       string
	rev        string
	tag        string
	user       string
	secret     string // of opLogout: the token; of opToken: its key or the token
	feature    string // of opUnsupported: the missing feature, for the message
}

// Bounds of a request's path.
const (
	maxPathBytes    = 8192
	maxPathSegments = 16
)

// segment is one part of a path, decoded once, and whether it held an encoded slash.
type segment struct {
	text  string
	slash bool
}

// parsePath reads the encoded path of a request below the mount, "/npm/{repository}/…" (npm.md 1.4). ok is false for a path
// that no client sends.
func parsePath(escaped string) (t target, ok bool) {
	if len(escaped) > maxPathBytes {
		return t, false
	}
	segs, ok := split(escaped)
	if !ok || len(segs) < 2 || segs[0] != (segment{text: "npm"}) || segs[1].slash {
		return t, false
	}
	t.repository = segs[1].text
	segs = segs[2:]
	switch {
	case len(segs) == 0:
		t.op = opRoot
		return t, true
	case segs[0].text == "-" && len(segs) > 1:
		return t, t.meta(segs[1:])
	}
	whole, at := segs, t
	if segs, ok = t.takeName(segs); ok && t.below(segs) {
		return t, true
	}
	return at.repeated(whole)
}

// repeated reads the path of npm 6's unpublish, which puts the path of dist.tarball, with that of the repository in front,
// behind the path of the repository: /npm/main/npm/main/web/-/web-1.0.0.tgz/-rev/1-x. Behind a proxy, the path that the proxy
// takes off once is in the middle.
func (t target) repeated(segs []segment) (target, bool) {
	for i := 1; i < len(segs); i++ {
		if segs[i-1] != (segment{text: "npm"}) || segs[i] != (segment{text: t.repository}) {
			continue
		}
		again := target{repository: t.repository}
		if rest, ok := again.takeName(segs[i+1:]); ok && again.below(rest) && again.op == opTarballRevision {
			return again, true
		}
	}
	return t, false
}

// split cuts at slashes, drops the empty segments of doubled ones, and decodes each segment once.
func split(escaped string) ([]segment, bool) {
	var segs []segment
	for raw := range strings.SplitSeq(escaped, "/") {
		if raw == "" {
			continue
		}
		text, err := url.PathUnescape(raw)
		if err != nil || text == "." || text == ".." || len(segs) == maxPathSegments {
			return nil, false
		}
		segs = append(segs, segment{text, strings.Contains(text, "/")})
	}
	return segs, true
}

// takeName reads a package name from the front: @scope%2fname in one segment, or @scope/name in two, or one plain
// segment.
func (t *target) takeName(segs []segment) ([]segment, bool) {
	if len(segs) == 0 {
		return nil, false
	}
	first, rest := segs[0], segs[1:]
	t.name = first.text
	if strings.HasPrefix(t.name, "@") && !first.slash {
		if len(rest) == 0 || rest[0].slash {
			return nil, false
		}
		t.name, rest = t.name+"/"+rest[0].text, rest[1:]
	}
	_, _, ok := splitName(t.name)
	return rest, ok
}

// below reads what follows a package name.
func (t *target) below(segs []segment) bool {
	switch {
	case len(segs) == 0:
		t.op = opPackument
	case segs[0].text == "-rev":
		t.op, t.rev = opRevision, one(segs[1:])
		return t.rev != ""
	case segs[0].text == "-" && len(segs) > 1:
		return t.tarball(segs[1:])
	default:
		t.op, t.version = opVersion, one(segs)
		return t.version != "" && t.version != "-"
	}
	return true
}

// tarball reads what follows "/-/": the file; or the scope again and the file, as clients write it into dist.tarball
// and old lockfiles hold it; or a version and the file, as an old Gitea wrote it; then perhaps "/-rev/<rev>".
func (t *target) tarball(segs []segment) bool {
	t.op = opTarball
	if n := len(segs); n > 2 && segs[n-2].text == "-rev" {
		t.op, t.rev = opTarballRevision, segs[n-1].text
		segs = segs[:n-2]
	}
	scope, _, _ := splitName(t.name)
	first := segs[0].text
	switch {
	case len(segs) == 1 && segs[0].slash:
		first, file, _ := strings.Cut(first, "/")
		t.file = file
		return first == "@"+scope && scope != "" && file != "" && !strings.Contains(file, "/")
	case len(segs) == 1:
		t.file = first
		return true
	case len(segs) == 2 && !segs[0].slash && !segs[1].slash:
		t.file = segs[1].text
		if scope != "" && first == "@"+scope {
			return true
		}
		t.version = first
		return true
	}
	return false
}

// meta reads what follows "/-/" at the root of a repository.
func (t *target) meta(segs []segment) bool {
	switch segs[0].text {
	case "package":
		return t.metaPackage(segs[1:])
	case "user":
		return t.metaUser(segs[1:])
	}
	path := joined(segs)
	switch path {
	case "ping":
		t.op = opPing
	case "whoami":
		t.op = opWhoami
	case "npm/v1/user":
		t.op = opProfile
	case "npm/v1/tokens":
		t.op = opTokens
	case "_view/starredByUser":
		t.op = opStarred
	default:
		if secret, ok := strings.CutPrefix(path, "npm/v1/tokens/token/"); ok && secret != "" {
			t.op, t.secret = opToken, secret
			return true
		}
		t.op, t.feature = opUnsupported, unsupported(path)
	}
	return true
}

// metaPackage reads "/-/package/<name>/…".
func (t *target) metaPackage(segs []segment) bool {
	segs, ok := t.takeName(segs)
	if !ok || len(segs) == 0 {
		return false
	}
	switch {
	case segs[0].text == "dist-tags" && len(segs) == 1:
		t.op = opTags
	case segs[0].text == "dist-tags": // a tag with a slash is refused where its grammar is checked, with a sentence
		t.op, t.tag = opTag, joined(segs[1:])
	case len(segs) == 1 && segs[0].text == "visibility":
		t.op = opVisibility
	case len(segs) == 1 && segs[0].text == "collaborators":
		t.op = opCollaborators
	case len(segs) == 1 && segs[0].text == "access":
		t.op = opAccess
	default:
		t.op, t.feature = opUnsupported, unsupported("package/"+segs[0].text)
	}
	return true
}

// metaUser reads "/-/user/…": the CouchDB user of the legacy login, with or without a revision, and the token that a
// logout ends.
func (t *target) metaUser(segs []segment) bool {
	if len(segs) == 2 && segs[0].text == "token" {
		t.op, t.secret = opLogout, segs[1].text
		return true
	}
	if len(segs) == 3 && segs[1].text == "-rev" {
		t.rev, segs = segs[2].text, segs[:1]
	}
	if len(segs) == 1 {
		user, ok := strings.CutPrefix(segs[0].text, "org.couchdb.user:")
		t.op, t.user = opUser, user
		return ok && user != ""
	}
	t.op, t.feature = opUnsupported, unsupported("user")
	return true
}

// secretPaths are the paths that a token follows: a logout, and the revocation of a token.
var secretPaths = []string{"/-/user/token/", "/-/npm/v1/tokens/token/"}

// withoutSecret cuts a token off a decoded path, also if the path is otherwise invalid. ok is false where there is no token.
func withoutSecret(path string) (hidden string, ok bool) {
	if !strings.Contains(path, "token") {
		return "", false
	}
	path = slashes.ReplaceAllString(path, "/")
	for _, before := range secretPaths {
		if at := strings.Index(path, before); at >= 0 {
			return path[:at+len(before)] + "…", true
		}
	}
	return "", false
}

// joined returns the text of segments with slashes between them.
func joined(segs []segment) string {
	words := make([]string, len(segs))
	for i, s := range segs {
		words[i] = s.text
	}
	return strings.Join(words, "/")
}

var slashes = regexp.MustCompile(`/{2,}`)

// one returns the text of a single segment without a slash in it, else "".
func one(segs []segment) string {
	if len(segs) != 1 || segs[0].slash {
		return ""
	}
	return segs[0].text
}

// features names the features that are not offered, by the start of their paths, for a sentence that the client shows.
var features = []struct{ path, what string }{
	{"v1/login", "Web login is not available here; use npm login --auth-type=legacy, or a token."},
	{"v1/search", "Search is not available in this registry."},
	{"all", "Listing all packages is not available in this registry."},
	{"npm/v1/security", "This registry has no source of security advisories; audit is not available."},
	{"npm/v1/keys", "This registry does not sign packages."},
	{"npm/v1/attestations", "This registry does not serve attestations."},
	{"npm/v1/oidc", "Trusted publishing is not available in this registry."},
	{"npm/v1/hooks", "Hooks are not available in this registry."},
	{"stage", "Staged publishing is not available in this registry."},
	{"org", "Organizations are not kept in this registry; rights belong to users and tokens."},
	{"team", "Teams are not kept in this registry; rights belong to users and tokens."},
	{"user", "Package lists of users are not kept in this registry."},
	{"package/trust", "Trusted publishing is not available in this registry."},
}

func unsupported(path string) string {
	for _, f := range features {
		if path == f.path || strings.HasPrefix(path, f.path+"/") {
			return f.what
		}
	}
	return "This registry has no such endpoint."
}
