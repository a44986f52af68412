package serve

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

const (
	// gcHeadroom is how much may be allocated between two collections: a server lives in a few MiB, and by Go's own rule would
	// collect again after as many.
	gcHeadroom   = 16 << 20 // bytes
	minGCPercent = 100      // Go's own
	maxGCPercent = 400

	quietFirst = time.Second // after the start, whose memory is of no use any more
	quietEvery = 5 * time.Second
	quietBytes = 1 << 20 // allocated in that time by an idle server
)

// gcPercent is the GOGC that gives a live heap of this many bytes its headroom. A large heap is left to Go's own rule.
func gcPercent(live uint64) int {
	return int(min(max(gcHeadroom*100/max(live, 1), minGCPercent), maxGCPercent))
}

// manageMemory collects less often than Go would, and returns freed memory and the program's pages to the system once the server is
// quiet, until ctx ends. GOGC in the environment wins, and GOMEMLIMIT bounds either.
func manageMemory(ctx context.Context, env func(string) string) {
	if env("GOGC") == "" {
		paceCollector(ctx)
	}
	go releaseWhenQuiet(ctx)
}

// paceCollector sets GOGC anew after every collection.
func paceCollector(ctx context.Context) {
	var last atomic.Int64
	set := func() {
		percent := gcPercent(readMetric("/gc/heap/live:bytes"))
		if before := last.Load(); int64(percent)*10 < before*9 || int64(percent)*10 > before*11 { // setting GOGC stops the world
			last.Store(int64(percent))
			debug.SetGCPercent(percent)
		}
	}
	type cycle struct{ _ [16]byte } // a finalizer needs an object of its own
	var again func(*cycle)
	again = func(c *cycle) {
		if ctx.Err() == nil {
			set()
			runtime.SetFinalizer(c, again)
		}
	}
	set()
	runtime.SetFinalizer(&cycle{}, again)
}

func releaseWhenQuiet(ctx context.Context) {
	released, before := uint64(0), readMetric("/gc/heap/allocs:bytes")
	for look := time.NewTimer(quietFirst); ; look.Reset(quietEvery) {
		select {
		case <-look.C:
		case <-ctx.Done():
			look.Stop()
			return
		}
		now := readMetric("/gc/heap/allocs:bytes")
		if now-before < quietBytes && now-released > quietBytes {
			debug.FreeOSMemory()
			_ = releaseProgram() // where the system can't, the memory stays counted
			released = now
		}
		before = now
	}
}

func readMetric(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
