package upstreams

import (
	"github.com/prometheus/client_golang/prometheus"
)

var (
	queueDesc = prometheus.NewDesc("slipway_upstream_queue_requests",
		"Requests that wait for their turn at a registry elsewhere.", []string{"upstream"}, nil)
	remainingDesc = prometheus.NewDesc("slipway_upstream_ratelimit_remaining",
		"Requests that a registry elsewhere still allows, as it said last; -1: it does not say.", []string{"upstream"}, nil)
)

// limits collects, when it is read, what the clients of remotes know: nothing is kept for it.
type limits struct{ s *Upstreams }

// Describe implements prometheus.Collector.
func (a *limits) Describe(out chan<- *prometheus.Desc) { out <- queueDesc; out <- remainingDesc }

// Collect implements prometheus.Collector. Upstreams of one name are one series, with the smallest of what remains.
func (a *limits) Collect(out chan<- prometheus.Metric) {
	queued, remaining := map[string]int{}, map[string]int{}
	for _, c := range a.s.remotes.all() {
		name := a.s.metrics.label(c.row.Name)
		for _, o := range c.State() {
			queued[name] += o.Queued
			if left, known := remaining[name]; !known || left < 0 || o.LimitRemaining >= 0 && o.LimitRemaining < left {
				remaining[name] = o.LimitRemaining
			}
		}
	}
	for name, n := range queued {
		out <- prometheus.MustNewConstMetric(queueDesc, prometheus.GaugeValue, float64(n), name)
		out <- prometheus.MustNewConstMetric(remainingDesc, prometheus.GaugeValue, float64(remaining[name]), name)
	}
}
