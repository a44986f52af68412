package httpserver

import (
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the metrics of the HTTP side; their labels come from closed sets.
type metrics struct {
	duration  *prometheus.HistogramVec // seconds, by format, route, code
	received  *prometheus.HistogramVec // bytes of request bodies, by format, route
	answered  *prometheus.HistogramVec // bytes of answers' bodies, by format, route
	inFlight  prometheus.Gauge
	sent      *prometheus.CounterVec // bytes of stored files, by format
	documents *prometheus.CounterVec // by outcome: hit, miss
	cached    prometheus.Gauge       // bytes
}

func newMetrics(reg prometheus.Registerer, version, commit string) *metrics {
	sizes := prometheus.ExponentialBuckets(256, 8, 10) // 256 B to 32 GiB
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_http_request_duration_seconds", Help: "Time from the first byte of a request to the last of its answer.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600},
		}, []string{"format", "route", "code"}),
		received: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_http_request_size_bytes", Help: "Bytes read of request bodies.", Buckets: sizes,
		}, []string{"format", "route"}),
		answered: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_http_response_size_bytes", Help: "Bytes written of answers' bodies.", Buckets: sizes,
		}, []string{"format", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "slipway_http_requests_in_flight", Help: "Requests being answered.",
		}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_blob_sent_bytes_total", Help: "Bytes of stored files sent to clients.",
		}, []string{"format"}),
		documents: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_documents_total", Help: "Rendered documents asked of the cache, by outcome.",
		}, []string{"outcome"}),
		cached: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "slipway_documents_cached_bytes", Help: "Bytes held by the cache of rendered documents.",
		}),
	}
	if reg != nil {
		build := prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "slipway_build_info", Help: "Always 1; the labels say what runs.",
			ConstLabels: prometheus.Labels{"version": version, "commit": commit, "go": runtime.Version()},
		})
		build.Set(1)
		reg.MustRegister(m.duration, m.received, m.answered, m.inFlight, m.sent, m.documents, m.cached, build)
	}
	return m
}

// done counts an answered request.
func (m *metrics) done(q *request, rec *recorder) {
	rt := q.route
	m.duration.WithLabelValues(rt.Format, rt.Name, strconv.Itoa(rec.code())).Observe(time.Since(q.start).Seconds())
	if q.body != nil {
		m.received.WithLabelValues(rt.Format, rt.Name).Observe(float64(q.body.read))
	}
	m.answered.WithLabelValues(rt.Format, rt.Name).Observe(float64(rec.bytes))
}
