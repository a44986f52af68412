// Package maintain keeps an instance in order: it collects bytes that nothing needs, compares log, tables and bytes with each
// other, and removes empty repositories.
package maintain

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/staging"
)

// Maintainer keeps an instance in order.
type Maintainer struct {
	// Unfinished does what is left of changes that other parts make in several transactions.
	Unfinished []func(ctx context.Context) error

	core      *registry.Core
	content   *content.Store
	staging   *staging.Areas
	grace     Grace
	collected collected
	mu        sync.Mutex // one collection at a time
	counting  sync.Mutex // one count of what is stored at a time
}

// Grace says how long what is not needed any more stays, in the collections of CollectEvery.
type Grace struct {
	Blobs   time.Duration // blobs without a use
	Deleted time.Duration // deleted versions and repositories, which can be restored so long
}

// New makes the part.
func New(core *registry.Core, content *content.Store, staging *staging.Areas, grace Grace, metrics prometheus.Registerer) *Maintainer {
	return &Maintainer{core: core, content: content, staging: staging, grace: grace, collected: newCollected(metrics)}
}

// DeletedGrace is how long deleted versions and repositories can be restored.
func (s *Maintainer) DeletedGrace() time.Duration { return s.grace.Deleted }
