package upstreams

import (
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"

	"slipway/registry"
	"slipway/registry/access"
)

// composed remembers what a repository and its upstreams have of a package, for callers who see all of its places: most do. Where an
// administrator has set its origin, which ends by itself, nothing is remembered. The methods of nil do nothing.
type composed struct{ atomic.Pointer[composedFound] }

// composedFound is what look finds in a graph. Its lists are shared: nothing changes them.
type composedFound struct {
	of    *graph
	found found
}

func (c *composed) found(g *graph) (f found, ok bool) {
	if c == nil {
		return f, false
	}
	if known := c.Load(); known != nil && known.of == g {
		return known.found, true
	}
	return f, false
}

func (c *composed) keep(g *graph, f found) {
	if c != nil {
		c.Store(&composedFound{g, f})
	}
}

// idOf makes the id of a composed package: one for each package and set of places that a caller sees.
func (s *Upstreams) idOf(r registry.Repository, at registry.Name, places []place, actor access.Actor) int64 {
	seen := make([]byte, 0, 512)
	seen = append(append(append(append(seen, s.key[:]...), at.Format...), '/'), at.Package...)
	seen = binary.BigEndian.AppendUint64(seen, uint64(r.ID))
	for _, p := range places {
		if p.remote == nil && p.admits(at) && p.visible(actor) {
			seen = binary.BigEndian.AppendUint64(seen, uint64(p.repository.ID))
		}
	}
	sum := sha256.Sum256(seen)
	return -1 - int64(binary.BigEndian.Uint64(sum[:])>>1)
}

// mixed spreads the id of an upstream over 63 bits: packages that are made from the lists of other remotes have other ids.
func mixed(upstreamID int64) int64 { return int64(uint64(upstreamID) * 0x9e3779b97f4a7c15 >> 1) }
