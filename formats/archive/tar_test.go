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
