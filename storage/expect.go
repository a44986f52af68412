package storage

import (
	"io"

	"github.com/opencontainers/go-digest"
)

// Expect yields r and replaces its io.EOF with ErrMismatch unless the bytes hash to want, which must be valid.
// Put commits nothing after a read error, so this reader verifies uploads for every store.
func Expect(r io.Reader, want digest.Digest) io.Reader {
	return &expecting{r: r, sum: want.Verifier()}
}

type expecting struct {
	r   io.Reader
	sum digest.Verifier
}

func (e *expecting) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	_, _ = e.sum.Write(p[:n]) // a hash never fails
	if err == io.EOF && !e.sum.Verified() {
		return n, ErrMismatch
	}
	return n, err
}
