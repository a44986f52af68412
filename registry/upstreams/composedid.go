package upstreams

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync/atomic"

	"slipway/registry"
	"slipway/registry/access"
)

// composed remembers the id of a composed package for callers who see all of its places: most do.
type composed struct{ atomic.Pointer[composedID] }

type composedID struct {
	of *graph
	id int64
}

// idIn is idOf, which is remembered for those who see every place.
func (s *Upstreams) idIn(g *graph, r registry.Repository, at registry.Name, places []place, actor access.Actor, memo *composed) int64 {
	if memo == nil || slices.ContainsFunc(places, func(p place) bool { return p.remote == nil && !(p.admits(at) && p.visible(actor)) }) {
		return s.idOf(r, at, places, actor)
	}
	if known := memo.Load(); known != nil && known.of == g {
		return known.id
	}
	id := s.idOf(r, at, places, actor)
	memo.Store(&composedID{g, id})
	return id
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
