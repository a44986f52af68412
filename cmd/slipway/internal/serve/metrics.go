package serve

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/metadata"
)

// batchMetrics count the group commits of the database.
type batchMetrics struct {
	updates prometheus.Histogram
	failed  prometheus.Counter
	queue   prometheus.Gauge
	run     prometheus.Histogram
	commit  prometheus.Histogram
	wal     prometheus.Gauge
	alone   prometheus.Counter
}

func newBatchMetrics(reg prometheus.Registerer) *batchMetrics {
	seconds := prometheus.ExponentialBuckets(0.0001, 3, 10) // 0.1 ms to 2 s
	m := &batchMetrics{
		updates: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "slipway_metadata_batch_updates", Help: "Updates made durable by one commit.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "slipway_metadata_failed_updates_total", Help: "Updates that were rolled back.",
		}),
		queue: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "slipway_metadata_queue_updates", Help: "Updates that waited for the writer when the last commit began.",
		}),
		run: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "slipway_metadata_batch_duration_seconds", Help: "Time from the first statement of a batch to its commit.", Buckets: seconds,
		}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "slipway_metadata_commit_duration_seconds", Help: "Time of a durable commit.", Buckets: seconds,
		}),
		wal: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "slipway_metadata_wal_bytes", Help: "Size of SQLite's write-ahead log.",
		}),
		alone: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "slipway_metadata_unreplicated_total", Help: "Commits of PostgreSQL that no standby has, as their wait for one was cancelled.",
		}),
	}
	reg.MustRegister(m.updates, m.failed, m.queue, m.run, m.commit, m.wal, m.alone)
	return m
}

func (m *batchMetrics) observe(b metadata.Batch) {
	m.updates.Observe(float64(b.Updates))
	m.failed.Add(float64(b.Failed))
	m.queue.Set(float64(b.Queued))
	m.run.Observe(b.Run.Seconds())
	m.commit.Observe(b.Commit.Seconds())
	m.wal.Set(float64(b.WALBytes))
	if errors.Is(b.Err, metadata.ErrUnreplicated) {
		m.alone.Inc()
	}
}
