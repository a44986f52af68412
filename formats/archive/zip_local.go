package archive

import (
	"archive/zip"
	"encoding/binary"
	"io"
	"slices"
)

// checkLocal compares the name and the method in front of an entry's bytes with those in the table of contents: a reader that
// starts at the beginning of the archive must find the same file.
func (a *ZipReader) checkLocal(f *zip.File) error {
	at, err := a.headerOf(f)
	if err != nil {
		return err
	}
	head := make([]byte, localBytes+len(f.Name))
	if _, err := a.r.ReadAt(head, at); err != nil && err != io.EOF {
		return err
	}
	le := binary.LittleEndian
	if le.Uint32(head) != localSignature || int(le.Uint16(head[26:])) != len(f.Name) || string(head[localBytes:]) != f.Name ||
		le.Uint16(head[8:]) != f.Method {
		return Broken("%q is called otherwise in front of its bytes", shown(f.Name))
	}
	return nil
}

// headerOf finds where an entry begins, which archive/zip does not export (APPNOTE.TXT 4.3.12).
func (a *ZipReader) headerOf(f *zip.File) (int64, error) {
	le := binary.LittleEndian
	head := make([]byte, entryBytes)
	entry := a.directory
	for i := slices.Index(a.Files, f); ; i-- {
		if _, err := a.r.ReadAt(head, entry); err != nil || le.Uint32(head) != entrySignature {
			return 0, unreadable(zip.ErrFormat)
		}
		if i > 0 {
			name, extra, comment := int64(le.Uint16(head[28:])), int64(le.Uint16(head[30:])), int64(le.Uint16(head[32:]))
			entry += entryBytes + name + extra + comment
			continue
		}
		at := int64(le.Uint32(head[42:]))
		if at == sentinel32 {
			wide, ok := wideOffset(head, f.Extra)
			if !ok {
				return 0, unreadable(zip.ErrFormat)
			}
			at = wide
		}
		if at > a.directory {
			return 0, unreadable(zip.ErrFormat)
		}
		return at, nil
	}
}

// wideOffset reads the 64-bit offset of an entry (APPNOTE.TXT 4.5.3): it follows those sizes that are wide as well.
func wideOffset(head, extra []byte) (int64, bool) {
	le := binary.LittleEndian
	skip := 0
	for _, size := range []uint32{le.Uint32(head[24:]), le.Uint32(head[20:])} {
		if size == sentinel32 {
			skip += 8
		}
	}
	for len(extra) >= 4 {
		tag, size := le.Uint16(extra), int(le.Uint16(extra[2:]))
		extra = extra[4:]
		if size > len(extra) {
			return 0, false
		}
		if tag == extraZip64 && size >= skip+8 {
			wide := le.Uint64(extra[skip:])
			return int64(wide), wide < 1<<62 //nolint:gosec // bounded here
		}
		extra = extra[size:]
	}
	return 0, false
}
