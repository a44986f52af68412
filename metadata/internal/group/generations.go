package sqlite

import (
	"sync/atomic"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
)

// generations counts the groups that may have been written, and remembers for each part the last group that touched it.
// Only the writer changes it.
type generations struct {
	now      atomic.Uint64
	all      atomic.Uint64 // last group that may have touched any part
	rows     atomic.Uint64 // metadata.RepositoryRows
	names    atomic.Uint64 // metadata.PackageNames
	files    atomic.Uint64 // metadata.FileRows
	packages [1024]atomic.Uint64
}

func (g *generations) slot(p metadata.Part) *atomic.Uint64 {
	switch {
	case p == metadata.RepositoryRows:
		return &g.rows
	case p == metadata.PackageNames:
		return &g.names
	case p == metadata.FileRows:
		return &g.files
	case p > 0:
		return &g.packages[int(p)%len(g.packages)] // packages that share a counter only invalidate caches too often
	}
	return &g.all
}

func (g *generations) of(p metadata.Part) uint64 { return max(g.all.Load(), g.slot(p).Load()) }

// touch notes the parts that an update has touched, before the update returns.
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

// advance ends a group. After an error it is unknown whether the group was written.
func (g *generations) advance(err error) {
	next := g.now.Load() + 1
	if err != nil {
		g.all.Store(next)
	}
	g.now.Store(next)
}
