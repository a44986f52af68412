package pypi

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"slipway/formats/archive"
	"slipway/registry"
)

// Sizes in a zip, by APPNOTE.TXT 4.3.12 and 4.3.16.
const (
	zipEntryBytes = 46
	zipEndBytes   = 22
)

type readCloser struct{ io.Reader }

func (readCloser) Close() error { return nil }

func discard(_ string, content io.Reader) error {
	_, err := io.Copy(io.Discard, content)
	return err
}

// bytesWindow is a window over bytes in memory.
func bytesWindow(b []byte) *archive.Window {
	return archive.NewWindow(int64(len(b)), func(offset, length int64) (io.ReadCloser, error) {
		return readCloser{bytes.NewReader(b[offset : offset+length])}, nil
	})
}

func goodReading(t testing.TB) reading {
	t.Helper()
	f, err := parseFilename("good-1.0-py3-none-any.whl")
	must(t, err)
	return f.reads[0]
}

func refused(t *testing.T, err error, words string) {
	t.Helper()
	if registry.KindOf(err) != registry.Invalid || err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, want a refusal with %q", err, words)
	}
}

// TestS57: archives that would unpack to far more than they are, or that are endless to look through, are refused long before
// their end.
func TestS57(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	_, err := z.CreateRaw(&zip.FileHeader{Name: "good-1.0.dist-info/METADATA", Method: zip.Deflate, UncompressedSize64: 4 << 30})
	must(t, err)
	must(t, z.Close())
	_, err = readWheel(bytesWindow(b.Bytes()), goodReading(t))
	refused(t, err, "more than 50 times")

	// The table of contents claims a few bytes, but more come out.
	meta := dist{name: "good", version: "1.0", metadata: "Name: good\nVersion: 1.0\n\n" + strings.Repeat("x", maxMetadataBytes)}.wheel(t)
	lie := slices.Clone(meta)
	at := bytes.LastIndex(lie, []byte("good-1.0.dist-info/METADATA")) - zipEntryBytes
	binary.LittleEndian.PutUint32(lie[at+24:], 100)
	_, err = readWheel(bytesWindow(meta), goodReading(t))
	refused(t, err, `METADATA" is larger than`)
	_, err = readWheel(bytesWindow(lie), goodReading(t))
	refused(t, err, "not a readable zip")

	for name, words := range map[string]string{"good-1.0/big": "more than 50 times", "good-1.0/PKG-INFO": "larger than"} {
		_, err = readTarball(endless(t, name), nil)
		refused(t, err, words)
	}

	// An end that claims a table of contents of gigabytes.
	huge := make([]byte, 1<<20)
	end := huge[len(huge)-zipEndBytes:]
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint32(end[12:], 0xfffffff0)
	_, err = readWheel(bytesWindow(huge), goodReading(t))
	refused(t, err, "table of contents")
}

// endless is a tar.gz whose only file is zeros without end.
func endless(t *testing.T, name string) io.Reader {
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	must(t, tar.NewWriter(g).WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 1 << 40}))
	zeros := make([]byte, 1<<20)
	var ends []int
	for range 3 { // the first megabyte is special, then all are compressed to the same bytes
		_, err := g.Write(zeros)
		must(t, err)
		must(t, g.Flush())
		ends = append(ends, b.Len())
	}
	head, again := b.Bytes()[:ends[1]], b.Bytes()[ends[1]:ends[2]]
	return io.MultiReader(bytes.NewReader(head), &repeating{again: again})
}

type repeating struct {
	again []byte
	at    int
}

func (r *repeating) Read(p []byte) (int, error) {
	n := copy(p, r.again[r.at:])
	r.at = (r.at + n) % len(r.again)
	return n, nil
}

// TestPythonWheel reads what Python's own zipfile writes, also with records that are wide.
func TestPythonWheel(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatal(err)
		}
		t.Skip("python3 is not installed")
	}
	out, err := exec.Command(python, "-c", `import io, sys, zipfile
b = io.BytesIO()
with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
    for name, text in (("METADATA", "Name: good\nVersion: 1.0\n"), ("WHEEL", "Generator: python (1)\n"), ("RECORD", "")):
        with z.open("good-1.0.dist-info/" + name, "w", force_zip64=True) as f:
            f.write(text.encode())
sys.stdout.buffer.write(b.getvalue())`).Output() //nolint:gosec // our own test
	must(t, err)
	c, err := readWheel(bytesWindow(out), goodReading(t))
	if err != nil || c.generator != "python (1)" || c.metadata.name != "good" {
		t.Errorf("%+v %v", c, err)
	}
}

// TestTarRefusals: what no unpacking may meet.
func TestTarRefusals(t *testing.T) {
	info := tar.Header{Name: "good-1.0/PKG-INFO", Mode: 0o644, Size: 27, Typeflag: tar.TypeReg}
	text := "Name: good\nVersion: 1.0\n\nxx\n"[:27]
	for words, h := range map[string]tar.Header{
		"leads outside":                {Name: "good-1.0/link", Linkname: "../../etc/passwd", Typeflag: tar.TypeSymlink},
		`"good-1.0/abs" leads outside`: {Name: "good-1.0/abs", Linkname: "/etc/passwd", Typeflag: tar.TypeLink},
		"neither file, directory nor":  {Name: "good-1.0/dev", Typeflag: tar.TypeChar},
	} {
		_, err := readTarball(bytes.NewReader(tarredHeaders(t, []tar.Header{info, h}, []string{text, ""})), nil)
		refused(t, err, words)
	}
	whole := tarredHeaders(t, []tar.Header{info}, []string{text})
	for n := range whole {
		if _, err := readTarball(bytes.NewReader(whole[:n]), nil); err == nil {
			t.Fatalf("%d of %d bytes are a source distribution", n, len(whole))
		}
	}
	broke := errors.New("the disk burns")
	if _, err := readTarball(io.MultiReader(bytes.NewReader(whole[:50]), iotest.ErrReader(broke)), nil); !errors.Is(err, broke) {
		t.Errorf("%v", err)
	}
}

func FuzzWheel(f *testing.F) {
	f.Add(dist{name: "good", version: "1.0"}.wheel(f))
	f.Add(zipped(f, "good-1.0/PKG-INFO", "Name: good\nVersion: 1.0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readWheel(bytesWindow(b), goodReading(t))
		if err == nil && (c.raw == nil || len(c.raw) > maxMetadataBytes) {
			t.Fatal("a wheel without metadata")
		}
		if k := registry.KindOf(err); err != nil && k != registry.Invalid {
			t.Fatalf("kind %v: %v", k, err)
		}
		_, _ = readZipSdist(bytesWindow(b)) // must end, without a panic
	})
}

func FuzzTarball(f *testing.F) {
	f.Add(dist{name: "good", version: "1.0"}.sdist(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := readTarball(bytes.NewReader(b), nil); err != nil && registry.KindOf(err) != registry.Invalid {
			t.Fatalf("%v", err)
		}
	})
}
