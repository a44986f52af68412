package accounts_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

// browsing is a core with a user ann, and a clock that a test moves.
type browsing struct {
	*registrytest.Env
	t     *testing.T
	start time.Time
	moved atomic.Int64 // nanoseconds
}

func (b *browsing) now() time.Time { return b.start.Add(time.Duration(b.moved.Load())) }

func (b *browsing) later(d time.Duration) { b.moved.Add(int64(d)) }

func newBrowsing(t *testing.T) *browsing {
	t.Helper()
	b := &browsing{t: t, start: time.Now()}
	b.Env = registrytest.New(t, registrytest.With(func(c *instance.Config) { c.Now = b.now }))
	for _, name := range []string{"ann", "bob"} {
		b.must(b.Accounts.CreateUser(b.Admin, name, accounts.UserChange{Password: ptr(password), Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Read}}}}))
	}
	return b
}

func (b *browsing) must(_ any, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// from is a context of a request from an address.
func from(address string) context.Context {
	return access.WithAddress(context.Background(), netip.MustParseAddr(address))
}

// login logs a browser in, and returns its cookie and what it may do.
func (b *browsing) login(user string) (secret string, ctx context.Context) {
	b.t.Helper()
	secret, _, err := b.Accounts.StartSession(from("192.0.2.1"), accounts.SessionRequest{User: user, Password: password, Agent: firefox})
	b.must(nil, err)
	return secret, b.as(secret)
}

func (b *browsing) as(secret string) context.Context {
	b.t.Helper()
	actor, err := b.Accounts.BySession(from("192.0.2.1"), secret)
	b.must(nil, err)
	return access.With(from("192.0.2.1"), actor)
}

func (b *browsing) works(secret string) bool {
	b.t.Helper()
	_, err := b.Accounts.BySession(from("192.0.2.1"), secret)
	if err != nil && registry.KindOf(err) != registry.Unauthenticated {
		b.t.Fatal(err)
	}
	return err == nil
}

// told returns what the log tells of sessions.
func (b *browsing) told() (out []string) {
	b.t.Helper()
	b.must(nil, b.Metadata.View(b.t.Context(), func(tx metadata.Tx) error {
		entries, err := tx.Log().Entries(metadata.EntryQuery{After: -1, Types: []string{"session.*"}})
		for _, e := range entries {
			out = append(out, e.Type+" "+string(e.Data))
		}
		return err
	}))
	return out
}

// TestBrowserSession: a browser that is logged in acts as its user, until its session is ended, has lived for a week, or has rested for
// half a day.
func TestBrowserSession(t *testing.T) {
	b := newBrowsing(t)
	secret, ctx := b.login("ann")
	a := access.From(ctx)
	if a.Text() != "ann" || a.Type != access.TypeUser || a.WebSession == 0 || access.Decide(a, access.Read, "main") != access.Allow || access.Decide(a, access.Publish, "main") == access.Allow {
		t.Errorf("the caller is %+v", a)
	}
	if b.works("") || b.works("A"+secret[1:]) && secret[0] != 'A' || b.works(secret+"A") {
		t.Error("another secret works")
	}
	if _, err := b.Accounts.Authenticate(t.Context(), access.Credentials{Token: secret}); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("the cookie is a token: %v", err)
	}
	list, err := b.Accounts.Sessions(ctx, "", 0, 0)
	if err != nil || len(list) != 1 || list[0].Agent != "Firefox on Linux" || list[0].UsedFrom != "192.0.2.1" || list[0].User != "ann" {
		t.Errorf("the sessions of ann: %+v, %v", list, err)
	}
	for hours, want := range map[int]bool{12: false, 11: true} {
		secret, _ := b.login("ann")
		b.later(time.Duration(hours) * time.Hour)
		if b.works(secret) != want {
			t.Errorf("after %d hours of rest it works: %v", hours, !want)
		}
	}
	secret, _ = b.login("ann")
	for range 15 { // 165 of 168 hours
		b.later(11 * time.Hour)
		if !b.works(secret) {
			t.Fatal("a session that is in use ends")
		}
	}
	b.Accounts.WriteUses(t.Context())
	b.later(3 * time.Hour)
	if b.works(secret) {
		t.Error("a session lives longer than a week")
	}
	if list, err := b.Accounts.Sessions(b.Admin, "ann", 0, 0); err != nil || len(list) != 0 {
		t.Errorf("sessions that are over: %+v, %v", list, err)
	}
	b.login("ann")
	b.must(nil, b.Metadata.View(t.Context(), func(tx metadata.Tx) error {
		rows, err := tx.Sessions().Sessions(0, 0, 0)
		if len(rows) != 1 {
			t.Errorf("%d rows of sessions are kept, want the one that is not over", len(rows))
		}
		return err
	}))
	b.MustFsck(t)
}

// TestBrowserLogin: what does not log in says the same for every reason; a token says where it belongs. A login ends the session that
// the browser had, so that a planted cookie is worth nothing.
func TestBrowserLogin(t *testing.T) {
	b := newBrowsing(t)
	b.must(b.Accounts.CreateUser(b.Admin, "robot", accounts.UserChange{Service: true}))
	token := b.Token("main", access.Read)
	start := func(user, password, former string) (string, error) {
		secret, _, err := b.Accounts.StartSession(from("192.0.2.1"), accounts.SessionRequest{User: user, Password: password, Former: former})
		return secret, err
	}
	var texts []string
	for _, user := range []string{"ann", "robot", "carl", "ann\x00", strings.Repeat("x", 10_000)} {
		_, err := start(user, "wrong password", "")
		if registry.KindOf(err) != registry.Unauthenticated {
			t.Errorf("%.20q: %v", user, err)
		}
		texts = append(texts, registry.AsError(err).Detail)
	}
	if len(slices.Compact(texts)) != 1 {
		t.Errorf("the texts tell users from others: %q", texts)
	}
	for _, c := range [][2]string{{"ann", token}, {"carl", "slp_x"}, {"ann", ""}, {"", password}} {
		if _, err := start(c[0], c[1], ""); registry.KindOf(err) != registry.Invalid || strings.HasPrefix(c[1], "slp_") != strings.Contains(registry.AsError(err).Detail, "token") {
			t.Errorf("%q: %v", c, err)
		}
	}
	first, err := start("ann", password, "planted-by-an-attacker")
	b.must(nil, err)
	second, err := start("ann", password, first)
	b.must(nil, err)
	if first == second || b.works(first) || !b.works(second) || len(first) != 43 {
		t.Error("the session before the login goes on")
	}
	if told := b.told(); len(told) != 3 || !strings.Contains(told[1], "session.ended") || !strings.Contains(told[1], `"reason":"logged in again"`) || !strings.Contains(told[0], `"actor":"ann"`) ||
		strings.Contains(strings.Join(told, ""), first) {
		t.Errorf("the log tells %q", told)
	}
	for range 60 {
		_, err := start("bob", password, "")
		b.must(nil, err)
	}
	if list, err := b.Accounts.Sessions(b.Admin, "bob", 0, 0); err != nil || len(list) != 50 {
		t.Errorf("%d sessions of one user, %v", len(list), err)
	}
	for i := range 30 {
		if _, err = start("ann", "wrong"+strings.Repeat("!", i), ""); registry.KindOf(err) == registry.TooMany {
			break
		}
	}
	if registry.KindOf(err) != registry.TooMany || registry.AsError(err).RetryAfter == 0 {
		t.Errorf("wrong passwords go on: %v", err)
	}
	b.MustFsck(t)
}

// TestSessionsEnd: sessions end with the password, however it is changed, with the user, and by who may; the browser that changes the
// password stays. A request that is under way then changes nothing any more.
func TestSessionsEnd(t *testing.T) {
	for how, end := range map[string]func(b *browsing, other context.Context) error{
		"the own password, by Basic": func(b *browsing, _ context.Context) error {
			return b.change(b.Login(access.Credentials{User: "ann", Password: password}), accounts.UserChange{Password: ptr("another password")})
		},
		"the own password, in another browser": func(b *browsing, other context.Context) error {
			return b.change(other, accounts.UserChange{Password: ptr("another password"), CurrentPassword: ptr(password)})
		},
		"an administrator sets the password": func(b *browsing, _ context.Context) error {
			return b.change(b.Admin, accounts.UserChange{Password: ptr("another password")})
		},
		"the user is disabled": func(b *browsing, _ context.Context) error {
			err := b.change(b.Admin, accounts.UserChange{Disabled: ptr(true)})
			if err == nil {
				err = b.change(b.Admin, accounts.UserChange{Disabled: ptr(false)})
			}
			return err
		},
		"the user is deleted":  func(b *browsing, _ context.Context) error { return b.Accounts.DeleteUser(b.Admin, "ann") },
		"an administrator":     func(b *browsing, _ context.Context) error { return b.Accounts.EndSessions(b.Admin, "ann") },
		"the user, all others": func(b *browsing, other context.Context) error { return b.Accounts.EndSessions(other, "") },
		"the user, this one":   func(b *browsing, other context.Context) error { return b.endFirst(other) },
		"a backup was restored": func(b *browsing, _ context.Context) error {
			err := b.Ledger.LogRestore(b.Admin, b.now())
			b.login("bob") // nothing is remembered, as after the start that follows
			return err
		},
	} {
		b := newBrowsing(t)
		secret, ctx := b.login("ann")
		otherSecret, other := b.login("ann")
		bob, _ := b.login("bob")
		if err := end(b, other); err != nil {
			t.Errorf("%s: %v", how, err)
			continue
		}
		if b.works(secret) {
			t.Errorf("%s: the session goes on", how)
		}
		if stays := strings.Contains(how, "browser") || strings.HasPrefix(how, "the user, "); b.works(otherSecret) != stays {
			t.Errorf("%s: the other session of the user works: %v", how, !stays)
		}
		if b.works(bob) == strings.Contains(how, "backup") {
			t.Errorf("%s: the session of another user", how)
		}
		if _, _, err := b.Accounts.CreateToken(ctx, accounts.TokenRequest{Name: "x", Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Read}}}}); registry.KindOf(err) != registry.Unauthenticated {
			t.Errorf("%s: a request that is under way makes a token: %v", how, err)
		}
		b.MustFsck(t)
	}
}

func (b *browsing) change(ctx context.Context, c accounts.UserChange) error {
	_, err := b.Accounts.UpdateUser(ctx, "ann", c)
	return err
}

func (b *browsing) endFirst(ctx context.Context) error {
	list, err := b.Accounts.Sessions(ctx, "", 0, 0)
	if err != nil {
		return err
	}
	return b.Accounts.EndSession(ctx, list[0].ID)
}

// TestSessionRights: a session is its user's and administrators'; auditors see it; what needs the password needs it in a browser too.
func TestSessionRights(t *testing.T) {
	b := newBrowsing(t)
	_, ann := b.login("ann")
	_, bob := b.login("bob")
	id := access.From(ann).WebSession
	secret, _, err := b.Accounts.CreateToken(ann, accounts.TokenRequest{Name: "narrow", Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Read}}}})
	b.must(nil, err)
	narrow := b.Login(access.Credentials{Token: secret})
	b.must(b.Accounts.CreateUser(b.Admin, "auditor", accounts.UserChange{Password: ptr(password), Grants: []access.Grant{{Repository: "*", Actions: []access.Action{access.Audit}}}}))
	_, auditor := b.login("auditor")
	nobody := access.With(t.Context(), access.Anonymous(true))
	for who, c := range map[string]struct {
		ctx             context.Context
		list, end, ends registry.Kind // 0: none
	}{
		"bob":                 {bob, registry.Denied, registry.NotFound, registry.Denied},
		"a narrow token":      {narrow, registry.Denied, registry.NotFound, registry.Denied},
		"an auditor":          {auditor, 0, registry.Denied, registry.Denied},
		"without credentials": {nobody, registry.Unauthenticated, registry.Unauthenticated, registry.Unauthenticated},
	} {
		_, list := b.Accounts.Sessions(c.ctx, "ann", 0, 0)
		for what, got := range map[string][2]any{
			"list": {kind(list), c.list}, "end": {kind(b.Accounts.EndSession(c.ctx, id)), c.end}, "end all": {kind(b.Accounts.EndSessions(c.ctx, "ann")), c.ends},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: %s: %v, want %v", who, what, got[0], got[1])
			}
		}
	}
	if list, err := b.Accounts.Sessions(narrow, "", 0, 0); err != nil || len(list) != 0 {
		t.Errorf("a narrow token sees %v, %v", list, err)
	}
	if err := b.Accounts.EndSession(b.Admin, 999); registry.KindOf(err) != registry.NotFound {
		t.Errorf("no session: %v", err)
	}
	if _, err := b.Accounts.Sessions(b.Admin, "nobody", 0, 0); registry.KindOf(err) != registry.NotFound {
		t.Errorf("no user: %v", err)
	}
	if err := b.change(ann, accounts.UserChange{Password: ptr("another password")}); registry.KindOf(err) != registry.Denied {
		t.Errorf("a new password without the current one: %v", err)
	}
	if _, _, err := b.Accounts.CreateToken(ann, accounts.TokenRequest{Name: "login", Session: true}); registry.KindOf(err) != registry.Denied {
		t.Errorf("the token of a login without the password: %v", err)
	}
	page, err := b.Accounts.Sessions(b.Admin, "ann", id, 1)
	if err != nil || len(page) != 0 {
		t.Errorf("behind the last session: %v, %v", page, err)
	}
	b.must(nil, b.Accounts.EndSession(ann, id))
}

// kind is registry.KindOf, and 0 for nil.
func kind(err error) registry.Kind {
	if err == nil {
		return 0
	}
	return registry.KindOf(err)
}

// TestUses: when tokens and sessions were used last is seen at once and costs no transaction; it is stored together, once for many uses.
func TestUses(t *testing.T) {
	b := newBrowsing(t)
	secret := b.Token("main", access.Read)
	cookie, ann := b.login("ann")
	s, hook := b.Hook(t, nil)
	updates := 0
	hook.OnUpdate = func(ctx context.Context, fn func(tx metadata.Tx) error) error {
		updates++
		return b.Metadata.Update(ctx, fn)
	}
	b.later(time.Minute)
	use := func(address string) {
		_, err := s.Accounts.Authenticate(from(address), access.Credentials{Token: secret})
		b.must(nil, err)
		_, err = s.Accounts.BySession(from(address), cookie)
		b.must(nil, err)
		b.later(time.Minute)
	}
	use("192.0.2.7")
	use("2001:db8::7")
	at := b.now().Add(-time.Minute).UTC().Truncate(time.Microsecond)
	check := func(when string) {
		t.Helper()
		tokens, err := s.Accounts.Tokens(b.Admin, accounts.TokenQuery{})
		b.must(nil, err)
		sessions, err := s.Accounts.Sessions(ann, "", 0, 0)
		b.must(nil, err)
		want := registry.LastUse{UsedAt: at, UsedFrom: "2001:db8::7"}
		if len(tokens) != 1 || tokens[0].Use != want || len(sessions) != 1 || sessions[0].Use != want {
			t.Errorf("%s: %+v, %+v, want %v", when, tokens, sessions, want)
		}
	}
	check("noted")
	if updates != 0 {
		t.Errorf("uses cost %d transactions", updates)
	}
	s.Accounts.WriteUses(t.Context())
	s.Accounts.WriteUses(t.Context())
	if updates != 1 {
		t.Errorf("uses are stored in %d transactions", updates)
	}
	check("stored")
	b.must(nil, b.Metadata.View(t.Context(), func(tx metadata.Tx) error {
		row, err := tx.Sessions().Session(access.From(ann).WebSession)
		if row.UsedAt != at {
			t.Errorf("stored: %v, want %v", row.UsedAt, at)
		}
		return err
	}))
}
