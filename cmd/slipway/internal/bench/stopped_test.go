package bench_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
)

// stopped runs a command that is stopped as soon as it has begun.
func stopped(t *testing.T, begun func() bool, env map[string]string, args ...string) (code int, stdout, stderr string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var watch sync.WaitGroup
	defer watch.Wait()
	watch.Go(func() {
		defer cancel()
		for ctx.Err() == nil && !begun() {
			time.Sleep(10 * time.Millisecond)
		}
	})
	code, stdout, stderr = commandtest.Command(ctx, "", env, args...)
	cancel()
	return code, stdout, stderr
}

// TestBenchStopped: a stopped run reports what it has measured; a stopped fill says how to continue.
func TestBenchStopped(t *testing.T) {
	r := commandtest.Start(t)
	r.Login()
	published := func() bool {
		return strings.Contains(r.Ask("GET", "/api/v1/repositories/main/packages?format=raw", ""), "bench")
	}
	code, out, errs := stopped(t, published, map[string]string{"SLIPWAY_SERVER": r.URL, "XDG_CONFIG_HOME": r.ConfigDir}, "bench", "run", "--mix", "raw.put", "--duration", "10m", "--clients", "1")
	if code != command.Failed || !strings.Contains(out, "raw.put") || !strings.Contains(errs, "slipway: stopped after ") {
		t.Errorf("run: exit code %d\n%s%s", code, out, errs)
	}
	data := filepath.Join(t.TempDir(), "data")
	filled := func() bool {
		packs, err := filepath.Glob(filepath.Join(data, "*", "*", "*.pack"))
		return err == nil && len(packs) > 0
	}
	code, _, errs = stopped(t, filled, nil, "bench", "fill", "--data", data)
	if code != command.Failed || !strings.Contains(errs, "of 50000 versions; the same command goes on") {
		t.Errorf("fill: exit code %d\n%s", code, errs)
	}
	few := []string{"bench", "fill", "--data", filepath.Join(t.TempDir(), "data"), "--packages", "50", "--versions", "200"}
	if code, _, errs = commandtest.Command(t.Context(), "", nil, few...); code != command.Done {
		t.Fatalf("fill: exit code %d\n%s", code, errs)
	}
	code, _, errs = commandtest.Command(t.Context(), "", nil, append(few, "--seed", "2")...)
	if code != command.Failed || !strings.Contains(errs, "was filled with other flags") {
		t.Errorf("another seed: exit code %d\n%s", code, errs)
	}
}
