package ledger

import (
	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
)

func newLogSize(reg prometheus.Registerer) prometheus.Gauge {
	size := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "slipway_log_entries", Help: "Entries in the log covered by the newest checkpoint.",
	})
	registry.RegisterMetrics(reg, size)
	return size
}
