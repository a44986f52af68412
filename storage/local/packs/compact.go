package packs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"

	"slipway/internal/sqldrv"
)

// moveBatch is how many blobs a compaction moves with one flush; a publish that comes meanwhile waits for one such batch at
// most.
const moveBatch = 32

// wasteful reports whether more than half of a pack is dead, and enough for the work.
func (s *Set) wasteful(used, live int64) bool {
	return used-live > s.spareable && live < used/2
}

// compactSoon rewrites wasteful packs in the background, unless that runs already. Only the writing process may call it:
// another process would remove the pack that the writer appends to.
func (s *Set) compactSoon() {
	if !s.Writes() {
		return
	}
	select {
	case <-s.compacting:
	default:
		return
	}
	s.background.Go(func() {
		defer func() { s.compacting <- struct{}{} }()
		_ = s.compact() // a failure costs only disk space; the next removal tries again
	})
}

// compact empties wasteful packs and removes them.
func (s *Set) compact() error {
	for {
		pack, err := s.mostWasteful()
		if err != nil || pack == 0 {
			return err
		}
		err = s.empty(pack)
		if unmovable(err) {
			s.stuck[pack] = true // until the next start
			continue
		}
		if err != nil {
			return err
		}
	}
}

// unmovable reports whether err concerns one pack alone: the pack is lost, some of its bytes can't be read, or it can't be
// removed.
func unmovable(err error) bool {
	return errors.Is(err, errInUse) || errors.Is(err, errKept) || errors.Is(err, syscall.EIO) || errors.Is(err, fs.ErrNotExist)
}

// mostWasteful returns the pack with the most dead bytes; 0 when none is worth the work.
func (s *Set) mostWasteful() (pack int64, err error) {
	most := int64(0)
	err = s.readers.with(context.Background(), func(d *db) error {
		return d.query(`SELECT id, used, live FROM pack`, nil, func(r sqldrv.Row) error {
			var id, used, live int64
			if err := r.Scan(&id, &used, &live); err != nil {
				return err
			}
			if dead := used - live; s.wasteful(used, live) && !s.stuck[id] && dead > most {
				pack, most = id, dead
			}
			return nil
		})
	})
	return pack, err
}

var errStopped = errors.New("packs: closed while compacting")

// empty moves the live blobs of a pack to the growing pack, and removes the pack.
func (s *Set) empty(pack int64) error {
	if _, err := s.writer.do(&request{op: seal, at: entry{pack: pack}}); err != nil {
		return err
	}
	f, err := os.Open(s.path(pack))
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	var moves []*request
	err = scan(f, 0, fi.Size(), func(at int64, h header, _ []byte) error {
		select {
		case <-s.quit:
			return errStopped
		default:
		}
		e, err := s.readers.find(context.Background(), h.sum)
		if err != nil || e.pack != pack || e.at != at {
			return nil // the blob is dead
		}
		if moves = append(moves, &request{op: move, sum: h.sum, at: e}); len(moves) < moveBatch {
			return nil
		}
		err, moves = s.writer.all(moves), nil
		return err
	})
	if err == nil {
		err = s.writer.all(moves)
	}
	if err != nil {
		return err
	}
	if err := s.mustBeEmpty(pack); err != nil {
		return err
	}
	_, err = s.writer.do(&request{op: drop, at: entry{pack: pack}})
	return err
}

var (
	errInUse = errors.New("packs: a pack holds blobs that can't be moved")
	errKept  = errors.New("packs: a pack can't be removed")
)

// mustBeEmpty looks through the whole index instead of trusting a counter. Nothing is added to a sealed pack meanwhile.
func (s *Set) mustBeEmpty(pack int64) error {
	return s.readers.with(context.Background(), func(d *db) error {
		return d.query(`SELECT count(*) FROM blob WHERE pack = ?`, []any{pack}, func(r sqldrv.Row) error {
			var n int64
			if err := r.Scan(&n); err != nil || n > 0 {
				return errors.Join(err, errInUse)
			}
			return nil
		})
	})
}
