package sqlite

import (
	"sync/atomic"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
)

// generations counts the groups that may have been written, and remembers which of them was the last to touch what. Only the
// writer moves it.
type generations struct {
	now      atomic.Uint64
	all      atomic.Uint64 // last group that may have touched any part
	rows     atomic.Uint64 // metadata.RepositoryRows
	names    atomic.Uint64 // metadata.PackageNames
	packages [1024]atomic.Uint64
}

func (g *generations) slot(p metadata.Part) *atomic.Uint64 {
	switch {
	case p == metadata.RepositoryRows:
		return &g.rows
	case p == metadata.PackageNames:
		return &g.names
	case p > 0:
		return &g.packages[int(p)%len(g.packages)] // packages that share one only forget too often
	}
	return &g.all
}

func (g *generations) of(p metadata.Part) uint64 { return max(g.all.Load(), g.slot(p).Load()) }

// touch notes what an update has touched, before it is answered.
func (g *generations) touch(tx *sqlstore.Tx) {
	next := g.now.Load() + 1
	parts, known := tx.Touched()
	if !known {
		g.all.Store(next)
	}
	for _, p := range parts {
		g.slot(p).Store(next)
	}
}

// advance ends a group. After an error it is not known what became of it.
func (g *generations) advance(err error) {
	next := g.now.Load() + 1
	if err != nil {
		g.all.Store(next)
	}
	g.now.Store(next)
}
