package load

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestNpmTarball reads the tarball that the two parts make together, of one block and of several.
func TestNpmTarball(t *testing.T) {
	k := newNpmKit()
	for _, size := range []int{0, 1, 20 << 10, 1<<16 - 600, 64 << 10, 200_000} {
		for _, manifest := range []string{`{"a":1}`, `{"a":2}`, strings.Repeat("x", 2000)} {
			tb, err := k.pack(manifest, size)
			if err != nil {
				t.Fatal(err)
			}
			raw := bytes.Join([][]byte{tb.start.raw, tb.tail}, nil)
			if text := base64.StdEncoding.EncodeToString(raw); string(tb.appendBase64(nil)) != text || tb.size() != len(raw) {
				t.Errorf("%d bytes: wrong base64 or size", size)
			}
			s1, s512 := sha1.Sum(raw), sha512.Sum512(raw)
			if !bytes.Equal(tb.sha1, s1[:]) || !bytes.Equal(tb.sha512, s512[:]) {
				t.Errorf("%d bytes: wrong sums", size)
			}
			files, err := unpack(raw)
			if err != nil || files["package/package.json"] != manifest || len(files["package/index.js"]) != size {
				t.Errorf("%d bytes: %d files, %v", size, len(files), err)
			}
		}
	}
}

func unpack(raw []byte) (map[string]string, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	files := map[string]string{}
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, z) // to the sum at its end
			return files, err
		}
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files[h.Name] = string(body)
	}
}
