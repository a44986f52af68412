package pypi

import (
	"encoding/hex"
	"net/url"
	"strings"

	"slipway/formats"
	"slipway/registry"
)

// op is the operation that a path names.
type op int

const (
	opUnknown     op = iota
	opHome           // R/
	opUpload         // R/legacy/
	opIndex          // R/simple/
	opProject        // R/simple/<name>/, also R/+simple/<name>/
	opFile           // R/files/<sha256>/<filename>
	opYank           // R/api/<name>/<version>/yank
	opVersion        // R/api/<name>/<version>
	opVersionFile    // R/api/<name>/<version>/<filename>
	opLink           // R/<name>/<version>/, also R/<name>/
)

// target is a parsed path.
type target struct {
	op         op
	repository string
	name       string // of the project, as written
	version    string // as written
	sha256     string
	file       string
	slash      bool   // the path ends in one
	clean      bool   // the path has no empty segment below the repository
	ups        int    // how many folders lie between the repository and the end of the path, as it is written; -1 without a slash behind the repository
	area       string // of opProject: simple or +simple
}

// prefix is where repositories are.
const prefix = "/pypi/"

// parsePath reads an encoded path. Every segment is decoded once; empty segments, which clients make that add a path to an address
// with a slash, are passed over. ok is false where a segment is "." or ".." or holds a separator.
func parsePath(escaped string) (target, bool) {
	rest, ok := strings.CutPrefix(escaped, prefix)
	if !ok {
		return target{}, false
	}
	t := target{clean: true, ups: -1}
	var seg []string
	for more := true; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		plain, err := url.PathUnescape(part)
		switch {
		case err != nil || plain == "." || plain == ".." || strings.ContainsAny(plain, "/\\\x00"):
			return t, false
		case plain == "" && !more:
			t.slash = true
		case plain != "":
			seg = append(seg, plain)
		case len(seg) > 0:
			t.clean = false
		}
		if len(seg) == 1 && t.repository == "" && more {
			t.repository, t.ups = seg[0], strings.Count(rest, "/")
		}
	}
	if len(seg) == 0 {
		return t, false
	}
	t.repository = seg[0]
	return t, t.route(seg[1:])
}

func (t *target) route(seg []string) bool {
	at := func(i int) string {
		if i < len(seg) {
			return seg[i]
		}
		return ""
	}
	switch area := at(0); {
	case len(seg) == 0:
		t.op = opHome
	case area == "legacy" && len(seg) == 1:
		t.op = opUpload
	case area == "simple" && len(seg) == 1:
		t.op = opIndex
	case (area == "simple" || area == "+simple") && len(seg) == 2:
		t.op, t.area, t.name = opProject, area, seg[1]
	case len(seg) <= 2 && !reserved[area]:
		t.op, t.name, t.version = opLink, area, at(1)
	case t.slash, area == "api" && !t.clean:
		return false // what follows is no folder; and an empty segment in what is to be changed is a value that a script has not set
	case area == "files" && len(seg) == 3 && isSHA256(seg[1]):
		t.op, t.sha256, t.file = opFile, seg[1], seg[2]
	case area == "api" && len(seg) == 3:
		t.op, t.name, t.version = opVersion, seg[1], seg[2]
	case area == "api" && len(seg) == 4 && seg[3] == "yank":
		t.op, t.name, t.version = opYank, seg[1], seg[2]
	case area == "api" && len(seg) == 4:
		t.op, t.name, t.version, t.file = opVersionFile, seg[1], seg[2], seg[3]
	default:
		return false
	}
	return true
}

// reserved are the names of areas, which no address of a project begins with.
var reserved = map[string]bool{
	"simple": true, "+simple": true, "files": true, "legacy": true, "api": true, "pypi": true, "integrity": true, "upload": true,
	"namespace": true, "namespaces": true,
}

// href is the address of what lies below the repository, as seen from the request's own path: relative, as a proxy may have put another
// prefix in front.
func (t target) href(below ...string) string {
	return strings.Repeat("../", max(t.ups, 0)) + strings.Join(below, "/") + "/"
}

// home is the address of the repository, as href has it.
func (t target) home() string {
	if t.ups < 0 {
		return t.repository + "/"
	}
	return "./" + strings.Repeat("../", t.ups)
}

const sha256Bytes = 32

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256Bytes && s == strings.ToLower(s)
}

// named returns the project that a path is about. NotFound for a name that no project can have.
func (t target) named() (registry.Name, error) {
	key, err := normalize(t.name)
	if err != nil {
		return registry.Name{}, noProject(t.name, err)
	}
	return registry.NewName(t.repository, formatName, key, t.name)
}

func noProject(name string, cause error) error {
	return &registry.Error{Kind: registry.NotFound, Subject: registry.AboutPackage, Err: cause,
		Detail: "there is no project \"" + formats.Clip(name) + "\" here"}
}
