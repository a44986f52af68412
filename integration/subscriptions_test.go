package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/integration"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

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
	load := func() integration.Job {
		t.Helper()
		p, err := o.Load(context.Background(), ping.ID)
		if err != nil || p.Fault != nil {
			t.Fatal(err, p.Fault)
		}
		return p
	}
	if p := load(); p.Target.Secret != given || len(p.Target.Secrets) != 1 || string(p.Target.Secrets[0]) != given {
		t.Errorf("signs with %+v", p.Target.Secrets)
	}
	if _, none, err := e.Subscriptions.UpdateSubscription(e.Admin, sub.ID, integration.SubscriptionChange{}); err != nil || none != "" {
		t.Errorf("a change of nothing shows %q, %v", none, err)
	}
	_, made, err := e.Subscriptions.UpdateSubscription(e.Admin, sub.ID, integration.SubscriptionChange{RotateSecret: true})
	if err != nil || !strings.HasPrefix(made, "whsec_") || len(made) != len("whsec_")+44 {
		t.Fatalf("made %q, %v", made, err)
	}
	if p := load(); p.Target.Secret != made || len(p.Target.Secrets) != 2 || len(p.Target.Secrets[0]) != 32 || string(p.Target.Secrets[1]) != given {
		t.Errorf("after the change it signs with %q", p.Target.Secrets)
	}
	now = now.Add(integration.SecretOverlap)
	if p := load(); len(p.Target.Secrets) != 1 || len(p.Target.Secrets[0]) != 32 {
		t.Errorf("a day later it signs with %q", p.Target.Secrets)
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
	fanOut(t, o)
	wantTold(t, e, sub.ID)
	must(t, e.Subscriptions.DeleteSubscription(e.Admin, sub.ID))
}

// TestDeletedSubscription: it is gone at once, with what it had to send; its rows follow.
func TestDeletedSubscription(t *testing.T) {
	e := registrytest.New(t)
	o := e.Subscriptions.Outbox()
	sub := subscribe(t, e, `{}`)
	if err := e.Publish("lib", "1"); err != nil {
		t.Fatal(err)
	}
	fanOut(t, o)
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

// TestSubscriptionShare is K6 of subscriptions: a user makes a share of all subscriptions, with all of its tokens.
func TestSubscriptionShare(t *testing.T) {
	e := registrytest.New(t)
	password := "a long password"
	must(t, errOf(e.Accounts.CreateUser(e.Admin, "ann", accounts.UserChange{Password: &password, Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Admin}}}})))
	ann := e.Login(access.Credentials{User: "ann", Password: password})
	secret, _, err := e.Accounts.CreateToken(ann, accounts.TokenRequest{Name: "ci", Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Admin}}}})
	must(t, err)
	token := e.Login(access.Credentials{Token: secret})
	for i := range 100 {
		ctx := ann
		if i%2 == 1 {
			ctx = token
		}
		must(t, errOf2(e.Subscriptions.CreateSubscription(ctx, change(t, `{}`))))
	}
	if _, _, err := e.Subscriptions.CreateSubscription(token, change(t, `{}`)); registry.KindOf(err) != registry.Conflict || err == nil {
		t.Errorf("one more: %v", err)
	}
	must(t, errOf2(e.Subscriptions.CreateSubscription(e.Admin, change(t, `{}`))))
}
