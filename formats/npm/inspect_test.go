package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"slipway/registry"
)

func TestInspect(t *testing.T) {
	raw := tarGz(t,
		entry{kind: tar.TypeXGlobalHeader},
		entry{path: "node/", kind: tar.TypeDir},
		entry{path: "node/index.js", content: "12345"},
		entry{path: "./node//lib/a.js", content: "678"},
		entry{path: "node/binding.gyp", content: "{}"},
		entry{path: "node/npm-shrinkwrap.json", content: "{}"},
		entry{path: "node/sub/package.json", content: `{"name":"other"}`},
		entry{path: "node/link", kind: tar.TypeSymlink, link: "lib/../index.js"},
		entry{path: "node/package.json", content: "\uFEFF" + `{ "name": "web", "x": 1.0, "version": "1.0.0" }`},
	)
	for how, r := range map[string]io.Reader{"whole": bytes.NewReader(raw), "bytewise": iotest.OneByteReader(bytes.NewReader(raw))} {
		got, err := inspect(r, nil)
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if got.manifest.text("name") != "web" || string(got.manifest.get("x")) != "1.0" || !got.hasGyp || !got.hasShrinkwrap {
			t.Errorf("%s: %+v", how, got)
		}
		if got.files != 6 || got.unpacked < 60 {
			t.Errorf("%s: %d files, %d bytes", how, got.files, got.unpacked)
		}
	}
}

func TestInspectRefuses(t *testing.T) {
	good := entry{path: "package/package.json", content: `{"name":"web","version":"1.0.0"}`}
	whole := tarGz(t, good)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-5] ^= 1
	var behind bytes.Buffer
	z := gzip.NewWriter(&behind)
	w := tar.NewWriter(z)
	must(t, w.WriteHeader(&tar.Header{Name: good.path, Size: int64(len(good.content)), Typeflag: tar.TypeReg}))
	_, err := w.Write([]byte(good.content))
	must(t, err)
	must(t, w.Close())
	_, err = z.Write(append(make([]byte, 512), "more"...))
	must(t, err)
	must(t, z.Close())

	for what, raw := range map[string][]byte{
		"nothing":           {},
		"no gzip":           []byte("hello"),
		"no tar":            gz(t, []byte("hello")),
		"cut":               whole[:len(whole)-20],
		"no trailer":        whole[:len(whole)-8],
		"wrong checksum":    flipped,
		"garbage behind":    append(bytes.Clone(whole), "garbage"...),
		"second archive":    behind.Bytes(),
		"empty":             tarGz(t),
		"no package.json":   tarGz(t, entry{path: "package/index.js"}),
		"only deeper":       tarGz(t, entry{path: "package/lib/package.json", content: "{}"}),
		"not in a root":     tarGz(t, entry{path: "package.json", content: "{}"}),
		"not JSON":          tarGz(t, entry{path: "package/package.json", content: "{]"}),
		"two values":        tarGz(t, entry{path: "package/package.json", content: "{}{}"}),
		"not an object":     tarGz(t, entry{path: "package/package.json", content: `"x"`}),
		"too deep":          tarGz(t, entry{path: "package/package.json", content: strings.Repeat("[", 1_000_000)}),
		"too large":         tarGz(t, entry{path: "package/package.json", content: `{"a":"` + strings.Repeat("a", maxManifestBytes) + `"}`}),
		"twice":             tarGz(t, good, good),
		"in another case":   tarGz(t, good, entry{path: "package/Package.json", content: "{}"}),
		"in another root":   tarGz(t, good, entry{path: "other/package.json", content: "{}"}),
		"two roots":         tarGz(t, good, entry{path: "other/x", content: "{}"}),
		"a link":            tarGz(t, entry{path: "package/package.json", kind: tar.TypeSymlink, link: "x.json"}),
		"a directory":       gz(t, append(block("package/package.json/", '0', 2), append([]byte("{}"), make([]byte, 510+1024)...)...)),
		"climbing":          tarGz(t, good, entry{path: "package/../../x"}),
		"absolute":          tarGz(t, good, entry{path: "/etc/passwd"}),
		"drive":             tarGz(t, good, entry{path: "c:/x"}),
		"backslash":         tarGz(t, good, entry{path: `package\..\x`}),
		"long path":         tarGz(t, good, entry{path: "package/" + strings.Repeat("a/", 3000) + "x"}),
		"device":            tarGz(t, good, entry{path: "package/dev", kind: tar.TypeChar}),
		"fifo":              tarGz(t, good, entry{path: "package/fifo", kind: tar.TypeFifo}),
		"link out":          tarGz(t, good, entry{path: "package/l", kind: tar.TypeSymlink, link: "../../x"}),
		"absolute link":     tarGz(t, good, entry{path: "package/l", kind: tar.TypeSymlink, link: "/etc/passwd"}),
		"hard link out":     tarGz(t, good, entry{path: "package/l", kind: tar.TypeLink, link: "../x"}),
		"link to the above": tarGz(t, good, entry{path: "package/a/l", kind: tar.TypeSymlink, link: "../../../package2"}),
	} {
		if _, err := inspect(bytes.NewReader(raw), nil); registry.KindOf(err) != registry.Invalid {
			t.Errorf("%s: %v, want Invalid", what, err)
		}
	}
	if _, err := inspect(iotest.TimeoutReader(bytes.NewReader(whole)), nil); err != nil && !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("a broken stream: %v", err)
	}
	if _, err := inspect(io.MultiReader(bytes.NewReader(whole[:40]), iotest.ErrReader(io.ErrNoProgress)), nil); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a broken stream: %v, want its own error", err)
	}
}

func gz(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(content)
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

// bomb is a tarball with one file of n MiB of zeros, compressed a thousandfold. It is made of many gzip members, so that
// making it takes no time.
func bomb(t testing.TB, n int) *bytes.Reader {
	t.Helper()
	var head bytes.Buffer
	must(t, tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "package/zeros", Size: int64(n) << 20, Typeflag: tar.TypeReg}))
	member := gz(t, make([]byte, 1<<20))
	return bytes.NewReader(append(gz(t, head.Bytes()), bytes.Repeat(member, n)...))
}

// TestS57 (incidents.md): archives that unpack to far more than they are, in bytes or entries, are refused early.
func TestS57(t *testing.T) {
	r := bomb(t, 4096)
	size := r.Len()
	_, err := inspect(r, nil)
	if registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), "times its size") {
		t.Errorf("4 GiB of zeros: %v", err)
	}
	// What is read does not depend on the machine, as the time it takes does.
	if read := size - r.Len(); read > size/16 {
		t.Errorf("4 GiB of zeros: refused after %d of %d bytes", read, size)
	}

	thousand := gz(t, bytes.Repeat(block("package/x", '0', 0), 1000))
	many := bytes.Repeat(thousand, maxEntries/1000+1)
	if _, err := inspect(bytes.NewReader(many), nil); registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), "entries") {
		t.Errorf("many entries: %v", err)
	}

	sparse := sparseTar(t)
	if _, err := inspect(bytes.NewReader(sparse), nil); registry.KindOf(err) != registry.Invalid {
		t.Errorf("sparse file: %v", err)
	}
}

// sparseTar holds a file of a terabyte in a few bytes (PAX GNU.sparse 0.1).
func sparseTar(t *testing.T) []byte {
	t.Helper()
	record := func(key, value string) string {
		for n := len(key) + len(value) + 3; ; n++ {
			s := itoa(n) + " " + key + "=" + value + "\n"
			if len(s) == n {
				return s
			}
		}
	}
	pax := record("GNU.sparse.major", "0") + record("GNU.sparse.minor", "1") + record("GNU.sparse.name", "package/big") +
		record("GNU.sparse.size", "1099511627776") + record("GNU.sparse.numblocks", "1") + record("GNU.sparse.map", "0,0")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.WriteHeader(&tar.Header{Name: "package/package.json", Size: 2, Typeflag: tar.TypeReg}))
	_, err := w.Write([]byte("{}"))
	must(t, err)
	must(t, w.Flush())
	b.Write(block("PaxHeaders/x", 'x', len(pax)))
	b.WriteString(pax)
	b.Write(make([]byte, -len(pax)&511))
	b.Write(block("package/big", '0', 0))
	b.Write(make([]byte, 1024))
	return gz(t, b.Bytes())
}

func itoa(n int) string {
	s := ""
	for ; n > 0; n /= 10 {
		s = string(rune('0'+n%10)) + s
	}
	return s
}

// block is a USTAR header.
func block(name string, kind byte, size int) []byte {
	b := make([]byte, 512)
	copy(b, name)
	copy(b[100:], "0000644\x000000000\x000000000\x00")
	copy(b[124:], octal(size, 11)+"\x00"+octal(0, 11)+"\x00")
	b[156] = kind
	copy(b[257:], "ustar\x0000")
	sum := 0
	copy(b[148:], "        ")
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], octal(sum, 6)+"\x00 ")
	return b
}

func octal(n, width int) string {
	s := ""
	for range width {
		s = string(rune('0'+n%8)) + s
		n /= 8
	}
	return s
}

// FuzzInspect: no archive makes it fail in another way than by refusing.
func FuzzInspect(f *testing.F) {
	f.Add(tarGz(f, entry{path: "package/package.json", content: "{}"}))
	f.Add(gz(f, block("package/package.json", '0', 2)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, b := range [][]byte{raw, gz(t, raw)} {
			got, err := inspect(bytes.NewReader(b), nil)
			if (err == nil) == (got.manifest == nil) && err == nil {
				t.Fatal("accepted without a package.json")
			}
			if err != nil && registry.KindOf(err) != registry.Invalid {
				t.Fatalf("%v", err)
			}
		}
	})
}
