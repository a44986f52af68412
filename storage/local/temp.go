package local

import (
	"context"
	"errors"
	"os"
	"time"

	"slipway/internal/fsync"
	"slipway/storage"
)

const writeBackBytes = 8 << 20 // 64 MiB take 0.8 of the time without; 1 to 16 MiB measure alike, fdatasync gains nothing

// paced writes one piece behind the other and lets the kernel begin to write them to the disk every 8 MiB.
type paced struct {
	f       *os.File
	end     int64 // where the next piece goes
	started int64 // the kernel was told to write the bytes before it
}

func pacedFrom(f *os.File, offset int64) paced { return paced{f: f, end: offset, started: offset} }

// Write appends p. After an error end tells how many bytes are in the file.
func (w *paced) Write(p []byte) (int, error) {
	n, err := w.f.WriteAt(p, w.end)
	w.end += int64(n)
	if w.end-w.started >= writeBackBytes {
		fsync.WriteBack(w.f, w.started, w.end-w.started)
		w.started = w.end
	}
	return n, err
}

// temp is a file in tmp whose bytes become a blob. New removes those that a killed process leaves.
type temp struct {
	paced
	s     *Store
	moved bool // the file is a blob now
}

func (s *Store) newTemp() (*temp, error) {
	f, err := os.CreateTemp(s.tmp, "put-")
	if err != nil {
		return nil, err
	}
	return &temp{paced: pacedFrom(f, 0), s: s}, nil
}

// become makes the file the durable and visible blob at p, or renews the blob that is there. After an error, become may be
// called again.
func (t *temp) become(ctx context.Context, p place) (b storage.Blob, err error) {
	b, t.moved, err = t.s.keepFile(ctx, t.f, p, t.end)
	return b, err
}

// close lets go of the file, and removes it unless it is a blob now.
func (t *temp) close() error {
	err := t.f.Close() // the bytes of a blob were flushed before
	if t.moved {
		return err
	}
	return errors.Join(err, os.Remove(t.f.Name()))
}

// keepFile makes f, which holds size bytes, the blob at p, unless the blob is there already and only has to be renewed. moved
// is false when f keeps its name.
func (s *Store) keepFile(ctx context.Context, f *os.File, p place, size int64) (b storage.Blob, moved bool, err error) {
	if b, found, err := s.again(ctx, p, size); found || err != nil {
		return b, false, err
	}
	// The last byte may have come long ago, but the blob is stored only now: its grace period begins here.
	if err := os.Chtimes(f.Name(), time.Time{}, s.now()); err != nil {
		return storage.Blob{}, false, err
	}
	return s.commit(f, p, size)
}
