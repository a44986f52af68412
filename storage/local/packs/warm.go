package packs

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"slipway/storage"
)

const (
	// LoadBytes is the size in bytes of the largest blob that Load reads.
	LoadBytes = 32 << 10

	warmEntries = 16 << 10 // of each half
	openPacks   = 16
)

// warm remembers where blobs lie that were opened lately, and keeps their packs open. What it remembers may be wrong, as another
// process may have removed the blob, but never leads to other bytes: the record itself says which blob it is.
type warm struct {
	mu       sync.Mutex
	changes  uint64 // that this process has made to the index
	young    map[[sha256.Size]byte]entry
	old      map[[sha256.Size]byte]entry // what was young before; dropped when young is full
	files    map[int64]*os.File
	finished bool
}

// find returns what is remembered of a blob.
func (w *warm) find(sum [sha256.Size]byte) (entry, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e, ok := w.young[sum]; ok {
		return e, true
	}
	e, ok := w.old[sum]
	if ok {
		w.keep(sum, e)
	}
	return e, ok
}

// keep remembers an entry; w.mu is held.
func (w *warm) keep(sum [sha256.Size]byte, e entry) {
	if len(w.young) >= warmEntries {
		w.old, w.young = w.young, nil
	}
	if w.young == nil {
		w.young = make(map[[sha256.Size]byte]entry)
	}
	w.young[sum] = e
}

// now counts the changes so far, for put.
func (w *warm) now() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changes
}

// put remembers what the index said when now returned at, unless something was changed since.
func (w *warm) put(sum [sha256.Size]byte, e entry, at uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changes == at {
		w.keep(sum, e)
	}
}

// forget drops what a batch has changed, before it is answered. Only puts of new blobs change nothing that is remembered.
func (w *warm) forget(batch []*request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range batch {
		if r.op == drop {
			w.release(r.at.pack)
		}
		delete(w.young, r.sum)
		delete(w.old, r.sum)
	}
	w.changes++
}

// release closes a pack; w.mu is held. Reads that are under way end first.
func (w *warm) release(pack int64) {
	if f, ok := w.files[pack]; ok {
		_ = f.Close() // it was only read
		delete(w.files, pack)
	}
}

// open returns a pack, which stays open for others: the caller does not close it, and reads again with another one when it was closed
// meanwhile.
func (w *warm) open(s *Set, pack int64) (*os.File, error) {
	w.mu.Lock()
	f := w.files[pack]
	w.mu.Unlock()
	if f != nil {
		return f, nil
	}
	f, err := os.Open(s.path(pack))
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if other := w.files[pack]; other != nil || w.finished {
		_ = f.Close() // it was only read
		if other == nil {
			return nil, os.ErrClosed
		}
		return other, nil
	}
	for some := range w.files {
		if len(w.files) < openPacks {
			break
		}
		w.release(some)
	}
	if w.files == nil {
		w.files = make(map[int64]*os.File)
	}
	w.files[pack] = f
	return f, nil
}

// close closes the packs.
func (w *warm) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finished = true
	for pack := range w.files {
		w.release(pack)
	}
}

// find looks a blob up, in memory first. ErrNotExist.
func (s *Set) find(ctx context.Context, sum [sha256.Size]byte) (e entry, remembered bool, err error) {
	if e, ok := s.warm.find(sum); ok {
		return e, true, nil
	}
	at := s.warm.now()
	if e, err = s.readers.find(ctx, sum); err == nil {
		s.warm.put(sum, e, at)
	}
	return e, false, err
}

// Warm reports whether it is remembered where a blob lies.
func (s *Set) Warm(sum [sha256.Size]byte) bool {
	_, ok := s.warm.find(sum)
	return ok
}

// Loaded is a blob in memory. It is read and closed by one goroutine.
type Loaded struct {
	buf  *[loadedBytes]byte // nil: closed
	rest []byte
}

const loadedBytes = headerBytes + LoadBytes

var loadeds = sync.Pool{New: func() any { return new([loadedBytes]byte) }}

// Load reads length bytes from offset of a blob, -1 to its end, with one read; nil where the blob is larger than LoadBytes. The caller
// closes. ErrNotExist, ErrRange.
func (s *Set) Load(ctx context.Context, sum [sha256.Size]byte, offset, length int64) (*Loaded, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		e, remembered, err := s.find(ctx, sum)
		if err != nil || e.size > LoadBytes {
			return nil, err
		}
		if length == -1 {
			length = e.size - offset
		}
		if offset < 0 || length < 0 || e.size-offset < length {
			return nil, storage.ErrRange
		}
		l, err := s.load(e, sum)
		if err == nil {
			l.rest = l.buf[headerBytes+offset:][:length]
			return l, nil
		}
		if err := s.stale(ctx, sum, e, remembered, err); err != nil {
			return nil, err
		}
	}
}

// stale returns nil where a blob that could not be read at e may be found by another look, and else why it can't be read.
func (s *Set) stale(ctx context.Context, sum [sha256.Size]byte, e entry, remembered bool, err error) error {
	switch {
	case errors.Is(err, os.ErrClosed) && !s.warm.ended():
		return nil // its pack made room for others
	case !errors.Is(err, storage.ErrNotExist):
		return err
	case !remembered: // a compaction may have moved the blob since; a blob whose pack is lost does not exist
		if again, failed := s.readers.find(ctx, sum); failed != nil || again == e {
			return cmp.Or(failed, err)
		}
	}
	s.warm.lost(sum, e)
	return nil
}

// lost forgets an entry that turned out to be wrong.
func (w *warm) lost(sum [sha256.Size]byte, e entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range [...]map[[sha256.Size]byte]entry{w.young, w.old} {
		if m[sum] == e {
			delete(m, sum)
		}
	}
}

func (w *warm) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.finished
}

// load reads a record. ErrNotExist: there is none of the blob at this place.
func (s *Set) load(e entry, sum [sha256.Size]byte) (*Loaded, error) {
	f, err := s.warm.open(s, e.pack)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, storage.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	l := &Loaded{buf: loadeds.Get().(*[loadedBytes]byte)}
	_, err = f.ReadAt(l.buf[:headerBytes+e.size], e.at)
	if err == nil || errors.Is(err, io.EOF) {
		err = isOf(l.buf[:], e, sum, err)
	}
	if err != nil {
		_ = l.Close() // it never fails
		return nil, err
	}
	return l, nil
}

// isOf fails with ErrNotExist unless a record is that of e, and has this digest; ended is io.EOF where the pack is too short for it.
func isOf(record []byte, e entry, sum [sha256.Size]byte, ended error) error {
	if h, ok := readHeader(record); ended != nil || !ok || h.sum != sum || h.size != e.size {
		return storage.ErrNotExist
	}
	return nil
}

// Read implements io.Reader.
func (l *Loaded) Read(p []byte) (int, error) {
	if l.buf == nil {
		return 0, os.ErrClosed
	}
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo, with one write.
func (l *Loaded) WriteTo(w io.Writer) (int64, error) {
	if l.buf == nil {
		return 0, os.ErrClosed
	}
	n, err := w.Write(l.rest)
	l.rest = l.rest[n:]
	return int64(n), err
}

// Close implements io.Closer.
func (l *Loaded) Close() error {
	if l.buf != nil {
		loadeds.Put(l.buf)
		l.buf, l.rest = nil, nil
	}
	return nil
}
