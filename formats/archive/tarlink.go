package archive

import (
	"archive/tar"
	"path"
	"strings"
)

// maxLinkBytes bounds the memory for the symbolic links of a tarball.
const maxLinkBytes = 4 << 20

// links are the symbolic links of a tarball. Some clients leave them out and others follow them; both are safe: no entry's
// path leads through a link, so the folders around a link are real folders, and a folder that a link's target enters and
// leaves by ".." is no link either.
type links struct {
	at       map[string]bool // their paths below the root directory
	climbed  []string        // folders that a target enters and leaves by ".."
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

// hard reports whether the target of a hard link, a path that begins with the root directory, is an entry below it and no
// symbolic link. A symbolic link would lead elsewhere from the hard link's place.
func (in *tarball) hard(target string) bool {
	below, ok := strings.CutPrefix(path.Clean(target), in.root+"/")
	return ok && CheckEntryName(target) == nil && !in.links.cross(below+"/")
}

// add resolves a symbolic link by names alone and remembers it. It reports whether every step of the target stays below the
// root directory.
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

// cross reports whether a path leads through a symbolic link or, if it ends in a slash, is one itself.
func (l *links) cross(name string) bool {
	for at, c := range []byte(name) {
		if c == '/' && l.at[name[:at]] {
			return true
		}
	}
	return false
}

// end checks, once all links are known, that no target leaves another link by "..", because that may lead anywhere.
func (l *links) end() error {
	for _, folder := range l.climbed {
		if l.cross(folder) {
			return Broken("a link leads through another, %q", shown(strings.TrimSuffix(folder, "/")))
		}
	}
	return nil
}
