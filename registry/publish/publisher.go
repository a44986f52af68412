// Package publish is the only way in which versions become visible, change and are deleted: a publish (begin, stage, commit),
// and edits of existing versions; each is one transaction with its log entries.
package publish

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
	"slipway/registry/content"
)

// Publisher makes and changes versions.
type Publisher struct {
	core    *registry.Core
	content *content.Store
	keepers []Keeper
	seconds *prometheus.HistogramVec
	moves   sync.Mutex // held while files of deleted versions are moved, in either direction
}

// New makes the part. A version for which one of keepers names a use can't be deleted.
func New(core *registry.Core, content *content.Store, keepers []Keeper, metrics prometheus.Registerer) *Publisher {
	return &Publisher{core: core, content: content, keepers: keepers, seconds: newPublishSeconds(metrics)}
}
