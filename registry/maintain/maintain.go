// Package maintain keeps an instance in order: it collects bytes that nothing needs, compares log, tables and bytes with each
// other, and removes empty repositories.
package maintain

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/staging"
)

// Maintainer keeps an instance in order.
type Maintainer struct {
	core      *registry.Core
	content   *content.Store
	staging   *staging.Areas
	gcGrace   time.Duration
	collected collected
	mu        sync.Mutex // one collection at a time
}

// New makes the part. grace is how long blobs without a use stay, in the collections of CollectEvery.
func New(core *registry.Core, content *content.Store, staging *staging.Areas, grace time.Duration, metrics prometheus.Registerer) *Maintainer {
	return &Maintainer{core: core, content: content, staging: staging, gcGrace: grace, collected: newCollected(metrics)}
}
