package upstreamtest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"time"
)

// packed is the time of every entry of an archive.
var packed = time.Date(1985, 10, 26, 8, 15, 0, 0, time.UTC)

// padding is incompressible bytes that follow from a name.
func padding(name string, size int64) []byte {
	b, err := io.ReadAll(open(generated{seedOf(name), size}))
	if err != nil {
		panic(err)
	}
	return b
}

// tarred is a tar file with these files, sorted by their path.
func tarred(files map[string]string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, path := range sorted(maps.Keys(files)) {
		check(w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(files[path])), ModTime: packed, Typeflag: tar.TypeReg}))
		_, err := io.WriteString(w, files[path])
		check(err)
	}
	check(w.Close())
	return b.Bytes()
}

// tarball is a compressed tar file.
func tarball(files map[string]string) []byte { return gzipped(tarred(files)) }

// zipped is a zip file with these files: first the named ones, in this order, then the others, sorted.
func zipped(files map[string]string, first ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	rest := maps.Clone(files)
	for _, path := range first {
		delete(rest, path)
	}
	for _, path := range append(first, sorted(maps.Keys(rest))...) {
		method := zip.Deflate
		if len(files[path]) > longText {
			method = zip.Store // as in gzipped
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: path, Method: method, Modified: packed})
		check(err)
		_, err = io.WriteString(f, files[path])
		check(err)
	}
	check(w.Close())
	return b.Bytes()
}

// check is for what can't fail in memory.
func check(err error) {
	if err != nil {
		panic(err)
	}
}
