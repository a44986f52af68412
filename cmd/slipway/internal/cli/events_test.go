package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
)

func TestEventsOnce(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	all := r.CLI(0, "events", "tail", "--once", "--output", "json")
	lines := strings.Split(strings.TrimSpace(all), "\n")
	for i, line := range lines {
		var e client.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if seq, err := strconv.Atoi(e.Sequence); err != nil || seq != i {
			t.Errorf("event %d: %s, %v", i, line, err)
		}
	}
	if out := r.CLI(0, "events", "tail", "--once", "--types", "artifact.*"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "pkg:generic/tool@1.0.0") {
		t.Errorf("types: %s", out)
	}
	if out := r.CLI(1, "events", "tail", "--types", "artefact.publishd"); !strings.Contains(out, `did you mean "artifact.published"?`) {
		t.Errorf("a misspelt type: %q", out)
	}
	if out := r.CLI(0, "events", "tail", "--once", "--after", fmt.Sprint(len(lines)-2)); strings.Count(out, "\n") != 1 {
		t.Errorf("after: %s", out)
	}
}

// TestEventsFollow: without --after only new events are shown, as they happen; tail waits for a server that is away for a
// while.
func TestEventsFollow(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	r.Settle() // events that the checkpoint covers are before "now"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, stdout := io.Pipe()
	done := make(chan int, 1)
	go func() {
		code := commandtest.Run(ctx, "", stdout, io.Discard, map[string]string{"XDG_CONFIG_HOME": r.ConfigDir}, "events", "tail", "--server", r.URL, "--types", "artifact.*")
		done <- code
		_ = stdout.Close()
	}()
	shown, published := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(published)
		for i := 0; ; i++ { // the first ones may come before the tail begins
			select {
			case <-shown:
				return
			case <-time.After(300 * time.Millisecond):
				r.Put(fmt.Sprintf("tool/1.1.%d/tool", i), "two")
			}
		}
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.Contains(line, "tool@1.1.") {
		t.Errorf("first line %q, %v", line, err)
	}
	close(shown)
	<-published
	cancel()
	_ = out.Close() // more than one line may have been printed
	if code := <-done; code != command.Failed {
		t.Errorf("exit code %d", code)
	}
}

// TestEventsExec: the command gets the event and its names, but not the token, and its failure ends the tail.
func TestEventsExec(t *testing.T) {
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	r.Put("tool/1.1.0/tool", "two")
	t.Setenv("SLIPWAY_TOKEN", "slp_secret of this process")
	dir := t.TempDir()
	t.Setenv("OUT", dir)
	r.CLI(0, "events", "tail", "--once", "--types", "artifact.published", "--exec", `cat > "$OUT/$SLIPWAY_EVENT_VERSION.json"; env > "$OUT/$SLIPWAY_EVENT_VERSION.env"`)
	for _, version := range []string{"1.0.0", "1.1.0"} {
		raw, err := os.ReadFile(filepath.Join(dir, version+".json"))
		var e client.Event
		if err != nil || json.Unmarshal(raw, &e) != nil || !strings.Contains(string(e.Data), `"version":"`+version+`"`) {
			t.Errorf("%s: %s, %v", version, raw, err)
		}
		env, err := os.ReadFile(filepath.Join(dir, version+".env"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"SLIPWAY_EVENT_TYPE=artifact.published", "SLIPWAY_EVENT_REPOSITORY=main", "SLIPWAY_EVENT_PACKAGE=tool", "SLIPWAY_EVENT_PURL=pkg:generic/tool@" + version, "SLIPWAY_EVENT_ACTOR=token "} {
			if !strings.Contains(string(env), want) {
				t.Errorf("%s is missing", want)
			}
		}
		if strings.Contains(string(env), "slp_secret") {
			t.Error("the command got our token")
		}
	}
	msg := r.CLI(1, "events", "tail", "--once", "--types", "artifact.published", "--exec", `test "$SLIPWAY_EVENT_VERSION" = 1.0.0`)
	var seq, after int64
	if _, err := fmt.Sscanf(msg, "slipway: event %d: exit status 1; go on with --after %d", &seq, &after); err != nil || after != seq-1 {
		t.Errorf("%q: %v", msg, err)
	}
}

// TestEventsRetry: a server that fails for a moment is asked again, a server that refuses is not.
func TestEventsRetry(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	away := commandtest.ServeHTTP(t, func(string, string) (int, string, string) {
		if calls.Add(1) == 1 {
			return 503, "", ""
		}
		return 403, "", ""
	})
	code, _, stderr := commandtest.Command(t.Context(), "", nil, "events", "tail", "--server", away, "--after", "0")
	if code != command.Failed || calls.Load() != 2 || !strings.Contains(stderr, "trying again in 1s") || !strings.Contains(stderr, "HTTP 403") {
		t.Errorf("exit code %d after %d calls: %s", code, calls.Load(), stderr)
	}
}
