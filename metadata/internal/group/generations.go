package group

import (
	"sync/atomic"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
)

// Generations counts the groups that may have been written, and remembers for each part the last group that touched it.
// One goroutine at a time changes it.
type Generations struct {
	now       atomic.Uint64
	all       atomic.Uint64 // last group that may have touched any part
	rows      atomic.Uint64 // metadata.RepositoryRows
	names     atomic.Uint64 // metadata.PackageNames
	files     atomic.Uint64 // metadata.FileRows
	people    atomic.Uint64 // metadata.People
	leases    atomic.Uint64 // metadata.DroppedLeases
	elsewhere atomic.Uint64 // metadata.Elsewhere
	packages  [1024]atomic.Uint64
}

func (g *Generations) slot(p metadata.Part) *atomic.Uint64 {
	switch {
	case p == metadata.RepositoryRows:
		return &g.rows
	case p == metadata.PackageNames:
		return &g.names
	case p == metadata.FileRows:
		return &g.files
	case p == metadata.People:
		return &g.people
	case p == metadata.DroppedLeases:
		return &g.leases
	case p == metadata.Elsewhere:
		return &g.elsewhere
	case p > 0:
		return &g.packages[int(p)%len(g.packages)] // packages that share a counter only invalidate caches too often
	}
	return &g.all
}

// Set notes that a group with the given number touched parts, or possibly any part. Numbers ascend.
func (g *Generations) Set(gen uint64, parts []metadata.Part, anything bool) {
	if anything {
		g.all.Store(gen)
	}
	for _, p := range parts {
		g.slot(p).Store(gen)
	}
	g.now.Store(gen)
}

// Now is the generation of the last group.
func (g *Generations) Now() uint64 { return g.now.Load() }

// Of is the generation of the last group that may have touched a part.
func (g *Generations) Of(p metadata.Part) uint64 { return max(g.all.Load(), g.slot(p).Load()) }

// Touch notes the parts that an update has touched, before the update returns.
func (g *Generations) Touch(tx *sqlstore.Tx) {
	next := g.now.Load() + 1
	parts, known := tx.Touched()
	if !known {
		g.all.Store(next)
	}
	for _, p := range parts {
		g.slot(p).Store(next)
	}
}

// Advance ends a group. After an error it is unknown whether the group was written.
func (g *Generations) Advance(err error) {
	next := g.now.Load() + 1
	if err != nil {
		g.all.Store(next)
	}
	g.now.Store(next)
}
