package registry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// register makes collectors known, unless nobody scrapes. Labels come from closed sets.
func register(reg prometheus.Registerer, cs ...prometheus.Collector) {
	if reg != nil {
		reg.MustRegister(cs...)
	}
}

// newPublishSeconds counts the time from Begin to Commit, by format and outcome.
func newPublishSeconds(reg prometheus.Registerer) *prometheus.HistogramVec {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "slipway_publish_duration_seconds", Help: "Time from the start of a publish to its durable commit.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 12),
	}, []string{"format", "outcome"})
	register(reg, seconds)
	return seconds
}

// newReceived counts bytes by format.
func newReceived(reg prometheus.Registerer) *prometheus.CounterVec {
	received := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "slipway_blob_received_bytes_total", Help: "Bytes staged into the blob store.",
	}, []string{"format"})
	register(reg, received)
	return received
}

func newLogSize(reg prometheus.Registerer) prometheus.Gauge {
	size := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "slipway_log_entries", Help: "Entries in the log covered by the newest checkpoint.",
	})
	register(reg, size)
	return size
}

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
	register(reg, c.blobs, c.bytes)
	return c
}

// published notes how long a publish took, and whether it was one.
func (s *Service) published(format string, start time.Time, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	s.publishSeconds.WithLabelValues(format, outcome).Observe(time.Since(start).Seconds())
}
