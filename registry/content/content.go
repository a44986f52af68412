// Package content keeps the bytes of packages: the blobs that they hold by a file or by a lease, and the uploads that bring
// new ones.
package content

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/metadata"
	"slipway/registry"
)

// Store keeps the bytes of packages.
type Store struct {
	core      *registry.Core
	received  *prometheus.CounterVec
	renewals  renewals
	uploading uploadLocks
	bodies    bodies
	uploadTTL time.Duration
}

// New makes the part. An unfinished upload is dropped uploadTTL after its last byte; 0 is 24 h.
func New(core *registry.Core, uploadTTL time.Duration, metrics prometheus.Registerer) *Store {
	if uploadTTL == 0 {
		uploadTTL = 24 * time.Hour
	}
	s := &Store{core: core, uploadTTL: uploadTTL, received: newReceived(metrics)}
	s.renewals.versioned, _ = core.Store.(metadata.Versioned)
	return s
}
