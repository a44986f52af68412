package accounts_test

import (
	"slices"
	"testing"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
)

// TestGroups: members have the rights of their groups, with the actions that roles have at the time, and so have their tokens,
// within their own permissions.
func TestGroups(t *testing.T) {
	f := newFamily(t, reads)
	login := f.mint(f.ann(), accounts.TokenRequest{Name: "login", Session: true})
	f.must(f.Accounts.CreateGroup(f.Admin, "ops", accounts.GroupChange{Members: []string{"ann"}, Grants: []access.Grant{{Repository: "main", Role: "releaser"}}}))
	wide := f.mint(f.ann(), accounts.TokenRequest{Name: "wide", Grants: rightly})
	tagging := func(what string, want bool) {
		t.Helper()
		for _, m := range []made{login, wide} {
			if f.may(m, access.Tag) != want {
				t.Errorf("%s: token %q tags: %v", what, m.Name, !want)
			}
		}
		if f.may(f.chain[0], access.Tag) {
			t.Errorf("%s: a token that was made to read tags", what)
		}
	}
	tagging("a member", true)
	f.must(f.Accounts.UpdateGroup(f.Admin, "ops", accounts.GroupChange{RemoveMembers: []string{"ann"}}))
	tagging("taken out", false)
	f.must(f.Accounts.UpdateGroup(f.Admin, "ops", accounts.GroupChange{AddMembers: []string{"ann"}}))
	tagging("added", true)
	f.must(f.Accounts.UpdateGroup(f.Admin, "ops", accounts.GroupChange{Grants: []access.Grant{{Repository: "main", Role: "reader"}}}))
	tagging("a narrower group", false)

	_, created, err := f.Accounts.PutRole(f.Admin, "tagger", []access.Action{access.Tag, access.Read})
	if err != nil || !created {
		t.Fatalf("a new role: %v, %v", created, err)
	}
	f.must(f.Accounts.UpdateGroup(f.Admin, "ops", accounts.GroupChange{Grants: []access.Grant{{Repository: "main", Role: "tagger"}}}))
	tagging("a role of our own", true)
	if err := f.Accounts.DeleteRole(f.Admin, "tagger"); registry.KindOf(err) != registry.Conflict {
		t.Errorf("a role that a group has is deleted: %v", err)
	}
	if _, created, err = f.Accounts.PutRole(f.Admin, "tagger", []access.Action{access.Read}); err != nil || created {
		t.Fatalf("a changed role: %v, %v", created, err)
	}
	tagging("a narrower role", false)
	f.must(nil, f.Accounts.DeleteGroup(f.Admin, "ops"))
	f.must(nil, f.Accounts.DeleteRole(f.Admin, "tagger"))
	if _, err := f.Accounts.Group(f.Admin, "ops"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("after its deletion: %v", err)
	}
	f.MustFsck(t)
}

// TestGroupsRefused: what makes no sense, and what only an administrator may.
func TestGroupsRefused(t *testing.T) {
	f := newFamily(t, reads)
	group := func(c accounts.GroupChange) error {
		_, err := f.Accounts.CreateGroup(f.Admin, "x", c)
		return err
	}
	role := func(name string, actions ...access.Action) error {
		_, _, err := f.Accounts.PutRole(f.Admin, name, actions)
		return err
	}
	service := func(c accounts.UserChange) error {
		c.Service = true
		_, err := f.Accounts.CreateUser(f.Admin, "bot", c)
		return err
	}
	_, byAnn := f.Accounts.CreateGroup(f.ann(), "x", accounts.GroupChange{})
	_, name := f.Accounts.CreateGroup(f.Admin, "X", accounts.GroupChange{})
	_, list := f.Accounts.Groups(f.ann(), registry.Page{})
	_, users := f.Accounts.Users(f.ann(), registry.Page{})
	for what, c := range map[string]struct {
		err  error
		kind registry.Kind
	}{
		"a group by a user":         {byAnn, registry.Denied},
		"a group's name":            {name, registry.Invalid},
		"the groups to a user":      {list, registry.Denied},
		"the users to a user":       {users, registry.Denied},
		"a member that is none":     {group(accounts.GroupChange{Members: []string{"nobody"}}), registry.NotFound},
		"a role that is none":       {group(accounts.GroupChange{Grants: []access.Grant{{Repository: "main", Role: "reder"}}}), registry.Invalid},
		"a permission on both":      {group(accounts.GroupChange{Grants: []access.Grant{{Repository: "main", Environment: "prod", Role: "reader"}}}), registry.Invalid},
		"publishing to prod":        {group(accounts.GroupChange{Grants: []access.Grant{{Environment: "prod", Actions: []access.Action{access.Publish}}}}), registry.Invalid},
		"a builtin role":            {role("reader", access.Admin), registry.Conflict},
		"a role of nothing":         {role("x"), registry.Invalid},
		"a role of what is none":    {role("x", "fly"), registry.Invalid},
		"a service with a password": {service(accounts.UserChange{Password: ptr(password)}), registry.Invalid},
		"the role in a token's way": {f.tokenWith(access.Grant{Repository: "main", Role: "releaser"}), registry.Denied},
	} {
		if c.err == nil || registry.KindOf(c.err) != c.kind {
			t.Errorf("%s: %v", what, c.err)
		}
	}
	f.must(nil, service(accounts.UserChange{}))
	if _, err := f.Accounts.UpdateUser(f.Admin, "bot", accounts.UserChange{Password: ptr(password)}); registry.KindOf(err) != registry.Invalid {
		t.Errorf("a password for a service account: %v", err)
	}
	for _, guess := range []string{"", password} {
		if _, err := f.Accounts.Authenticate(t.Context(), access.Credentials{User: "bot", Password: guess}); registry.KindOf(err) != registry.Unauthenticated {
			t.Errorf("a service account logs in by %q: %v", guess, err)
		}
	}
}

func (f *family) tokenWith(g access.Grant) error {
	_, _, err := f.Accounts.CreateToken(f.ann(), accounts.TokenRequest{Name: "x", Grants: []access.Grant{g}})
	return err
}

// TestLastAdministratorByGroup: who administers by a group or a role counts, and no change of these leaves nobody.
func TestLastAdministratorByGroup(t *testing.T) {
	f := newFamily(t, reads)
	f.must(f.Accounts.CreateGroup(f.Admin, "admins", accounts.GroupChange{Members: []string{"ann"}, Grants: []access.Grant{{Repository: "*", Role: "administrator"}}}))
	f.must(f.Accounts.UpdateUser(f.ann(), "admin", accounts.UserChange{Disabled: ptr(true)}))
	_, out := f.Accounts.UpdateGroup(f.ann(), "admins", accounts.GroupChange{RemoveMembers: []string{"ann"}})
	_, less := f.Accounts.UpdateGroup(f.ann(), "admins", accounts.GroupChange{Grants: []access.Grant{reads}})
	for what, err := range map[string]error{
		"taken out": out, "narrowed": less, "the group deleted": f.Accounts.DeleteGroup(f.ann(), "admins"), "deleted": f.Accounts.DeleteUser(f.ann(), "ann"),
	} {
		if err == nil || registry.KindOf(err) != registry.Conflict {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestDeletedUser: a deleted user can do nothing, is in no list, and leaves its name to the log.
func TestDeletedUser(t *testing.T) {
	f := newFamily(t, reads)
	f.must(f.Accounts.CreateGroup(f.Admin, "ops", accounts.GroupChange{Members: []string{"ann"}}))
	f.must(nil, f.Accounts.DeleteUser(f.Admin, "ann"))
	if _, err := f.Accounts.Authenticate(t.Context(), access.Credentials{User: "ann", Password: password}); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("logs in: %v", err)
	}
	if g, err := f.Accounts.Group(f.Admin, "ops"); err != nil || len(g.Members) != 0 {
		t.Errorf("a member: %+v, %v", g, err)
	}
	if list, err := f.Accounts.Users(f.Admin, registry.Page{}); err != nil || len(list) != 1 {
		t.Errorf("listed: %+v, %v", list, err)
	}
	_, again := f.Accounts.CreateUser(f.Admin, "ann", accounts.UserChange{Password: ptr(password)})
	_, enabled := f.Accounts.UpdateUser(f.Admin, "ann", accounts.UserChange{Disabled: ptr(false)})
	_, shown := f.Accounts.User(f.Admin, "ann")
	for what, c := range map[string]struct {
		err  error
		kind registry.Kind
	}{
		"made again": {again, registry.AlreadyExists}, "enabled": {enabled, registry.NotFound}, "shown": {shown, registry.NotFound},
		"deleted again": {f.Accounts.DeleteUser(f.Admin, "ann"), registry.NotFound},
	} {
		if registry.KindOf(c.err) != c.kind || c.err == nil {
			t.Errorf("%s: %v", what, c.err)
		}
	}
}

// TestN6: an auditor sees users, groups, roles, and who may do what and why, and changes nothing; who administers a repository
// sees who may do what there.
func TestN6(t *testing.T) {
	f := newFamily(t, rightly...)
	f.must(f.Accounts.CreateUser(f.Admin, "eve", accounts.UserChange{Password: ptr(password), Grants: []access.Grant{{Repository: "*", Actions: []access.Action{access.Audit}}}}))
	f.must(f.Accounts.CreateUser(f.Admin, "joe", accounts.UserChange{Password: ptr(password), Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Admin}}}}))
	f.must(f.Accounts.CreateUser(f.Admin, "off", accounts.UserChange{Password: ptr(password), Disabled: ptr(true), Grants: rightly}))
	f.must(f.Accounts.CreateGroup(f.Admin, "ops", accounts.GroupChange{Members: []string{"eve"}, Grants: []access.Grant{{Environment: "prod-*", Role: "deployer"}}}))
	eve, joe := f.Login(access.Credentials{User: "eve", Password: password}), f.Login(access.Credentials{User: "joe", Password: password})

	users, err := f.Accounts.Users(eve, registry.Page{})
	f.must(nil, err)
	groups, err := f.Accounts.Groups(eve, registry.Page{})
	f.must(nil, err)
	roles, err := f.Accounts.Roles(eve)
	f.must(nil, err)
	if len(users) != 5 || len(groups) != 1 || len(roles) != len(access.BuiltinRoles) || users[2].Name != "eve" || !slices.Equal(users[2].Groups, []string{"ops"}) {
		t.Errorf("%+v, %+v, %+v", users, groups, roles)
	}
	if err := f.Accounts.DeleteGroup(eve, "ops"); registry.KindOf(err) != registry.Denied {
		t.Errorf("an auditor deletes a group: %v", err)
	}

	who := func(q accounts.WhoQuery) map[string]accounts.Holder {
		t.Helper()
		list, err := f.Accounts.Who(eve, q)
		f.must(nil, err)
		out := map[string]accounts.Holder{}
		for _, h := range list {
			out[h.User.Name] = h
		}
		return out
	}
	main := access.Resource{Repository: "main"}
	may := who(accounts.WhoQuery{Resource: main, Action: access.Tag})
	ann := may["ann"]
	if len(may) != 3 || len(ann.Tokens) != 3 || ann.Because[0].Repository != "main" || ann.Tokens[1].ParentID != ann.Tokens[0].ID || may["joe"].Because[0].Actions[0] != access.Admin {
		t.Errorf("who may tag: %+v", may)
	}
	f.must(nil, f.Accounts.RevokeToken(f.Admin, f.chain[1].ID))
	if left := who(accounts.WhoQuery{Resource: main, Action: access.Tag, User: "ann"}); len(left) != 1 || len(left["ann"].Tokens) != 1 {
		t.Errorf("after a revocation: %+v", left)
	}
	if may := who(accounts.WhoQuery{Resource: main, Action: access.Read}); len(may) != 4 || len(may["eve"].Because) != 1 {
		t.Errorf("who may read: %+v", may)
	}
	prod := who(accounts.WhoQuery{Resource: access.Resource{Environment: "prod-eu"}, Action: access.Deploy})
	if len(prod) != 2 || prod["eve"].Because[0].Group != "ops" || prod["eve"].Because[0].Role != "deployer" {
		t.Errorf("who may deploy: %+v", prod)
	}
	if server := who(accounts.WhoQuery{Action: access.Admin}); len(server) != 1 || server["admin"].Because == nil {
		t.Errorf("who administers the server: %+v", server)
	}
	if _, err := f.Accounts.Who(joe, accounts.WhoQuery{Resource: main}); err != nil {
		t.Errorf("the administrator of main: %v", err)
	}
	if list, err := f.Accounts.Who(joe, accounts.WhoQuery{Resource: main, User: "nobody"}); err != nil || len(list) > 0 {
		t.Errorf("the administrator of main learns which users exist: %v, %v", list, err)
	}
	_, nobody := f.Accounts.Who(eve, accounts.WhoQuery{Resource: main, User: "nobody"})
	_, other := f.Accounts.Who(joe, accounts.WhoQuery{Resource: access.Resource{Repository: "other"}})
	_, server := f.Accounts.Who(joe, accounts.WhoQuery{})
	_, byAnn := f.Accounts.Who(f.ann(), accounts.WhoQuery{Resource: main})
	_, both := f.Accounts.Who(eve, accounts.WhoQuery{Resource: access.Resource{Repository: "main", Environment: "prod"}, Action: access.Tag})
	_, fly := f.Accounts.Who(eve, accounts.WhoQuery{Resource: access.Resource{Environment: "prod"}, Action: access.Publish})
	for what, c := range map[string]struct {
		err  error
		kind registry.Kind
	}{
		"another repository": {other, registry.NotFound}, "nobody, asked by an auditor": {nobody, registry.NotFound}, "the server": {server, registry.Denied}, "a user": {byAnn, registry.Denied},
		"both": {both, registry.Invalid}, "what is none": {fly, registry.Invalid},
	} {
		if registry.KindOf(c.err) != c.kind || c.err == nil {
			t.Errorf("%s: %v", what, c.err)
		}
	}
}
