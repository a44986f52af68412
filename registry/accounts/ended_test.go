package accounts_test

import (
	"context"
	"testing"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
)

// TestEndedMeanwhile: a request whose body comes in slowly makes nothing that outlasts its login, when that ended or lost its
// rights in the meantime.
func TestEndedMeanwhile(t *testing.T) {
	all := []access.Grant{{Repository: "*", Actions: []access.Action{access.Admin}}}
	changes := map[string]func(f *family, ctx context.Context) error{
		"a login": func(f *family, ctx context.Context) error {
			_, _, err := f.Accounts.CreateToken(ctx, accounts.TokenRequest{Name: "x", Session: true})
			return err
		},
		"a token": func(f *family, ctx context.Context) error {
			_, _, err := f.Accounts.CreateToken(ctx, accounts.TokenRequest{Name: "x", Grants: all})
			return err
		},
		"a user": func(f *family, ctx context.Context) error {
			_, err := f.Accounts.CreateUser(ctx, "eve", accounts.UserChange{Password: ptr(password), Grants: all})
			return err
		},
		"another's rights": func(f *family, ctx context.Context) error {
			_, err := f.Accounts.UpdateUser(ctx, "bob", accounts.UserChange{Grants: all})
			return err
		},
		"the own password": func(f *family, ctx context.Context) error {
			_, err := f.Accounts.UpdateUser(ctx, f.user, accounts.UserChange{Password: ptr("chosen by a thief")})
			return err
		},
		"a group": func(f *family, ctx context.Context) error {
			_, err := f.Accounts.CreateGroup(ctx, "thieves", accounts.GroupChange{Grants: all, Members: []string{"bob"}})
			return err
		},
		"a group's end": func(f *family, ctx context.Context) error { return f.Accounts.DeleteGroup(ctx, "old") },
		"a role": func(f *family, ctx context.Context) error {
			_, _, err := f.Accounts.PutRole(ctx, "thief", []access.Action{access.Admin})
			return err
		},
		"a role's end": func(f *family, ctx context.Context) error { return f.Accounts.DeleteRole(ctx, "old") },
		"a user's end": func(f *family, ctx context.Context) error { return f.Accounts.DeleteUser(ctx, "bob") },
		"a revocation": func(f *family, ctx context.Context) error { return f.Accounts.RevokeToken(ctx, f.chain[1].ID) },
	}
	byToken := func(what string) bool { return what != "a login" && what != "the own password" }
	for what, change := range changes {
		f := newFamily(t, all...)
		f.must(f.Accounts.CreateUser(f.Admin, "bob", accounts.UserChange{Password: ptr(password)}))
		f.must(f.Accounts.CreateGroup(f.Admin, "old", accounts.GroupChange{}))
		_, _, err := f.Accounts.PutRole(f.Admin, "old", []access.Action{access.Read})
		f.must(nil, err)
		slow := map[string]context.Context{"after a new password": f.ann()}
		if byToken(what) {
			slow["after a revocation"] = f.as(f.chain[2])
		}
		f.must(nil, f.change(accounts.UserChange{Password: ptr("the next password")}))
		f.must(nil, f.Accounts.RevokeToken(f.Admin, f.chain[0].ID))
		for when, ctx := range slow {
			if err := change(f, ctx); err == nil || registry.KindOf(err) != registry.Unauthenticated {
				t.Errorf("%s %s: %v, want Unauthenticated", what, when, err)
			}
		}
	}
	f := newFamily(t, all...)
	slow := f.ann()
	f.must(nil, f.change(accounts.UserChange{Grants: rightly}))
	if err := changes["a role"](f, slow); err == nil || registry.KindOf(err) != registry.Denied {
		t.Errorf("a role after the right was taken away: %v, want Denied", err)
	}
}
