package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/archive"
	"slipway/registry"
)

// linked makes a tarball of "path", "path -> target" (a symbolic link) and "path = target" (a hard link).
func linked(t *testing.T, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: "root/" + e, Mode: 0o644, Typeflag: tar.TypeReg}
		if name, target, ok := strings.Cut(e, " -> "); ok {
			h = &tar.Header{Name: "root/" + name, Linkname: target, Typeflag: tar.TypeSymlink}
		} else if name, target, ok := strings.Cut(e, " = "); ok {
			h = &tar.Header{Name: "root/" + name, Linkname: target, Typeflag: tar.TypeLink}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func look(raw []byte) error {
	return archive.Tarball{MaxBytes: 1 << 30, MaxRatio: 1000, MaxEntries: 100_000,
		Entry: func(*tar.Header, string, io.Reader) error { return nil }}.Read(bytes.NewReader(raw))
}

// TestTarballLinks: no chain of links leaves the directory of who follows them. What is taken is laid out, and followed.
func TestTarballLinks(t *testing.T) {
	for _, good := range [][]string{
		{"lib/a", "b -> lib/a"}, {"lib/a", "lib/sub/b -> ../a"}, {"lib/a", "sub/b -> ./../lib/./a"}, {"x -> ."}, {"lib/x -> .."}, {"lib/a", "b -> lib/../lib/a"},
		{"lib/a", "dir -> lib", "b -> dir/a"}, {"lib/a", "b = root/lib/a"}, {"x -> y", "y -> x"}, {"b -> gone/../gone"},
	} {
		if err := look(linked(t, good...)); err != nil {
			t.Errorf("%v: %v", good, err)
			continue
		}
		base := filepath.Join(t.TempDir(), "base")
		for _, e := range good {
			name, target, link := strings.Cut(e, " -> ")
			at := filepath.Join(base, name)
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
			if link {
				if err := os.Symlink(target, at); err != nil {
					t.Fatal(err)
				}
				if real, err := filepath.EvalSymlinks(at); err == nil && !strings.HasPrefix(real+"/", base+"/") {
					t.Errorf("%v leads to %s", good, real)
				}
			} else if err := os.WriteFile(at, nil, 0o644); err != nil && !strings.Contains(name, " = ") {
				t.Fatal(err)
			}
		}
	}
	for words, bad := range map[string][][]string{
		"leads outside": {
			{"x -> .."}, {"x -> ../root/a"}, {"a/x -> ../../b"}, {"a/x -> b/../../.."}, {"x -> /etc"}, {"x -> a\\b"}, {"x = ../a"}, {"x = root/../a"}, {"x = other/a"},
			{"d/e/s -> ../..", "h = root/d/e/s"}, {"d/s -> ..", "x -> d", "h = root/x/s"},
		},
		"behind a link": {{"x -> .", "x/y -> .."}, {"x -> lib", "x/a"}, {"a/x -> ..", "a/x/a/b"}},
		"through another": {
			{"d/e/a -> ../..", "b -> d/e/a/.."}, {"b -> d/e/a/..", "d/e/a -> ../.."}, {"d/b -> ..", "a -> d", "c -> a/b/.."}, {"a -> lib", "b -> a/x/../../lib"},
		},
	} {
		for _, entries := range bad {
			if err := look(linked(t, entries...)); registry.KindOf(err) != registry.Invalid || err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%v: %v, want %q", entries, err, words)
			}
		}
	}
	var many []string
	for i := range 2000 {
		many = append(many, fmt.Sprintf("%s%d -> x", strings.Repeat("a", 3000), i))
	}
	if err := look(linked(t, many...)); err == nil || !strings.Contains(err.Error(), "too many links") {
		t.Errorf("links without end: %v", err)
	}
}

// packed makes a tar of one file, whose content ends in zero bytes, and cuts off all but so many blocks of its end.
func packed(t *testing.T, endBlocks int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	content := make([]byte, 3000)
	if err := w.WriteHeader(&tar.Header{Name: "root/" + strings.Repeat("long", 60), Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()[:b.Len()-1024+512*endBlocks]
}

func gzipped(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTarballEnd (fault J9): a tar that just ends is refused, since pnpm can't unpack it. One block of zero bytes is an end.
func TestTarballEnd(t *testing.T) {
	for blocks, ok := range map[int]bool{0: false, 1: true, 2: true} {
		err := look(gzipped(t, packed(t, blocks)))
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "the tar has no end") {
			t.Errorf("%d blocks: %v", blocks, err)
		}
	}
	whole := packed(t, 0)
	if err := look(gzipped(t, whole[:len(whole)-72])); err == nil { // not even the last block is filled up
		t.Error("a tar cut in the padding of its last file was taken")
	}
}

// TestTarballPadding (fault J2): as gzip(1) does, zero bytes behind the compressed data are read over, and nothing else.
func TestTarballPadding(t *testing.T) {
	raw := packed(t, 2)
	whole := gzipped(t, raw)
	members := append(gzipped(t, raw[:700]), gzipped(t, raw[700:])...)
	zeros := make([]byte, 200_000) // more than the reader's buffer
	for name, c := range map[string]struct {
		raw   []byte
		words string // of the refusal
	}{
		"one byte":            {append(bytes.Clone(whole), 0), ""},
		"many bytes":          {append(bytes.Clone(whole), zeros...), ""},
		"members":             {members, ""},
		"members and padding": {append(bytes.Clone(members), zeros...), ""},
		"text":                {append(bytes.Clone(whole), 'x'), "not a readable tar.gz"},
		"zero bytes and text": {append(append(bytes.Clone(whole), zeros...), 'x'), "behind the end of the compressed file"},
		"zero bytes between":  {append(append(gzipped(t, raw[:700]), 0), gzipped(t, raw[700:])...), "behind the end of the compressed file"},
		"zero bytes in front": {append([]byte{0}, whole...), "not a readable tar.gz"},
		"a file behind":       {append(bytes.Clone(whole), gzipped(t, packed(t, 2))...), "behind the end of the archive"},
		"a broken sum":        {append(append(bytes.Clone(whole[:len(whole)-8]), "12345678"...), zeros...), "not a readable tar.gz"},
	} {
		err := look(c.raw)
		if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
	}
}
