package storage

import (
	"io"

	"github.com/opencontainers/go-digest"
)

// Expect yields r and replaces its io.EOF with ErrMismatch unless the bytes hash to want, which must be valid.
// Put commits nothing after a read error, so this reader verifies uploads for every store.
func Expect(r io.Reader, want digest.Digest) io.Reader {
	return &expecting{r: r, want: want, sum: want.Verifier()}
}

// Announced splits the reader of Expect into the inner reader and the wanted digest, for stores that hash what they read
// themselves: hashing the same bytes twice would take twice the time. When its own sum is not want, the store fails with
// ErrMismatch before it commits anything. An empty want means that there is nothing to compare.
func Announced(r io.Reader) (_ io.Reader, want digest.Digest) {
	if e, ok := r.(*expecting); ok && e.want.Algorithm() == digest.SHA256 {
		return e.r, e.want
	}
	return r, ""
}

type expecting struct {
	r    io.Reader
	want digest.Digest
	sum  digest.Verifier
}

func (e *expecting) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	_, _ = e.sum.Write(p[:n]) // a hash never fails
	if err == io.EOF && !e.sum.Verified() {
		return n, ErrMismatch
	}
	return n, err
}
