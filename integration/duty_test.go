package integration_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/integration"
	"slipway/metadata"
	"slipway/registry"
)

// TestDeliver: it works until its context ends, can be started again in the same process, and writes nothing about the deliveries
// of a process that it has lost the duty to.
func TestDeliver(t *testing.T) {
	e := newCore(t, integration.Options{}, nil)
	rc := newReceiver(t, yes)
	sub := e.subscribe(rc, "artifact.published")
	o := integration.Options{Metrics: prometheus.NewRegistry(), FaultPause: time.Millisecond}
	deliver := func(ctx context.Context, until func() bool) {
		t.Helper()
		ctx, stop := context.WithCancel(ctx)
		ended := make(chan error)
		go func() { ended <- integration.Deliver(ctx, e.Subscriptions.Outbox(), o) }()
		e.until("what is due", until)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	e.publish("1")
	deliver(t.Context(), func() bool { return len(rc.all()) == 1 && e.detail(sub).Pending == 0 })
	e.publish("2")
	var refused atomic.Int32
	lost := registry.Guarded(t.Context(), func(metadata.Duties) error {
		refused.Add(1)
		return metadata.ErrDutyLost
	})
	deliver(lost, func() bool { return refused.Load() > 3 })
	if n := len(rc.all()); n != 1 {
		t.Errorf("%d events were sent", n)
	}
	deliver(t.Context(), func() bool { return len(rc.all()) == 2 && e.detail(sub).Pending == 0 })
	e.MustFsck(t)
}
