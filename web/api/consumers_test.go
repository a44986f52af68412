package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
)

type consumer struct {
	Name      string
	Acked     int64
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

// TestConsumer: events are read from its place on until they are acknowledged.
func TestConsumer(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0")
	a.want(404, "GET", "/events?consumer=prod", "", nil)
	var made consumer
	a.want(201, "PUT", "/consumers/prod", `{}`, &made)
	if _, err := time.Parse("2006-01-02T15:04:05.000000Z", made.CreatedAt); err != nil || made.Name != "prod" {
		t.Errorf("%+v: %v", made, err)
	}
	read := func(query string) ([]event, formatstest.Response) {
		t.Helper()
		var events []event
		res := a.want(200, "GET", "/events?consumer=prod"+query, "", &events)
		return events, res
	}
	if events, res := read(""); len(events) != 0 || next(t, res) != fmt.Sprint(made.Acked) {
		t.Errorf("a new consumer gets %d events, and goes on behind %s", len(events), next(t, res))
	}
	a.want(200, "PUT", packages+"/lib/tags/production", `{"version":"1.0.0"}`, nil)
	a.want(200, "PUT", packages+"/lib/tags/beta", `{"version":"1.0.0"}`, nil)
	for range 2 { // reading acknowledges nothing
		if events, res := read("&types=tag.*&limit=1"); len(events) != 1 || events[0].Data["tag"] != "production" ||
			strings.Contains(res.Header.Get("Link"), "consumer") {
			t.Fatalf("%+v, %s", events, res.Header.Get("Link"))
		}
	}
	events, _ := read("&types=tag.*")
	if len(events) != 2 {
		t.Fatalf("%+v", events)
	}
	var moved consumer
	a.want(200, "PUT", "/consumers/prod", fmt.Sprintf(`{"acked":%d}`, events[0].seq(t)), &moved)
	if moved.Acked != events[0].seq(t) {
		t.Errorf("%+v", moved)
	}
	if rest, _ := read("&types=tag.*"); len(rest) != 1 || rest[0].ID != events[1].ID {
		t.Errorf("behind the first: %+v", rest)
	}
	a.want(200, "PUT", "/consumers/prod", `{"acked":-1}`, &moved)
	if moved.Acked != events[0].seq(t) {
		t.Errorf("it moved back: %+v", moved)
	}
	a.want(200, "PUT", "/consumers/prod", `{"acked":-1,"reset":true}`, &moved)
	if all, _ := read(""); moved.Acked != -1 || len(all) < 4 {
		t.Errorf("after a reset to the start: %+v, %d events", moved, len(all))
	}
	var list struct{ Items []consumer }
	a.want(200, "GET", "/consumers", "", &list)
	a.want(200, "GET", "/consumers/prod", "", &made)
	if len(list.Items) != 1 || list.Items[0] != made || made != moved {
		t.Errorf("%+v, %+v, want %+v", list, made, moved)
	}
	a.want(204, "DELETE", "/consumers/prod", "", nil)
	a.want(404, "GET", "/consumers/prod", "", nil)
}

// TestConsumerRefusals: what can't be meant is said, and not guessed.
func TestConsumerRefusals(t *testing.T) {
	a := newAPI(t)
	a.want(201, "PUT", "/consumers/prod", `{}`, nil)
	for _, c := range []struct {
		status             int
		method, path, body string
		says               string
	}{
		{400, "GET", "/events?consumer=prod&after=3", "", "either after or consumer"},
		{404, "GET", "/events?consumer=other", "", "no consumer"},
		{400, "PUT", "/consumers/prod", `{"acked":9999}`, "newest event"},
		{400, "PUT", "/consumers/prod", `{"reset":true}`, "reset"},
		{400, "PUT", "/consumers/prod", `{"ack":1}`, "ack"},
		{400, "PUT", "/consumers/prod", `{"acked":"1"}`, "acked"},
		{400, "PUT", "/consumers/prod", ``, ""},
		{400, "PUT", "/consumers/Prod", `{}`, "can't name"},
		{400, "PUT", "/consumers/a%2Fb", `{}`, "can't name"},
		{404, "DELETE", "/consumers/other", "", "no consumer"},
	} {
		res := a.call(formatstest.Admin, c.method, c.path, c.body)
		if res.Status != c.status || !strings.Contains(string(res.Body), c.says) {
			t.Errorf("%s %s %s: %v, want %d with %q", c.method, c.path, c.body, res, c.status, c.says)
		}
	}
	res := a.call(formatstest.Admin, "GET", "/events?consumer=prod", "", "Accept", "text/event-stream", "Last-Event-ID", "x")
	if res.Status != http.StatusBadRequest {
		t.Errorf("Last-Event-ID: %v", res)
	}
}
