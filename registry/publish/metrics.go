package publish

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
)

// newPublishSeconds makes the histogram of the time from Begin to Commit, by format and outcome.
func newPublishSeconds(reg prometheus.Registerer) *prometheus.HistogramVec {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "slipway_publish_duration_seconds", Help: "Time from the start of a publish to its durable commit.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 12),
	}, []string{"format", "outcome"})
	registry.RegisterMetrics(reg, seconds)
	return seconds
}

// Observe records how long a publish took, and whether it succeeded.
func (s *Publisher) Observe(format string, start time.Time, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	s.seconds.WithLabelValues(format, outcome).Observe(time.Since(start).Seconds())
}
