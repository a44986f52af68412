// Package publish is the one way in which a version becomes visible, changes, or goes: begin, stage, commit; and edits of what
// is there, with their log entries, in one transaction each.
package publish

import (
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
}

// New makes the part. A version that one of keepers has a use for can't be deleted.
func New(core *registry.Core, content *content.Store, keepers []Keeper, metrics prometheus.Registerer) *Publisher {
	return &Publisher{core: core, content: content, keepers: keepers, seconds: newPublishSeconds(metrics)}
}
