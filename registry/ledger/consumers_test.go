package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/ledger"
	"slipway/registry/registrytest"
)

// TestConsumers: a place is made once, moves forward, and back only when that is asked for.
func TestConsumers(t *testing.T) {
	e := registrytest.New(t)
	for _, v := range []string{"1.0.0", "1.1.0"} {
		if err := e.Publish("lib", v); err != nil {
			t.Fatal(err)
		}
	}
	all, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1})
	if err != nil {
		t.Fatal(err)
	}
	last := all[len(all)-1].Seq
	to := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		what    string
		name    string
		change  ledger.ConsumerChange
		acked   int64
		created bool
		kind    registry.Kind // of the failure, if there is one
	}{
		{what: "new, at the end", name: "now", acked: last, created: true},
		{what: "new, at the start", name: "all", change: ledger.ConsumerChange{Acked: to(-1)}, acked: -1, created: true},
		{what: "new, reset", name: "reset", change: ledger.ConsumerChange{Acked: to(0), Reset: true}, acked: 0, created: true},
		{what: "again", name: "all", acked: -1},
		{what: "forward", name: "all", change: ledger.ConsumerChange{Acked: to(2)}, acked: 2},
		{what: "the same again", name: "all", change: ledger.ConsumerChange{Acked: to(2)}, acked: 2},
		{what: "a late one", name: "all", change: ledger.ConsumerChange{Acked: to(1)}, acked: 2},
		{what: "back", name: "all", change: ledger.ConsumerChange{Acked: to(-1), Reset: true}, acked: -1},
		{what: "to the end", name: "all", change: ledger.ConsumerChange{Acked: to(last)}, acked: last},
		{what: "past the end", name: "all", change: ledger.ConsumerChange{Acked: to(last + 1)}, kind: registry.Invalid},
		{what: "new, past the end", name: "x", change: ledger.ConsumerChange{Acked: to(last + 1)}, kind: registry.Invalid},
		{what: "before the start", name: "all", change: ledger.ConsumerChange{Acked: to(-2), Reset: true}, kind: registry.Invalid},
		{what: "reset to nowhere", name: "all", change: ledger.ConsumerChange{Reset: true}, kind: registry.Invalid},
		{what: "no name", name: "", kind: registry.Invalid},
		{what: "a bad name", name: "Prod/web", kind: registry.Invalid},
	} {
		got, created, err := e.Ledger.PutConsumer(e.Admin, c.name, c.change)
		if c.kind != registry.Internal {
			if registry.KindOf(err) != c.kind || err == nil {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		}
		if err != nil || got.Acked != c.acked || got.Name != c.name || created != c.created {
			t.Errorf("%s: %+v, %v, %v; want %d, %v", c.what, got, created, err, c.acked, c.created)
		}
		if read, err := e.Ledger.Consumer(e.Admin, c.name); err != nil || fmt.Sprint(read) != fmt.Sprint(got) {
			t.Errorf("%s: read %+v, %v; want %+v", c.what, read, err, got)
		}
	}
	list, err := e.Ledger.Consumers(e.Admin, registry.Page{After: "all", Limit: 1})
	if err != nil || len(list) != 1 || list[0].Name != "now" {
		t.Errorf("list %+v, %v", list, err)
	}
	if err := e.Ledger.DeleteConsumer(e.Admin, "all"); err != nil {
		t.Fatal(err)
	}
	if err := e.Ledger.DeleteConsumer(e.Admin, "all"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := e.Ledger.Consumer(e.Admin, "all"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("after its deletion: %v", err)
	}
}

// TestK10: a token has the consumers that it or its descendants made, no others of its user; it takes over those of a token that
// has ended, and those of before makers were kept. A service account's tokens share theirs.
func TestK10(t *testing.T) {
	e := registrytest.New(t)
	at := func(n int64) ledger.ConsumerChange { return ledger.ConsumerChange{Acked: &n} }
	put := func(ctx context.Context, name string) {
		t.Helper()
		if _, _, err := e.Ledger.PutConsumer(ctx, name, at(1)); err != nil {
			t.Fatal(err)
		}
	}
	token := func(ctx context.Context, user string) (context.Context, int64) {
		t.Helper()
		secret, tok, err := e.Accounts.CreateToken(ctx, accounts.TokenRequest{Name: "t", User: user, Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Read}}}})
		if err != nil {
			t.Fatal(err)
		}
		return e.Login(access.Credentials{Token: secret}), tok.ID
	}
	first, firstID := token(e.Admin, "")
	child, _ := token(first, "")
	narrow, _ := token(e.Admin, "")
	put(e.Admin, "by-user")
	put(first, "by-first")
	put(child, "by-child")
	sees := func(what string, ctx context.Context, want ...string) {
		t.Helper()
		list, err := e.Ledger.Consumers(ctx, registry.Page{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range list {
			got = append(got, c.Name)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s sees %v, want %v", what, got, want)
		}
	}
	sees("the user", e.Admin, "by-child", "by-first", "by-user")
	sees("a token", first, "by-child", "by-first")
	sees("its child", child, "by-child")
	sees("another token", narrow)
	for _, name := range []string{"by-user", "by-first", "by-child"} {
		if _, _, err := e.Ledger.PutConsumer(narrow, name, ledger.ConsumerChange{Acked: new(int64), Reset: true}); registry.KindOf(err) != registry.Conflict {
			t.Errorf("another token resets %s: %v", name, err)
		}
		if err := e.Ledger.DeleteConsumer(narrow, name); registry.KindOf(err) != registry.NotFound {
			t.Errorf("another token deletes %s: %v", name, err)
		}
	}

	if err := e.Accounts.RevokeToken(e.Admin, firstID); err != nil {
		t.Fatal(err)
	}
	sees("the next token of the job", narrow, "by-child", "by-first")
	if c, _, err := e.Ledger.PutConsumer(narrow, "by-first", at(2)); err != nil || c.Acked != 2 {
		t.Errorf("taken over: %+v, %v", c, err)
	}
	late, _ := token(e.Admin, "")
	sees("a token that comes later", late, "by-child")

	admin := access.From(e.Admin)
	if err := e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
		_, err := tx.Consumers().PutConsumer(ledger.Consumer{OwnerID: admin.ID, Name: "old", TokenID: -1})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	put(e.Admin, "old") // by the user it stays anybody's
	sees("a token, of an old one", narrow, "by-child", "by-first", "old")
	if _, _, err := e.Ledger.PutConsumer(narrow, "old", at(2)); err != nil {
		t.Fatal(err)
	}
	sees("another token, of an old one", late, "by-child")

	if _, err := e.Accounts.CreateUser(e.Admin, "bot", accounts.UserChange{Service: true, Grants: []access.Grant{{Repository: "main", Role: "reader"}}}); err != nil {
		t.Fatal(err)
	}
	bot, _ := token(e.Admin, "bot")
	put(bot, "deploys")
	next, _ := token(e.Admin, "bot")
	sees("the next token of a service account", next, "deploys")
}

// TestConsumersOfOthers: a consumer is its user's, and its maker's; the same name of another user is another one.
func TestConsumersOfOthers(t *testing.T) {
	e := registrytest.New(t)
	password := "a good password"
	if _, err := e.Accounts.CreateUser(e.Admin, "bob", accounts.UserChange{Password: &password}); err != nil {
		t.Fatal(err)
	}
	bob := e.Login(access.Credentials{User: "bob", Password: password})
	token := e.Login(access.Credentials{Token: e.Token("other", access.Read)})
	at := func(n int64) ledger.ConsumerChange { return ledger.ConsumerChange{Acked: &n} }
	if _, _, err := e.Ledger.PutConsumer(token, "prod", at(1)); err != nil {
		t.Fatal(err)
	}
	if c, err := e.Ledger.Consumer(e.Admin, "prod"); err != nil || c.Acked != 1 {
		t.Errorf("made with a token, read as its user: %+v, %v", c, err)
	}
	if _, err := e.Ledger.Consumer(bob, "prod"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("of another user: %v", err)
	}
	if err := e.Ledger.DeleteConsumer(bob, "prod"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("deleted by another user: %v", err)
	}
	if c, created, err := e.Ledger.PutConsumer(bob, "prod", at(0)); err != nil || !created || c.Acked != 0 {
		t.Errorf("the same name of another user: %+v, %v, %v", c, created, err)
	}
	if list, err := e.Ledger.Consumers(bob, registry.Page{}); err != nil || len(list) != 1 || list[0].Acked != 0 {
		t.Errorf("list of another user: %+v, %v", list, err)
	}
	if _, err := e.Ledger.Consumer(e.Login(access.Credentials{Token: e.Token("other", access.Read)}), "prod"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("of another token of its user: %v", err)
	}
	anonymous := access.With(context.Background(), access.Anonymous(true))
	_, _, put := e.Ledger.PutConsumer(anonymous, "x", at(0))
	_, get := e.Ledger.Consumer(anonymous, "prod")
	_, list := e.Ledger.Consumers(anonymous, registry.Page{})
	for what, err := range map[string]error{"put": put, "get": get, "list": list, "delete": e.Ledger.DeleteConsumer(anonymous, "prod")} {
		if registry.KindOf(err) != registry.Unauthenticated {
			t.Errorf("anonymous %s: %v", what, err)
		}
	}
}

// TestConsumerBound: nobody fills the table.
func TestConsumerBound(t *testing.T) {
	e := registrytest.New(t)
	first, _, err := e.Ledger.PutConsumer(e.Admin, "c0", ledger.ConsumerChange{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Metadata.Update(t.Context(), func(tx metadata.Tx) error { // in one commit all but one of those that are allowed
		for i := 1; i < 999; i++ {
			if _, err := tx.Consumers().PutConsumer(ledger.Consumer{OwnerID: first.OwnerID, Name: fmt.Sprintf("c%d", i)}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Ledger.PutConsumer(e.Admin, "c999", ledger.ConsumerChange{}); err != nil {
		t.Errorf("the last one: %v", err)
	}
	_, _, err = e.Ledger.PutConsumer(e.Admin, "c1000", ledger.ConsumerChange{})
	if !errors.Is(err, &registry.Error{Kind: registry.Conflict, Subject: registry.AboutConsumer}) {
		t.Errorf("one more: %v", err)
	}
	if _, _, err := e.Ledger.PutConsumer(e.Admin, "c7", ledger.ConsumerChange{Acked: new(int64)}); err != nil {
		t.Errorf("one that is there already: %v", err)
	}
}
