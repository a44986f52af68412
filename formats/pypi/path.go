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
)

// target is a parsed path.
type target struct {
	op         op
	repository string
	name       string // of the project, as written
	version    string // as written
	sha256     string
	file       string
	slash      bool // the path ends in one
}

// prefix is where repositories are.
const prefix = "/pypi/"

// parsePath reads an encoded path. Every segment is decoded once; ok is false where a segment is empty, a dot segment, or
// holds a separator.
func parsePath(escaped string) (target, bool) {
	rest, ok := strings.CutPrefix(escaped, prefix)
	if !ok {
		return target{}, false
	}
	t := target{}
	if rest, t.slash = strings.CutSuffix(rest, "/"); rest == "" {
		return t, false
	}
	var seg []string
	for s := range strings.SplitSeq(rest, "/") {
		plain, err := url.PathUnescape(s)
		if err != nil || plain == "" || plain == "." || plain == ".." || strings.ContainsAny(plain, "/\\\x00") {
			return t, false
		}
		seg = append(seg, plain)
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
		t.op, t.name = opProject, seg[1]
	case t.slash:
		return false // what follows is no folder
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
