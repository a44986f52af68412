package archive

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"io"
	"path"

	"slipway/registry"
)

const maxDirectoryBytes = 64 << 20 // of a zip's table of contents

// Sizes and signatures of APPNOTE.TXT 4.3.14 to 4.3.16.
const (
	endBytes         = 22
	endSignature     = 0x06054b50
	end64Bytes       = 56
	end64Signature   = 0x06064b50
	locatorBytes     = 20
	locatorSignature = 0x07064b50
	sentinel16       = 0xffff
	sentinel32       = 0xffffffff

	localBytes     = 30
	localSignature = 0x04034b50
	entryBytes     = 46
	entrySignature = 0x02014b50
	flagEncrypted  = 1 << 0
	extraZip64     = 0x0001

	tarMagicAt = 257
)

// Zip has the bounds of a zip.
type Zip struct {
	MaxRatio   int64 // bytes that all entries together claim to unpack to, for each byte of the zip
	MaxEntries int
}

// Open reads the table of contents of a zip and refuses a zip that different readers could read differently: with bytes before
// the first entry, between the table and the end record, or after that record; with names that lead outside or occur twice; or
// a zip that is a tar as well. Invalid, or the error of r.
func (b Zip) Open(r *Window) (*ZipReader, error) {
	end, err := b.readEnd(r)
	if err != nil {
		return nil, err
	}
	if err := r.holdTable(end.entries, end.size); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, r.size)
	if err != nil {
		return nil, unreadable(err)
	}
	length := uint64(0)
	for _, f := range z.File {
		length += uint64(entryBytes + len(f.Name) + len(f.Extra) + len(f.Comment))
	}
	if uint64(len(z.File)) != end.entries || length != end.size {
		return nil, Broken("its table of contents is not as long as its end says")
	}
	return &ZipReader{r, z.File, int64(end.offset)}, b.checkEntries(r, z.File) //nolint:gosec // below the size
}

// ZipReader is a zip whose table of contents has been checked. It is not safe for concurrent use.
type ZipReader struct {
	r         *Window
	Files     []*zip.File // in the order of the table of contents
	directory int64       // where the table of contents begins
}

// unreadable tells the zip package's errors about the content from failures of the store.
func unreadable(err error) error {
	for _, own := range []error{zip.ErrFormat, zip.ErrAlgorithm, zip.ErrChecksum, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, own) {
			return Broken("it is not a readable zip (%s)", own)
		}
	}
	return err
}

// zipEnd describes the table of contents, as found at the end of a zip.
type zipEnd struct{ entries, size, offset uint64 }

// readEnd finds the end record at the place where every reader looks first, and checks the bounds of the table of contents
// before the table is read.
func (b Zip) readEnd(r *Window) (zipEnd, error) {
	if r.size < endBytes {
		return zipEnd{}, Broken("it is not a zip")
	}
	last := make([]byte, endBytes)
	if _, err := r.ReadAt(last, r.size-endBytes); err != nil {
		return zipEnd{}, err
	}
	le := binary.LittleEndian
	if le.Uint32(last) != endSignature || le.Uint16(last[20:]) != 0 {
		return zipEnd{}, Broken("it is not a zip, or something follows its end")
	}
	if le.Uint16(last[4:]) != 0 || le.Uint16(last[6:]) != 0 {
		return zipEnd{}, Broken("it is a part of several")
	}
	end := zipEnd{uint64(le.Uint16(last[10:])), uint64(le.Uint32(last[12:])), uint64(le.Uint32(last[16:]))}
	directoryEnd := uint64(r.size - endBytes)
	wide, at, err := findEnd64(r)
	if err != nil {
		return end, err
	}
	if wide != nil {
		// Some readers use the zip64 record whenever there is one, others only where the plain record points to it.
		if end.entries != sentinel16 && end.entries != wide.entries || end.size != sentinel32 && end.size != wide.size ||
			end.offset != sentinel32 && end.offset != wide.offset {
			return end, Broken("its two ends contradict each other")
		}
		end, directoryEnd = *wide, at
	}
	switch {
	case end.entries > uint64(b.MaxEntries): //nolint:gosec // not negative
		return end, Broken("it has more than %d entries", b.MaxEntries)
	case end.size > maxDirectoryBytes:
		return end, Broken("its table of contents is larger than %d bytes", maxDirectoryBytes)
	case end.offset > directoryEnd || end.offset+end.size != directoryEnd:
		return end, Broken("its table of contents is not where its end says")
	}
	return end, nil
}

// findEnd64 reads the zip64 record, nil where there is none; at is where it begins.
func findEnd64(r *Window) (wide *zipEnd, at uint64, err error) {
	if r.size < endBytes+locatorBytes+end64Bytes {
		return nil, 0, nil
	}
	le := binary.LittleEndian
	locator := make([]byte, locatorBytes)
	if _, err := r.ReadAt(locator, r.size-endBytes-locatorBytes); err != nil {
		return nil, 0, err
	}
	if le.Uint32(locator) != locatorSignature {
		return nil, 0, nil
	}
	at = le.Uint64(locator[8:])
	if at != uint64(r.size-endBytes-locatorBytes-end64Bytes) {
		return nil, 0, Broken("its zip64 end is not where it should be")
	}
	end64 := make([]byte, end64Bytes)
	if _, err := r.ReadAt(end64, int64(at)); err != nil { //nolint:gosec // below the size
		return nil, 0, err
	}
	if le.Uint32(end64) != end64Signature {
		return nil, 0, Broken("its zip64 end is none")
	}
	return &zipEnd{le.Uint64(end64[32:]), le.Uint64(end64[40:]), le.Uint64(end64[48:])}, at, nil
}

// checkEntries checks the table of contents. Its sizes may be false, so later unpacking has its own bound; but installers
// trust them, and here they reveal a bomb.
func (b Zip) checkEntries(r *Window, files []*zip.File) error {
	seen := make(map[string]bool, len(files))
	var unpacked uint64
	for _, f := range files {
		if err := CheckEntryName(f.Name); err != nil {
			return err
		}
		// "a//b" and "a/./b" unpack to the same file, and only some readers find it under the name that the others use.
		if clean := path.Clean(f.Name); clean == "." || f.Name != clean && f.Name != clean+"/" {
			return Broken("the entry %q is not named as it unpacks", shown(f.Name))
		}
		if seen[f.Name] {
			return Broken("%q is in it twice", shown(f.Name))
		}
		seen[f.Name] = true
		if f.Flags&flagEncrypted != 0 {
			return Broken("%q is encrypted", shown(f.Name))
		}
		if f.Method != zip.Store && f.Method != zip.Deflate {
			return Broken("%q is compressed by a method that installers do not know", shown(f.Name))
		}
		if f.UncompressedSize64 > 1<<62 || unpacked > 1<<62 {
			return Broken("%q has an impossible size", shown(f.Name))
		}
		unpacked += f.UncompressedSize64
	}
	if unpacked > ratioGrace && unpacked > uint64(b.MaxRatio)*uint64(r.size) { //nolint:gosec // not negative
		return Broken("it unpacks to more than %d times its size", b.MaxRatio)
	}
	magic := make([]byte, 5)
	if n, err := r.ReadAt(magic, tarMagicAt); n == len(magic) && string(magic) == "ustar" {
		return Broken("it is a zip and a tar at once")
	} else if err != nil && err != io.EOF {
		return err
	}
	return nil
}

// ReadEntry unpacks one of Files of at most limit bytes, counted as they come out. Invalid, or the error of the window.
func (a *ZipReader) ReadEntry(f *zip.File, limit int64) ([]byte, error) {
	if err := a.checkLocal(f); err != nil {
		return nil, err
	}
	rc, err := f.Open()
	if err != nil {
		return nil, unreadable(err)
	}
	defer rc.Close()
	if err := a.r.hold(min(int64(f.UncompressedSize64), limit) * max(a.r.EntryFactor, 1)); err != nil { //nolint:gosec // Open has bounded the sum
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(rc, limit+1))
	switch {
	case int64(len(b)) > limit:
		return nil, Broken("%q is larger than %d bytes", shown(f.Name), limit)
	case err != nil:
		var store *registry.Error
		if errors.As(err, &store) {
			return nil, err
		}
		return nil, unreadable(err)
	}
	return b, nil
}
