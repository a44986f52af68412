package upstreams

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/internal/origin"
	"slipway/registry"
)

// metrics are what is counted of remotes.
type metrics struct {
	seconds   *prometheus.HistogramVec
	received  *prometheus.CounterVec
	breaker   *prometheus.GaugeVec
	entered   *prometheus.CounterVec
	corrupted *prometheus.CounterVec
	evicted   *prometheus.CounterVec
	late      prometheus.Counter
	requests  *prometheus.CounterVec
	skipped   *prometheus.CounterVec

	mu     sync.Mutex
	names  map[string]bool                 // of upstreams that have series of their own
	counts map[string][]prometheus.Counter // those of requests, by format: see noted
}

// maxUpstreamNames bounds the label upstream; later names are otherUpstream.
const (
	maxUpstreamNames = 100
	otherUpstream    = "other"
)

// States of slipway_upstream_breaker_state.
const (
	breakerClosed = 0
	breakerOpen   = 2
)

func newMetrics(reg prometheus.Registerer, s *Upstreams) *metrics {
	m := &metrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_upstream_request_duration_seconds", Help: "Time until a registry elsewhere answered, or failed to.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"upstream", "kind", "outcome"}),
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_upstream_received_bytes_total", Help: "Bytes of answers of registries elsewhere, as sent.",
		}, []string{"upstream"}),
		breaker: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "slipway_upstream_breaker_state", Help: "Whether a registry elsewhere is asked: 0 it is, 2 it is not, as it does not answer.",
		}, []string{"upstream"}),
		entered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_cache_entered_files_total", Help: "Files that registries elsewhere delivered.",
		}, []string{"format"}),
		corrupted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_cache_verification_failures_total", Help: "Files of registries elsewhere that were not what was announced.",
		}, []string{"upstream"}),
		evicted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_cache_evicted_bytes_total", Help: "Bytes from registries elsewhere that went again, as they were not used or there was no room for them.",
		}, []string{"repository"}),
		skipped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_upstream_skipped_total", Help: "Answers without a registry elsewhere that could not be asked, as on_failure of its upstream says.",
		}, []string{"upstream"}),
		late: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "slipway_cache_late_entries_total", Help: "Files of registries elsewhere that clients had before they were stored and in the log, as that took long.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_cache_requests_total", Help: "Requests for what comes from registries elsewhere, by what became of their look-ups.",
		}, []string{"format", "kind", "result"}),
		names: map[string]bool{}, counts: map[string][]prometheus.Counter{},
	}
	under := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "slipway_cache_flights", Help: "Transfers of files from registries elsewhere that are under way.",
	}, func() float64 {
		s.flights.mu.Lock()
		defer s.flights.mu.Unlock()
		return float64(len(s.flights.list))
	})
	spool := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "slipway_cache_spool_bytes", Help: "Bytes of the files that are on their way from registries elsewhere.",
	}, func() float64 {
		s.spool.mu.Lock()
		defer s.spool.mu.Unlock()
		return float64(s.spool.used)
	})
	registry.RegisterMetrics(reg, m.seconds, m.received, m.breaker, m.entered, m.corrupted, m.evicted, m.skipped, m.late, m.requests, under, spool, &limits{s})
	return m
}

// label is the name of an upstream as a label.
func (m *metrics) label(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.names[name] && len(m.names) >= maxUpstreamNames {
		return otherUpstream
	}
	m.names[name] = true
	return name
}

// observe is origin.Environment.Observe.
func (m *metrics) observe(_ context.Context, o origin.Observation) {
	name := m.label(o.Upstream)
	m.seconds.WithLabelValues(name, o.Kind.String(), o.Outcome).Observe(o.Took.Seconds())
	m.received.WithLabelValues(name).Add(float64(o.Bytes))
}

// known makes the series of an upstream and of its repository, before anything happens to them.
func (m *metrics) known(name, repository, format string) {
	name = m.label(name)
	m.evicted.WithLabelValues(repository).Add(0)
	m.breaker.WithLabelValues(name).Set(breakerClosed)
	m.corrupted.WithLabelValues(name).Add(0)
	m.entered.WithLabelValues(format).Add(0)
	for _, kind := range registry.CacheKinds() {
		for _, result := range registry.CacheResults() {
			m.requests.WithLabelValues(format, kind.String(), result.String()).Add(0)
		}
	}
	m.skipped.WithLabelValues(name).Add(0)
}

// noted counts a look-up. Every request makes some, so the series are not searched for by their labels.
func (m *metrics) noted(format string, kind registry.CacheKind, result registry.CacheResult) {
	const width = int(registry.CacheStale) + 1 // it is the greatest
	m.mu.Lock()
	list := m.counts[format]
	if list == nil {
		list = make([]prometheus.Counter, len(registry.CacheKinds())*width)
		for _, k := range registry.CacheKinds() {
			for _, r := range registry.CacheResults() {
				list[int(k)*width+int(r)] = m.requests.WithLabelValues(format, k.String(), r.String())
			}
		}
		m.counts[format] = list
	}
	m.mu.Unlock()
	list[int(kind)*width+int(result)].Inc()
}

// changed notes that an upstream went down or came back.
func (m *metrics) changed(name string, down bool) {
	state := breakerClosed
	if down {
		state = breakerOpen
	}
	m.breaker.WithLabelValues(m.label(name)).Set(float64(state))
}
