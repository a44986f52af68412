package catalog

import (
	"time"

	"slipway/registry"
)

// History answers auditors over what the repositories themselves have and had: a query over all versions, and what was there at a past
// moment. Where a method takes a moment, the zero AsOf is now.
type History struct {
	core       *registry.Core
	now        *Catalog
	searching  *gate
	searchTime time.Duration
}

// NewHistory makes the part. searchTime is how long one search may take; 0 is 10 s.
func NewHistory(core *registry.Core, now *Catalog, searchTime time.Duration) *History {
	if searchTime == 0 {
		searchTime = 10 * time.Second
	}
	return &History{core: core, now: now, searching: newGate(searchers), searchTime: searchTime}
}
