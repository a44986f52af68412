package deploy_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/content"
	"slipway/registry/deploy"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// people are users with passwords over a deployer.
type people struct{ *deployer }

func (p people) user(name string, grants ...access.Grant) context.Context {
	p.t.Helper()
	password := "password of " + name + "!"
	registrytest.Must(p.t, registrytest.ErrOf(p.Accounts.CreateUser(p.Admin, name, accounts.UserChange{Password: &password, Grants: grants})))
	return p.Login(access.Credentials{User: name, Password: password})
}

func (p people) token(ctx context.Context, grants ...access.Grant) context.Context {
	p.t.Helper()
	secret, _, err := p.Accounts.CreateToken(ctx, accounts.TokenRequest{Name: "ci", Grants: grants})
	registrytest.Must(p.t, err)
	return p.Login(access.Credentials{Token: secret})
}

func (p people) kind(what string, err error, want registry.Kind) {
	p.t.Helper()
	if err == nil || registry.KindOf(err) != want {
		p.t.Errorf("%s: %v, want kind %d", what, err, want)
	}
}

func (p people) reportAs(ctx context.Context, environment, service string) error {
	return second(p.Deploy.ReportDeployment(ctx, at(environment, service)))
}

func at(environment, service string) deploy.Report {
	r := reportOf("1", "", deploy.DeploymentSucceeded)
	r.Environment, r.Service = environment, service
	return r
}

var (
	deploysMain = access.Grant{Repository: "main", Actions: []access.Action{access.Read, access.Deploy}}
	onStaging   = access.Grant{Environment: "staging*", Actions: []access.Action{access.Deploy}}
)

// TestEnvironmentOwners: the right to deploy in a repository is no right on another user's environment.
func TestEnvironmentOwners(t *testing.T) {
	p := people{newDeployer(t, "1")}
	ann, bob := p.user("ann", deploysMain), p.user("bob", deploysMain)
	granted := p.user("eve", deploysMain, access.Grant{Environment: "prod", Actions: []access.Action{access.Deploy}}, onStaging)
	first, _, err := p.Deploy.ReportDeployment(ann, at("prod", "web")) // ann owns it
	registrytest.Must(t, err)
	if e, err := p.Deploy.EnvironmentAt(ann, "prod", registry.AsOf{}); err != nil || e.Environment.Owner != "ann" {
		t.Errorf("the owner is %q, %v", e.Environment.Owner, err)
	}
	p.kind("bob reports", p.reportAs(bob, "prod", "api"), registry.Denied)
	p.kind("bob stops", p.Deploy.StopService(bob, "prod", "web"), registry.Denied)
	p.kind("bob ends a deployment", registrytest.ErrOf(p.Deploy.ChangeDeployment(bob, first.ID, deploy.DeploymentChange{Status: deploy.DeploymentRolledBack})), registry.Denied)
	tag, owner := "production", "bob"
	change := func(ctx context.Context, c deploy.EnvironmentChange) error {
		return registrytest.ErrOf(p.Deploy.UpdateEnvironment(ctx, "prod", c))
	}
	p.kind("bob changes", change(bob, deploy.EnvironmentChange{Tag: &tag}), registry.Denied)
	p.kind("bob deletes", p.Deploy.DeleteEnvironment(bob, "prod"), registry.Denied)
	registrytest.Must(t, p.reportAs(granted, "prod", "api"))
	p.kind("who may deploy there changes", change(granted, deploy.EnvironmentChange{Tag: &tag}), registry.Denied)

	token := p.token(ann, deploysMain)
	registrytest.Must(t, p.reportAs(token, "prod", "worker"))
	p.kind("a token of the owner changes", change(token, deploy.EnvironmentChange{Tag: &tag}), registry.Denied)
	limited := p.token(ann, deploysMain, access.Grant{Environment: "prod", Actions: []access.Action{access.Deploy}})
	registrytest.Must(t, p.reportAs(limited, "prod", "worker"))
	p.kind("a token limited to the owner's environment, elsewhere", p.reportAs(limited, "staging-1", "web"), registry.Denied)
	p.kind("it changes the environment", change(limited, deploy.EnvironmentChange{Tag: &tag}), registry.Denied)
	governing := p.token(ann, deploysMain, access.Grant{Environment: "prod", Actions: []access.Action{access.Admin}})
	about := "by a token made for it"
	registrytest.Must(t, change(governing, deploy.EnvironmentChange{Description: &about}))
	narrow := p.token(granted, deploysMain, onStaging)
	p.kind("a token for other environments", p.reportAs(narrow, "prod", "api"), registry.Denied)
	registrytest.Must(t, p.reportAs(narrow, "staging-1", "web"))
	p.kind("a token for other environments makes one", p.reportAs(narrow, "elsewhere", "web"), registry.Denied)
	p.kind("its child", p.reportAs(p.token(narrow, deploysMain), "elsewhere", "web"), registry.Denied)

	registrytest.Must(t, change(ann, deploy.EnvironmentChange{Tag: &tag, Owner: &owner}))
	p.kind("the former owner", p.reportAs(ann, "prod", "web"), registry.Denied)
	p.kind("a token of the former owner", p.reportAs(limited, "prod", "web"), registry.Denied)
	registrytest.Must(t, p.reportAs(bob, "prod", "web"))
	none, missing := "", "nobody"
	p.kind("an owner that is not there", change(bob, deploy.EnvironmentChange{Owner: &missing}), registry.NotFound)
	registrytest.Must(t, change(p.Admin, deploy.EnvironmentChange{Owner: &none}))
	registrytest.Must(t, p.reportAs(ann, "prod", "web")) // as environments of before there were owners
	p.kind("without an owner only administrators change it", change(bob, deploy.EnvironmentChange{Tag: &none}), registry.Denied)
	p.MustFsck(t)
}

// TestEnvironmentShares is K6 of environments: a user has a share of all environments, and of another user's services.
func TestEnvironmentShares(t *testing.T) {
	p := people{newDeployer(t, "1")}
	ann, bob := p.user("ann", deploysMain), p.user("bob", deploysMain, access.Grant{Environment: "env-0", Actions: []access.Action{access.Deploy}})
	for i := range 100 {
		registrytest.Must(t, registrytest.ErrOf(p.Deploy.CreateEnvironment(ann, fmt.Sprintf("env-%d", i), deploy.EnvironmentChange{})))
	}
	p.kind("one more", registrytest.ErrOf(p.Deploy.CreateEnvironment(ann, "more", deploy.EnvironmentChange{})), registry.Conflict)
	p.kind("one more by a report", p.reportAs(ann, "more", "web"), registry.Conflict)
	registrytest.Must(t, p.Deploy.DeleteEnvironment(ann, "env-99"))
	registrytest.Must(t, p.reportAs(ann, "more", "web"))
	for i := range 200 {
		registrytest.Must(t, p.reportAs(bob, "env-0", fmt.Sprintf("of-bob-%d", i)))
	}
	p.kind("a service more", p.reportAs(bob, "env-0", "more"), registry.Invalid)
	registrytest.Must(t, p.reportAs(bob, "env-0", "of-bob-7"))
	registrytest.Must(t, p.reportAs(ann, "env-0", "of-ann"))
}

// TestFollowedByWhom: an environment protects tags where its owner deploys from and where it has got versions from, not in
// repositories of others.
func TestFollowedByWhom(t *testing.T) {
	p := people{newDeployer(t, "1")}
	registrytest.Must(t, registrytest.ErrOf(p.Core.CreateRepository(p.Admin, "other", registry.RepositoryChange{})))
	eve := p.user("eve", access.Grant{Repository: "other", Actions: []access.Action{access.Deploy}})
	tag := "latest"
	registrytest.Must(t, registrytest.ErrOf(p.Deploy.CreateEnvironment(eve, "hers", deploy.EnvironmentChange{Tag: &tag})))
	n := 0
	moves := func(repository string) error {
		n++
		ctx := p.Login(access.Credentials{Token: p.Token(repository, access.Publish)})
		pub, err := p.Publisher.Begin(ctx, registry.Name{Repository: repository, Format: registrytest.Format, Package: "lib", Display: "lib"})
		registrytest.Must(t, err)
		defer pub.Abort()
		_, err = pub.Stage(ctx, content.StageFile{Path: "f"}, strings.NewReader(fmt.Sprint(n)))
		registrytest.Must(t, err)
		version := fmt.Sprint(n)
		return registrytest.ErrOf(pub.Commit(ctx, publish.Release{Version: version, PURL: "pkg:generic/lib@" + version, SortKey: []byte(version), Tags: []string{tag}}))
	}
	for _, repository := range []string{"main", "other"} {
		registrytest.Must(t, moves(repository)) // a new tag
	}
	registrytest.Must(t, moves("main"))
	p.kind("where the owner deploys from", moves("other"), registry.Denied)
	r := reportOf("1", "", deploy.DeploymentSucceeded)
	r.Environment = "hers"
	registrytest.Must(t, second(p.Deploy.ReportDeployment(p.Admin, r)))
	p.kind("where a version there came from", moves("main"), registry.Denied)
	if err := p.Metadata.View(t.Context(), func(tx metadata.Tx) error {
		follower, err := p.Deploy.Follower(tx, "unheard", registry.Repository{ID: 1, Name: "main"})
		if follower != "" {
			t.Errorf("%q follows a tag of no environment", follower)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestFollowedNoFurther: no caller makes an environment follow a tag where the caller may not deploy: not without an owner, not by an
// owner who may more, and not by a token that may less than its user.
func TestFollowedNoFurther(t *testing.T) {
	p := people{newDeployer(t, "1")}
	ann := p.user("ann", deploysMain)
	p.user("bob", access.Grant{Repository: "main", Role: "deployer"})
	tag, none, bob, admin := "latest", "", "bob", "admin"
	create := func(ctx context.Context, name string, c deploy.EnvironmentChange) error {
		return registrytest.ErrOf(p.Deploy.CreateEnvironment(ctx, name, c))
	}
	change := func(ctx context.Context, c deploy.EnvironmentChange) error {
		return registrytest.ErrOf(p.Deploy.UpdateEnvironment(ctx, "hers", c))
	}
	p.kind("made without an owner", create(ann, "x", deploy.EnvironmentChange{Tag: &tag, Owner: &none}), registry.Denied)
	p.kind("made for the administrator", create(ann, "x", deploy.EnvironmentChange{Tag: &tag, Owner: &admin}), registry.Denied)
	narrow := p.token(p.Admin, deploysMain)
	p.kind("made by a narrow token", create(narrow, "x", deploy.EnvironmentChange{Tag: &tag}), registry.Denied)
	registrytest.Must(t, create(narrow, "of-admin", deploy.EnvironmentChange{}))
	registrytest.Must(t, create(ann, "hers", deploy.EnvironmentChange{Tag: &tag}))
	registrytest.Must(t, create(p.token(ann, deploysMain), "hers-too", deploy.EnvironmentChange{Tag: &tag}))
	p.kind("given up", change(ann, deploy.EnvironmentChange{Owner: &none}), registry.Denied)
	p.kind("given to the administrator", change(ann, deploy.EnvironmentChange{Owner: &admin}), registry.Denied)
	registrytest.Must(t, change(p.Admin, deploy.EnvironmentChange{Owner: &none}))
	registrytest.Must(t, change(p.Admin, deploy.EnvironmentChange{Owner: &bob}))
}

// TestEndOfCrowdedEnvironment is K7 of environments: what is under way in one ends in bounded transactions, and the environment
// with the last of them.
func TestEndOfCrowdedEnvironment(t *testing.T) {
	p := people{newDeployer(t, "1")}
	const open, runs = 248, 5
	for i := range open {
		r := reportOf("1", fmt.Sprintf("build-%d", i), deploy.DeploymentQueued)
		registrytest.Must(t, second(p.Deploy.ReportDeployment(p.Admin, r)))
	}
	r := reportOf("1", "", deploy.DeploymentSucceeded)
	for i := range runs {
		r.Service = fmt.Sprintf("service-%d", i)
		registrytest.Must(t, second(p.Deploy.ReportDeployment(p.Admin, r)))
	}
	size := func() (n int64) {
		registrytest.Must(t, p.Metadata.View(t.Context(), func(tx metadata.Tx) (err error) {
			n, err = tx.Log().LogSize()
			return err
		}))
		return n
	}
	s, hook := p.Hook(t, nil)
	var most int64
	began := size()
	hook.OnUpdate = func(ctx context.Context, fn func(tx metadata.Tx) error) error {
		before := size()
		err := p.Metadata.Update(ctx, fn)
		most = max(most, size()-before)
		return err
	}
	registrytest.Must(t, s.Deploy.DeleteEnvironment(p.Admin, r.Environment))
	hook.OnUpdate = nil
	if n := size() - began; n != open+runs+1 || most > 250 {
		t.Errorf("%d entries, %d of one transaction", n, most)
	}
	p.kind("the environment", registrytest.ErrOf(p.Deploy.EnvironmentAt(p.Admin, r.Environment, registry.AsOf{})), registry.NotFound)
	p.MustFsck(t)
}
