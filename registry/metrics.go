package registry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the core; labels come from closed sets.
type metrics struct {
	publish     *prometheus.HistogramVec // seconds from Begin to Commit, by format and outcome
	bytesIn     *prometheus.CounterVec   // by format
	logSize     prometheus.Gauge
	collected   prometheus.Counter
	collectedBy prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		publish: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_publish_duration_seconds", Help: "Time from the start of a publish to its durable commit.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 12),
		}, []string{"format", "outcome"}),
		bytesIn: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_blob_received_bytes_total", Help: "Bytes staged into the blob store.",
		}, []string{"format"}),
		logSize: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "slipway_log_entries", Help: "Entries in the log covered by the newest checkpoint.",
		}),
		collected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "slipway_gc_blobs_total", Help: "Blobs removed by the collector.",
		}),
		collectedBy: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "slipway_gc_bytes_total", Help: "Bytes removed by the collector.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.publish, m.bytesIn, m.logSize, m.collected, m.collectedBy)
	}
	return m
}

func (m *metrics) published(format string, start time.Time, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	m.publish.WithLabelValues(format, outcome).Observe(time.Since(start).Seconds())
}
