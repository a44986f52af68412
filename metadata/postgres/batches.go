package postgres

import (
	"encoding/binary"
	"slices"
	"sync"

	"slipway/metadata"
	"slipway/metadata/internal/group"
	"slipway/metadata/internal/sqlstore"
)

const (
	// mostParts bounds the parts that a row of batch names; a group that touched more may have touched anything.
	mostParts = 1024
	// mostMissed bounds the rows of batch that one look reads. A process that has missed more forgets all that it remembers.
	mostMissed = 64
)

// batches follows the rows of table batch, whichever process wrote them: its generations are those of the database.
type batches struct {
	mu sync.Mutex // held while generations change
	group.Generations
}

// touched are parts of the database. Its zero value is none.
type touched struct {
	list []metadata.Part
	any  bool // anything may have been touched
}

// add adds what an update touched.
func (t *touched) add(tx *sqlstore.Tx) {
	parts, known := tx.Touched()
	t.list = append(t.list, parts...)
	t.any = t.any || !known
}

// pack returns the value of batch.parts; nil means anything.
func (t *touched) pack() []byte {
	slices.Sort(t.list)
	t.list = slices.Compact(t.list)
	if t.any || len(t.list) > mostParts {
		return nil
	}
	out := []byte{}
	for _, p := range t.list {
		out = binary.AppendVarint(out, int64(p))
	}
	return out
}

// unpack reads a value of batch.parts. What it can't read may be anything.
func unpack(packed []byte) touched {
	t := touched{any: packed == nil}
	for len(packed) > 0 {
		p, n := binary.Varint(packed)
		if n <= 0 {
			return touched{any: true}
		}
		t.list, packed = append(t.list, metadata.Part(p)), packed[n:]
	}
	return t
}

// apply counts a committed group. Groups come in order; where some are missing, anything may have been touched.
func (b *batches) apply(gen uint64, t touched, own bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.Now()
	if gen <= now {
		return
	}
	if !own {
		t.list = append(t.list, metadata.Elsewhere)
	}
	b.Set(gen, t.list, t.any || gen != now+1)
}

// batch is a row of table batch, as far as those who remember something need it.
type batch struct {
	gen           int64
	parts, writer []byte
}

// learn counts groups that were found in the database, the newest first.
func (s *Store) learn(found []batch) {
	for _, g := range slices.Backward(found) {
		s.generations.apply(uint64(g.gen), unpack(g.parts), s.wrote(g.writer)) //nolint:gosec // positive
	}
}
