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

// Announced takes the reader of Expect apart, for stores that hash what they read by themselves: two sums of the same bytes
// would take twice the time. The store fails with ErrMismatch, before it commits anything, when its sum is not want. "":
// nothing is to be compared.
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
