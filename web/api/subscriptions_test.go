package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration"
	"slipway/integration/all"
	"slipway/integration/preset"
	"slipway/internal/outbound"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

// subscription is one in an answer.
type subscription struct {
	ID, Name, Sink, URL, Preset, Secret string
	Types, Repositories, Packages, Tags []string
	Enabled                             bool
	DisabledReason                      string `json:"disabled_reason"`
	Pending, Dead                       int
}

// delivery is one in an answer.
type delivery struct {
	ID, Subscription, State, Type, Error string
	EventID                              string `json:"event_id"`
	Seq                                  *int64
	AttemptCount                         int `json:"attempt_count"`
	Redelivery                           bool
	Request                              struct {
		URL         string
		ContentType string `json:"content_type"`
		Body        string
	}
	Attempts []struct {
		Attempt, Status int
		Answer          *string
	}
}

// sending is an API with a dispatcher that may send to loopback.
func sending(t *testing.T) *env {
	t.Helper()
	allow, err := outbound.ParseAllow([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	sinks := all.Sinks(outbound.Options{Allow: allow}, "test")
	a := newAPI(t, formatstest.Options{Core: []registrytest.Option{registrytest.With(func(c *instance.Config) { c.Renderer, c.Sinks = preset.Set{}, sinks })}})
	d := integration.Start(a.Subscriptions.Outbox(), integration.Options{Waits: []time.Duration{}, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		_ = sinks.Close()
	})
	return a
}

// decode reads an answer that must have this status.
func (a *env) decode(res formatstest.Response, status int, v any) {
	a.t.Helper()
	if res.Status != status {
		a.t.Fatalf("%v, want %d", res, status)
	}
	if err := json.Unmarshal(res.Body, v); err != nil {
		a.t.Fatalf("%v: %s", err, res.Body)
	}
}

// settled is a delivery once it is not pending any more.
func (a *env) settled(as formatstest.As, id string) delivery {
	a.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var d delivery
		res := a.call(as, "GET", "/deliveries/"+id, "")
		a.decode(res, 200, &d)
		if d.State != "pending" {
			return d
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("delivery %s stays pending", id)
		}
	}
}

func TestSubscriptions(t *testing.T) {
	a := newAPI(t)
	var made subscription
	res := a.want(201, "POST", "/subscriptions", `{"name":"deploys","sink":"webhook","url":"https://ci.example.com/hook?token=t","preset":"cloudevents",
		"types":["artifact.published","dev.slipway.tag.*.v1"],"repositories":["main"],"packages":["*"],"tags":["production"]}`, &made)
	if made.Name != "deploys" || !made.Enabled || fmt.Sprint(made.Types, made.Repositories, made.Packages, made.Tags) != "[artifact.published tag.*] [main] [*] [production]" {
		t.Errorf("made: %+v", made)
	}
	if !strings.HasPrefix(made.Secret, "whsec_") || res.Header.Get("Location") != a.URL+"/api/v1/subscriptions/"+made.ID {
		t.Errorf("made: %+v %v", made, res.Header)
	}
	var got subscription
	path := "/subscriptions/" + made.ID
	if res := a.want(200, "GET", path, "", &got); got.Secret != "" || got.URL != made.URL || strings.Contains(string(res.Body), "whsec_") {
		t.Errorf("read: %s", res.Body)
	}
	a.want(200, "PATCH", path, `{"tags":[],"packages":["lib"]}`, &got)
	if len(got.Tags) != 0 || fmt.Sprint(got.Packages, got.Types) != "[lib] [artifact.published tag.*]" {
		t.Errorf("changed: %+v", got)
	}
	var rotated subscription
	a.want(200, "PATCH", path, `{"rotate_secret":true}`, &rotated)
	if !strings.HasPrefix(rotated.Secret, "whsec_") || rotated.Secret == made.Secret {
		t.Errorf("rotated: %q", rotated.Secret)
	}
	a.want(200, "PATCH", path, `{"enabled":false}`, &got)
	if got.Enabled || got.DisabledReason != "paused by token test of user admin" {
		t.Errorf("paused: %+v", got)
	}
	a.want(409, "POST", path+"/ping", "", nil)
	got = subscription{}
	a.want(200, "PATCH", path, `{"enabled":true,"from":"now"}`, &got)
	if !got.Enabled || got.DisabledReason != "" {
		t.Errorf("resumed: %+v", got)
	}
	a.want(202, "POST", path+"/redeliver", `{"since":0}`, nil)
	for body, want := range map[string]int{
		`{"since":-1}`: 400, `{"since":99999}`: 400, `{}`: 400, `{"since":"x"}`: 400,
	} {
		a.want(want, "POST", path+"/redeliver", body, nil)
	}
	for body, want := range map[string]int{
		`{}`: 400, `{"name":"x"}`: 400, `{"name":"x","url":"/x"}`: 400, `{"name":"x","url":"https://h/","secrets":"s"}`: 400,
		`{"name":"x","url":"https://h/","repositories":["absent"]}`: 404, `{"name":"x","url":"https://h/","secret":"short"}`: 400,
	} {
		a.want(want, "POST", "/subscriptions", body, nil)
	}
	a.want(201, "POST", "/subscriptions", `{"name":"second","url":"https://ci.example.com/"}`, &got)
	var page struct {
		Items []subscription
		Next  string
	}
	a.want(200, "GET", "/subscriptions?limit=1", "", &page)
	if len(page.Items) != 1 || page.Items[0].ID != made.ID || page.Next == "" {
		t.Errorf("page: %+v", page)
	}
	next := page.Next
	page.Next = ""
	a.want(200, "GET", "/subscriptions?limit=1&after="+next, "", &page)
	if len(page.Items) != 1 || page.Items[0].Name != "second" || page.Next != "" {
		t.Errorf("last page: %+v", page)
	}
	a.want(400, "GET", "/subscriptions?after=x", "", nil)
	a.want(204, "DELETE", path, "", nil)
	for _, gone := range []string{path, path + "/deliveries", "/subscriptions/x", "/subscriptions/999", "/deliveries/999", "/deliveries/x"} {
		a.want(404, "GET", gone, "", nil)
	}
}

// TestDeliveries: a delivery shows what was sent and how each attempt went; the answers only to administrators of the
// instance, since they would let others read what the server can reach.
func TestDeliveries(t *testing.T) {
	a := sending(t)
	var fails atomic.Bool
	rc := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || fails.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = fmt.Fprintf(w, "internal page, %d bytes \xff", len(body))
	}))
	defer rc.Close()
	owner := a.UserToken("olga", 0, access.Grant{Repository: "main", Actions: []access.Action{access.Admin}})
	var sub subscription
	a.decode(a.call(owner, "POST", "/subscriptions", `{"name":"hook","url":"`+rc.URL+`","repositories":["main"],"types":["artifact.published"]}`), 201, &sub)
	path := "/subscriptions/" + sub.ID
	var ping delivery
	a.decode(a.call(owner, "POST", path+"/ping", ""), 202, &ping)
	if ping.State != "pending" || ping.Seq != nil || ping.Type != "dev.slipway.ping.v1" {
		t.Errorf("ping: %+v", ping)
	}
	if d := a.settled(owner, ping.ID); d.State != "delivered" || len(d.Attempts) != 1 || d.Attempts[0].Status != 200 || d.Attempts[0].Answer != nil {
		t.Errorf("as its owner sees it: %+v", d)
	}
	d := a.settled(formatstest.Admin, ping.ID)
	if len(d.Attempts) != 1 || d.Attempts[0].Answer == nil || !strings.HasPrefix(*d.Attempts[0].Answer, "internal page, ") {
		t.Errorf("as an administrator sees it: %+v", d)
	}
	if d.Request.URL != rc.URL || d.Request.ContentType != "application/cloudevents+json" || !strings.Contains(d.Request.Body, d.EventID) {
		t.Errorf("request: %+v", d.Request)
	}
	fails.Store(true)
	a.publish("lib", "1.0.0")
	list := func(state string) []delivery {
		t.Helper()
		var page struct{ Items []delivery }
		a.decode(a.call(owner, "GET", path+"/deliveries?state="+state, ""), 200, &page)
		return page.Items
	}
	for deadline := time.Now().Add(20 * time.Second); len(list("dead")) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not die")
		}
	}
	dead := list("dead")[0]
	if dead.Seq == nil || dead.AttemptCount != 1 || !strings.Contains(dead.Error, "500") || len(list("")) != 2 || len(list("pending")) != 0 {
		t.Errorf("dead: %+v of %d", dead, len(list("")))
	}
	a.want(400, "GET", path+"/deliveries?state=lost", "", nil)
	fails.Store(false)
	res := a.call(owner, "POST", "/deliveries/"+dead.ID+"/redeliver", "")
	a.decode(res, 202, &dead)
	if res.Header.Get("Location") != a.URL+"/api/v1/deliveries/"+dead.ID {
		t.Errorf("Location: %q", res.Header.Get("Location"))
	}
	if d := a.settled(owner, dead.ID); d.State != "delivered" || !d.Redelivery || d.AttemptCount != 2 || len(d.Attempts) != 2 {
		t.Errorf("redelivered: %+v", d)
	}
	if strings.Contains(a.Log(), "internal page") || strings.Contains(a.Log(), sub.Secret) {
		t.Error("the log shows too much")
	}
}
