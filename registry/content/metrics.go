package content

import (
	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
)

// newReceived counts bytes by format.
func newReceived(reg prometheus.Registerer) *prometheus.CounterVec {
	received := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "slipway_blob_received_bytes_total", Help: "Bytes staged into the blob store.",
	}, []string{"format"})
	registry.RegisterMetrics(reg, received)
	return received
}
