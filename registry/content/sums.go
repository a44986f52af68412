package content

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"

	"slipway/registry"
	"slipway/storage"
)

// Sums are raw digests beside sha256. In StageFile.Want, every sum that is set must match.
type Sums struct {
	SHA256 []byte
	SHA1   []byte
	MD5    []byte
	SHA512 []byte
}

// SumSet names sums to compute.
type SumSet uint8

// Members of a SumSet.
const (
	SHA1 SumSet = 1 << iota
	MD5
	SHA512
)

// StageFile describes bytes about to be staged.
type StageFile struct {
	Path      string
	MediaType string
	Want      Sums   // verified; DigestMismatch
	Sums      SumSet // computed in the same pass and kept; those in Want are always computed
	Limit     int64  // bytes; 0 is no limit. TooLarge
}

func StageError(err error, f StageFile) error {
	var mismatch *sumError
	switch {
	case errors.As(err, &mismatch):
		return &registry.Error{Kind: registry.DigestMismatch, Subject: registry.AboutFile, Err: err, Detail: fmt.Sprintf(
			"%s of %q is %x, but %x was announced; nothing was stored", mismatch.name, registry.Clip(f.Path), mismatch.got, mismatch.want)}
	case errors.Is(err, storage.ErrTooLarge):
		return &registry.Error{Kind: registry.TooLarge, Subject: registry.AboutFile, Err: err, Detail: fmt.Sprintf(
			"%q is larger than the limit of %d bytes", registry.Clip(f.Path), f.Limit)}
	}
	e := registry.AsError(err)
	if e.Subject == "" {
		e = &registry.Error{Kind: e.Kind, Subject: registry.AboutFile, Detail: e.Detail, RetryAfter: e.RetryAfter, Err: err}
	}
	return e
}

// summer computes sums of a stream and compares them with the wanted sums at the end of the stream.
type summer struct {
	sums []namedSum
}

type namedSum struct {
	id   SumSet // 0: sha256, which the store keeps itself
	name string
	hash hash.Hash
	want []byte
}

type sumError struct {
	name      string
	want, got []byte
}

func (e *sumError) Error() string { return fmt.Sprintf("%s is %x, not %x", e.name, e.got, e.want) }

func NewSummer(set SumSet, want Sums) *summer {
	s := &summer{}
	add := func(id SumSet, name string, make func() hash.Hash, want []byte) {
		if want != nil || set&id != 0 {
			s.sums = append(s.sums, namedSum{id, name, make(), want})
		}
	}
	add(0, "sha256", sha256.New, want.SHA256)
	add(SHA1, "sha1", sha1.New, want.SHA1)
	add(MD5, "md5", md5.New, want.MD5)
	add(SHA512, "sha512", sha512.New, want.SHA512)
	return s
}

func (s *summer) Sum(id SumSet) []byte {
	for _, n := range s.sums {
		if n.id == id {
			return n.hash.Sum(nil)
		}
	}
	return nil
}

// Verify returns a reader that passes r through every hash. Where a sum differs from the wanted sum, the reader fails instead
// of returning io.EOF, so the store keeps nothing.
func (s *summer) Verify(r io.Reader) io.Reader {
	if len(s.sums) == 0 {
		return r
	}
	return &verifying{r, s}
}

type verifying struct {
	r io.Reader
	s *summer
}

func (v *verifying) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	for _, sum := range v.s.sums {
		_, _ = sum.hash.Write(p[:n]) // a hash never fails
	}
	if err == io.EOF {
		for _, sum := range v.s.sums {
			if got := sum.hash.Sum(nil); sum.want != nil && string(got) != string(sum.want) {
				return n, &sumError{sum.name, sum.want, got}
			}
		}
	}
	return n, err
}
