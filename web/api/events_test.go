package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/registry/registrytest"
	"slipway/web/api"
)

type event struct {
	SpecVersion, ID, Source, Type, Subject, Time, Sequence string
	DataContentType                                        string
	Data                                                   map[string]any
}

func (e event) seq(t *testing.T) int64 {
	t.Helper()
	n, err := strconv.ParseInt(e.Sequence, 10, 64)
	if err != nil || len(e.Sequence) != 20 {
		t.Fatalf("sequence %q", e.Sequence)
	}
	return n
}

// next reads after= out of the Link header.
func next(t *testing.T, res formatstest.Response) string {
	t.Helper()
	m := regexp.MustCompile(`^<([^>]+)>; rel="next"$`).FindStringSubmatch(res.Header.Get("Link"))
	if m == nil {
		t.Fatalf("Link: %q", res.Header.Get("Link"))
	}
	u, err := url.Parse(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("after")
}

func TestEventsBatch(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0")
	a.want(200, "PUT", packages+"/lib/tags/production", `{"version":"1.0.0"}`, nil)
	var all []event
	res := a.want(200, "GET", "/events", "", &all)
	if got := res.Header.Get("Content-Type"); got != "application/cloudevents-batch+json" {
		t.Errorf("Content-Type: %q", got)
	}
	for i, e := range all {
		if e.seq(t) != int64(i) || e.SpecVersion != "1.0" || !strings.HasPrefix(e.ID, "evt_") || !strings.HasPrefix(e.Type, "dev.slipway.") ||
			!strings.HasSuffix(e.Type, ".v1") || e.Source == "" || e.DataContentType != "application/json" {
			t.Errorf("event %d: %+v", i, e)
		}
	}
	last := all[len(all)-1]
	if last.Type != "dev.slipway.tag.set.v1" || last.Data["tag"] != "production" || last.Data["version"] != "1.0.0" || last.Data["actor"] != "token test of user admin" || last.Data["token"] != "test" {
		t.Errorf("last event: %+v", last)
	}

	// Page by page, by what Link says.
	after, seen := "-1", 0
	for {
		var page []event
		res := a.want(200, "GET", "/events?limit=2&after="+after, "", &page)
		seen += len(page)
		if len(page) == 0 {
			break
		}
		after = next(t, res)
	}
	if seen != len(all) {
		t.Errorf("%d events page by page, %d at once", seen, len(all))
	}

	var some []event
	for _, types := range []string{"types=tag.*", "types=dev.slipway.tag.set.v1", "types=environment.*,tag.set", "types=environment.*&types=tag.set"} {
		a.want(200, "GET", "/events?"+types, "", &some)
		if len(some) != 1 || some[0].Type != "dev.slipway.tag.set.v1" {
			t.Errorf("%s: %+v", types, some)
		}
	}

	// Who may read another repository sees nothing of this one, and still learns where to go on.
	elsewhere := formatstest.As(a.Token(formatstest.OtherRepository, access.Read))
	res = a.call(elsewhere, "GET", fmt.Sprintf("/events?after=%d", last.seq(t)-2), "")
	if string(res.Body) != "[]" {
		t.Errorf("events of another repository: %v", res)
	}
	if got := next(t, res); got < last.Sequence[18:] {
		t.Errorf("next: %s", got)
	}
}

// TestLongPoll: a request that waits is answered as soon as something happens.
func TestLongPoll(t *testing.T) {
	a := newAPI(t)
	res := a.want(200, "GET", "/events", "", nil)
	after := next(t, res)
	answer := make(chan formatstest.Response, 1)
	go func() {
		res, err := a.Try(formatstest.Admin, formatstest.Request{Method: "GET", Path: api.Prefix + "/events?wait=30s&after=" + after})
		if err != nil {
			t.Error(err)
		}
		answer <- res
	}()
	select {
	case res := <-answer:
		t.Fatalf("answered before anything happened: %v", res)
	case <-time.After(100 * time.Millisecond):
	}
	a.publish("lib", "1.0.0")
	select {
	case res := <-answer:
		if !strings.Contains(string(res.Body), "artifact.published") {
			t.Errorf("answer: %v", res)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the request still waits")
	}
	start := time.Now()
	if res := a.call(formatstest.Admin, "GET", "/events?wait=50ms&after=1000", ""); string(res.Body) != "[]" || time.Since(start) < 50*time.Millisecond {
		t.Errorf("nothing happens: %v after %s", res, time.Since(start))
	}
}

// stream opens an event stream.
func (a *env) stream(as formatstest.As, query string, header ...string) (*http.Response, *bufio.Scanner) {
	a.t.Helper()
	req, err := http.NewRequest("GET", a.URL+api.Prefix+"/events"+query, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if as == formatstest.Admin {
		req.SetBasicAuth("admin", registrytest.AdminPassword)
	} else {
		req.Header.Set("Authorization", "Bearer "+string(as))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = res.Body.Close() })
	return res, bufio.NewScanner(res.Body)
}

// read returns the next event of a stream with its id; comments are passed over.
func read(t *testing.T, s *bufio.Scanner) (id string, e event) {
	t.Helper()
	data := ""
	for s.Scan() {
		switch line := s.Text(); {
		case strings.HasPrefix(line, "id: "):
			id = line[4:]
		case strings.HasPrefix(line, "data: "):
			data = line[6:]
		case line == "" && data != "":
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatal(err)
			}
			return id, e
		}
	}
	t.Fatalf("the stream ended: %v", s.Err())
	return "", e
}

func TestEventStream(t *testing.T) {
	a := newAPI(t)
	res, s := a.stream(formatstest.Admin, "?types=artifact.*")
	if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("%d, %q", res.StatusCode, got)
	}
	a.publish("lib", "1.0.0")
	id, e := read(t, s)
	if e.Data["version"] != "1.0.0" || strconv.FormatInt(e.seq(t), 10) != id {
		t.Errorf("id %s, event %+v", id, e)
	}
	a.publish("lib", "1.1.0")
	if _, e = read(t, s); e.Data["version"] != "1.1.0" {
		t.Errorf("second event: %+v", e)
	}
	// A client that comes back goes on behind what it has seen.
	_, again := a.stream(formatstest.Admin, "?types=artifact.*", "Last-Event-ID", id)
	if _, e = read(t, again); e.Data["version"] != "1.1.0" {
		t.Errorf("after Last-Event-ID: %+v", e)
	}
	if res, _ := a.stream(formatstest.Admin, "", "Last-Event-ID", "x"); res.StatusCode != 400 {
		t.Errorf("Last-Event-ID: x: %d", res.StatusCode)
	}
	// Between events a comment comes with the position, which passes events that this stream does not show.
	a.want(200, "PUT", packages+"/lib/tags/production", `{"version":"1.0.0"}`, nil)
	var size int64 = a.signed(e.seq(t) + 2).N
	position := ""
	for position != fmt.Sprintf("id: %d", size-1) && s.Scan() {
		if line := s.Text(); strings.HasPrefix(line, "id: ") {
			position = line
		} else if strings.HasPrefix(line, "data: ") {
			t.Fatalf("an event that was not asked for: %s", line)
		}
	}
}

// TestStreamEndsWithRights is S-29 for a stream: what a token may see ends with the token.
func TestStreamEndsWithRights(t *testing.T) {
	a := newAPI(t)
	const body = `{"name":"ci","permissions":[{"repository":"*","actions":["read"]}]}`
	var made, child newToken
	a.want(201, "POST", "/tokens", body, &made)
	a.want(201, "POST", "/tokens", body, &child, "Authorization", "Bearer "+made.Token)
	_, s := a.stream(formatstest.As(child.Token), "")
	for s.Scan() && s.Text() == "" { // the stream runs
	}
	a.want(204, "DELETE", "/tokens/"+made.ID, "", nil)
	ended := make(chan struct{})
	go func() {
		for s.Scan() {
			if strings.Contains(s.Text(), "artifact.published") {
				t.Error("an event after the end of the token")
			}
		}
		close(ended)
	}()
	a.publish("lib", "1.0.0")
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the stream still runs")
	}
}

// TestShutdownDoesNotWaitForWaiters: streams and long polls end when the server stops.
func TestShutdownDoesNotWaitForWaiters(t *testing.T) {
	a := newAPI(t, formatstest.Options{Serve: httpserver.ServeOptions{ShutdownTimeout: time.Minute}})
	_, s := a.stream(formatstest.Admin, "")
	s.Scan()
	answer := make(chan formatstest.Response, 1)
	go func() {
		res, err := a.Try(formatstest.Admin, formatstest.Request{Method: "GET", Path: api.Prefix + "/events?wait=60s&after=100000"})
		if err != nil {
			t.Error(err)
		}
		answer <- res
	}()
	for end := time.Now().Add(10 * time.Second); a.inFlight() != 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the two do not run")
		}
	}
	start := time.Now()
	a.Stop()
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if res := <-answer; res.Status != 200 || string(res.Body) != "[]" {
		t.Errorf("the long poll: %v", res)
	}
}

// inFlight is how many requests are being answered.
func (a *env) inFlight() float64 {
	a.t.Helper()
	families, err := a.Metrics.Gather()
	if err != nil {
		a.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "slipway_http_requests_in_flight" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return 0
}

// TestEventTypes is N10: a filter by types that are none is refused.
func TestEventTypes(t *testing.T) {
	a := newAPI(t)
	for types, detail := range map[string]string{
		"tag.set,tag.sett":       `no event type \"tag.sett\": did you mean \"tag.set\"?`,
		strings.Repeat("a,", 33): "types: at most 32 of them",
		strings.Repeat("x", 65):  "no event type",
		"*.set,dev.slipway.*":    "",
	} {
		res := a.call(formatstest.Admin, http.MethodGet, "/events?types="+types, "")
		if want := map[bool]int{true: 200, false: 400}[detail == ""]; res.Status != want || !strings.Contains(string(res.Body), detail) {
			t.Errorf("%s: %v, want %d", types, res, want)
		}
	}
}
