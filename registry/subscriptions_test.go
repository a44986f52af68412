package registry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/integration"
	"slipway/metadata"
	"slipway/metadata/sqlite"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/storage/storagetest"
)

// change is a subscription to main with the fields that a JSON text sets.
func change(t *testing.T, text string) integration.SubscriptionChange {
	t.Helper()
	name, url := "deploys", "https://ci.example.com/hook"
	c := integration.SubscriptionChange{Name: &name, URL: &url, Repositories: &[]string{"main"}, BaseURL: "https://slipway.example.com"}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func subscribe(t *testing.T, e *registrytest.Env, text string) integration.Subscription {
	t.Helper()
	sub, _, err := e.Subscriptions.CreateSubscription(e.Admin, change(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// spread lets all subscriptions look at the whole log.
func spread(t *testing.T, o *integration.Outbox) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = o.Spread(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// told lists what a subscription's deliveries tell of, the oldest first.
func told(t *testing.T, e *registrytest.Env, id int64) []string {
	t.Helper()
	list, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: id})
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, d := range list {
		full, err := e.Subscriptions.Delivery(e.Admin, d.ID)
		if err != nil {
			t.Fatal(err)
		}
		var event struct {
			ID   string
			Data struct{ Version, Tag, Name string }
		}
		if err := json.Unmarshal(full.Body, &event); err != nil || event.ID != d.MessageID {
			t.Fatalf("delivery %d: %v %s", d.ID, err, full.Body)
		}
		out = append(out, strings.TrimSpace(d.EventType+" "+event.Data.Version+" "+event.Data.Tag))
	}
	slices.Reverse(out)
	return out
}

func wantTold(t *testing.T, e *registrytest.Env, id int64, want ...string) {
	t.Helper()
	if got := told(t, e, id); !slices.Equal(got, want) {
		t.Errorf("subscription %d was told %q, want %q", id, got, want)
	}
}

// TestSubscriptionChecks: what can't work is refused when it is said.
func TestSubscriptionChecks(t *testing.T) {
	e := registrytest.New(t)
	long := strings.Repeat("x", 3000)
	for text, want := range map[string]registry.Kind{
		`{"Name":""}`:                                   registry.Invalid,
		`{"Name":"a\nb"}`:                               registry.Invalid,
		`{"Name":"` + long + `"}`:                       registry.Invalid,
		`{"Sink":"pigeon"}`:                             registry.Invalid,
		`{"Preset":"unknown"}`:                          registry.Invalid,
		`{"URL":""}`:                                    registry.Invalid,
		`{"URL":"ftp://ci.example.com/"}`:               registry.Invalid,
		`{"URL":"https:///path"}`:                       registry.Invalid,
		`{"URL":"https://ci.example.com/#x"}`:           registry.Invalid,
		`{"URL":"https://user:pass@ci.example/"}`:       registry.Invalid,
		`{"URL":"https://ci.example.com/a b"}`:          registry.Invalid,
		`{"URL":"https://ci.example.com/` + long + `"}`: registry.Invalid,
		`{"Types":["Tag Set"]}`:                         registry.Invalid,
		`{"Types":[""]}`:                                registry.Invalid,
		`{"Repositories":["../x"]}`:                     registry.Invalid,
		`{"Repositories":["absent"]}`:                   registry.NotFound,
		`{"Packages":["` + long + `"]}`:                 registry.Invalid,
		`{"Secret":"too short"}`:                        registry.Invalid,
		`{"Secret":"whsec_not base64 at all here"}`:     registry.Invalid,
		`{"Secret":"whsec_c2hvcnQ="}`:                   registry.Invalid,
		`{"Enabled":true}`:                              registry.Invalid,
		`{"From":"now"}`:                                registry.Invalid,
	} {
		if _, _, err := e.Subscriptions.CreateSubscription(e.Admin, change(t, text)); registry.KindOf(err) != want || err == nil {
			t.Errorf("%.80s: %v", text, err)
		} else if strings.Contains(err.Error(), "user:pass") {
			t.Errorf("a password is repeated: %v", err)
		}
	}
	many, err := json.Marshal(map[string][]string{"Tags": slices.Repeat([]string{"x"}, 51)})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Subscriptions.CreateSubscription(e.Admin, change(t, string(many))); registry.KindOf(err) != registry.Invalid {
		t.Errorf("51 tags: %v", err)
	}
	sub := subscribe(t, e, `{"Types":["dev.slipway.tag.set.v1","artifact.*"]}`)
	if !slices.Equal(sub.Filter.Types, []string{"tag.set", "artifact.*"}) || sub.Preset != registrytest.Preset {
		t.Errorf("stored as %+v", sub)
	}
	on := true
	if _, _, err := e.Subscriptions.UpdateSubscription(e.Admin, sub.ID, integration.SubscriptionChange{Enabled: &on, From: "elsewhere"}); registry.KindOf(err) != registry.Invalid {
		t.Errorf("from elsewhere: %v", err)
	}
}

// TestSubscriptionRights: a subscription belongs to who administers all of its repositories, whoever made it.
func TestSubscriptionRights(t *testing.T) {
	e := registrytest.New(t)
	if _, err := e.Core.CreateRepository(e.Admin, "team-a", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	as := func(repository string, actions ...access.Action) context.Context {
		return e.Login(access.Credentials{Token: e.Token(repository, actions...)})
	}
	teams := as("team-*", access.Admin)
	for what, c := range map[string]struct {
		ctx          context.Context
		repositories string
		want         registry.Kind
	}{
		"anonymous":             {context.Background(), `["main"]`, registry.Unauthenticated},
		"anonymous, glob":       {context.Background(), `["team-*"]`, registry.Unauthenticated},
		"reader":                {as("main", access.Read, access.Audit, access.Tag), `["main"]`, registry.Denied},
		"stranger":              {teams, `["main"]`, registry.NotFound},
		"stranger of one":       {teams, `["team-a","main"]`, registry.NotFound},
		"of too wide a glob":    {teams, `["t*"]`, registry.Denied},
		"of everything":         {teams, `["*"]`, registry.Denied},
		"of everything unnamed": {teams, `[]`, registry.Denied},
	} {
		if _, _, err := e.Subscriptions.CreateSubscription(c.ctx, change(t, `{"Repositories":`+c.repositories+`}`)); registry.KindOf(err) != c.want || err == nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	own, _, err := e.Subscriptions.CreateSubscription(teams, change(t, `{"Repositories":["team-*"]}`))
	if err != nil {
		t.Fatal(err)
	}
	mains := subscribe(t, e, `{}`)
	ping, err := e.Subscriptions.Ping(e.Admin, mains.ID)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := e.Subscriptions.Subscriptions(teams, 0, 0); err != nil || len(list) != 1 || list[0].ID != own.ID {
		t.Errorf("the teams see %+v, %v", list, err)
	}
	if list, err := e.Subscriptions.Subscriptions(e.Admin, 0, 0); err != nil || len(list) != 2 {
		t.Errorf("the administrator sees %+v, %v", list, err)
	}
	for what, err := range map[string]error{
		"get":        errOf(e.Subscriptions.Subscription(teams, mains.ID)),
		"change":     errOf2(e.Subscriptions.UpdateSubscription(teams, mains.ID, integration.SubscriptionChange{})),
		"delete":     e.Subscriptions.DeleteSubscription(teams, mains.ID),
		"ping":       errOf(e.Subscriptions.Ping(teams, mains.ID)),
		"replay":     errOf(e.Subscriptions.Replay(teams, mains.ID, 0)),
		"deliveries": errOf(e.Subscriptions.Deliveries(teams, integration.DeliveryQuery{SubscriptionID: mains.ID})),
		"delivery":   errOf(e.Subscriptions.Delivery(teams, ping.ID)),
		"redeliver":  errOf(e.Subscriptions.Redeliver(teams, ping.ID)),
		"widen":      errOf2(e.Subscriptions.UpdateSubscription(teams, own.ID, integration.SubscriptionChange{Repositories: &[]string{"main"}})),
	} {
		if registry.KindOf(err) != registry.NotFound || err == nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func errOf[A any](_ A, err error) error          { return err }
func errOf2[A, B any](_ A, _ B, err error) error { return err }

// TestSubscriptionFilter: each kind of filter selects what it says, and nothing else.
func TestSubscriptionFilter(t *testing.T) {
	e := registrytest.New(t)
	if _, err := e.Core.CreateRepository(e.Admin, "other", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	all := subscribe(t, e, `{"Repositories":["*"]}`)
	main := subscribe(t, e, `{}`)
	glob := subscribe(t, e, `{"Repositories":["m*n"],"Types":["artifact.published"]}`)
	tags := subscribe(t, e, `{"Tags":["prod*"]}`)
	scoped := subscribe(t, e, `{"Packages":["@acme/*"],"Types":["artifact.*"]}`)
	elsewhere := subscribe(t, e, `{"Repositories":["other"]}`)
	quiet := subscribe(t, e, `{"Preset":"`+registrytest.PresetQuiet+`"}`)
	for _, pkg := range []string{"@acme/web", "lib"} {
		if err := e.Publish(pkg, "1"); err != nil {
			t.Fatal(err)
		}
	}
	for _, tag := range []string{"production", "beta"} {
		if _, err := e.Publisher.SetTag(e.Admin, e.Name("lib"), tag, publish.TagChange{Version: "1"}); err != nil {
			t.Fatal(err)
		}
	}
	spread(t, e.Subscriptions.Outbox())
	wantTold(t, e, main.ID, "artifact.published 1", "artifact.published 1", "tag.set 1 production", "tag.set 1 beta")
	wantTold(t, e, glob.ID, "artifact.published 1", "artifact.published 1")
	wantTold(t, e, tags.ID, "tag.set 1 production")
	wantTold(t, e, scoped.ID, "artifact.published 1")
	wantTold(t, e, elsewhere.ID)
	wantTold(t, e, quiet.ID)
	// What concerns the whole server is for those of every repository: six more subscriptions were made behind the first.
	if got := told(t, e, all.ID); len(got) != 4+7 || got[0] != "subscription.created" {
		t.Errorf("everything: %q", got)
	}
}

// TestSubscriptionSecrets: sealed where they are kept, shown once, in no entry of the log; a replaced one also signs for a
// day.
func TestSubscriptionSecrets(t *testing.T) {
	now := time.Now()
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) { c.Now = func() time.Time { return now } }))
	const given = "0123456789 given by somebody"
	sub, secret, err := e.Subscriptions.CreateSubscription(e.Admin, change(t, `{"Secret":"`+given+`","URL":"https://ci.example.com/?token=hidden"}`))
	if err != nil || secret != given {
		t.Fatalf("%q, %v", secret, err)
	}
	ping, err := e.Subscriptions.Ping(e.Admin, sub.ID)
	if err != nil {
		t.Fatal(err)
	}
	o := e.Subscriptions.Outbox()
	load := func() integration.Parcel {
		t.Helper()
		p, err := o.Load(context.Background(), ping.ID)
		if err != nil || p.Fault != nil {
			t.Fatal(err, p.Fault)
		}
		return p
	}
	if p := load(); p.Secret != given || len(p.Keys) != 1 || string(p.Keys[0]) != given {
		t.Errorf("signs with %+v", p.Keys)
	}
	if _, none, err := e.Subscriptions.UpdateSubscription(e.Admin, sub.ID, integration.SubscriptionChange{}); err != nil || none != "" {
		t.Errorf("a change of nothing shows %q, %v", none, err)
	}
	_, made, err := e.Subscriptions.UpdateSubscription(e.Admin, sub.ID, integration.SubscriptionChange{RotateSecret: true})
	if err != nil || !strings.HasPrefix(made, "whsec_") || len(made) != len("whsec_")+44 {
		t.Fatalf("made %q, %v", made, err)
	}
	if p := load(); p.Secret != made || len(p.Keys) != 2 || len(p.Keys[0]) != 32 || string(p.Keys[1]) != given {
		t.Errorf("after the change it signs with %q", p.Keys)
	}
	now = now.Add(integration.SecretOverlap)
	if p := load(); len(p.Keys) != 1 || len(p.Keys[0]) != 32 {
		t.Errorf("a day later it signs with %q", p.Keys)
	}
	row, err := metadataOf(e, func(tx metadata.Tx) (metadata.Subscription, error) { return tx.Subscriptions().Subscription(sub.ID) })
	if err != nil || bytes.Contains(row.Secrets, []byte(made)) || bytes.Contains(row.Secrets, []byte(given)) || len(row.Secrets) == 0 {
		t.Errorf("kept as %q, %v", row.Secrets, err)
	}
	entries, err := metadataOf(e, func(tx metadata.Tx) ([]metadata.Entry, error) {
		return tx.Log().Entries(metadata.EntryQuery{After: -1})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		for _, hidden := range []string{given, made, "hidden"} {
			if bytes.Contains(entry.Data, []byte(hidden)) {
				t.Errorf("a secret is in the log: %s", entry.Data)
			}
		}
	}
	// Another server's key opens nothing: what is due says why it can't be sent, and a new secret mends it.
	other := e.Config
	other.SealKey, other.Metrics = bytes.Repeat([]byte{8}, 32), nil
	s, err := instance.Open(context.Background(), other)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if p, err := s.Subscriptions.Outbox().Load(context.Background(), ping.ID); err != nil || p.Fault == nil {
		t.Errorf("another key opens it: %v, %v", p.Fault, err)
	}
	if _, _, err := s.Subscriptions.UpdateSubscription(e.Admin, sub.ID, integration.SubscriptionChange{RotateSecret: true}); err != nil {
		t.Error(err)
	}
	if p, err := s.Subscriptions.Outbox().Load(context.Background(), ping.ID); err != nil || p.Fault != nil {
		t.Errorf("after a change: %v, %v", p.Fault, err)
	}
}

func metadataOf[T any](e *registrytest.Env, get func(tx metadata.Tx) (T, error)) (out T, err error) {
	err = e.Metadata.View(context.Background(), func(tx metadata.Tx) error {
		out, err = get(tx)
		return err
	})
	return out, err
}

// TestPause: a disabled subscription stores nothing; it goes on where it stopped, or now.
func TestPause(t *testing.T) {
	e := registrytest.New(t)
	o := e.Subscriptions.Outbox()
	a, b := subscribe(t, e, `{}`), subscribe(t, e, `{}`)
	publish := func(version string) {
		t.Helper()
		if err := e.Publish("lib", version); err != nil {
			t.Fatal(err)
		}
		spread(t, o)
	}
	publish("1")
	enable := func(id int64, on bool, from string) {
		t.Helper()
		if _, _, err := e.Subscriptions.UpdateSubscription(e.Admin, id, integration.SubscriptionChange{Enabled: &on, From: from}); err != nil {
			t.Fatal(err)
		}
	}
	enable(a.ID, false, "")
	enable(b.ID, false, "")
	publish("2")
	if queues, err := o.Queues(context.Background(), 5); err != nil || len(queues) != 0 {
		t.Errorf("disabled ones have %+v, %v", queues, err)
	}
	if _, err := e.Subscriptions.Ping(e.Admin, a.ID); registry.KindOf(err) != registry.Conflict {
		t.Errorf("ping: %v", err)
	}
	if _, err := e.Subscriptions.Replay(e.Admin, a.ID, 1); registry.KindOf(err) != registry.Conflict {
		t.Errorf("replay: %v", err)
	}
	wantTold(t, e, a.ID, "artifact.published 1")
	enable(a.ID, true, "")
	enable(b.ID, true, integration.FromNow)
	publish("3")
	wantTold(t, e, a.ID, "artifact.published 1", "artifact.published 2", "artifact.published 3")
	wantTold(t, e, b.ID, "artifact.published 1", "artifact.published 3")
	pending, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: b.ID, State: integration.DeliveryDead})
	if err != nil || len(pending) != 1 || pending[0].Error == "" {
		t.Errorf("what waited is %+v, %v", pending, err)
	}
	d, err := e.Subscriptions.Redeliver(e.Admin, pending[0].ID)
	if err != nil || d.State != integration.DeliveryPending || !d.Redelivery {
		t.Errorf("redelivered: %+v, %v", d, err)
	}
	if got, err := e.Subscriptions.Subscription(e.Admin, b.ID); err != nil || got.Pending != 2 || got.Dead != 0 || got.OldestPending.IsZero() {
		t.Errorf("detail: %+v, %v", got, err)
	}
}

// TestReplay sends again what was sent and what came before the subscription, once each, with the bytes it had.
func TestReplay(t *testing.T) {
	e := registrytest.New(t)
	o := e.Subscriptions.Outbox()
	if err := e.Publish("lib", "1"); err != nil {
		t.Fatal(err)
	}
	sub := subscribe(t, e, `{}`)
	if err := e.Publish("lib", "2"); err != nil {
		t.Fatal(err)
	}
	spread(t, o)
	list, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: sub.ID})
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if err := o.Attempted(context.Background(), list[0], integration.Outcome{At: time.Now(), Status: 200, Delivered: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Subscriptions.Replay(e.Admin, sub.ID, 1000); registry.KindOf(err) != registry.Invalid {
		t.Errorf("since the future: %v", err)
	}
	if _, err := e.Subscriptions.Replay(e.Admin, sub.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := e.Publish("lib", "3"); err != nil {
		t.Fatal(err)
	}
	spread(t, o)
	// repository.created of the first start belongs to main too; the known delivery keeps its number.
	wantTold(t, e, sub.ID, "artifact.published 2", "repository.created", "artifact.published 1", "artifact.published 3")
	again, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: sub.ID})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, true, true, true} { // the newest first
		if d := again[i]; d.Redelivery != want || d.State != integration.DeliveryPending {
			t.Errorf("delivery %d: %+v", i, d)
		}
	}
	if d := again[3]; d.ID != list[0].ID || d.Attempts != 1 || d.Tries != 0 {
		t.Errorf("the known one: %+v", d)
	}
}

// TestFailures: a subscription that only fails is disabled in the end, one that works now and then is not.
func TestFailures(t *testing.T) {
	e := registrytest.New(t)
	o := e.Subscriptions.Outbox()
	sub := subscribe(t, e, `{"Types":["artifact.published"]}`)
	for _, v := range []string{"1", "2", "3"} {
		if err := e.Publish("lib", v); err != nil {
			t.Fatal(err)
		}
	}
	spread(t, o)
	queues, err := o.Queues(context.Background(), 10)
	if err != nil || len(queues) != 1 || len(queues[0].Due) != 3 {
		t.Fatalf("%+v, %v", queues, err)
	}
	start := time.Now()
	attempt := func(i int, after time.Duration, delivered bool) integration.SubscriptionDetail {
		t.Helper()
		out := integration.Outcome{At: start.Add(after), NextAt: start.Add(after + time.Hour), Delivered: delivered, Status: 200, GiveUpAfter: 100 * time.Hour}
		if !delivered {
			out.Status, out.Error = 500, "HTTP 500"
		}
		d, err := e.Subscriptions.Delivery(e.Admin, queues[0].Due[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Attempted(context.Background(), d.Delivery, out); err != nil {
			t.Fatal(err)
		}
		got, err := e.Subscriptions.Subscription(e.Admin, sub.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := attempt(0, 0, false); got.FailingSince.IsZero() || !got.DisabledAt.IsZero() {
		t.Errorf("after a failure: %+v", got)
	}
	if got := attempt(1, time.Hour, true); !got.FailingSince.IsZero() {
		t.Errorf("after a success: %+v", got)
	}
	attempt(0, 2*time.Hour, false)
	if got := attempt(2, 101*time.Hour, false); !got.DisabledAt.IsZero() {
		t.Errorf("after 99 hours: %+v", got)
	}
	got := attempt(0, 102*time.Hour, false)
	if got.DisabledAt.IsZero() || !strings.HasPrefix(got.DisabledReason, "only failures since ") {
		t.Errorf("after 100 hours: %+v", got)
	}
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1, Types: []string{"subscription.disabled"}})
	if err != nil || len(events) != 1 || !strings.Contains(string(events[0].Data), got.DisabledReason) || events[0].AuthType != "system" {
		t.Errorf("events: %+v, %v", events, err)
	}
	d, err := e.Subscriptions.Delivery(e.Admin, queues[0].Due[0].ID)
	if err != nil || d.Attempts != 3 || len(d.Sent) != 3 || d.Sent[2].Status != 500 || !d.Answers {
		t.Errorf("%+v, %v", d, err)
	}
	if err := o.Attempted(context.Background(), registry.Delivery{ID: 999}, integration.Outcome{}); err != nil {
		t.Errorf("of a delivery that is gone: %v", err)
	}
}

// TestRedeliverDuringAttempt: what is asked for again while an attempt is under way is sent again, whatever came of that one.
func TestRedeliverDuringAttempt(t *testing.T) {
	for what, out := range map[string]integration.Outcome{
		"the last attempt fails": {Error: "refused"},
		"another one is to come": {Error: "refused", NextAt: time.Now().Add(time.Hour)},
		"delivered":              {Status: 200, Delivered: true},
	} {
		e := registrytest.New(t)
		o := e.Subscriptions.Outbox()
		sub := subscribe(t, e, `{}`)
		must(t, e.Publish("lib", "1"))
		spread(t, o)
		due := func() registry.Due {
			t.Helper()
			queues, err := o.Queues(context.Background(), 5)
			if err != nil || len(queues) != 1 || len(queues[0].Due) != 1 {
				t.Fatalf("%s: %+v, %v", what, queues, err)
			}
			return queues[0].Due[0]
		}
		p, err := o.Load(context.Background(), due().ID)
		must(t, err)
		asked, err := e.Subscriptions.Redeliver(e.Admin, p.ID)
		must(t, err)
		out.At = time.Now()
		must(t, o.Attempted(context.Background(), p.Delivery, out))
		if at := due().At; !at.Equal(asked.NextAt) || !at.Before(out.At.Add(time.Second)) {
			t.Errorf("%s: due at %v, asked for at %v", what, at, asked.NextAt)
		}
		d, err := e.Subscriptions.Delivery(e.Admin, p.ID)
		if err != nil || d.State != integration.DeliveryPending || d.Attempts != 1 || d.Tries != 0 || len(d.Sent) != 1 || d.Error != out.Error {
			t.Errorf("%s: %+v, %v", what, d, err)
		}
		// The next attempt counts as ever.
		p, err = o.Load(context.Background(), p.ID)
		must(t, err)
		must(t, o.Attempted(context.Background(), p.Delivery, integration.Outcome{At: out.At, Error: "refused"}))
		if d, err := e.Subscriptions.Delivery(e.Admin, p.ID); err != nil || d.State != integration.DeliveryDead || d.Attempts != 2 || d.Tries != 1 {
			t.Errorf("%s, again: %+v, %v", what, d, err)
		}
		if got, err := e.Subscriptions.Subscription(e.Admin, sub.ID); err != nil || got.FailingSince.IsZero() {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
}

// TestDamagedSubscription: one whose filter can't be read, or names no repository, is the instance's, and sends nothing.
func TestDamagedSubscription(t *testing.T) {
	e := registrytest.New(t)
	o := e.Subscriptions.Outbox()
	sub := subscribe(t, e, `{}`)
	maintainer := e.Login(access.Credentials{Token: e.Token("main", access.Admin)})
	if _, err := e.Subscriptions.Subscription(maintainer, sub.ID); err != nil {
		t.Fatal(err)
	}
	for _, filter := range []string{``, `{`, `{}`, `{"repositories":["main"],"types":7}`} {
		must(t, e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
			row, err := tx.Subscriptions().Subscription(sub.ID)
			if err == nil {
				row.Filter = []byte(filter)
				_, err = tx.Subscriptions().UpdateSubscription(row)
			}
			return err
		}))
		if _, err := e.Subscriptions.Subscription(maintainer, sub.ID); registry.KindOf(err) != registry.NotFound || err == nil {
			t.Errorf("filter %q, who administers one repository: %v", filter, err)
		}
		if list, err := e.Subscriptions.Subscriptions(maintainer, 0, 10); err != nil || len(list) != 0 {
			t.Errorf("filter %q, list: %v, %v", filter, list, err)
		}
		if _, err := e.Subscriptions.Subscription(e.Admin, sub.ID); err != nil {
			t.Errorf("filter %q, who administers all: %v", filter, err)
		}
	}
	must(t, e.Publish("lib", "1"))
	spread(t, o)
	wantTold(t, e, sub.ID)
	must(t, e.Subscriptions.DeleteSubscription(e.Admin, sub.ID))
}

// TestSubscriptionClockStandsStill: a change counts also where the clock was set back, so that the times of two changes would
// be one: the next look begins at the stored place again.
func TestSubscriptionClockStandsStill(t *testing.T) {
	e := registrytest.New(t)
	at := time.Now()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "slipway.db"), sqlite.WithClock(func() time.Time { return at }))
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	c := e.Config
	c.Metadata, c.Metrics = store, nil
	s, err := instance.Open(t.Context(), c)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	o := s.Subscriptions.Outbox()
	ctx := access.With(t.Context(), access.System())
	sub, _, err := s.Subscriptions.CreateSubscription(ctx, change(t, `{"Types":["tag.*"]}`))
	must(t, err)
	must(t, errOf(s.Core.UpdateRepository(ctx, "main", registry.RepositoryChange{Description: &sub.Name})))
	spread(t, o) // past it, in memory alone
	all := []string{"*"}
	must(t, errOf2(s.Subscriptions.UpdateSubscription(ctx, sub.ID, integration.SubscriptionChange{Types: &all})))
	spread(t, o)
	list, err := s.Subscriptions.Deliveries(ctx, integration.DeliveryQuery{SubscriptionID: sub.ID})
	if err != nil || len(list) != 1 || list[0].EventType != "repository.changed" {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestDeletedSubscription: it is gone at once, with what it had to send; its rows follow.
func TestDeletedSubscription(t *testing.T) {
	e := registrytest.New(t)
	o := e.Subscriptions.Outbox()
	sub := subscribe(t, e, `{}`)
	if err := e.Publish("lib", "1"); err != nil {
		t.Fatal(err)
	}
	spread(t, o)
	if err := e.Subscriptions.DeleteSubscription(e.Admin, sub.ID); err != nil {
		t.Fatal(err)
	}
	if err := e.Subscriptions.DeleteSubscription(e.Admin, sub.ID); registry.KindOf(err) != registry.NotFound {
		t.Errorf("twice: %v", err)
	}
	if queues, err := o.Queues(context.Background(), 5); err != nil || len(queues) != 0 {
		t.Errorf("it has %+v, %v", queues, err)
	}
	for more := true; more; {
		var err error
		if more, err = o.Tidy(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	e.MustFsck(t)
}

// TestSpreadFaults breaks every call of the database in turn while events become deliveries, with a new dispatcher's side
// after each: every event becomes exactly one delivery, in order.
func TestSpreadFaults(t *testing.T) {
	for n := 1; ; n++ {
		e := registrytest.New(t, registrytest.FailCall(n, storagetest.Before))
		var sub integration.Subscription
		var want []string
		e.WithoutFaults(func() {
			sub = subscribe(t, e, `{}`)
			for i := range 5 {
				if err := e.Publish("lib", fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
				want = append(want, fmt.Sprintf("artifact.published %d", i))
			}
		})
		failed := false
		if _, err := e.Subscriptions.Outbox().Spread(context.Background()); err != nil {
			failed = true
		}
		tripped := e.Tripped()
		if failed != tripped {
			t.Errorf("call %d: tripped %v, failed %v", n, tripped, failed)
		}
		e.WithoutFaults(func() {
			o := e.Subscriptions.Outbox()
			spread(t, o)
			spread(t, o)
			wantTold(t, e, sub.ID, want...)
		})
		if !tripped {
			return // n is past the last call
		}
	}
}
