package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/api/client"
	"slipway/cmd/slipway/internal/commandtest"
)

// hook is a webhook receiver that records the events and answers with success, unless it is told to fail.
type hook struct {
	*httptest.Server
	mu    sync.Mutex
	ids   []string // ids of distinct events, in the order of arrival
	fails bool
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		var e client.Event
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.fails || err != nil || json.Unmarshal(raw, &e) != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		if !slices.Contains(h.ids, e.ID) {
			h.ids = append(h.ids, e.ID)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) fail(yes bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails = yes
}

func (h *hook) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ids)
}

func (h *hook) wait(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); h.count() < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d events came", h.count(), n)
		}
	}
}

// TestSubscriptionCommands: the whole life of a subscription on the command line.
func TestSubscriptionCommands(t *testing.T) {
	t.Parallel()
	s := commandtest.NewServer(t)
	s.Env = []string{"SLIPWAY_WEBHOOK_ALLOW=127.0.0.1", "SLIPWAY_SERVER=" + s.URL}
	s.Start()
	s.Env = append(s.Env, "SLIPWAY_TOKEN="+s.Token("*", "admin"))
	rc := newHook(t)
	created := s.Run(0, "subscription", "create", "deploys", "--url", rc.URL, "--repository", "main", "--type", "tag.set", "--tag", "prod*")
	if !strings.Contains(created, "whsec_") {
		t.Errorf("create: %s", created)
	}
	if out := s.Run(1, "subscription", "create", "typo", "--url", rc.URL, "--type", "tag.sett"); !strings.Contains(out, `did you mean "tag.set"?`) {
		t.Errorf("a misspelt type: %q", out)
	}
	if out := s.Run(0, "subscription", "ls"); !strings.Contains(out, "deploys") || !strings.Contains(out, rc.URL) || strings.Contains(out, "whsec_") {
		t.Errorf("ls: %s", out)
	}
	if out := s.Run(0, "subscription", "ping", "1"); !strings.Contains(out, "took the ping: HTTP 200") {
		t.Errorf("ping: %s", out)
	}
	rc.fail(true)
	if out := s.Run(1, "subscription", "ping", "1"); !strings.Contains(out, "418") {
		t.Errorf("a failing ping: %s", out)
	}
	rc.fail(false)
	publishRaw(s, "1")
	s.Run(0, "tag", "set", "main", "raw", "tool", "production", "1")
	s.Run(0, "tag", "set", "main", "raw", "tool", "beta", "1")
	rc.wait(t, 2) // the ping and the tag
	if out := s.Run(0, "subscription", "deliveries", "1", "--state", "dead"); !strings.Contains(out, "ping") || strings.Contains(out, "tag.set") {
		t.Errorf("dead: %s", out)
	}
	for end := time.Now().Add(time.Minute); ; { // the answer is sent before the server stores the outcome
		out := s.Run(0, "subscription", "delivery", "2")
		if strings.Contains(out, `"answer"`) && strings.Contains(out, `"attempt_count": 1`) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("delivery: %s", out)
		}
	}
	s.Run(0, "subscription", "redeliver", "2")
	rc.wait(t, 3)
	s.Run(0, "subscription", "pause", "1")
	if out := s.Run(0, "subscription", "show", "1"); !strings.Contains(out, "paused by token test of user admin") {
		t.Errorf("show: %s", out)
	}
	s.Run(1, "subscription", "ping", "1")
	publishRaw(s, "2")
	s.Run(0, "tag", "set", "main", "raw", "tool", "production", "2")
	s.Run(0, "subscription", "resume", "1")
	rc.wait(t, 4)
	s.Run(0, "subscription", "redeliver", "1", "--since", "0")
	if out := s.Run(0, "subscription", "rotate", "1"); !strings.Contains(out, "whsec_") || strings.Contains(created, out) {
		t.Errorf("rotate: %s", out)
	}
	s.Run(0, "subscription", "rm", "1")
	s.Run(1, "subscription", "show", "1")
	s.Terminate()
	s.Fsck()
}

// publishRaw stores a version of the raw package tool.
func publishRaw(s *commandtest.Server, version string) {
	s.T.Helper()
	req, err := http.NewRequest(http.MethodPut, s.URL+"/raw/main/tool/"+version+"/tool.bin", strings.NewReader("tool "+version))
	if err != nil {
		s.T.Fatal(err)
	}
	req.SetBasicAuth("admin", commandtest.Password)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode >= 300 {
		s.T.Fatalf("publish %s: %s", version, res.Status)
	}
}

// TestDeliveryKill kills the server while events are on their way, again and again: every event arrives.
func TestDeliveryKill(t *testing.T) {
	t.Parallel()
	const rounds, moves = 4, 10
	s := commandtest.NewServer(t)
	s.Env = []string{"SLIPWAY_WEBHOOK_ALLOW=127.0.0.1", "SLIPWAY_SERVER=" + s.URL}
	s.Start()
	token := s.Token("main", "admin")
	s.Env = append(s.Env, "SLIPWAY_TOKEN="+token)
	rc := newHook(t)
	s.Run(0, "subscription", "create", "deploys", "--url", rc.URL, "--repository", "main", "--type", "tag.set")
	publishRaw(s, "1")
	publishRaw(s, "2")
	moved := 0
	for round := range rounds {
		for i := range moves {
			req, err := http.NewRequest(http.MethodPut, s.URL+"/api/v1/repositories/main/packages/raw/tool/tags/production",
				strings.NewReader(fmt.Sprintf(`{"version":"%d"}`, 1+moved%2)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Fatalf("move %d of round %d: %s", i, round, res.Status)
			}
			moved++
		}
		time.Sleep(time.Duration(round) * 15 * time.Millisecond)
		s.Kill()
		s.Start()
	}
	rc.wait(t, moved)
	s.Terminate()
	s.Fsck()
	if rc.count() != moved {
		t.Errorf("%d events for %d moves", rc.count(), moved)
	}
}
