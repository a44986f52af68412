// Package archive checks archives that clients upload, without unpacking them to disk. It refuses archives that two readers
// could read differently, that would unpack outside their directory, or that are bombs.
package archive

import (
	"errors"
	"io"
	"strings"

	"slipway/registry"
)

// Bounds of every archive. The ratio is checked only beyond ratioGrace unpacked bytes: a small archive of one repeated line
// compresses well, while a bomb goes on.
const (
	ratioGrace        = 64 << 20
	maxEntryNameBytes = 4096
)

// Broken is the error for an archive with bad content: Invalid, about the file.
func Broken(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutFile, "the archive can't be published: "+format, args...)
}

// StoreAndLook stores a stream and inspects it in the same pass. Where look refuses the content, store sees a failing reader
// and StoreAndLook returns look's error; otherwise it returns store's error.
func StoreAndLook(content io.Reader, store, look func(io.Reader) error) error {
	pr, pw := io.Pipe()
	looked := make(chan error, 1)
	go func() {
		err := look(pr)
		_ = pr.CloseWithError(err) // never fails
		looked <- err
	}()
	err := store(io.TeeReader(content, pw))
	_ = pw.CloseWithError(err) // never fails; nil is the end of the file
	if refused := (*registry.Error)(nil); errors.As(<-looked, &refused) {
		return refused
	}
	return err
}

// CheckEntryName refuses the name of an archive's entry that would unpack outside its directory, on this or another system.
func CheckEntryName(name string) error {
	switch {
	case name == "" || len(name) > maxEntryNameBytes:
		return Broken("an entry's name is empty or too long")
	case strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\\x00") || len(name) > 1 && name[1] == ':':
		return Broken("the entry %q leads outside or is not portable", shown(name))
	}
	for seg := range strings.SplitSeq(name, "/") {
		if seg == ".." {
			return Broken("the entry %q leads outside", shown(name))
		}
	}
	return nil
}

// shown cuts a name for a message.
func shown(name string) string {
	const most = 100
	if len(name) > most {
		return strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}
