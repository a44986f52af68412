package api_test

import (
	"fmt"
	"testing"

	"slipway/api"
)

// TestEventsNewestFirst: the log can be read backwards, by page, down to its start, with what selects events.
func TestEventsNewestFirst(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0", "2.0.0", "3.0.0")
	var forward []api.Event
	a.want(200, "GET", "/events", "", &forward)
	var back []string
	after := int64(-1)
	for range len(forward) + 1 {
		var page []api.Event
		res := a.want(200, "GET", fmt.Sprintf("/events?order=newest&limit=2&after=%d", after), "", &page)
		for _, e := range page {
			back = append(back, e.ID)
		}
		link := res.Header.Get("Link")
		if link == "" {
			break
		}
		if _, err := fmt.Sscanf(page[len(page)-1].Sequence, "%d", &after); err != nil {
			t.Fatal(err)
		}
	}
	if len(back) != len(forward) {
		t.Fatalf("%d events backwards, %d forwards", len(back), len(forward))
	}
	for i, e := range forward {
		if back[len(back)-1-i] != e.ID {
			t.Errorf("backwards, the event %d is %s, want %s", i, back[len(back)-1-i], e.ID)
		}
	}
	var some []api.Event
	a.want(200, "GET", "/events?order=newest&limit=1&types=artifact.published&package=lib", "", &some)
	if len(some) != 1 || some[0].Type != "dev.slipway.artifact.published.v1" || some[0].Sequence < forward[len(forward)-2].Sequence {
		t.Errorf("the newest publish: %+v", some)
	}
	for _, query := range []string{"order=odd", "order=newest&wait=1s"} {
		a.want(400, "GET", "/events?"+query, "", nil)
	}
}

// TestRollbackIfRunning: a rollback that names the run it ends changes nothing once something else runs, and everything about the environment
// can be asked for as of a moment.
func TestRollbackIfRunning(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0", "2.0.0")
	report := func(version, status string) (d api.Deployment) {
		t.Helper()
		a.want(201, "POST", "/deployments", `{"environment":"prod","service":"web","repository":"main","purl":"pkg:generic/lib@`+version+`","status":"`+status+`"}`, &d)
		return d
	}
	first, second := report("1.0.0", "succeeded"), report("2.0.0", "succeeded")
	change := func(want int, d api.Deployment, since int64) {
		t.Helper()
		a.want(want, "PATCH", "/deployments/"+d.ID, fmt.Sprintf(`{"status":"rolled_back","reason":"slow","if_running":%d}`, since), nil)
	}
	change(412, first, first.Seq)
	change(412, second, first.Seq)
	var state api.EnvironmentState
	a.want(200, "GET", "/environments/prod", "", &state)
	s := state.Services[0]
	if s.Running.Version != "2.0.0" || s.Previous == nil || s.Previous.Version != "1.0.0" || s.Previous.Until == nil {
		t.Errorf("running %+v, before it %+v", s.Running, s.Previous)
	}
	change(200, second, s.Running.Seq)
	change(412, second, s.Running.Seq)
	var detail api.DeploymentDetail
	a.want(200, "GET", "/deployments/"+second.ID, "", &detail)
	if r := detail.Reports; len(r) != 2 || r[0].Status != "succeeded" || r[1].Status != "rolled_back" || r[1].Reason != "slow" || r[1].Seq != detail.LastSeq {
		t.Errorf("reports: %+v", r)
	}
	runs := func(query string) (out string) {
		t.Helper()
		var list api.List[api.Run]
		a.want(200, "GET", "/environments/prod/history?"+query, "", &list)
		for _, r := range list.Items {
			out += fmt.Sprint(r.Version, " ", r.Until != nil, " ")
		}
		return out
	}
	for query, want := range map[string]string{
		"":                                    "1.0.0 false 2.0.0 true 1.0.0 true ",
		fmt.Sprint("as_of=seq:", second.Seq):  "2.0.0 false 1.0.0 true ",
		fmt.Sprint("as_of=seq:", first.Seq):   "1.0.0 false ",
		fmt.Sprint("as_of=seq:", first.Seq-1): "",
	} {
		if got := runs(query); got != want {
			t.Errorf("history %s: %s, want %s", query, got, want)
		}
	}
	environments := func(query string, want int) {
		t.Helper()
		var list api.List[api.Environment]
		a.want(200, "GET", "/environments?"+query, "", &list)
		if len(list.Items) != want {
			t.Errorf("environments %s: %+v", query, list.Items)
		}
	}
	environments(fmt.Sprint("as_of=seq:", first.Seq-2), 0)
	environments(fmt.Sprint("as_of=seq:", first.Seq), 1)
	a.want(204, "DELETE", "/environments/prod", "", nil)
	environments("", 0)
	environments(fmt.Sprint("as_of=seq:", second.Seq), 1)
	var list api.List[api.Deployment]
	a.want(200, "GET", "/deployments?since=2000-01-01", "", &list)
	if len(list.Items) != 2 {
		t.Errorf("since 2000: %+v", list.Items)
	}
	a.want(200, "GET", "/deployments?since=2999-01-01", "", &list)
	if len(list.Items) != 0 {
		t.Errorf("since 2999: %+v", list.Items)
	}
	a.want(400, "GET", "/deployments?since=yesterday", "", nil)
}

// TestSubscriptionPreview: a filter can be tried on what has happened, and the deliveries of an event can be found.
func TestSubscriptionPreview(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0", "2.0.0")
	a.want(200, "PUT", packages+"/lib/tags/production", `{"version":"1.0.0"}`, nil)
	for body, want := range map[string]int{
		`{"repositories":["main"],"types":["artifact.published"]}`:                    2,
		`{"repositories":["main"],"types":["tag.*"],"tags":["prod*"]}`:                1,
		`{"repositories":["main"],"packages":["other"]}`:                              0,
		`{"repositories":["main"],"types":["artifact.published"],"preset":"quiet"}`:   0,
		`{"repositories":["main"],"types":["artifact.published"],"packages":["lib"]}`: 2,
	} {
		var p api.SubscriptionPreview
		a.want(200, "POST", "/subscriptions/preview", body, &p)
		if p.Matched != want || len(p.Events) != want || p.Looked < 4 {
			t.Errorf("%s: %d of %d, %d shown, want %d", body, p.Matched, p.Looked, len(p.Events), want)
		}
		if len(p.Events) == 2 && p.Events[0].Sequence <= p.Events[1].Sequence {
			t.Errorf("%s: the newest is not first", body)
		}
	}
	a.want(400, "POST", "/subscriptions/preview", `{"types":["no.such"]}`, nil)
	a.want(404, "POST", "/subscriptions/preview", `{"repositories":["absent"]}`, nil)
	a.want(400, "POST", "/subscriptions/preview", `{"preset":"odd"}`, nil)
	a.want(201, "POST", "/subscriptions", `{"name":"deploys","url":"https://ci.example.com/","repositories":["main"]}`, nil)
	var ping api.Delivery
	a.want(202, "POST", "/subscriptions/1/ping", "", &ping)
	for event, want := range map[string]int{ping.EventID: 1, "evt_none": 0} {
		var list api.List[api.Delivery]
		a.want(200, "GET", "/subscriptions/1/deliveries?event_id="+event, "", &list)
		if len(list.Items) != want {
			t.Errorf("deliveries of %s: %+v", event, list.Items)
		}
	}
	var detail api.SubscriptionDetail
	a.want(200, "GET", "/subscriptions/1", "", &detail)
	if detail.LastDelivered != nil {
		t.Errorf("nothing arrived, but %s", *detail.LastDelivered)
	}
}
