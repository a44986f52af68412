// Package storage keeps immutable bytes by digest, and uploads that grow over several requests until they become such
// bytes. It knows nothing of packages, versions or rights. Backends are folders below this one.
package storage

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/opencontainers/go-digest"
)

// Errors of every backend; test with errors.Is.
var (
	ErrNotExist = errors.New("storage: does not exist")
	ErrExists   = errors.New("storage: exists already")
	ErrRange    = errors.New("storage: range not satisfiable")
	ErrTooLarge = errors.New("storage: larger than allowed")
	ErrMismatch = errors.New("storage: bytes do not have the expected digest")
	ErrOffset   = errors.New("storage: upload is shorter than the given offset")
	ErrMoved    = errors.New("storage: upload is not in the given state")
	ErrNoSpace  = errors.New("storage: no space left")
	// ErrUnavailable: the store does not answer, or reports a passing fault; a later try may succeed.
	ErrUnavailable = errors.New("storage: unavailable")
)

// Blob describes stored bytes.
type Blob struct {
	Digest   digest.Digest // always sha256
	Size     int64         // bytes
	Modified time.Time     // when the bytes were last stored, by the store's own clock
}

// Blobs keeps immutable byte strings under their sha256 digest. Methods are safe for concurrent use.
type Blobs interface {
	// Put reads r to EOF and makes the bytes durable and readable before it returns nil. After any error, of r or of the
	// store, nothing becomes visible, and r is not read after it has returned. ErrTooLarge: r holds more than limit bytes (a
	// negative limit is none); ErrNoSpace. When the bytes are stored already, Put counts as storing them again: Modified
	// moves to now.
	Put(ctx context.Context, r io.Reader, limit int64) (Blob, error)
	// Open returns length bytes from offset; length -1 means to the end. The caller closes. ErrNotExist, ErrRange.
	// A local backend returns an *os.File where the whole blob is asked for, so that the kernel can send it.
	Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error)
	// Stat tells size and time. ErrNotExist.
	Stat(ctx context.Context, d digest.Digest) (Blob, error)
	// Delete removes the bytes; a missing blob is no error.
	Delete(ctx context.Context, d digest.Digest) error
	// List yields the blobs after the given digest ("" for all) in ascending order of digest.
	List(ctx context.Context, after digest.Digest) iter.Seq2[Blob, error]
	// Ready reports whether the store answers and takes writes, by one small key of its own.
	Ready(ctx context.Context) error
}

// Uploads keeps bytes that arrive over several requests. The store keeps bytes only; the caller keeps offset and hash state
// in metadata, so that any replica can serve the next request. Methods are safe for concurrent use on different ids; the
// caller serialises calls on one id.
//
// Where several processes share the store, an upload has states, which the store names: each change of its bytes leads to
// another. A caller that notes the state beside the offset can tell its own bytes from those of a request elsewhere: with a
// state that is not nil and not "", a method fails with ErrMoved unless the upload is in this state. *state becomes the state
// in which the upload is left. A store of one process has no states: they stay "".
type Uploads interface {
	// Create begins an empty upload. The caller chooses id: 16 to 64 characters of [a-z0-9-]. What *state was does not count.
	// ErrExists.
	Create(ctx context.Context, id string, state *string) error
	// Append stores r behind the first offset bytes, dropping what an interrupted Append may have left there, and makes it
	// durable. It returns how many bytes of r are durable now, also when it returns an error: a client that disconnects in
	// the middle loses nothing that arrived. ErrNotExist, ErrOffset, ErrTooLarge (offset+n would pass limit; a negative
	// limit is none), ErrNoSpace, ErrMoved, or the error of r.
	Append(ctx context.Context, id string, offset int64, r io.Reader, limit int64, state *string) (int64, error)
	// UploadState returns the state that an upload is in. ErrNotExist.
	UploadState(ctx context.Context, id string) (string, error)
	// OpenUpload returns the first size bytes of an upload. The caller closes. ErrNotExist, ErrOffset.
	OpenUpload(ctx context.Context, id string, size int64) (io.ReadCloser, error)
	// Finish turns the first b.Size bytes into the durable, readable blob b.Digest and ends the upload. The caller
	// vouches that they hash to it. ErrNotExist, ErrOffset, ErrMoved.
	Finish(ctx context.Context, id string, b Blob, state *string) error
	// Discard drops an upload; a missing one is no error.
	Discard(ctx context.Context, id string) error
	// ListUploads yields every unfinished upload: its id and the time of its last byte.
	ListUploads(ctx context.Context) iter.Seq2[Upload, error]
}

// Upload is an unfinished upload as the store sees it.
type Upload struct {
	ID       string
	Size     int64
	Modified time.Time
}

// Store is what a backend offers.
type Store interface {
	Blobs
	Uploads
	// Close releases what the store holds; unfinished uploads stay.
	Close() error
}
