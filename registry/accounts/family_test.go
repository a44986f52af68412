package accounts_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

const password = "long enough"

// family is a user with a token made by password, its child and its grandchild.
type family struct {
	*registrytest.Env
	t     *testing.T
	now   time.Time
	user  string
	chain []made // the first one by password, each next one by the former
}

type made struct {
	secret string
	registry.Token
}

func newFamily(t *testing.T, grants ...access.Grant) *family {
	f := &family{t: t, now: time.Now(), user: "ann"}
	f.Env = registrytest.New(t, registrytest.With(func(c *instance.Config) { c.Now = func() time.Time { return f.now } }))
	f.must(f.Accounts.CreateUser(f.Admin, f.user, accounts.UserChange{Password: ptr(password), Grants: grants}))
	by := f.ann()
	for range 3 {
		m := f.mint(by, accounts.TokenRequest{Name: "ci", Grants: grants})
		f.chain = append(f.chain, m)
		by = f.as(m)
	}
	return f
}

func ptr[T any](v T) *T { return &v }

func (f *family) must(_ any, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *family) ann() context.Context {
	f.t.Helper()
	return f.Login(access.Credentials{User: f.user, Password: password})
}

func (f *family) as(m made) context.Context {
	f.t.Helper()
	return f.Login(access.Credentials{Token: m.secret})
}

func (f *family) mint(ctx context.Context, req accounts.TokenRequest) made {
	f.t.Helper()
	secret, t, err := f.Accounts.CreateToken(ctx, req)
	if err != nil {
		f.t.Fatal(err)
	}
	return made{secret, t}
}

// may reports what a token may do in main now; false also when it is refused.
func (f *family) may(m made, action access.Action) bool {
	a, err := f.Accounts.Authenticate(context.Background(), access.Credentials{Token: m.secret})
	return err == nil && access.Decide(a, action, "main") == access.Allow
}

var (
	reads   = access.Grant{Repository: "main", Actions: []access.Action{access.Read}}
	tags    = access.Grant{Repository: "main", Actions: []access.Action{access.Read, access.Tag}}
	rightly = []access.Grant{tags}
)

// TestK2: whatever ends or narrows a token, or its user, at once ends or narrows all that descend from it, sessions of the
// protocols and work that goes on after its request too.
func TestK2(t *testing.T) {
	for what, end := range map[string]func(f *family, first registry.Token) error{
		"revoked":  func(f *family, first registry.Token) error { return f.Accounts.RevokeToken(f.ann(), first.ID) },
		"disabled": func(f *family, _ registry.Token) error { return f.change(accounts.UserChange{Disabled: ptr(true)}) },
		"deleted":  func(f *family, _ registry.Token) error { return f.Accounts.DeleteUser(f.Admin, f.user) },
		"narrowed": func(f *family, _ registry.Token) error {
			return f.change(accounts.UserChange{Grants: []access.Grant{reads}})
		},
		"without rights": func(f *family, _ registry.Token) error {
			return f.change(accounts.UserChange{Grants: []access.Grant{}})
		},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFamily(t, rightly...)
			var proofs []access.Proof
			for _, m := range f.chain {
				if !f.may(m, access.Tag) {
					t.Fatalf("token %d can't tag at first", m.ID)
				}
				proofs = append(proofs, access.From(f.as(m)).Proof())
			}
			if err := end(f, f.chain[0].Token); err != nil {
				t.Fatal(err)
			}
			for i, m := range f.chain {
				if f.may(m, access.Tag) {
					t.Errorf("token %d still tags", m.ID)
				}
				if narrowed := what == "narrowed"; f.may(m, access.Read) != narrowed {
					t.Errorf("token %d reads: %v", m.ID, !narrowed)
				}
				resumed, err := f.Accounts.Resume(t.Context(), proofs[i])
				if access.Decide(resumed, access.Tag, "main") == access.Allow || err == nil && what != "narrowed" && what != "without rights" {
					t.Errorf("the session of token %d: %+v, %v", m.ID, resumed, err)
				}
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		f := newFamily(t, rightly...)
		first := f.mint(f.ann(), accounts.TokenRequest{Name: "short", Grants: rightly, ExpiresIn: time.Hour})
		child := f.mint(f.as(first), accounts.TokenRequest{Name: "child", Grants: rightly})
		if !child.ExpiresAt.Equal(first.ExpiresAt) {
			t.Errorf("the child ends at %s, its parent at %s", child.ExpiresAt, first.ExpiresAt)
		}
		if f.now = f.now.Add(time.Hour + time.Second); f.may(first, access.Read) || f.may(child, access.Read) {
			t.Error("an expired token, or its child, still reads")
		}
	})
	t.Run("middle", func(t *testing.T) {
		f := newFamily(t, rightly...)
		f.must(nil, f.Accounts.RevokeToken(f.as(f.chain[0]), f.chain[1].ID))
		if !f.may(f.chain[0], access.Read) || f.may(f.chain[1], access.Read) || f.may(f.chain[2], access.Read) {
			t.Error("revoking the middle one ends it and its child, and not its parent")
		}
		list, err := f.Accounts.Tokens(f.ann(), accounts.TokenQuery{})
		f.must(nil, err)
		if !list[0].RevokedAt.IsZero() || list[1].RevokedAt.IsZero() || list[2].RevokedAt.IsZero() {
			t.Errorf("the list shows %+v", list)
		}
	})
}

func (f *family) change(c accounts.UserChange) error {
	_, err := f.Accounts.UpdateUser(f.Admin, f.user, c)
	return err
}

// TestK2OfAnother: the token that an administrator's token made for another user ends with that token, and is bounded by both users.
func TestK2OfAnother(t *testing.T) {
	f := newFamily(t, rightly...)
	f.must(f.Accounts.CreateUser(f.Admin, "root", accounts.UserChange{Password: ptr(password), Grants: []access.Grant{{Repository: "*", Role: "administrator"}}}))
	root := f.Login(access.Credentials{User: "root", Password: password})
	tool := f.mint(root, accounts.TokenRequest{Name: "tool", Grants: []access.Grant{{Repository: "*", Actions: []access.Action{access.Admin}}}})
	byTool := f.mint(f.as(tool), accounts.TokenRequest{Name: "for ann", User: "ann", Grants: rightly})
	byRoot := f.mint(root, accounts.TokenRequest{Name: "for ann", User: "ann", Grants: rightly})
	if byTool.User != "ann" || byTool.ParentID != tool.ID || byRoot.ParentID != 0 || !f.may(byTool, access.Tag) || !f.may(byRoot, access.Tag) {
		t.Errorf("made for ann: %+v, %+v", byTool, byRoot)
	}
	if _, err := f.Accounts.UpdateUser(f.Admin, "root", accounts.UserChange{Grants: []access.Grant{reads}}); err != nil {
		t.Fatal(err)
	}
	if f.may(byTool, access.Tag) || !f.may(byTool, access.Read) {
		t.Error("the administrator's rights shrank, and not those of the token that the administrator's token made")
	}
	if !f.may(byRoot, access.Tag) {
		t.Error("a token that was made with the password belongs to its user, and needs its maker no more")
	}
	f.must(f.Accounts.UpdateUser(f.Admin, "root", accounts.UserChange{Disabled: ptr(true)}))
	if f.may(byTool, access.Read) || !f.may(byRoot, access.Tag) {
		t.Error("the administrator is disabled: what its token made must end, and nothing else")
	}
}

// TestN2: no token is promised to outlive the one that makes it; an absent end is that one's.
func TestN2(t *testing.T) {
	f := newFamily(t, rightly...)
	login := f.mint(f.ann(), accounts.TokenRequest{Name: "login", Session: true, ExpiresIn: time.Hour})
	for what, req := range map[string]accounts.TokenRequest{
		"longer":  {Name: "x", Grants: rightly, ExpiresIn: 8760 * time.Hour},
		"endless": {Name: "x", Grants: rightly, Endless: true},
	} {
		_, _, err := f.Accounts.CreateToken(f.as(login), req)
		if err == nil || registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), "password") || !strings.Contains(err.Error(), login.ExpiresAt.Format("2006-01-02T15:04:05")) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if child := f.mint(f.as(login), accounts.TokenRequest{Name: "x", Grants: rightly}); !child.ExpiresAt.Equal(login.ExpiresAt) {
		t.Errorf("without an end: %s", child.ExpiresAt)
	}
	if own := f.mint(f.ann(), accounts.TokenRequest{Name: "x", Grants: rightly, Endless: true}); !own.ExpiresAt.IsZero() {
		t.Errorf("endless by password: %s", own.ExpiresAt)
	}
	if child := f.mint(f.as(f.chain[0]), accounts.TokenRequest{Name: "x", Grants: rightly, Endless: true}); !child.ExpiresAt.IsZero() {
		t.Errorf("endless by an endless token: %s", child.ExpiresAt)
	}
}

// TestN3: a token sees and revokes itself and its descendants; a user who is logged in all of its own; an auditor sees all.
func TestN3(t *testing.T) {
	f := newFamily(t, rightly...)
	login := f.mint(f.ann(), accounts.TokenRequest{Name: "login", Session: true})
	other := f.mint(f.ann(), accounts.TokenRequest{Name: "other", Grants: []access.Grant{reads}})
	f.must(f.Accounts.CreateUser(f.Admin, "eve", accounts.UserChange{Password: ptr(password), Grants: []access.Grant{{Repository: "*", Role: "auditor"}}}))
	eve := f.Login(access.Credentials{User: "eve", Password: password})
	names := func(ctx context.Context) (ids []int64) {
		list, err := f.Accounts.Tokens(ctx, accounts.TokenQuery{})
		f.must(nil, err)
		for _, tok := range list {
			ids = append(ids, tok.ID)
		}
		return ids
	}
	all := []int64{f.chain[0].ID, f.chain[1].ID, f.chain[2].ID, login.ID, other.ID}
	for what, c := range map[string]struct {
		ctx  context.Context
		want []int64
	}{
		"the user": {f.ann(), all}, "a login": {f.as(login), all}, "an auditor": {eve, all}, "the administrator": {f.Admin, all},
		"a token": {f.as(f.chain[0]), all[:3]}, "its child": {f.as(f.chain[1]), all[1:3]}, "a narrow token": {f.as(other), all[4:]},
	} {
		got := names(c.ctx)
		if len(got) != len(c.want) || got[0] != c.want[0] || got[len(got)-1] != c.want[len(c.want)-1] {
			t.Errorf("%s sees %v, want %v", what, got, c.want)
		}
		for _, id := range all {
			_, err := f.Accounts.Token(c.ctx, id)
			if seen := err == nil; seen != contains(c.want, id) {
				t.Errorf("%s sees token %d: %v", what, id, err)
			}
		}
	}
	for _, id := range all[:4] {
		if err := f.Accounts.RevokeToken(f.as(other), id); registry.KindOf(err) != registry.NotFound {
			t.Errorf("a narrow token revokes token %d: %v", id, err)
		}
	}
	if err := f.Accounts.RevokeToken(f.as(f.chain[1]), f.chain[0].ID); registry.KindOf(err) != registry.NotFound {
		t.Errorf("a child revokes its parent: %v", err)
	}
	if err := f.Accounts.RevokeToken(eve, other.ID); registry.KindOf(err) != registry.Denied {
		t.Errorf("an auditor revokes: %v", err)
	}
	f.must(nil, f.Accounts.RevokeToken(f.as(f.chain[0]), f.chain[2].ID))
	f.must(nil, f.Accounts.RevokeToken(f.as(other), other.ID))
	f.must(nil, f.Accounts.RevokeToken(f.as(login), f.chain[0].ID))
	f.MustFsck(t)
}

func contains(list []int64, id int64) bool {
	for _, n := range list {
		if n == id {
			return true
		}
	}
	return false
}

// TestSessions: the token of a login has its user's rights as they are at any time, needs the password, and ends when that
// changes, but for the one that changes it; other tokens stay.
func TestSessions(t *testing.T) {
	f := newFamily(t, reads)
	mine := f.mint(f.ann(), accounts.TokenRequest{Name: "here", Session: true})
	theirs := f.mint(f.ann(), accounts.TokenRequest{Name: "there", Session: true})
	child := f.mint(f.as(mine), accounts.TokenRequest{Name: "child", Grants: []access.Grant{reads}})
	childOfTheirs := f.mint(f.as(theirs), accounts.TokenRequest{Name: "child", Grants: []access.Grant{reads}})
	if _, _, err := f.Accounts.CreateToken(f.as(mine), accounts.TokenRequest{Name: "x", Session: true}); registry.KindOf(err) != registry.Denied {
		t.Errorf("a token logs in: %v", err)
	}
	if _, _, err := f.Accounts.CreateToken(f.ann(), accounts.TokenRequest{Name: "x", Session: true, Grants: []access.Grant{reads}}); registry.KindOf(err) != registry.Invalid {
		t.Errorf("a login with permissions: %v", err)
	}
	f.must(nil, f.change(accounts.UserChange{Grants: rightly}))
	if !f.may(mine, access.Tag) || f.may(f.chain[0], access.Tag) {
		t.Error("a login follows its user's rights, any other token does not grow")
	}
	update := func(ctx context.Context, c accounts.UserChange) registry.Kind {
		_, err := f.Accounts.UpdateUser(ctx, f.user, c)
		if err == nil {
			return -1
		}
		return registry.KindOf(err)
	}
	next := "another password"
	if kind := update(f.as(mine), accounts.UserChange{Password: &next}); kind != registry.Denied {
		t.Errorf("a token changes the password without the current one: %v", kind)
	}
	if kind := update(f.as(mine), accounts.UserChange{Password: &next, CurrentPassword: ptr("wrong")}); kind != registry.Denied {
		t.Errorf("a token changes the password with a wrong one: %v", kind)
	}
	if kind := update(f.as(mine), accounts.UserChange{Password: &next, CurrentPassword: &mine.secret}); kind != registry.Denied {
		t.Errorf("a token changes the password with a token for the current one: %v", kind)
	}
	if kind := update(f.Admin, accounts.UserChange{Password: &next, CurrentPassword: ptr(password)}); kind != registry.Invalid {
		t.Errorf("an administrator with a current password: %v", kind)
	}
	if kind := update(f.as(mine), accounts.UserChange{Password: &next, CurrentPassword: ptr(password)}); kind != -1 {
		t.Fatalf("a token changes the password with the current one: %v", kind)
	}
	for what, c := range map[string]struct {
		m    made
		want bool
	}{"the login that did it": {mine, true}, "its child": {child, true}, "another login": {theirs, false}, "the child of that": {childOfTheirs, false}, "a token": {f.chain[2], true}} {
		if f.may(c.m, access.Read) != c.want {
			t.Errorf("%s works: %v", what, !c.want)
		}
	}
	f.must(f.Accounts.UpdateUser(f.Admin, f.user, accounts.UserChange{Password: ptr("reset by admin")}))
	if f.may(mine, access.Read) || f.may(child, access.Read) {
		t.Error("a login survives a reset of the password")
	}
}

// TestK2AtOnce: once a revocation has returned, no descendant is accepted, however often it was looked up meanwhile, and neither is
// one that was being made.
func TestK2AtOnce(t *testing.T) {
	f := newFamily(t, rightly...)
	ctx := f.as(f.chain[0])
	var made sync.Map // secrets
	for _, m := range f.chain[1:] {
		made.Store(m.secret, true)
	}
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for n := range 8 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if n == 0 {
					if secret, _, err := f.Accounts.CreateToken(ctx, accounts.TokenRequest{Name: "late", Grants: rightly}); err == nil {
						made.Store(secret, true)
					}
				}
				made.Range(func(secret, _ any) bool {
					_, _ = f.Accounts.Authenticate(ctx, access.Credentials{Token: secret.(string)})
					return true
				})
			}
		})
	}
	f.must(nil, f.Accounts.RevokeToken(f.ann(), f.chain[0].ID))
	for range 100 {
		if f.may(f.chain[1], access.Read) || f.may(f.chain[2], access.Read) {
			t.Fatal("a descendant is accepted after the revocation")
		}
	}
	close(stop)
	busy.Wait()
	made.Range(func(secret, _ any) bool {
		if _, err := f.Accounts.Authenticate(t.Context(), access.Credentials{Token: secret.(string)}); registry.KindOf(err) != registry.Unauthenticated {
			t.Errorf("one that was being made: %v", err)
		}
		return true
	})
}
