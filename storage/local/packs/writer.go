package packs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

const (
	maxBatch      = 256
	maxBatchBytes = 4 << 20
	queueLength   = 256

	writerCacheKiB = 2048
)

type op int

const (
	put    op = iota
	touch     // ErrNotExist
	remove    // ErrNotExist
	move      // out of its present place; nothing happens when the blob has moved by then
	seal      // a pack that grows no more
	drop      // a sealed pack without live records, file and row
)

// request is one change. Its data must stay as it is until the answer.
type request struct {
	op   op
	sum  [sha256.Size]byte
	data []byte
	at   entry // of a move; seal and drop use its pack alone
	got  entry
	err  error
	done chan struct{}
}

// writer makes changes in batches: it takes the waiting requests, writes all their records at once, flushes the pack,
// commits the index, and answers all. One flush serves many requests.
type writer struct {
	set   *Set
	db    *db // nil: to be opened again
	queue chan *request
	ended chan struct{}

	mu     sync.RWMutex
	closed bool

	// Used by the writer's goroutine alone.
	pack     int64 // the growing pack; 0: none is open
	file     *os.File
	used     int64  // where its next record goes
	buf      []byte // records of the batch, to be written at used
	sealing  bool   // the pack is sealed when the batch has ended
	wasteful bool   // a pack became so
}

func newWriter(s *Set) (*writer, error) {
	w := &writer{set: s, queue: make(chan *request, queueLength), ended: make(chan struct{})}
	if err := makeIndex(s.readers.path); err != nil {
		return nil, err
	}
	if err := w.open(); err != nil {
		return nil, err
	}
	if s.Writes() {
		if err := w.recover(); err != nil {
			return nil, errors.Join(err, w.release())
		}
	}
	go w.loop()
	return w, nil
}

// makeIndex makes the index file with its mode, which SQLite copies to its other files. It does not open an existing file,
// since closing it would release the locks that this process's SQLite connections hold on it.
func makeIndex(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func (w *writer) open() error {
	d, err := openIndex(w.set.readers.path, writerCacheKiB, false)
	if err != nil {
		return err
	}
	if err := d.do(schema); err != nil {
		return errors.Join(err, d.close())
	}
	w.db = d
	return nil
}

// do waits for its turn and the answer; the request's data is in use until then, so a caller can't give up.
func (w *writer) do(r *request) (entry, error) {
	r.done = make(chan struct{})
	w.mu.RLock()
	if w.closed {
		w.mu.RUnlock()
		return entry{}, os.ErrClosed
	}
	w.queue <- r
	w.mu.RUnlock()
	<-r.done
	return r.got, r.err
}

// all does several requests that need no order among themselves.
func (w *writer) all(list []*request) error {
	var wg sync.WaitGroup
	errs := make([]error, len(list))
	for i, r := range list {
		wg.Go(func() { _, errs[i] = w.do(r) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// close ends the writer and answers the waiting requests.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	close(w.queue)
	w.mu.Unlock()
	<-w.ended
	return w.release()
}

func (w *writer) release() error {
	var errs []error
	if w.file != nil {
		errs = append(errs, w.file.Close())
	}
	if w.db != nil {
		errs = append(errs, w.db.close())
	}
	return errors.Join(errs...)
}

func (w *writer) loop() {
	defer close(w.ended)
	for r := range w.queue {
		batch := w.gather(r)
		if err := w.run(batch); err != nil {
			for _, r := range batch {
				r.got, r.err = entry{}, err
			}
		}
		w.set.warm.forget(batch)
		if w.wasteful { // before the answers: a removal that returned has begun its compaction, none begins afterwards
			w.wasteful = false
			w.set.compactSoon()
		}
		for _, r := range batch {
			close(r.done)
		}
		if cap(w.buf) > maxBatchBytes {
			w.buf = nil
		}
	}
}

func (w *writer) gather(first *request) []*request {
	batch, size := []*request{first}, len(first.data)
	for len(batch) < maxBatch && size < maxBatchBytes {
		select {
		case r, ok := <-w.queue:
			if !ok {
				return batch
			}
			batch, size = append(batch, r), size+len(r.data)
		default:
			return batch
		}
	}
	return batch
}

// run makes the changes of a batch, all or none.
func (w *writer) run(batch []*request) error {
	w.sealing = false
	if err := w.begin(); err != nil {
		return err
	}
	var err error
	for _, r := range batch {
		if err == nil {
			err = w.change(r)
		}
	}
	if err == nil {
		err = w.keep()
	}
	if err == nil {
		if err = w.db.verb(`COMMIT`); err != nil {
			// The COMMIT may have reached the disk despite the error. Never reuse that range: after a restart the index could
			// point at it.
			w.spoil()
		}
	}
	if err != nil {
		w.undo()
		return err
	}
	if w.used += int64(len(w.buf)); w.sealing {
		w.seal()
	}
	return nil
}

func (w *writer) begin() error {
	w.buf = w.buf[:0]
	if w.db == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	return w.db.verb(`BEGIN IMMEDIATE`)
}

// undo leaves no transaction behind. The next batch overwrites what this batch wrote into the pack.
func (w *writer) undo() {
	if w.db == nil {
		return
	}
	if err := w.db.do(`ROLLBACK`); err == nil {
		return
	}
	_ = w.db.close() // the error that counts is the batch's
	w.db = nil
}

// spoil ends a pack after a failure that leaves unknown which parts of the batch are on the disk, in pack or index. It cuts
// off the batch's records as far as possible: the next start should not find records that were never acknowledged.
func (w *writer) spoil() {
	if w.file != nil {
		_ = w.file.Truncate(w.used) // the failure is told already
	}
	w.seal()
}

// seal lets the next record go into a new pack.
func (w *writer) seal() {
	if w.file != nil {
		_ = w.file.Close() // the records were flushed
	}
	w.file = nil
}

// keep writes and flushes the records of the batch. After a failed flush the content of the file is unknown, so that pack
// does not grow any more.
func (w *writer) keep() error {
	if len(w.buf) == 0 {
		return nil
	}
	if _, err := w.file.WriteAt(w.buf, w.used); err != nil {
		return fmt.Errorf("packs: %w", err)
	}
	if err := w.set.sync(w.file); err != nil {
		w.spoil()
		return fmt.Errorf("packs: flush: %w", err)
	}
	return nil
}
