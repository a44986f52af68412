package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/storage/s3/s3test"
)

// TestD14 kills the real binary with SIGKILL at random points of a mixed load, again and again. After each restart every
// acknowledged change is there, whole, and every unacknowledged one is there whole or not at all; at the end the log has
// no gap, each version exactly one event, fsck is clean and the log verifies. SLIPWAY_KILL_ROUNDS says how often.
func TestD14(t *testing.T) {
	rounds := 30
	if s := os.Getenv("SLIPWAY_KILL_ROUNDS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("local", func(t *testing.T) { killRounds(t, newTestServer(t), rounds) })
	t.Run("s3", func(t *testing.T) {
		url, env := s3test.New(t)
		srv := newTestServer(t, "--blobs", url)
		srv.env = env
		killRounds(t, srv, max(1, rounds/3))
	})
}

func killRounds(t *testing.T, srv *testServer, rounds int) {
	l := &ledger{t: t, server: srv, versions: map[string]*tracked{}, tags: map[string]*trackedTag{}}
	for round := range rounds {
		srv.start()
		if round == 0 {
			l.token = srv.token("main", "read,publish,tag,delete,audit")
		}
		l.verify(round%10 == 0)
		l.load(time.Duration(20+mathrand.IntN(400)) * time.Millisecond)
		if round%10 == 9 {
			srv.fsck()
		}
	}
	srv.start()
	l.verify(true)
	l.verifyEvents()
	srv.run(0, "log", "verify", "--server", srv.url, "--token", srv.token("*", "admin"))
	srv.terminate()
	srv.fsck()
	acked, cut := l.counts()
	t.Logf("%d kills, %d acknowledged changes kept, %d cut off", rounds, acked, cut)
	if acked < rounds {
		t.Errorf("only %d changes were acknowledged in %d rounds: the test did too little", acked, rounds)
	}
}

// fate is what the client knows of a change.
type fate int

const (
	unknown fate = iota // sent, not answered
	acked
)

// tracked is one version as the client knows it.
type tracked struct {
	format, pkg, version string
	sum                  string // sha256 of its file
	publish              fate
	deleting             bool // a deletion was sent
	deleted              fate // of the deletion
	settled              bool // looked at since its last change
}

// trackedTag is one tag: where it is known to stand, and where moves that were not answered may have put it.
type trackedTag struct {
	format, pkg string
	known       string
	maybe       []string
}

// ledger is what the clients were told.
type ledger struct {
	t      *testing.T
	server *testServer
	token  string

	mu       sync.Mutex
	versions map[string]*tracked
	tags     map[string]*trackedTag
	next     int
}

// load runs clients against the server until it is killed after the given time.
func (l *ledger) load(d time.Duration) {
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for w := range 6 {
		wg.Go(func() {
			client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
					l.step(client, w)
				}
			}
		})
	}
	time.Sleep(d)
	l.server.kill()
	close(stop)
	wg.Wait()
}

// step does one random change of one client. Each client has packages of its own, so that what it knows of them is whole.
func (l *ledger) step(client *http.Client, worker int) {
	switch n := mathrand.IntN(100); {
	case n < 45:
		l.publishRaw(client, worker)
	case n < 70:
		l.publishNPM(client, worker)
	case n < 88:
		l.moveTag(client, worker)
	default:
		l.delete(client, worker)
	}
}

func (l *ledger) track(format string, worker int, sum string) *tracked {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	v := &tracked{format: format, pkg: fmt.Sprintf("%s-%d", format, worker), version: fmt.Sprintf("1.0.%d", l.next), sum: sum}
	l.versions[format+" "+v.pkg+" "+v.version] = v
	return v
}

func (l *ledger) publishRaw(client *http.Client, worker int) {
	body := make([]byte, 1+mathrand.IntN(64<<10))
	_, _ = rand.Read(body)
	v := l.track("raw", worker, sha(body))
	if status := l.do(client, http.MethodPut, "/raw/main/"+v.pkg+"/"+v.version+"/file.bin", body); status == http.StatusCreated {
		l.settle(func() { v.publish = acked })
	}
}

func (l *ledger) publishNPM(client *http.Client, worker int) {
	v := l.track("npm", worker, "")
	tarball := npmTarball(l.t, v.pkg, v.version)
	l.settle(func() { v.sum = sha(tarball) })
	if status := l.do(client, http.MethodPut, "/npm/main/"+v.pkg, npmDocument(l.t, v.pkg, v.version, tarball)); status == http.StatusCreated {
		l.settle(func() { v.publish = acked })
	}
}

func (l *ledger) settle(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn()
}

// pick returns a random version of a worker that is known to be there.
func (l *ledger) pick(worker int) *tracked {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.versions {
		if strings.HasSuffix(v.pkg, fmt.Sprintf("-%d", worker)) && v.publish == acked && !v.deleting {
			return v
		}
	}
	return nil
}

func (l *ledger) moveTag(client *http.Client, worker int) {
	v := l.pick(worker)
	if v == nil {
		return
	}
	key := v.format + " " + v.pkg
	l.mu.Lock()
	tag := l.tags[key]
	if tag == nil {
		tag = &trackedTag{format: v.format, pkg: v.pkg}
		l.tags[key] = tag
	}
	tag.maybe = append(tag.maybe, v.version)
	l.mu.Unlock()
	body, _ := json.Marshal(map[string]string{"version": v.version, "reason": "test"})
	if status := l.do(client, http.MethodPut, apiPackage(v.format, v.pkg)+"/tags/prod", body); status == http.StatusOK {
		l.settle(func() { tag.known, tag.maybe = v.version, nil })
	}
}

func (l *ledger) delete(client *http.Client, worker int) {
	v := l.pick(worker)
	if v == nil {
		return
	}
	l.mu.Lock()
	tag := l.tags[v.format+" "+v.pkg]
	tagged := tag != nil && (tag.known == v.version || len(tag.maybe) > 0)
	if !tagged {
		v.deleting, v.settled = true, false
	}
	l.mu.Unlock()
	if tagged {
		return // its deletion would end the tag; that is another test
	}
	if status := l.do(client, http.MethodDelete, apiPackage(v.format, v.pkg)+"/versions/"+v.version, nil); status/100 == 2 {
		l.settle(func() { v.deleted = acked })
	}
}

func apiPackage(format, pkg string) string {
	return "/api/v1/repositories/main/packages/" + format + "/" + pkg
}

// do sends one request and returns its status, 0 when the connection broke.
func (l *ledger) do(client *http.Client, method, path string, body []byte) int {
	status, _ := l.get(client, method, path, body)
	if status >= 400 {
		l.t.Errorf("%s %s: %d", method, path, status)
	}
	return status
}

func (l *ledger) get(client *http.Client, method, path string, body []byte) (int, []byte) {
	req, err := http.NewRequest(method, l.server.url+path, bytes.NewReader(body))
	if err != nil {
		l.t.Error(err)
		return 0, nil
	}
	req.Header.Set("Authorization", "Bearer "+l.token)
	if strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/npm/") {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, got
}

// verify compares what the server has with what the clients were told, and settles what they did not know: everything, or
// only what changed since it was last looked at.
func (l *ledger) verify(everything bool) {
	client := &http.Client{Timeout: 20 * time.Second}
	listed := map[string]map[string]json.RawMessage{}
	for name, v := range l.versions {
		if !v.settled || everything {
			l.verifyVersion(client, name, v, listed)
		}
	}
	for _, tag := range l.tags {
		l.verifyTag(client, tag)
	}
}

func (l *ledger) verifyVersion(client *http.Client, name string, v *tracked, listed map[string]map[string]json.RawMessage) {
	status, body := l.get(client, http.MethodGet, filePath(v), nil)
	whole := status == http.StatusOK && sha(body) == v.sum
	switch {
	case status == http.StatusOK && !whole:
		l.t.Errorf("%s is visible with other bytes", name)
	case status != http.StatusOK && status != http.StatusNotFound:
		l.t.Errorf("%s: %d", name, status)
	case v.deleted == acked && whole:
		l.t.Errorf("%s was deleted and is back", name)
	case !v.deleting && v.publish == acked && !whole:
		l.t.Errorf("%s was acknowledged and is lost (%d)", name, status)
	}
	if v.format == "npm" {
		if listed[v.pkg] == nil {
			listed[v.pkg] = l.packument(client, v.pkg)
		}
		if _, ok := listed[v.pkg][v.version]; ok != whole {
			l.t.Errorf("%s: listed %v, tarball there %v", name, ok, whole)
		}
	}
	v.settled = true
	switch {
	case whole:
		v.publish, v.deleting = acked, false
	case v.deleting:
		v.deleted = acked
	default:
		delete(l.versions, name) // it never was
	}
}

// packument returns the versions that a package lists: the document and the files know the same ones.
func (l *ledger) packument(client *http.Client, pkg string) map[string]json.RawMessage {
	doc := struct {
		Versions map[string]json.RawMessage `json:"versions"`
	}{Versions: map[string]json.RawMessage{}}
	if status, body := l.get(client, http.MethodGet, "/npm/main/"+pkg, nil); status == http.StatusOK {
		if err := json.Unmarshal(body, &doc); err != nil {
			l.t.Error(err)
		}
	}
	return doc.Versions
}

func (l *ledger) verifyTag(client *http.Client, tag *trackedTag) {
	status, body := l.get(client, http.MethodGet, apiPackage(tag.format, tag.pkg)+"/tags/prod", nil)
	var got struct {
		Version string `json:"version"`
	}
	if status == http.StatusOK {
		if err := json.Unmarshal(body, &got); err != nil {
			l.t.Error(err)
		}
	}
	ok := got.Version == tag.known
	for _, m := range tag.maybe {
		ok = ok || got.Version == m
	}
	if !ok {
		l.t.Errorf("%s %s: the tag names %q, was known at %q, perhaps %q", tag.format, tag.pkg, got.Version, tag.known, tag.maybe)
	}
	tag.known, tag.maybe = got.Version, nil
}

func filePath(v *tracked) string {
	if v.format == "npm" {
		return "/npm/main/" + v.pkg + "/-/" + v.pkg + "-" + v.version + ".tgz"
	}
	return "/raw/main/" + v.pkg + "/" + v.version + "/file.bin"
}

// verifyEvents: the sequence has no gap, and every version that is or was there has exactly one publish event.
func (l *ledger) verifyEvents() {
	client := &http.Client{Timeout: 20 * time.Second}
	l.token = l.server.token("*", "admin")
	published := map[string]int{}
	next := int64(0)
	for {
		status, body := l.get(client, http.MethodGet, fmt.Sprintf("/api/v1/events?after=%d&limit=1000", next-1), nil)
		if status != http.StatusOK {
			l.t.Fatalf("events: %d %s", status, body)
		}
		var events []struct {
			Type     string `json:"type"`
			Sequence string `json:"sequence"`
			Data     struct{ Format, Package, Version string }
		}
		if err := json.Unmarshal(body, &events); err != nil {
			l.t.Fatal(err)
		}
		for _, e := range events {
			if seq, err := strconv.ParseInt(e.Sequence, 10, 64); err != nil || seq != next {
				l.t.Fatalf("event %s follows %d", e.Sequence, next-1)
			}
			next++
			if e.Type == "dev.slipway.artifact.published.v1" {
				published[e.Data.Format+" "+e.Data.Package+" "+e.Data.Version]++
			}
		}
		if len(events) == 0 {
			break
		}
	}
	for name := range l.versions {
		if published[name] != 1 {
			l.t.Errorf("%s has %d publish events", name, published[name])
		}
		delete(published, name)
	}
	for name := range published {
		l.t.Errorf("%s has an event, but never was there", name)
	}
}

func (l *ledger) counts() (kept, cut int) {
	return len(l.versions), l.next - len(l.versions)
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
