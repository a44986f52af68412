package integration

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the dispatcher.
type metrics struct {
	attempts *prometheus.HistogramVec // seconds, by outcome
	pending  prometheus.Gauge
	oldest   prometheus.Gauge
}

// newMetrics returns those that reg has already, from a dispatcher that has ended, or new ones.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_delivery_attempt_duration_seconds", Help: "Time of attempts to send an event to a subscription.",
			Buckets: prometheus.ExponentialBuckets(0.005, 3, 8),
		}, []string{"outcome"}),
		pending: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "slipway_delivery_pending", Help: "Deliveries of enabled subscriptions that are not sent yet.",
		}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "slipway_delivery_oldest_pending_seconds", Help: "Age of the oldest delivery that is not sent yet; 0 without one.",
		}),
	}
	if reg != nil {
		m.attempts, m.pending, m.oldest = registered(reg, m.attempts), registered(reg, m.pending), registered(reg, m.oldest)
	}
	return m
}

func registered[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	var before prometheus.AlreadyRegisteredError
	switch err := reg.Register(c); {
	case errors.As(err, &before):
		return before.ExistingCollector.(C)
	case err != nil:
		panic(err) // as MustRegister does
	}
	return c
}

func (m *metrics) attempted(out Outcome) {
	outcome := "retry"
	switch {
	case out.Delivered:
		outcome = "delivered"
	case out.NextAt.IsZero():
		outcome = "dead"
	}
	m.attempts.WithLabelValues(outcome).Observe(out.Duration.Seconds())
}

func (m *metrics) backlog(n int64, oldest, now time.Time) {
	m.pending.Set(float64(n))
	age := 0.0
	if !oldest.IsZero() {
		age = max(0, now.Sub(oldest).Seconds())
	}
	m.oldest.Set(age)
}
