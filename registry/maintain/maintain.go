// Package maintain keeps an instance in order: it collects bytes that nothing needs, compares log, tables and bytes with each
// other, and removes empty repositories.
package maintain

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
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

	runsMu  sync.Mutex
	runs    runs // held by runsMu
	started sync.WaitGroup
	closing context.Context // of what goes on after its request
	close   context.CancelFunc
}

// Grace says how long what is not needed any more stays, in the collections of CollectEvery.
type Grace struct {
	Blobs   time.Duration // blobs without a use
	Deleted time.Duration // deleted versions and repositories, which can be restored so long
}

// New makes the part. The caller closes it.
func New(core *registry.Core, content *content.Store, staging *staging.Areas, grace Grace, metrics prometheus.Registerer) *Maintainer {
	s := &Maintainer{core: core, content: content, staging: staging, grace: grace, collected: newCollected(metrics)}
	s.closing, s.close = context.WithCancel(context.Background())
	return s
}

// DeletedGrace is how long deleted versions and repositories can be restored.
func (s *Maintainer) DeletedGrace() time.Duration { return s.grace.Deleted }

// BlobGrace is how long blobs stay after their last use ended.
func (s *Maintainer) BlobGrace() time.Duration { return s.grace.Blobs }

// Duties returns all duties that a process ever took, by name. The caller must audit the instance.
func (s *Maintainer) Duties(ctx context.Context) (list []metadata.Duty, err error) {
	if _, err := s.core.Authorize(ctx, access.Audit, access.Instance); err != nil {
		return nil, err
	}
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		list, err = tx.Duties().Duties()
		return err
	})
	return list, err
}
