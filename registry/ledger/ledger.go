// Package ledger reads and signs the log: the event feed and its consumers, checkpoints, tiles and proofs.
package ledger

import (
	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
)

// Ledger reads and signs the log of an instance.
type Ledger struct {
	core    *registry.Core
	logSize prometheus.Gauge

	perWindow, walk int64 // entries that a transaction of a query, and a query, look through
}

// New makes the part.
func New(core *registry.Core, metrics prometheus.Registerer) *Ledger {
	return &Ledger{core: core, logSize: newLogSize(metrics), perWindow: logWindow, walk: logWalk}
}
