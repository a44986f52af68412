package packs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"slipway/internal/fsync"
	"slipway/internal/sqldrv"
	"slipway/storage"
)

// change makes one change. Its error ends the batch; an error that concerns this change alone is put into the request.
func (w *writer) change(r *request) error {
	switch r.op {
	case seal:
		w.sealing = w.sealing || r.at.pack == w.pack
		return nil
	case drop:
		// The file is removed first: a file without a row would be taken for a pack whose index was lost. A row without a
		// file does no harm, and is removed at the next start.
		if err := os.Remove(w.set.path(r.at.pack)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.err = fmt.Errorf("%w: %w", errKept, err)
			return nil
		}
		_, err := w.db.exec(`DELETE FROM pack WHERE id = ?`, r.at.pack)
		return err
	}
	e, err := w.db.find(r.sum)
	missing := errors.Is(err, storage.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	r.got, r.err = e, nil
	switch {
	case r.op == move:
		return w.move(r, e)
	case r.op == put && (missing || !w.holds(e, r.data)):
		r.got, err = w.add(r.sum, e, r.data, w.set.now().UnixMicro())
		return err
	case missing:
		r.err = storage.ErrNotExist
		return nil
	case r.op == remove:
		return w.remove(r.sum, e)
	}
	r.got.stored = max(w.set.now().UnixMicro(), e.stored+1)
	_, err = w.db.exec(`UPDATE blob SET stored = ? WHERE sum = ?`, r.got.stored, r.sum[:])
	return err
}

// holds reports whether the record of e has these bytes.
func (w *writer) holds(e entry, data []byte) bool {
	if e.size != int64(len(data)) {
		return false
	}
	if from := e.at - w.used + headerBytes; w.file != nil && e.pack == w.pack && e.at >= w.used && from+e.size <= int64(len(w.buf)) {
		return bytes.Equal(w.buf[from:from+e.size], data) // of this batch, not written yet
	}
	have, err := w.set.read(e)
	return err == nil && bytes.Equal(have, data)
}

// read returns the bytes of a blob.
func (s *Set) read(e entry) ([]byte, error) {
	f, err := os.Open(s.path(e.pack))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, e.size)
	_, err = f.ReadAt(data, e.at+headerBytes)
	return data, err
}

// add appends a record to the batch and names it in the index, replacing the former entry; a zero entry means that there
// was none.
func (w *writer) add(sum [sha256.Size]byte, former entry, data []byte, stored int64) (entry, error) {
	if err := w.room(); err != nil {
		return entry{}, err
	}
	if former != (entry{}) {
		if err := w.remove(sum, former); err != nil {
			return entry{}, err
		}
	}
	e := entry{pack: w.pack, at: w.used + int64(len(w.buf)), size: int64(len(data)), stored: stored}
	w.buf = appendRecord(w.buf, header{sum, e.size, stored}, data)
	return e, w.name(sum, e)
}

// name writes a record's place into the index.
func (w *writer) name(sum [sha256.Size]byte, e entry) error {
	if _, err := w.db.exec(`INSERT INTO blob (sum, pack, at, size, stored) VALUES (?, ?, ?, ?, ?)`,
		sum[:], e.pack, e.at, e.size, e.stored); err != nil {
		return err
	}
	_, err := w.db.exec(`INSERT INTO pack (id, used, live) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET used = excluded.used, live = live + excluded.live`, e.pack, e.at+length(e.size), length(e.size))
	return err
}

// move copies a blob to the end of the growing pack. A blob whose bytes no longer have its digest stays where it is, for
// fsck to report.
func (w *writer) move(r *request, e entry) error {
	if e != r.at {
		return nil
	}
	data, err := w.set.read(e)
	if err == nil && sha256.Sum256(data) != r.sum {
		err = errInUse
	}
	if err != nil {
		r.err = err
		return nil
	}
	r.got, err = w.add(r.sum, e, data, e.stored)
	return err
}

func (w *writer) remove(sum [sha256.Size]byte, e entry) error {
	_, err := w.db.exec(`DELETE FROM blob WHERE sum = ?`, sum[:])
	if err != nil {
		return err
	}
	return w.db.query(`UPDATE pack SET live = live - ? WHERE id = ? RETURNING used, live`,
		[]any{length(e.size), e.pack}, func(r sqldrv.Row) error {
			var used, live int64
			err := r.Scan(&used, &live)
			w.wasteful = w.wasteful || w.set.wasteful(used, live)
			return err
		})
}

// room makes sure that a pack can grow. All records of one batch go into one pack.
func (w *writer) room() error {
	if w.file != nil && (len(w.buf) > 0 || w.used < w.set.packBytes) {
		return nil
	}
	var last int64
	if err := w.db.query(`SELECT coalesce(max(id), 0) FROM pack`, nil, func(r sqldrv.Row) error {
		return r.Scan(&last)
	}); err != nil {
		return err
	}
	return w.grow(max(last, w.pack) + 1)
}

// grow begins a pack.
func (w *writer) grow(pack int64) error {
	f, err := os.OpenFile(w.set.path(pack), os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	if err := fsync.Dir(w.set.dir); err != nil {
		return errors.Join(err, f.Close())
	}
	w.seal()
	w.pack, w.file, w.used = pack, f, 0
	return nil
}
