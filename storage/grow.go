package storage

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"
)

// Grower is implemented by backends whose blobs can be read while they are written: a file that comes from elsewhere is
// written once, and any number of readers follow it.
type Grower interface {
	// Grow begins an empty blob, which belongs to the caller alone: no other method of the store shows it before Commit, and
	// no other process ever does. ctx is for this call; the blob lives on when ctx is done. The caller closes.
	Grow(ctx context.Context) (Growing, error)
}

// Growing is a blob on its way. One caller writes, any number read at the same time; Close may come at any moment. The bytes
// can be read until Close, whether or not they were committed, and also when the committed blob was deleted meanwhile.
// What is not committed vanishes at Close, or with the process.
type Growing interface {
	// Write appends p. ReadAt sees the n bytes that Write has taken as soon as it returns, also when it returns an error;
	// the caller may then write the rest of p again. ErrNoSpace; ErrTooLarge: the store takes no blob of this size;
	// fs.ErrClosed: after a successful Commit, and after Close.
	io.Writer
	// ReadAt fills p with the bytes from off on. Where fewer were written so far, it returns these and io.EOF, and does not
	// wait: before Commit, io.EOF does not mean that no more bytes will come. A negative off is ErrRange. fs.ErrClosed:
	// after Close.
	io.ReaderAt
	// Commit makes all bytes that Write has taken the durable, readable blob sum, as Put does: when the blob is stored
	// already, its Modified moves to now. The caller vouches that the bytes hash to sum; a store that hashes them itself
	// fails with ErrMismatch. After any error nothing has become visible, or an answer of the backend got lost and all of it
	// has; the bytes are still here, and Commit may be called again. ErrNoSpace, ErrUnavailable; ErrNotExist: sum is no
	// sha256 digest; fs.ErrClosed: after a successful Commit, and after Close.
	Commit(ctx context.Context, sum digest.Digest) (Blob, error)
	// Close ends the blob's growth and all reading here; without a successful Commit it discards the bytes. Close waits for a
	// running Write or Commit, not for readers: a ReadAt that runs returns its bytes or fs.ErrClosed. Further calls do
	// nothing.
	Close() error
}

// ReadHeld is the part of Growing.ReadAt that backends share. Of the bytes that were written, those from offset start on
// are held in memory; ReadHeld copies those that p covers into their place in p. It returns how many bytes of p are to be
// filled in all, and how many of these, at the beginning of p, lie before start and are for the caller to read. ErrRange;
// io.EOF: n is less than the length of p.
func ReadHeld(p []byte, off int64, held []byte, start int64) (n, before int, err error) {
	if off < 0 {
		return 0, 0, ErrRange
	}
	n = int(max(0, min(int64(len(p)), start+int64(len(held))-off)))
	before = int(max(0, min(int64(n), start-off)))
	if n > before {
		copy(p[before:n], held[off+int64(before)-start:])
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, before, err
}
