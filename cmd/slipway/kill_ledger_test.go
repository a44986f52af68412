package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

// ledger records what the server has acknowledged to the clients.
type ledger struct {
	t       *testing.T
	server  *commandtest.Server
	token   string
	reader  string // token of readers, who see only what is published
	callers []*caller

	stormy atomic.Bool // a server that says it can't answer now has not answered

	mu       sync.Mutex
	versions []*tracked
	tags     map[string]*trackedTag
	cut      int
}

// trackedTag is one tag: the versions it has named, and the version to which an unanswered move may have set it.
type trackedTag struct {
	format, pkg string
	moves       []string
	maybe       []string
}

func (t *trackedTag) known() string {
	if len(t.moves) == 0 {
		return ""
	}
	return t.moves[len(t.moves)-1]
}

// caller is one client. Each has packages of its own, so it knows every change to them.
type caller struct {
	*ledger
	worker int
	drawn  int // versions
	r      *rand.Rand
	http   *http.Client
	read   map[string]answer // documents that cover many versions, as readers see them now
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

const killClients = 6

func newLedger(t *testing.T, srv *commandtest.Server, seed uint64) *ledger {
	l := &ledger{t: t, server: srv, tags: map[string]*trackedTag{}}
	for worker := range killClients {
		l.callers = append(l.callers, &caller{ledger: l, worker: worker, r: rand.New(rand.NewPCG(seed, uint64(worker)+1)),
			http: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}})
	}
	return l
}

func (l *ledger) settle(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn()
}

// load runs clients against the server, which is killed the given time after the first client's first step.
func (l *ledger) load(d time.Duration) {
	l.during(func() {
		time.Sleep(d)
		l.server.Kill()
	})
}

// during runs clients while fn runs, which begins after the first client's first step.
func (l *ledger) during(fn func()) {
	var wg sync.WaitGroup
	stop, begun := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	for _, c := range l.callers {
		wg.Go(func() {
			defer c.http.CloseIdleConnections()
			for _, v := range c.interrupted() {
				v.work.publish(c, v)
				begin()
			}
			for {
				select {
				case <-stop:
					return
				default:
					c.step()
					begin()
					c.breathe()
				}
			}
		})
	}
	<-begun
	fn()
	close(stop)
	wg.Wait()
}

// breathe waits a little in a storm, which lasts long: what was published is looked at again and again.
func (c *caller) breathe() {
	if c.stormy.Load() {
		time.Sleep(time.Duration(c.r.IntN(300)) * time.Millisecond)
	}
}

// finish lets every client end the publishes that it began.
func (l *ledger) finish() {
	for _, c := range l.callers {
		for _, v := range c.interrupted() {
			if v.work.publish(c, v); v.acked < len(v.files) {
				l.t.Errorf("%s can't be finished: %d of %d files", v.id(), v.acked, len(v.files))
			}
		}
	}
}

// interrupted are the client's versions whose publish must be tried again.
func (c *caller) interrupted() (out []*tracked) {
	c.settle(func() {
		for _, v := range c.versions {
			if c.owns(v) && v.acked < len(v.files) && !v.deleting {
				out = append(out, v)
			}
		}
	})
	return out
}

func (c *caller) owns(v *tracked) bool { return strings.HasSuffix(v.pkg, fmt.Sprintf("-%d", c.worker)) }

// step does one random change.
func (c *caller) step() {
	switch n := c.r.IntN(100); {
	case n < 70:
		work := workloads()[c.r.IntN(len(workloads()))]
		c.drawn++
		v := work.draw(c, fmt.Sprintf("%s-%d", work.name(), c.worker), fmt.Sprintf("1.0.%d", c.drawn))
		v.work = work
		c.settle(func() { c.versions = append(c.versions, v) })
		work.publish(c, v)
	case n < 88:
		c.moveTag()
	default:
		c.delete()
	}
}

// pick returns a random version that must be there.
func (c *caller) pick() *tracked {
	c.mu.Lock()
	defer c.mu.Unlock()
	var there []*tracked
	for _, v := range c.versions {
		if c.owns(v) && v.work.format() != "" && v.acked > 0 && v.acked == v.sent && !v.deleting {
			there = append(there, v)
		}
	}
	if len(there) == 0 {
		return nil
	}
	return there[c.r.IntN(len(there))]
}

func (c *caller) moveTag() {
	v := c.pick()
	if v == nil {
		return
	}
	key := v.work.format() + " " + v.pkg
	var tag *trackedTag
	c.settle(func() {
		if tag = c.tags[key]; tag == nil {
			tag = &trackedTag{format: v.work.format(), pkg: v.pkg}
			c.tags[key] = tag
		}
	})
	if tag.known() == v.version || len(tag.maybe) > 0 {
		return // the version can't be deleted, or an earlier move may still come
	}
	c.settle(func() { tag.maybe = append(tag.maybe, v.version) })
	body, _ := json.Marshal(map[string]string{"version": v.version, "reason": "test"})
	if a, ok := c.send(http.MethodPut, apiPackage(v.work.format(), v.pkg)+"/tags/prod", body, nil, http.StatusOK); ok && a.status > 0 {
		c.settle(func() { tag.moves, tag.maybe = append(tag.moves, v.version), nil })
	}
}

func (c *caller) delete() {
	v := c.pick()
	if v == nil {
		return
	}
	tagged := false
	c.settle(func() {
		tag := c.tags[v.work.format()+" "+v.pkg]
		if tagged = tag != nil && (tag.known() == v.version || len(tag.maybe) > 0); !tagged {
			v.deleting, v.settled = true, false
		}
	})
	if tagged {
		return // deleting it would end the tag, which another test covers
	}
	if _, ok := c.send(http.MethodDelete, apiPackage(v.work.format(), v.pkg)+"/versions/"+v.version, nil, nil, http.StatusNoContent); ok {
		c.settle(func() { v.deleted = true })
	}
}

func apiPackage(format, pkg string) string {
	return "/api/v1/repositories/main/packages/" + format + "/" + apiName(format, pkg)
}

// apiName is the whole name of a package.
func apiName(format, pkg string) string {
	if format == "maven" {
		return "com.acme:" + pkg
	}
	return pkg
}

// send sends one request with the rights of a build and reports whether it was answered with one of the statuses. An
// unanswered request is no error, any other status is.
func (c *caller) send(method, path string, body []byte, header map[string]string, statuses ...int) (answer, bool) {
	a := c.exchange(c.token, method, path, body, header)
	if a.status != 0 && !slices.Contains(statuses, a.status) {
		c.t.Errorf("%s %s: %d %.300s", method, path, a.status, a.body)
	}
	return a, slices.Contains(statuses, a.status)
}

// seen reads a path as a reader.
func (c *caller) seen(path string) answer {
	return c.exchange(c.reader, http.MethodGet, path, nil, nil)
}

// document is seen for a document that covers many versions: it is read only once while nothing changes.
func (c *caller) document(path string, header map[string]string) answer {
	a, ok := c.read[path]
	if !ok {
		a = c.exchange(c.reader, http.MethodGet, path, nil, header)
		c.read[path] = a
	}
	return a
}

// away are the answers of a server that can't answer now, and of a balancer whose server did not.
var away = []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

func (c *caller) exchange(token, method, path string, body []byte, header map[string]string) answer {
	req, err := http.NewRequest(method, c.server.URL+path, bytes.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return answer{}
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/npm/") {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || c.stormy.Load() && slices.Contains(away, resp.StatusCode) {
		return answer{}
	}
	return answer{resp.StatusCode, resp.Header, got}
}

// random returns up to n bytes of noise.
func (c *caller) random(n int) []byte {
	b := make([]byte, 2+c.r.IntN(n))
	for i := range b {
		b[i] = byte(c.r.Uint32())
	}
	return b
}

func (l *ledger) counts() (kept map[string]int, cut int) {
	kept = map[string]int{}
	for _, v := range l.versions {
		kept[v.work.name()]++
	}
	return kept, l.cut
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
