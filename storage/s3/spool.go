package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"slipway/storage"
)

const (
	firstBytes    = 64 << 10          // most manifests and many packages are smaller
	windowBytes   = 1<<20 + 64<<10    // of a body in memory; a layer of 1 MiB needs no file
	maxEmptyReads = 100               // in a row; then r is broken
	spoolPattern  = "slipway-s3-body" // of files, which lose their name as soon as they are open
	spoolMode     = 0o700
	spoolKeeps    = 64 << 20 // bytes of the folder's file system that bodies leave free: the database may lie there too
	spoolShare    = 16       // of a small file system, one part in so many stays free instead
)

var (
	firsts  = sync.Pool{New: func() any { return new([firstBytes]byte) }}
	windows = sync.Pool{New: func() any { return new([windowBytes]byte) }}
)

// spool holds bytes on their way, so that they can be hashed before they are sent and sent again after a fault: in
// memory up to a window, else in a file.
type spool struct {
	dir    string
	sum    hash.Hash // sha256 of what it holds
	first  *[firstBytes]byte
	window *[windowBytes]byte
	buf    []byte // first or window
	w      int    // bytes in buf that are not in file
	file   *os.File
	named  bool // the file could not be removed while it is open
	size   int64
}

// openSpool makes the folder of bodies on their way, checks that files can be made in it, and removes files that a killed
// process left there. It removes no other file, as an operator may name a folder that has other uses. A full disk is no
// error here: a server that starts on it still serves what is there.
func openSpool(dir string) error {
	if dir == "" {
		return errors.New("no folder for bodies on their way is named")
	}
	if err := os.MkdirAll(dir, spoolMode); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), spoolPattern) && e.Type().IsRegular() {
			_ = os.Remove(filepath.Join(dir, e.Name())) // another process that shares the folder removed it first, or owns it
		}
	}
	if err := probeSpool(dir); err != nil && !errors.Is(err, storage.ErrNoSpace) {
		return err
	}
	return nil
}

// probeSpool makes a file in the folder and removes it.
func probeSpool(dir string) error {
	f, err := os.CreateTemp(dir, spoolPattern)
	if err != nil {
		return spoolError(err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// spoolRoom fails with ErrNoSpace when n more bytes would use room that stays reserved for others, on a file system of
// total bytes of which free are unused. A file system that does not report its size is not bounded here.
func spoolRoom(free, total uint64, n int) error {
	if total > 0 && free < uint64(n)+min(spoolKeeps, total/spoolShare) {
		return fmt.Errorf("%w: %d bytes are free", storage.ErrNoSpace, free)
	}
	return nil
}

// newSpool returns an empty spool. The caller calls free.
func newSpool(dir string) *spool {
	b := &spool{dir: dir, sum: sha256.New(), first: firsts.Get().(*[firstBytes]byte)}
	b.buf = b.first[:]
	return b
}

func (b *spool) free() {
	firsts.Put(b.first)
	if b.window != nil {
		windows.Put(b.window)
	}
	if b.file != nil {
		_ = b.file.Close() // nothing in it matters any more
		if b.named {
			_ = os.Remove(b.file.Name())
		}
	}
}

// reset empties the spool.
func (b *spool) reset() {
	b.sum.Reset()
	b.w, b.size = 0, 0
}

// fill reads until the spool holds limit bytes and returns nil, or the error that came first, io.EOF included.
func (b *spool) fill(ctx context.Context, r io.Reader, limit int64) error {
	for empty := 0; b.size < limit; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.room(); err != nil {
			return err
		}
		n, err := r.Read(b.buf[b.w:min(int64(len(b.buf)), int64(b.w)+limit-b.size)])
		b.took(n)
		if err != nil {
			return err
		}
		if n > 0 {
			empty = 0
		} else if empty++; empty == maxEmptyReads {
			return io.ErrNoProgress
		}
	}
	return nil
}

// write appends p.
func (b *spool) write(p []byte) error {
	return b.fill(context.Background(), bytes.NewReader(p), b.size+int64(len(p)))
}

// took counts n bytes that were read into buf.
func (b *spool) took(n int) {
	_, _ = b.sum.Write(b.buf[b.w : b.w+n]) // a hash never fails
	b.w += n
	b.size += int64(n)
}

// room makes room in buf.
func (b *spool) room() error {
	switch {
	case b.w < len(b.buf):
		return nil
	case b.window == nil:
		b.window = windows.Get().(*[windowBytes]byte)
		copy(b.window[:], b.buf[:b.w])
		b.buf = b.window[:]
		return nil
	default:
		return b.flush()
	}
}

// flush moves the bytes of buf to the end of the file.
func (b *spool) flush() error {
	if b.file == nil {
		f, err := os.CreateTemp(b.dir, spoolPattern)
		if err != nil {
			return spoolError(err)
		}
		b.file = f
		b.named = os.Remove(f.Name()) != nil
	}
	var disk syscall.Statfs_t
	if err := syscall.Fstatfs(int(b.file.Fd()), &disk); err != nil {
		return spoolError(err)
	}
	if err := spoolRoom(uint64(disk.Bavail)*uint64(disk.Bsize), uint64(disk.Blocks)*uint64(disk.Bsize), b.w); err != nil {
		return spoolError(err)
	}
	if _, err := b.file.WriteAt(b.buf[:b.w], b.size-int64(b.w)); err != nil {
		return spoolError(err)
	}
	b.w = 0
	return nil
}

// shrink gives the window back when no byte is in it.
func (b *spool) shrink() {
	if b.window != nil && b.w == 0 {
		windows.Put(b.window)
		b.window, b.buf = nil, b.first[:]
	}
}

// body reads the spool's bytes, and is valid until the next fill, reset or free. A second call changes nothing.
func (b *spool) body() (*io.SectionReader, error) {
	if b.size == int64(b.w) {
		return io.NewSectionReader(bytes.NewReader(b.buf[:b.w]), 0, b.size), nil
	}
	if b.w > 0 {
		if err := b.flush(); err != nil {
			return nil, err
		}
	}
	return io.NewSectionReader(b.file, 0, b.size), nil
}

// diskError marks errors of the local disk, to distinguish them from errors of the reader that is spooled.
type diskError struct{ err error }

func (e *diskError) Error() string { return "temporary file: " + e.err.Error() }

func (e *diskError) Unwrap() error { return e.err }

func spoolError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w: %w", storage.ErrNoSpace, err)
	}
	return &diskError{err}
}

func onDisk(err error) bool {
	var d *diskError
	return errors.As(err, &d)
}
