package archive

import (
	"archive/tar"
	"path"
	"strings"
)

// maxLinkBytes bounds what is remembered of the symbolic links of a tarball.
const maxLinkBytes = 4 << 20

// links are the symbolic links of a tarball. Clients leave them out or follow them, and either is safe: no entry lies behind one,
// so that a link's own folders are what their names say; and what a link climbs out of again is no link either.
type links struct {
	at       map[string]bool // their paths below the root directory
	climbed  []string        // folders that a link goes into and climbs out of again
	occupied int             // bytes
}

// link checks where a link leads, and remembers a symbolic one.
func (in *tarball) link(h *tar.Header, name string) error {
	ok := true
	switch h.Typeflag {
	case tar.TypeLink:
		ok = in.hard(h.Linkname)
	case tar.TypeSymlink:
		ok = in.links.add(name, h.Linkname)
	}
	switch {
	case !ok:
		return Broken("the link %q leads outside", shown(h.Name))
	case in.links.occupied > maxLinkBytes:
		return Broken("it has too many links")
	}
	return nil
}

// hard reports whether the target of a hard link, a path from above the root directory, is an entry below it and no symbolic link:
// that would lead elsewhere under another name.
func (in *tarball) hard(target string) bool {
	below, ok := strings.CutPrefix(path.Clean(target), in.root+"/")
	return ok && CheckEntryName(target) == nil && !in.links.cross(below+"/")
}

// add follows a symbolic link by names alone and remembers it. It reports whether the link stays below the root directory all the way.
func (l *links) add(name, target string) bool {
	if target == "" || strings.HasPrefix(target, "/") || strings.ContainsAny(target, "\\\x00") {
		return false
	}
	at := path.Dir("/" + name)
	own := at // this folder and those around it are the link's own
	for segment := range strings.SplitSeq(target, "/") {
		switch {
		case segment == "" || segment == ".":
		case segment != "..":
			at = path.Join(at, segment)
		case at == "/":
			return false
		default:
			if !strings.HasPrefix(own+"/", at+"/") {
				l.climbed = append(l.climbed, at[1:]+"/")
				l.occupied += len(at)
			}
			at = path.Dir(at)
		}
		if l.occupied > maxLinkBytes {
			return true // and refused for that
		}
	}
	if l.at == nil {
		l.at = map[string]bool{}
	}
	l.at[name] = true
	l.occupied += len(name)
	return true
}

// cross reports whether the way to a path leads over a symbolic link; with a slash at its end also whether it is one.
func (l *links) cross(name string) bool {
	for at, c := range []byte(name) {
		if c == '/' && l.at[name[:at]] {
			return true
		}
	}
	return false
}

// end checks, when all links are known, that none climbs out of another, wherever that may lead.
func (l *links) end() error {
	for _, folder := range l.climbed {
		if l.cross(folder) {
			return Broken("a link leads through another, %q", shown(strings.TrimSuffix(folder, "/")))
		}
	}
	return nil
}
