package main

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/internal/balancer"
)

// probeEvery is how often the balancer asks /readyz.
const probeEvery = 100 * time.Millisecond

// newBalancer runs a balancer in front of servers, and returns its URL.
func newBalancer(t *testing.T, servers []*commandtest.Server) string {
	var hosts []string
	for _, s := range servers {
		hosts = append(hosts, s.Addr)
	}
	b := balancer.New(hosts...)
	ctx, stop := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() { b.Watch(ctx, probeEvery) })
	front := httptest.NewServer(b)
	t.Cleanup(func() {
		stop()
		watch.Wait()
		front.Close()
	})
	return front.URL
}
