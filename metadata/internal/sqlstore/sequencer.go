package sqlstore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/tlog"
)

// Sequencer numbers the entries of the log and keeps the right edge of its Merkle tree, so that hashing reads nothing. Only
// the writer uses it. For each group of updates the writer calls Load when Loaded is false, Mark and Rewind around each
// update, Flush before COMMIT, then Settle, or Forget after anything but a successful COMMIT.
type Sequencer struct {
	loaded  bool
	size    int64 // entries in the database
	edge    edge
	pending []tlog.Hash // of the entries of this transaction
	flushed edge        // the edge once pending is committed
	last    ulid.ULID   // given to an entry

	numbers bool  // rows get their IDs here: see Resume
	rows    int64 // the highest ID
}

// edge is the newest stored hash of every level.
type edge struct {
	index [63]int64
	hash  [63]tlog.Hash
}

// ReadHashes implements tlog.HashReader for the only hash that StoredHashes reads: the left sibling of a completed subtree,
// which is the newest hash of its level.
func (e *edge) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, _ := tlog.SplitStoredHashIndex(index)
		if e.index[level] != index {
			return nil, fmt.Errorf("log hash %d of level %d is not the newest, which is %d", index, level, e.index[level])
		}
		out[i] = e.hash[level]
	}
	return out, nil
}

// Loaded reports whether the sequencer knows the state of the log.
func (q *Sequencer) Loaded() bool { return q.loaded }

// Load reads the state of the log and returns the time of its last update, 0 when there was none.
func (q *Sequencer) Load(s Session) (time.Time, error) {
	var last int64
	err := Query(context.Background(), s, `SELECT COALESCE(MAX(seq), -1) + 1, (SELECT at FROM clock WHERE id = 1) FROM log_entry`, nil,
		func(r row) error { return r.Scan(&q.size, &last) })
	if err != nil {
		return time.Time{}, fmt.Errorf("size of the log: %w", err)
	}
	err = Query(context.Background(), s, `SELECT at FROM log_entry WHERE seq = $1`, []any{q.size - 1}, func(r row) error {
		var at int64
		err := r.Scan(&at)
		last = max(last, at)
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("time of the log: %w", err)
	}
	if err := q.loadEdge(s); err != nil {
		return time.Time{}, fmt.Errorf("hashes of the log: %w", err)
	}
	q.pending, q.loaded = q.pending[:0], true
	return fromMicros(last), nil
}

func (q *Sequencer) loadEdge(s Session) error {
	var want []int64
	for level := range bits.Len64(uint64(q.size)) {
		want = append(want, tlog.StoredHashIndex(level, q.size>>level-1))
	}
	if len(want) == 0 {
		return nil
	}
	found := 0
	text, args := hashesSQL(want)
	err := Query(context.Background(), s, text, args, func(r row) error {
		i, h, err := scanHash(r)
		level, _ := tlog.SplitStoredHashIndex(i)
		q.edge.index[level], q.edge.hash[level] = i, h
		found++
		return err
	})
	if err == nil && found != len(want) {
		err = fmt.Errorf("%d of %d are missing", len(want)-found, len(want))
	}
	return err
}

// State is what a database with several writers keeps of the log, so that each goes on where another stopped.
type State struct {
	Size int64  // entries in the log
	Rows int64  // the highest ID of a row
	Edge []byte // the newest hash of every level of the tree
	Last string // the ID of the newest entry; "" for none
}

// Resume sets the state instead of Load. From then on the rows get their IDs here.
func (q *Sequencer) Resume(s State) error {
	levels := bits.Len64(uint64(s.Size))
	if len(s.Edge) != levels*tlog.HashSize {
		return fmt.Errorf("metadata: a log of %d entries has an edge of %d bytes", s.Size, len(s.Edge))
	}
	for level := range levels {
		q.edge.index[level] = tlog.StoredHashIndex(level, s.Size>>level-1)
		copy(q.edge.hash[level][:], s.Edge[level*tlog.HashSize:])
	}
	q.last = ulid.ULID{}
	if s.Last != "" {
		var err error
		if q.last, err = ulid.ParseStrict(s.Last); err != nil {
			return fmt.Errorf("metadata: last entry %q: %w", s.Last, err)
		}
	}
	q.size, q.rows, q.pending, q.loaded, q.numbers = s.Size, s.Rows, q.pending[:0], true, true
	return nil
}

// State is the state that holds once the transaction is committed, behind Flush.
func (q *Sequencer) State() State {
	s := State{Size: q.next(), Rows: q.rows, Edge: []byte{}}
	from := &q.flushed
	if len(q.pending) == 0 {
		from = &q.edge
	}
	for level := range bits.Len64(uint64(s.Size)) {
		s.Edge = append(s.Edge, from.hash[level][:]...)
	}
	if q.last != (ulid.ULID{}) {
		s.Last = q.last.String()
	}
	return s
}

// id returns the ID of an entry. IDs ascend as long as times do not go back.
func (q *Sequencer) id(at time.Time) (ulid.ULID, error) {
	ms := ulid.Timestamp(at)
	if ms > q.last.Time() {
		id, err := ulid.New(ms, rand.Reader)
		if err == nil {
			q.last = id
		}
		return id, err
	}
	// In the same millisecond, the next ID is the last one and a random step.
	var step [4]byte
	if _, err := rand.Read(step[:]); err != nil {
		return ulid.ULID{}, err
	}
	next := q.last
	carry := uint64(binary.BigEndian.Uint32(step[:])) + 1
	for i := len(next) - 1; i >= len(next)-entropyBytes && carry > 0; i-- {
		carry += uint64(next[i])
		next[i], carry = byte(carry), carry>>8
	}
	if carry > 0 {
		return ulid.ULID{}, ulid.ErrMonotonicOverflow
	}
	q.last = next
	return next, nil
}

// entropyBytes are the random bytes at the end of an ID.
const entropyBytes = 10

func (q *Sequencer) next() int64 { return q.size + int64(len(q.pending)) }

func (q *Sequencer) add(h tlog.Hash) { q.pending = append(q.pending, h) }

// Mark is a place to rewind to.
func (q *Sequencer) Mark() int { return len(q.pending) }

// Rewind takes back the entries since the mark.
func (q *Sequencer) Rewind(mark int) { q.pending = q.pending[:mark] }

var insertHashes = newRows(`INSERT INTO log_hash (idx, hash)`, 2)

// Flush writes the Merkle hashes of the new entries.
func (q *Sequencer) Flush(s Session) error {
	if len(q.pending) == 0 {
		return nil
	}
	q.flushed = q.edge
	var args []any
	for i, h := range q.pending {
		n := q.size + int64(i)
		hashes, err := tlog.StoredHashesForRecordHash(n, h, &q.flushed)
		if err != nil {
			return err
		}
		for level, h := range hashes {
			index := tlog.StoredHashIndex(level, n>>level)
			q.flushed.index[level], q.flushed.hash[level] = index, h
			args = append(args, index, h[:])
		}
	}
	return insertHashes.run(args, func(text string, args []any) error {
		_, err := s.Exec(text, args)
		return err
	})
}

// Settle follows a successful COMMIT and returns how many entries are new.
func (q *Sequencer) Settle() int {
	n := len(q.pending)
	if n > 0 {
		q.size += int64(n)
		q.edge = q.flushed
		q.pending = q.pending[:0]
	}
	return n
}

// Forget drops the state in memory, which the database may not have; Load reads it again.
func (q *Sequencer) Forget() {
	q.pending = q.pending[:0]
	q.loaded = false
}

// SetClock keeps the time of an update that left no entry behind, so that time does not go back with a restart.
func SetClock(s Session, at time.Time) error {
	_, err := s.Exec(`UPDATE clock SET at = $1 WHERE id = 1`, []any{micros(at)})
	return err
}
