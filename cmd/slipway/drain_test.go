//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

// What a change of servers may take.
const (
	maxStop     = 35 * time.Second // from SIGTERM to the end of the process
	maxHandOver = time.Second      // from SIGTERM until other servers have its duties
	maxTakeOver = 15 * time.Second // from SIGKILL
)

// duty is a row of the list of duties.
type dutyRow struct {
	Name, Holder string
	Epoch        int64
}

// duties are those that a server shows.
func (c *replicas) duties(s *commandtest.Server) []dutyRow {
	s.T.Helper()
	var list struct{ Items []dutyRow }
	code, body := s.Get(c.token, "/api/v1/duties")
	if err := json.Unmarshal([]byte(body), &list); err != nil || code != http.StatusOK {
		s.T.Fatalf("duties: %d %s", code, body)
	}
	return list.Items
}

// held are the duties of the server of this number.
func held(list []dutyRow, server int) []dutyRow {
	return slices.DeleteFunc(slices.Clone(list), func(d dutyRow) bool { return !strings.HasPrefix(d.Holder, fmt.Sprintf("r%d ", server)) })
}

// taken waits until other servers have the duties, and returns how long that took. Each has another epoch than before.
func (c *replicas) taken(lost []dutyRow, from int, asked *commandtest.Server) time.Duration {
	asked.T.Helper()
	start := time.Now()
	for {
		list := c.duties(asked)
		open := slices.ContainsFunc(lost, func(was dutyRow) bool {
			i := slices.IndexFunc(list, func(d dutyRow) bool { return d.Name == was.Name })
			return list[i].Holder == "" || list[i].Epoch == was.Epoch
		})
		if took := time.Since(start); !open {
			return took
		} else if took > 2*maxTakeOver {
			asked.T.Fatalf("the duties of r%d are not taken over: %+v", from, list)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestDrain: three servers behind a balancer are restarted one after the other while clients publish and read, and no client sees it.
// The balancer looks at /readyz ten times in --drain-delay. Another server has the work in the background at once; an upload that is
// under way is finished, and a stream of events ends.
func TestDrain(t *testing.T) {
	t.Parallel() // it waits more than it works
	c := newReplicas(t, 3)
	for _, s := range c.all {
		s.Env = append(s.Env, "SLIPWAY_DRAIN_DELAY=1s")
	}
	c.start()
	c.token = c.all[0].Token("*", "read,publish,audit")
	front := newBalancer(t, c.all)

	var requests atomic.Int64
	moved := 0
	meanwhile(4, func(client, n int) {
		path := fmt.Sprintf("/raw/main/client%d/%d/file", client, n)
		req, err := http.NewRequest(http.MethodPut, front+path, strings.NewReader(path))
		if err != nil {
			t.Error(err)
			return
		}
		if code, body := c.all[0].Send(c.token, req); code != http.StatusCreated {
			t.Errorf("publish %s: %d %s", path, code, body)
		}
		for range 4 {
			req, err := http.NewRequest(http.MethodGet, front+path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if code, body := c.all[0].Send(c.token, req); code != http.StatusOK || body != path {
				t.Errorf("read %s: %d %s", path, code, body)
			}
		}
		requests.Add(5)
	}, func() {
		for i, s := range c.all {
			moved += c.restart(t, i, s)
		}
	})
	t.Logf("%d requests, %d duties changed hands", requests.Load(), moved)
	if requests.Load() < 100 || moved == 0 {
		t.Errorf("%d requests, %d duties changed hands", requests.Load(), moved)
	}
	for _, s := range c.all {
		s.Terminate()
	}
	c.all[0].Fsck()
}

// restart ends a server and starts it again, and returns how many duties changed hands.
func (c *replicas) restart(t *testing.T, number int, s *commandtest.Server) int {
	other := c.all[(number+1)%len(c.all)]
	upload, answer := c.slowUpload(t, s, number)
	streamed := c.stream(t, s)
	mine := held(c.duties(other), number)
	start := time.Now()
	ended := make(chan time.Duration)
	go func() {
		s.Terminate()
		ended <- time.Since(start)
	}()
	took := c.taken(mine, number, other)
	if took > maxHandOver {
		t.Errorf("the %d duties of r%d were taken over after %s", len(mine), number, took)
	}
	time.Sleep(1500*time.Millisecond - time.Since(start)) // the listener is closed
	if code, _ := s.Get(c.token, "/readyz"); code != 0 {
		t.Errorf("r%d still takes requests: %d", number, code)
	}
	if _, err := io.WriteString(upload, "the end"); err != nil {
		t.Error(err)
	}
	if err := upload.Close(); err != nil {
		t.Error(err)
	}
	if got := <-answer; got != "201 Created" {
		t.Errorf("an upload under way: %s", got)
	}
	if got := <-streamed; !strings.Contains(got, "id: ") && !strings.HasPrefix(got, ": ") {
		t.Errorf("the stream of events ends without a position: %q", got)
	}
	stopped := <-ended
	if stopped > maxStop {
		t.Errorf("r%d ended after %s", number, stopped)
	}
	t.Logf("r%d: %d duties taken over after %s, ended after %s", number, len(mine), took.Round(time.Millisecond), stopped.Round(time.Millisecond))
	s.Start()
	return len(mine)
}

// slowUpload begins a publish at one server.
func (c *replicas) slowUpload(t *testing.T, s *commandtest.Server, number int) (*io.PipeWriter, chan string) {
	r, w := io.Pipe()
	req, err := http.NewRequest(http.MethodPut, fmt.Sprintf("%s/raw/main/slow/%d/file", s.URL, number), r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	answer := make(chan string, 1)
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			answer <- err.Error()
			return
		}
		_ = res.Body.Close()
		answer <- res.Status
	}()
	if _, err := w.Write(make([]byte, 256<<10)); err != nil {
		t.Fatal(err)
	}
	return w, answer
}

// stream follows the events of one server until it ends the stream.
func (c *replicas) stream(t *testing.T, s *commandtest.Server) chan string {
	req, err := http.NewRequest(http.MethodGet, s.URL+"/api/v1/events?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text := make(chan string, 1)
	go func() {
		defer res.Body.Close()
		all, err := io.ReadAll(res.Body)
		if err != nil {
			all = []byte("the stream broke: " + err.Error())
		}
		text <- string(all)
	}()
	return text
}

// TestTakeOver: a server that stands still, and one that is killed, lose their duties within 15 s; the former finds that out when it
// goes on, and changes nothing of them.
func TestTakeOver(t *testing.T) {
	t.Parallel() // it waits more than it works
	c := newReplicas(t, 3)
	c.start()
	c.token = c.all[0].Token("*", "read,publish,audit")
	holder := func() (int, []dutyRow) {
		list := c.duties(c.all[0])
		for i := range c.all {
			if mine := held(list, i); len(mine) > 0 {
				return i, mine
			}
		}
		t.Fatalf("nobody has a duty: %+v", list)
		return 0, nil
	}
	still, mine := holder()
	other := c.all[(still+1)%3]
	c.all[still].Signal(syscall.SIGSTOP)
	took := c.taken(mine, still, other)
	t.Logf("%d duties of a server that stands still: after %s", len(mine), took.Round(time.Millisecond))
	after := c.duties(other)
	c.all[still].Signal(syscall.SIGCONT)
	if took > maxTakeOver {
		t.Errorf("duties of a server that stood still: after %s", took)
	}
	if code, body := c.all[still].Put(c.token, "/raw/main/after/1/file", []byte("x")); code != http.StatusCreated {
		t.Errorf("the server that stood still: %d %s", code, body)
	}
	time.Sleep(2 * time.Second)
	for _, was := range mine {
		i := slices.IndexFunc(after, func(d dutyRow) bool { return d.Name == was.Name })
		list := c.duties(other)
		if j := slices.IndexFunc(list, func(d dutyRow) bool { return d.Name == was.Name }); list[j] != after[i] {
			t.Errorf("the server that stood still changed %+v to %+v", after[i], list[j])
		}
	}

	dead, mine := holder()
	c.all[dead].Kill()
	if took := c.taken(mine, dead, c.all[(dead+1)%3]); took > maxTakeOver {
		t.Errorf("duties of a killed server: after %s", took)
	} else {
		t.Logf("%d duties of a killed server: after %s", len(mine), took.Round(time.Millisecond))
	}
	for i, s := range c.all {
		if i != dead {
			s.Terminate()
		}
	}
	c.all[dead].Fsck()
}
