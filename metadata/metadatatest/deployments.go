package metadatatest

import (
	"fmt"
	"math"
	"time"

	"slipway/metadata"
)

func (e *env) environment(name string, seq int64) metadata.Environment {
	e.Helper()
	var out metadata.Environment
	e.update(func(tx metadata.Tx) (err error) {
		out, err = tx.Environments().PutEnvironment(metadata.Environment{Name: name, Tag: "production", Seq: seq})
		return err
	})
	return out
}

// deploy reports a deployment of v for the first time.
func (e *env) deploy(at metadata.Environment, service, external string, v metadata.Version, status metadata.DeploymentStatus, seq int64) metadata.Deployment {
	e.Helper()
	var out metadata.Deployment
	e.update(func(tx metadata.Tx) error {
		p, err := tx.Packages().PackageByID(v.PackageID)
		if err != nil {
			return err
		}
		out, err = tx.Deployments().CreateDeployment(metadata.Deployment{EnvironmentID: at.ID, Service: service, ExternalID: external,
			RepositoryID: p.RepositoryID, PackageID: p.ID, VersionID: v.ID, Version: v.Name, PURL: "pkg:npm/left-pad@" + v.Name,
			Digest: v.Digest, Status: status, EventID: "evt_1", URL: "https://ci.example.com/1", UpdatedBy: "ann"})
		if err != nil {
			return err
		}
		out.Seq, out.LastSeq = seq, seq
		out, err = tx.Deployments().UpdateDeployment(out)
		return err
	})
	return out
}

// created makes a user.
func created(e *env, u metadata.User) (out metadata.User, err error) {
	e.Helper()
	e.update(func(tx metadata.Tx) error {
		out, err = tx.Users().CreateUser(u)
		return err
	})
	return out, err
}

func testEnvironments(e *env) {
	missing(e, "absent", func(tx metadata.Tx) (metadata.Environment, error) { return tx.Environments().Environment("prod") })
	made := e.environment("prod", 3)
	want := metadata.Environment{ID: made.ID, Name: "prod", Tag: "production", CreatedAt: e.now(), UpdatedAt: e.now(), Seq: 3}
	equal(e, "made", made, want)
	e.clock.Add(time.Second)
	e.update(func(tx metadata.Tx) error {
		_, err := tx.Environments().PutEnvironment(metadata.Environment{Name: "prod", Description: "d", Seq: 5})
		return err
	})
	equal(e, "then", read(e, func(tx metadata.Tx) (metadata.Environment, error) { return tx.Environments().EnvironmentAt("prod", 4) }), want)
	want.Description, want.Tag, want.UpdatedAt, want.Seq = "d", "", e.now(), 5
	equal(e, "now", read(e, func(tx metadata.Tx) (metadata.Environment, error) { return tx.Environments().Environment("prod") }), want)
	missing(e, "before", func(tx metadata.Tx) (metadata.Environment, error) { return tx.Environments().EnvironmentAt("prod", 2) })

	e.environment("dev", 6)
	e.environment("staging", 7)
	list := func(p metadata.Page) []string {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Environment, error) { return tx.Environments().Environments(p) }),
			func(v metadata.Environment) string { return v.Name + v.Description })
	}
	equal(e, "all", list(metadata.Page{}), []string{"dev", "prodd", "staging"})
	equal(e, "page", list(metadata.Page{After: "dev", Limit: 1}), []string{"prodd"})
	e.update(func(tx metadata.Tx) error {
		_, err := tx.Environments().PutEnvironment(metadata.Environment{Name: "prod", Deleted: true, Seq: 8})
		return err
	})
	equal(e, "without the deleted", list(metadata.Page{}), []string{"dev", "staging"})
	equal(e, "deleted", read(e, func(tx metadata.Tx) (metadata.Environment, error) { return tx.Environments().Environment("prod") }).Deleted, true)
	following := func(tag string) []string {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Environment, error) { return tx.Environments().Following(tag, 10) }),
			func(v metadata.Environment) string { return v.Name })
	}
	equal(e, "following", following("production"), []string{"dev", "staging"})
	equal(e, "following nothing", following(""), []string(nil))
	equal(e, "following another", following("prod"), []string(nil))
	e.update(func(tx metadata.Tx) error {
		_, err := tx.Environments().PutEnvironment(metadata.Environment{Name: "dev", Tag: "next", Seq: 9})
		return err
	})
	equal(e, "following no more", following("production"), []string{"staging"})
	owner, err := created(e, metadata.User{Name: "owner", PasswordHash: "x"})
	if err != nil {
		e.Fatal(err)
	}
	e.update(func(tx metadata.Tx) error {
		_, err := tx.Environments().PutEnvironment(metadata.Environment{Name: "dev", OwnerID: owner.ID, Seq: 10})
		return err
	})
	owned := func() int64 {
		return read(e, func(tx metadata.Tx) (int64, error) { return tx.Environments().OwnedBy(owner.ID) })
	}
	equal(e, "owned", owned(), int64(1))
	equal(e, "those owned", names(read(e, func(tx metadata.Tx) ([]metadata.Environment, error) { return tx.Environments().Owned(owner.ID, 10) }),
		func(v metadata.Environment) string { return v.Name }), []string{"dev"})
	equal(e, "owner", read(e, func(tx metadata.Tx) (metadata.Environment, error) { return tx.Environments().Environment("dev") }).Owner, "owner")
	e.update(func(tx metadata.Tx) error {
		_, err := tx.Environments().PutEnvironment(metadata.Environment{Name: "dev", OwnerID: owner.ID, Deleted: true, Seq: 11})
		return err
	})
	equal(e, "owned no more", owned(), int64(0))
	equal(e, "back", e.environment("prod", 9).ID, made.ID)
}

func testDeployments(e *env) {
	p := e.main()
	v1, v2 := e.version(p, "1"), e.version(p, "2")
	prod, dev := e.environment("prod", 0), e.environment("dev", 1)
	made := e.deploy(prod, "web", "77", v1, metadata.DeploymentQueued, 10)
	want := metadata.Deployment{ID: made.ID, EnvironmentID: prod.ID, Environment: "prod", Service: "web", ExternalID: "77",
		RepositoryID: p.RepositoryID, Repository: "main", PackageID: p.ID, Format: "npm", Package: "left-pad", VersionID: v1.ID,
		Version: "1", PURL: "pkg:npm/left-pad@1", Digest: v1.Digest, Status: metadata.DeploymentQueued, EventID: "evt_1",
		URL: "https://ci.example.com/1", CreatedAt: e.now(), CreatedBy: "ann", UpdatedAt: e.now(), UpdatedBy: "ann", Seq: 10, LastSeq: 10}
	equal(e, "made", made, want)
	equal(e, "by external id", read(e, func(tx metadata.Tx) (metadata.Deployment, error) {
		return tx.Deployments().DeploymentByExternalID(prod.ID, "web", "77")
	}), want)
	for _, at := range []struct {
		env                 int64
		service, externalID string
	}{{dev.ID, "web", "77"}, {prod.ID, "api", "77"}, {prod.ID, "web", "78"}, {prod.ID, "web", ""}} {
		missing(e, fmt.Sprint(at), func(tx metadata.Tx) (metadata.Deployment, error) {
			return tx.Deployments().DeploymentByExternalID(at.env, at.service, at.externalID)
		})
	}
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error { _, err := tx.Deployments().CreateDeployment(want); return err })

	since := e.now()
	open := func(v metadata.Version) []int64 {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Deployment, error) {
			return tx.Deployments().OpenDeployments(v.ID, since, 5)
		}),
			func(d metadata.Deployment) int64 { return d.ID })
	}
	equal(e, "open", open(v1), []int64{made.ID})
	in := func(environment int64) []int64 {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Deployment, error) { return tx.Deployments().OpenIn(environment, 5) }),
			func(d metadata.Deployment) int64 { return d.ID })
	}
	equal(e, "open in the environment", in(prod.ID), []int64{made.ID})
	equal(e, "open in none", in(99), nil)
	services := func(user int64) [2]int64 {
		return read(e, func(tx metadata.Tx) (n [2]int64, err error) {
			n[0], n[1], err = tx.Environments().ServicesOf(prod.ID, user)
			return n, err
		})
	}
	equal(e, "services", services(7), [2]int64{1, 0})
	equal(e, "services of no user", services(0), [2]int64{1, 1})
	since = since.Add(time.Microsecond)
	equal(e, "open, but reported before", open(v1), nil)
	since = e.now()
	e.clock.Add(time.Second)
	e.update(func(tx metadata.Tx) error {
		made.Status, made.UpdatedBy, made.LastSeq, made.URL = metadata.DeploymentSucceeded, "bob", 12, "https://ci.example.com/2"
		_, err := tx.Deployments().UpdateDeployment(made)
		return err
	})
	want.Status, want.UpdatedBy, want.LastSeq, want.URL = metadata.DeploymentSucceeded, "bob", 12, "https://ci.example.com/2"
	want.UpdatedAt, want.FinishedAt = e.now(), e.now()
	equal(e, "updated", read(e, func(tx metadata.Tx) (metadata.Deployment, error) { return tx.Deployments().Deployment(made.ID) }), want)
	for _, of := range []struct {
		environment, repository int64
		came                    bool
	}{{made.EnvironmentID, made.RepositoryID, true}, {made.EnvironmentID, 99, false}, {99, made.RepositoryID, false}} {
		equal(e, "came from", read(e, func(tx metadata.Tx) (bool, error) { return tx.Deployments().CameFrom(of.environment, of.repository) }), of.came)
	}
	equal(e, "closed", open(v1), nil)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error {
		_, err := tx.Deployments().UpdateDeployment(metadata.Deployment{ID: 99})
		return err
	})

	e.deploy(prod, "api", "", v1, metadata.DeploymentRunning, 13)
	e.deploy(prod, "api", "", v2, metadata.DeploymentFailed, 14) // without an id of the reporter each is a new one
	for seq, want := range map[int64]string{
		9: "[]", 10: "[web 1 queued 10 ann]", 11: "[web 1 queued 10 ann]", 12: "[web 1 succeeded 12 bob]",
		13: "[api 1 running 13 ann web 1 succeeded 12 bob]", math.MaxInt64: "[api 2 failed 14 ann web 1 succeeded 12 bob]",
	} {
		got := names(read(e, func(tx metadata.Tx) ([]metadata.Deployment, error) { return tx.Deployments().Reported(prod.ID, seq) }),
			func(d metadata.Deployment) string {
				return fmt.Sprint(d.Service, " ", d.Version, " ", d.Status, " ", d.LastSeq, " ", d.UpdatedBy)
			})
		equal(e, fmt.Sprint("reported at ", seq), fmt.Sprint(got), want)
	}
	last := read(e, func(tx metadata.Tx) (metadata.Deployment, error) { return tx.Deployments().Deployment(made.ID) })
	equal(e, "its reports", fmt.Sprint(names(read(e, func(tx metadata.Tx) ([]metadata.Report, error) { return tx.Deployments().Reports(last) }),
		func(r metadata.Report) string { return fmt.Sprint(r.Seq, " ", r.Status, " ", r.By) })), "[10 queued ann 12 succeeded bob]")
}

func testDeploymentQueries(e *env) {
	p := e.main()
	other := e.version(e.pkg(e.repository("other"), "npm", "x"), "1")
	v1, v2 := e.version(p, "1"), e.version(p, "2")
	prod, dev := e.environment("prod", 0), e.environment("dev", 1)
	e.deploy(prod, "web", "a", v1, metadata.DeploymentSucceeded, 10)
	e.deploy(prod, "api", "b", v1, metadata.DeploymentFailed, 11)
	e.clock.Add(time.Second)
	e.deploy(dev, "web", "c", v2, metadata.DeploymentSucceeded, 12)
	e.deploy(dev, "web", "d", other, metadata.DeploymentQueued, 13)
	list := func(q metadata.DeploymentQuery) string {
		out := ""
		for _, d := range read(e, func(tx metadata.Tx) ([]metadata.Deployment, error) { return tx.Deployments().Deployments(q) }) {
			out += d.ExternalID
		}
		return out
	}
	third := read(e, func(tx metadata.Tx) (metadata.Deployment, error) {
		return tx.Deployments().DeploymentByExternalID(dev.ID, "web", "c")
	})
	for _, c := range []struct {
		what string
		q    metadata.DeploymentQuery
		want string
	}{
		{"all", metadata.DeploymentQuery{}, "dcba"},
		{"page", metadata.DeploymentQuery{BeforeID: third.ID, Limit: 1}, "b"},
		{"environment", metadata.DeploymentQuery{EnvironmentID: prod.ID}, "ba"},
		{"service", metadata.DeploymentQuery{Service: "web"}, "dca"},
		{"service of an environment", metadata.DeploymentQuery{EnvironmentID: prod.ID, Service: "web"}, "a"},
		{"status", metadata.DeploymentQuery{Status: metadata.DeploymentSucceeded}, "ca"},
		{"since", metadata.DeploymentQuery{Since: third.CreatedAt}, "dc"},
		{"since the last", metadata.DeploymentQuery{Since: e.now().Add(time.Second)}, ""},
		{"since ever", metadata.DeploymentQuery{Since: third.CreatedAt.Add(-time.Hour), Limit: 3}, "dcb"},
		{"purl", metadata.DeploymentQuery{PURL: "pkg:npm/left-pad@1"}, "dba"},
		{"digest", metadata.DeploymentQuery{Digest: v2.Digest}, "c"},
		{"repository", metadata.DeploymentQuery{Repositories: []int64{p.RepositoryID, 98, 99}}, "cba"},
		{"none", metadata.DeploymentQuery{Repositories: []int64{}}, ""},
		{"very many", metadata.DeploymentQuery{Repositories: crowd(p.RepositoryID)}, "cba"},
		{"everything", metadata.DeploymentQuery{EnvironmentID: prod.ID, Service: "web", Status: metadata.DeploymentSucceeded,
			PURL: "pkg:npm/left-pad@1", Digest: v1.Digest, Repositories: []int64{p.RepositoryID}, Limit: 5}, "a"},
	} {
		equal(e, c.what, list(c.q), c.want)
	}
}

func testRuns(e *env) {
	p := e.main()
	v1, v2 := e.version(p, "1"), e.version(p, "2")
	prod := e.environment("prod", 0)
	first := e.deploy(prod, "web", "a", v1, metadata.DeploymentSucceeded, 10)
	second := e.deploy(prod, "web", "b", v2, metadata.DeploymentSucceeded, 20)
	api := e.deploy(prod, "api", "c", v1, metadata.DeploymentSucceeded, 15)
	missing(e, "nothing", func(tx metadata.Tx) (metadata.Run, error) { return tx.Runs().Running(prod.ID, "web") })
	start := func(d metadata.Deployment, seq int64) {
		e.clock.Add(time.Second)
		e.update(func(tx metadata.Tx) error { return tx.Runs().StartRun(d, seq) })
	}
	start(first, 10)
	began := e.now()
	start(api, 15)
	start(second, 20)
	equal(e, "now", read(e, func(tx metadata.Tx) (metadata.Run, error) { return tx.Runs().Running(prod.ID, "web") }),
		metadata.Run{Deployment: second, Since: e.now(), SeqFrom: 20, By: "ann"})
	e.update(func(tx metadata.Tx) error { return tx.Runs().EndRun(prod.ID, "web", 30) })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Runs().EndRun(prod.ID, "web", 31) })
	start(first, 40)

	service := func(r metadata.Run) string { return r.Deployment.Service + r.Deployment.Version }
	for seq, want := range map[int64]string{
		9: "[]", 10: "[web1]", 14: "[web1]", 15: "[api1 web1]", 19: "[api1 web1]", 20: "[api1 web2]", 30: "[api1]", 39: "[api1]", 40: "[api1 web1]",
	} {
		got := names(read(e, func(tx metadata.Tx) ([]metadata.Run, error) { return tx.Runs().RunsAt(prod.ID, seq) }), service)
		equal(e, fmt.Sprint("at ", seq), fmt.Sprint(got), want)
	}
	for seq, want := range map[int64]string{14: "[]", 19: "[]", 20: "[web1]", 29: "[web1]", 30: "[web2]", 40: "[web2]"} {
		got := names(read(e, func(tx metadata.Tx) ([]metadata.Run, error) { return tx.Runs().Former(prod.ID, seq) }), service)
		equal(e, fmt.Sprint("before ", seq), fmt.Sprint(got), want)
	}
	past := read(e, func(tx metadata.Tx) ([]metadata.Run, error) { return tx.Runs().RunsAt(prod.ID, 10) })[0]
	equal(e, "its end", []any{past.Since, past.SeqTo, past.Until.IsZero()}, []any{began, int64(20), false})

	version := func(v metadata.Version) string {
		return fmt.Sprint(names(read(e, func(tx metadata.Tx) ([]metadata.Run, error) { return tx.Runs().RunsOfVersion(v.ID, 5) }), func(r metadata.Run) int64 { return r.SeqFrom }))
	}
	equal(e, "of versions", []string{version(v1), version(v2)}, []string{"[15 40]", "[]"})
	list := func(q metadata.RunQuery) string {
		q.EnvironmentID = prod.ID
		return fmt.Sprint(names(read(e, func(tx metadata.Tx) ([]metadata.Run, error) { return tx.Runs().Runs(q) }), func(r metadata.Run) int64 { return r.SeqFrom }))
	}
	for _, c := range []struct {
		q    metadata.RunQuery
		want string
	}{
		{metadata.RunQuery{}, "[40 20 15 10]"},
		{metadata.RunQuery{Service: "web"}, "[40 20 10]"},
		{metadata.RunQuery{BeforeSeq: 40, Limit: 2}, "[20 15]"},
		{metadata.RunQuery{Service: "web", BeforeSeq: 40, Limit: 1, Repositories: []int64{p.RepositoryID}}, "[20]"},
		{metadata.RunQuery{Repositories: []int64{99}}, "[]"},
		{metadata.RunQuery{Repositories: []int64{}}, "[]"},
	} {
		equal(e, fmt.Sprintf("%+v", c.q), list(c.q), c.want)
	}
	equal(e, "of very many", list(metadata.RunQuery{Repositories: crowd(p.RepositoryID), Limit: 2}), "[40 20]")
}
