package integration

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the dispatcher.
type metrics struct {
	attempts *prometheus.HistogramVec // seconds, by outcome
	pending  prometheus.Gauge
	oldest   prometheus.Gauge
	messages *prometheus.CounterVec   // of streams, by sink and outcome
	batches  *prometheus.HistogramVec // of streams: seconds, by sink
	behind   *prometheus.GaugeVec     // entries of the log, by sink
	failing  *prometheus.GaugeVec     // streams, by sink

	mu      sync.Mutex
	streams map[int64]progress
}

// progress is how far a stream is.
type progress struct {
	sink    string
	lag     int64
	failing bool
}

// newMetrics returns those that reg has already, from a dispatcher that has ended, or new ones. Those of streams are there for each of
// the brokers, also before one is used.
func newMetrics(reg prometheus.Registerer, brokers []string) *metrics {
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
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_stream_messages_total", Help: "Events sent to message brokers.",
		}, []string{"sink", "outcome"}),
		batches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_stream_send_duration_seconds", Help: "Time until a message broker has answered for all events of a batch.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"sink"}),
		behind: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "slipway_stream_lag_entries", Help: "Entries of the log behind what message brokers have acknowledged, of the subscription that is furthest behind.",
		}, []string{"sink"}),
		failing: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "slipway_stream_failing", Help: "Subscriptions to message brokers that fail now.",
		}, []string{"sink"}),
		streams: map[int64]progress{},
	}
	if reg != nil {
		m.attempts, m.pending, m.oldest = registered(reg, m.attempts), registered(reg, m.pending), registered(reg, m.oldest)
		m.messages, m.batches = registered(reg, m.messages), registered(reg, m.batches)
		m.behind, m.failing = registered(reg, m.behind), registered(reg, m.failing)
	}
	for _, name := range brokers {
		for _, outcome := range []string{"delivered", "retry", "dead"} {
			m.messages.WithLabelValues(name, outcome)
		}
		m.batches.WithLabelValues(name)
		m.show(name)
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

// sent counts what a broker said of a batch.
func (m *metrics) sent(sub Subscription, results []Result, took time.Duration) {
	for _, r := range results {
		outcome := "retry"
		switch r.Verdict {
		case Delivered:
			outcome = "delivered"
		case Refused:
			outcome = "dead"
		}
		m.messages.WithLabelValues(sub.Sink, outcome).Inc()
	}
	m.batches.WithLabelValues(sub.Sink).Observe(took.Seconds())
}

// stream notes how far a stream is.
func (m *metrics) stream(sub Subscription, lag int64, failing bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := progress{sub.Sink, max(0, lag), failing}
	if m.streams[sub.ID] != next {
		m.streams[sub.ID] = next
		m.show(sub.Sink)
	}
}

// forget drops a stream that has ended.
func (m *metrics) forget(sub Subscription) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.streams, sub.ID)
	m.show(sub.Sink)
}

// forgetAll drops all streams: another process may have them now.
func (m *metrics) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	sinks := map[string]bool{}
	for _, p := range m.streams {
		sinks[p.sink] = true
	}
	clear(m.streams)
	for name := range sinks {
		m.show(name)
	}
}

func (m *metrics) show(sink string) {
	var lag, failing int64
	for _, p := range m.streams {
		if p.sink != sink {
			continue
		}
		lag = max(lag, p.lag)
		if p.failing {
			failing++
		}
	}
	m.behind.WithLabelValues(sink).Set(float64(lag))
	m.failing.WithLabelValues(sink).Set(float64(failing))
}
