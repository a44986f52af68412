package npm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/iotest"

	"slipway/formats/formatstest"
	"slipway/registry"
)

// sized returns a package tarball of about n bytes that don't compress.
func sized(t testing.TB, manifest string, n int) []byte {
	t.Helper()
	noise := make([]byte, n)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	return stored(t, manifest, noise)
}

// TestTarballSizes: what is stored is what was sent, around every length at which it is read in another way.
func TestTarballSizes(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	for i, n := range []int{0, 1, base64Chunk / 4 * 3, headBytes - 4096, headBytes - 3072, headBytes - 2048, headBytes, headBytes + 1, 2 * headBytes, 1 << 20} {
		version := fmt.Sprintf("1.0.%d", 100+i)
		tarball := sized(t, `{"name":"web","version":"`+version+`"}`, n)
		e.publish(pub{name: "web", version: version, tarball: tarball})
		got := e.want(http.StatusOK, "", e.do(formatstest.Admin, http.MethodGet, "/web/-/web-"+version+".tgz", nil))
		if !bytes.Equal(got.Body, tarball) {
			t.Errorf("%d bytes: %d came back, or others", len(tarball), len(got.Body))
		}
		e.want(http.StatusBadRequest, "not a readable tar.gz", e.put(pub{name: "web", version: version + "0", tarball: tarball[:len(tarball)-9],
			manifest: map[string]any{"description": "cut"}}))
	}
}

// TestFill: the end of a head is told apart from an end that comes too early.
func TestFill(t *testing.T) {
	p := make([]byte, 4)
	for _, c := range []struct {
		r    io.Reader
		n    int
		want error
	}{
		{bytes.NewReader(nil), 0, io.EOF},
		{bytes.NewReader([]byte("abc")), 3, io.EOF},
		{iotest.DataErrReader(bytes.NewReader([]byte("abcd"))), 4, io.EOF},
		{bytes.NewReader([]byte("abcd")), 4, nil},
		{iotest.OneByteReader(bytes.NewReader([]byte("abcde"))), 4, nil},
		{io.MultiReader(bytes.NewReader([]byte("ab")), iotest.ErrReader(io.ErrUnexpectedEOF)), 2, io.ErrUnexpectedEOF},
	} {
		if n, err := fill(p, c.r); n != c.n || !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%d %v, want %d %v", n, err, c.n, c.want)
		}
	}
}

// TestMemoryKeptApart: documents that are read at once and one after the other in the same memory, some of them broken,
// keep to their own bytes.
func TestMemoryKeptApart(t *testing.T) {
	var group sync.WaitGroup
	defer group.Wait()
	for i := range 8 {
		group.Go(func() {
			for j := range 20 {
				name := fmt.Sprintf("web-%d-%d", i, j)
				tarball := sized(t, `{"name":"`+name+`","version":"1.0.0"}`, 1000*i*j)
				body := pub{name: name, version: "1.0.0", tarball: tarball, manifest: map[string]any{"description": name}}.body(t)
				var tar contents
				var got bytes.Buffer
				attach := func(_ string, data io.Reader) (err error) {
					r := newBase64Reader(data)
					defer r.putBack()
					tar, err = inspect(io.TeeReader(r, &got), nil)
					return err
				}
				doc, err := readDocument(bytes.NewReader(body), attach)
				if err != nil || !bytes.Equal(got.Bytes(), tarball) || tar.manifest.text("name") != name || doc.versions[0].manifest.text("description") != name {
					t.Errorf("%s: %v, %d of %d bytes, %s", name, err, got.Len(), len(tarball), tar.manifest)
				}
				if _, err := readDocument(bytes.NewReader(body[:len(body)*j/20]), attach); registry.KindOf(err) != registry.BadBody && registry.KindOf(err) != registry.Invalid {
					t.Errorf("%s, cut: %v", name, err)
				}
			}
		})
	}
}
