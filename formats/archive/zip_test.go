package archive

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"slipway/registry"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// zipOf makes a zip of small files.
func zipOf(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.Create(name)
		must(t, err)
		_, err = io.WriteString(w, "of "+name)
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

// bytesWindow is a window over bytes in memory.
func bytesWindow(b []byte) *Window {
	return NewWindow(int64(len(b)), func(offset, length int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b[offset : offset+length])), nil
	})
}

func open(w *Window) (*ZipReader, error) { return Zip{MaxRatio: 50, MaxEntries: 1000}.Open(w) }

func refused(t *testing.T, err error, words string) {
	t.Helper()
	if registry.KindOf(err) != registry.Invalid || err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, want a refusal with %q", err, words)
	}
}

// TestZipEnds: what two readers could find different tables of contents in is refused.
func TestZipEnds(t *testing.T) {
	good := zipOf(t, "good.py", "good-1.0.dist-info/METADATA")
	le := binary.LittleEndian
	tail := len(good) - endBytes
	wide := func(entries, size, offset uint64) []byte {
		b := slices.Clone(good[:tail])
		end64 := make([]byte, end64Bytes+locatorBytes)
		le.PutUint32(end64, end64Signature)
		le.PutUint64(end64[4:], end64Bytes-12)
		le.PutUint64(end64[24:], entries)
		le.PutUint64(end64[32:], entries)
		le.PutUint64(end64[40:], size)
		le.PutUint64(end64[48:], offset)
		le.PutUint32(end64[end64Bytes:], locatorSignature)
		le.PutUint64(end64[end64Bytes+8:], uint64(tail))
		le.PutUint32(end64[end64Bytes+16:], 1)
		return append(append(b, end64...), good[tail:]...)
	}
	entries, size, offset := uint64(le.Uint16(good[tail+10:])), uint64(le.Uint32(good[tail+12:])), uint64(le.Uint32(good[tail+16:]))
	if _, err := open(bytesWindow(wide(entries, size, offset))); err != nil {
		t.Errorf("a zip with a wide end: %v", err)
	}
	_, err := open(bytesWindow(wide(entries, size-46, offset+46)))
	refused(t, err, "contradict")
	with := func(at int, v uint16) []byte {
		b := slices.Clone(good)
		le.PutUint16(b[tail+at:], v)
		return b
	}
	for words, content := range map[string][]byte{
		"not a readable zip": with(10, uint16(entries)-1), "where its end says": with(12, uint16(size)-1), "part of several": with(4, 1),
		"something follows": with(20, 1), "not a zip": good[:10],
	} {
		_, err := open(bytesWindow(content))
		refused(t, err, words)
	}
	stored := make([]byte, 600)
	copy(stored[tarMagicAt-30-1:], "ustar")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{Name: "x", UncompressedSize64: 600, CompressedSize64: 600})
	must(t, err)
	_, err = w.Write(stored)
	must(t, err)
	must(t, z.Close())
	_, err = open(bytesWindow(b.Bytes()))
	refused(t, err, "zip and a tar")
}

// TestZipBounds: a zip holds as many entries, and an entry as many bytes, as is asked for, and no more.
func TestZipBounds(t *testing.T) {
	raw := zipOf(t, "a", "b")
	if _, err := (Zip{MaxRatio: 50, MaxEntries: 2}).Open(bytesWindow(raw)); err != nil {
		t.Error(err)
	}
	_, err := Zip{MaxRatio: 50, MaxEntries: 1}.Open(bytesWindow(raw))
	refused(t, err, "more than 1 entries")
	z, err := open(WindowOf(raw))
	must(t, err)
	if b, err := z.ReadEntry(z.Files[1], 4); err != nil || string(b) != "of b" {
		t.Errorf("%q, %v", b, err)
	}
	_, err = z.ReadEntry(z.Files[1], 3)
	refused(t, err, "larger than 3 bytes")
}

// TestWindow reads across blocks, and tells a failing store from a bad archive.
func TestWindow(t *testing.T) {
	b := make([]byte, 12*BlockBytes+17)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	must(t, iotest.TestReader(io.NewSectionReader(bytesWindow(b), 0, int64(len(b))), b))
	broke := errors.New("the disk burns")
	w := NewWindow(1000, func(int64, int64) (io.ReadCloser, error) { return nil, broke })
	if _, err := open(w); !errors.Is(err, broke) || registry.KindOf(err) != registry.Internal {
		t.Errorf("%v", err)
	}
}
