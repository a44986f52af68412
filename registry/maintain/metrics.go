package maintain

import (
	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
)

// collected counts what the collector removed.
type collected struct{ blobs, bytes prometheus.Counter }

func newCollected(reg prometheus.Registerer) collected {
	c := collected{
		blobs: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "slipway_gc_blobs_total", Help: "Blobs removed by the collector.",
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "slipway_gc_bytes_total", Help: "Bytes removed by the collector.",
		}),
	}
	registry.RegisterMetrics(reg, c.blobs, c.bytes)
	return c
}
