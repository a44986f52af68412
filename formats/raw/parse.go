package raw

import (
	"net/url"
	"strings"

	"slipway/formats"
	"slipway/registry"
)

// location is a parsed path below /raw/, decoded once.
type location struct {
	repository string
	segments   []string // package, version, then the segments of the file
	dir        bool     // the path ends in a slash
	doubled    bool     // the path as it was sent has empty segments, which are left out here
	ups        int      // folders between the repository and the end of the path as it was sent
}

// Depths of a location.
const (
	atRepository = iota
	atPackage
	atVersion
	atFile // and deeper
)

// layout describes a path, for messages.
const layout = "a raw path is <package>/<version>/<file>, and the file may have folders"

// parseLocation reads an encoded path, "/raw/main/tool/1.2.0/bin/tool". Each segment is decoded once; empty segments are noted,
// ".", "..", encoded slashes, backslashes and control characters are refused. Invalid, NotFound about the repository.
func parseLocation(escaped string) (location, error) {
	rest, ok := strings.CutPrefix(escaped, prefix)
	if !ok {
		return location{}, invalid("not a raw path")
	}
	parts := strings.Split(rest, "/")
	l := location{ups: len(parts) - 2}
	if len(parts) > 1 && parts[len(parts)-1] == "" {
		l.dir = true
		parts = parts[:len(parts)-1]
	}
	for i, part := range parts {
		seg, err := url.PathUnescape(part)
		switch {
		case err != nil:
			return location{}, invalid("the path has a broken %%-escape: %q", formats.Clip(part))
		case strings.Contains(seg, "/"):
			return location{}, invalid("the path has an encoded slash in a segment: %q", formats.Clip(part))
		case i == 0:
			l.repository = seg
		case part == "":
			l.doubled = true
		default:
			l.segments = append(l.segments, seg)
		}
	}
	return l, l.check()
}

// written is the location of a request that changes something. An empty segment is refused: mostly it is a variable of a script that was not
// set, and what follows it would take the place of a version. Invalid.
func written(escaped string) (location, error) {
	l, err := parseLocation(escaped)
	if err == nil && l.doubled {
		err = invalid("the path has an empty segment (//); is a variable not set?")
	}
	return l, err
}

func (l location) check() error {
	if !registry.ValidRepository(l.repository) {
		return registry.Errorf(registry.NotFound, registry.AboutRepository, "there is no repository %q", formats.Clip(l.repository))
	}
	if len(l.segments) == 0 {
		return nil
	}
	if _, err := registry.NewName(l.repository, name, l.segments[0], ""); err != nil {
		return err
	}
	if len(l.segments) >= atVersion {
		if err := registry.CheckVersion(l.segments[1]); err != nil {
			return err
		}
	}
	if len(l.segments) >= atFile {
		return registry.CheckPath(l.path())
	}
	return nil
}

func (l location) depth() int { return min(len(l.segments), atFile) }

// name is the package; the location must be a package's or below.
func (l location) name() registry.Name {
	return registry.Name{Repository: l.repository, Format: name, Package: l.segments[0], Display: l.segments[0]}
}

// coordinate is the version; the location must be a version's or below.
func (l location) coordinate() registry.Coordinate { return l.name().At(l.segments[1]) }

// path is the file or folder within the version, "" for the version itself.
func (l location) path() string {
	if len(l.segments) < atFile {
		return ""
	}
	return strings.Join(l.segments[2:], "/")
}

// last is the last segment.
func (l location) last() string {
	if len(l.segments) == 0 {
		return l.repository
	}
	return l.segments[len(l.segments)-1]
}

// file returns the coordinate and path of a location, which must be a file's. Invalid.
func (l location) file() (registry.Coordinate, string, error) {
	switch {
	case len(l.segments) < atFile:
		return registry.Coordinate{}, "", invalid("%s; this one is too short", layout)
	case l.dir:
		return registry.Coordinate{}, "", invalid("a path that ends in a slash can't hold a file")
	}
	return l.coordinate(), l.path(), nil
}

// purl is pkg:generic/<package>@<version> (purl-spec: both percent-encoded).
func purl(at registry.Coordinate) string {
	return packagePURL(at.Package) + "@" + formats.Escape(at.Version)
}

// packagePURL is registry.Rules.PackagePURL.
func packagePURL(pkg string) string { return "pkg:generic/" + formats.Escape(pkg) }

// href is the absolute path of a location, encoded.
func (l location) href() string {
	var b strings.Builder
	b.WriteString(prefix + formats.Escape(l.repository))
	for _, seg := range l.segments {
		b.WriteString("/" + formats.Escape(seg))
	}
	if l.dir {
		b.WriteByte('/')
	}
	return b.String()
}
