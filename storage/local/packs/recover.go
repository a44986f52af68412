package packs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"slipway/internal/fsync"
	"slipway/internal/sqldrv"
	"slipway/storage"
)

// recover brings the index up to date with the packs, and opens the pack that grows. Behind the last byte that the index
// knows, a power cut may have left acknowledged records and fragments of unacknowledged batches.
func (w *writer) recover() error {
	if err := fsync.Dir(w.set.dir); err != nil { // a process may have been killed between making a pack and this flush
		return err
	}
	known, err := w.known()
	if err != nil {
		return err
	}
	found, err := w.set.found()
	if err != nil {
		return err
	}
	for _, pack := range found {
		err := w.catchUp(pack, known[pack])
		if err == nil {
			err = w.clear(pack)
		}
		if err != nil {
			return err
		}
		delete(known, pack)
	}
	for pack := range known {
		if err := w.forget(pack, 0); err != nil {
			return err
		}
	}
	if err := w.checkpoint(); err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	return w.reopen(slices.Max(found))
}

// checkpoint makes the current index durable. From here on packs reuse the numbers and the room of rows that the index has
// just dropped, so an older index must not come back and name them.
func (w *writer) checkpoint() error {
	return w.db.query(`PRAGMA wal_checkpoint(FULL)`, nil, func(r sqldrv.Row) error {
		var busy, pages, moved int64
		if err := r.Scan(&busy, &pages, &moved); err != nil {
			return err
		}
		if busy != 0 {
			return fmt.Errorf("packs: another process keeps the index busy: %w", storage.ErrUnavailable)
		}
		return nil
	})
}

// known returns where each pack ends according to the index.
func (w *writer) known() (map[int64]int64, error) {
	known := make(map[int64]int64)
	err := w.db.query(`SELECT id, used FROM pack`, nil, func(r sqldrv.Row) error {
		var id, used int64
		err := r.Scan(&id, &used)
		known[id] = used
		return err
	})
	return known, err
}

// found returns the packs in the directory.
func (s *Set) found() ([]int64, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var packs []int64
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".pack")
		if id, err := strconv.ParseInt(name, 10, 64); ok && err == nil && id > 0 && e.Name() == packName(id) {
			packs = append(packs, id)
		}
	}
	return packs, nil
}

// catchUp adds to the index the records behind the first used bytes of a pack, and cuts off bytes that are no record.
func (w *writer) catchUp(pack, used int64) error {
	f, err := os.OpenFile(w.set.path(pack), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close() // the records are flushed below
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if fi.Size() < used {
		if err := w.forget(pack, fi.Size()); err != nil {
			return err
		}
	}
	if fi.Size() <= used {
		return nil
	}
	// Records that are not durable yet must become durable before a reader can see them.
	if err := w.set.sync(f); err != nil {
		return err
	}
	end := used
	if err := w.inTransaction(func() error {
		return scan(f, used, fi.Size(), func(at int64, h header, _ []byte) error {
			end = at + length(h.size)
			return w.adopt(entry{pack: pack, at: at, size: h.size, stored: h.stored}, h.sum)
		})
	}); err != nil {
		return err
	}
	if err := f.Truncate(end); err != nil {
		return err
	}
	return w.set.sync(f)
}

// clear removes a pack file that failures have left without any record.
func (w *writer) clear(pack int64) error {
	fi, err := os.Stat(w.set.path(pack))
	if err != nil || fi.Size() > 0 {
		return err
	}
	if err := os.Remove(w.set.path(pack)); err != nil {
		return err
	}
	return w.forget(pack, 0)
}

// adopt adds a record found in a pack to the index. A later record of the same bytes replaces an earlier one.
func (w *writer) adopt(e entry, sum [sha256.Size]byte) error {
	former, err := w.db.find(sum)
	if err == nil {
		e.stored = max(e.stored, former.stored)
		err = w.remove(sum, former)
	}
	if err != nil && !errors.Is(err, storage.ErrNotExist) {
		return err
	}
	return w.name(sum, e)
}

// forget removes from the index the records that a pack has lost: those outside its first size bytes. With size 0 it
// removes the pack's row as well.
func (w *writer) forget(pack, size int64) error {
	return w.inTransaction(func() error {
		_, err := w.db.exec(`DELETE FROM blob WHERE pack = ? AND at + ? + size > ?`, pack, int64(headerBytes), size)
		if err == nil && size == 0 {
			_, err = w.db.exec(`DELETE FROM pack WHERE id = ?`, pack)
		} else if err == nil {
			_, err = w.db.exec(`UPDATE pack SET used = ?, live = (SELECT coalesce(sum((? + size + ? - 1) / ? * ?), 0) FROM blob WHERE pack = pack.id) WHERE id = ?`,
				length(size)-headerBytes, int64(headerBytes), int64(recordAlign), int64(recordAlign), int64(recordAlign), pack)
		}
		return err
	})
}

func (w *writer) inTransaction(fn func() error) error {
	if err := w.begin(); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		_, err = w.db.exec(`COMMIT`)
	}
	if err != nil {
		w.undo()
	}
	return err
}

// reopen opens the last pack, which grows on.
func (w *writer) reopen(pack int64) error {
	known, err := w.known()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(w.set.path(pack), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	w.pack, w.file, w.used = pack, f, known[pack]
	return err
}
