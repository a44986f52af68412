package registry

import (
	"net/url"
	"strings"
)

// maxPURLBytes bounds a package URL.
const maxPURLBytes = 2048

// PURL is a package URL in its parts, decoded (purl-spec, "Rules for each purl component").
type PURL struct {
	Type       string
	Namespace  string // with slashes between its segments; "" for none
	Name       string
	Version    string // "" for none
	Qualifiers url.Values
}

// ParsePURL reads pkg:type/namespace/name@version?qualifiers#subpath; the subpath is dropped. The @ of an npm scope is often
// left unescaped, so an @ with a slash after it begins no version. Invalid.
func ParsePURL(s string) (PURL, error) {
	wrong := func() (PURL, error) {
		return PURL{}, Errorf(Invalid, AboutRequest, "%q is not a package URL such as pkg:npm/%%40acme/web@1.4.2", Clip(s))
	}
	rest, ok := strings.CutPrefix(s, "pkg:")
	if !ok || len(s) > maxPURLBytes {
		return wrong()
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	var p PURL
	var err error
	if p.Qualifiers, err = url.ParseQuery(query); err != nil {
		return wrong()
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 && !strings.Contains(rest[i:], "/") {
		if p.Version, err = url.PathUnescape(rest[i+1:]); err != nil {
			return wrong()
		}
		rest = rest[:i]
	}
	kind, path, ok := strings.Cut(strings.Trim(rest, "/"), "/")
	if !ok {
		return wrong()
	}
	p.Type = strings.ToLower(kind)
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if parts[i], err = url.PathUnescape(part); err != nil || parts[i] == "" {
			return wrong()
		}
	}
	last := len(parts) - 1
	p.Namespace, p.Name = strings.Join(parts[:last], "/"), parts[last]
	return p, nil
}

// pkg returns the name of the package by the rules of one format.
func (p PURL) pkg(r Rules) (string, error) {
	if r.FromPURL != nil {
		return r.FromPURL(p)
	}
	if p.Namespace == "" {
		return p.Name, nil
	}
	return p.Namespace + "/" + p.Name, nil
}
