package staging_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/instance"
	"slipway/registry/ledger"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
)

// withAssemble lets versions of the test format be staged; they settle after a time without a further file.
func withAssemble(after time.Duration) registrytest.Option {
	return registrytest.With(func(c *instance.Config) {
		c.Assemblers = map[string]staging.Assembler{registrytest.Format: plainAssembler{after}}
		c.SettleInterval = 10 * time.Millisecond
	})
}

// plainAssembler makes a release of whatever files a version has; they settle after a time without a further file.
type plainAssembler struct{ after time.Duration }

func (plainAssembler) Assemble(_ context.Context, a staging.Assembly) (publish.Release, error) {
	return publish.Release{Version: a.At.Version, PURL: "pkg:generic/" + a.At.Package + "@" + a.At.Version, SortKey: []byte(a.At.Version)}, nil
}

func (p plainAssembler) Settle(context.Context, staging.Opener, []registry.StagedFile) (staging.Wait, error) {
	return staging.Wait{After: p.after, For: "more files"}, nil
}

func (plainAssembler) PURL(at registry.Coordinate) string {
	return "pkg:generic/" + at.Package + "@" + at.Version
}

func stage(t *testing.T, e *registrytest.Env, ctx context.Context, key staging.Key, pkg, version string) {
	t.Helper()
	name := e.Name(pkg)
	name.Repository = key.Repository
	_, err := e.Staging.Add(ctx, key, staging.File{At: name.At(version), File: content.StageFile{Path: "file"}}, strings.NewReader(pkg+version))
	if err != nil {
		t.Fatal(err)
	}
}

// TestCommitPublish: a publish is found by its id alone, by its owner, in whichever repository it is, and never settles.
func TestCommitPublish(t *testing.T) {
	e := registrytest.New(t, withAssemble(0))
	if _, err := e.Core.CreateRepository(e.Admin, "other", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	key := func(repository string) staging.Key {
		k, err := staging.PublishKey(repository, "r1")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	stage(t, e, e.Admin, key("main"), "a", "1")
	stage(t, e, e.Admin, key("main"), "a", "2")
	stage(t, e, e.Admin, key("main"), "b", "1")
	stage(t, e, e.Admin, key("other"), "c", "1")
	time.Sleep(100 * time.Millisecond)
	if e.Has("a", "1") {
		t.Fatal("a publish settled")
	}
	if _, err := e.Staging.CommitPublish(e.Admin, "", "r1"); registry.KindOf(err) != registry.Conflict {
		t.Errorf("a publish in two repositories: %v", err)
	}
	stranger := e.Login(access.Credentials{Token: e.Token("*", access.Publish)})
	if _, err := e.Staging.CommitPublish(stranger, "main", "r1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("of another caller: %v", err)
	}
	if _, err := e.Staging.CommitPublish(context.Background(), "", "r1"); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("of nobody: %v", err)
	}
	if err := e.Staging.DropPublish(e.Admin, "other", "r1"); err != nil {
		t.Error(err)
	}
	published, err := e.Staging.CommitPublish(e.Admin, "", "r1")
	if err != nil || len(published) != 3 || !e.Has("a", "1") || !e.Has("a", "2") || !e.Has("b", "1") {
		t.Fatalf("%+v, %v", published, err)
	}
	for _, id := range []string{"r2", "x y", "", strings.Repeat("x", 201)} {
		if _, err := e.Staging.CommitPublish(e.Admin, "", id); err == nil {
			t.Errorf("%q was committed", id)
		}
	}
	e.MustFsck(t)
}

// TestCommitPublishAgain: who did not get the answer asks again, and gets it; nothing is published twice. A new publish may
// have the id of one that ended.
func TestCommitPublishAgain(t *testing.T) {
	e := registrytest.New(t, withAssemble(0))
	key, err := staging.PublishKey("main", "r1")
	if err != nil {
		t.Fatal(err)
	}
	stage(t, e, e.Admin, key, "a", "1")
	stage(t, e, e.Admin, key, "b", "1")
	names := func(published []staging.PublishedVersion, err error) string {
		t.Helper()
		out := fmt.Sprint(err)
		for _, p := range published {
			out += fmt.Sprintf(" %s %s %s %v", p.At, p.Version.PURL, p.Version.Digest, p.Created)
		}
		return out
	}
	first := names(e.Staging.CommitPublish(e.Admin, "", "r1"))
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, repository := range []string{"", "main"} {
		if again := names(e.Staging.CommitPublish(e.Admin, repository, "r1")); again != first || !strings.HasPrefix(first, "<nil> ") {
			t.Errorf("again: %s, at first %s", again, first)
		}
	}
	if more, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: events[len(events)-1].Seq}); err != nil || len(more) > 0 {
		t.Errorf("events of the second answer: %v, %v", more, err)
	}
	stranger := e.Login(access.Credentials{Token: e.Token("*", access.Publish)})
	if _, err := e.Staging.CommitPublish(stranger, "", "r1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("of another caller: %v", err)
	}
	if err := e.Staging.DropPublish(e.Admin, "main", "r1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("drop of what is published: %v", err)
	}
	stage(t, e, e.Admin, key, "c", "1")
	if again, err := e.Staging.CommitPublish(e.Admin, "", "r1"); err != nil || len(again) != 1 || again[0].At.Package != "c" {
		t.Errorf("the next of the same id: %+v, %v", again, err)
	}
	e.MustFsck(t)
}

// TestSetOfGoneRepository: another repository of the same name has neither the areas of the one that is gone nor the answers to
// its publishes.
func TestSetOfGoneRepository(t *testing.T) {
	e := registrytest.New(t, withAssemble(0), registrytest.With(func(c *instance.Config) { c.SettleInterval = 0 }))
	e.TeamRepository(t)
	key := staging.Key{Repository: "team", ID: "deploy", Scope: "g:a"}
	stage(t, e, e.Admin, key, "a", "1")
	publish, err := staging.PublishKey("team", "p1")
	registrytest.Must(t, err)
	stage(t, e, e.Admin, publish, "b", "1")
	registrytest.Must(t, registrytest.ErrOf(e.Staging.CommitPublish(e.Admin, "team", "p1")))
	name := e.Name("b")
	name.Repository = "team"
	registrytest.Must(t, e.Publisher.Delete(e.Admin, name.At("1"), ""))
	registrytest.Must(t, e.Maintain.DeleteRepository(e.Admin, "team"))
	e.TeamRepository(t)
	if _, files, err := e.Staging.Find(e.Admin, key); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("files in the new repository's set: %d, %v", len(files), err)
	}
	if out, err := e.Staging.CommitPublish(e.Admin, "team", "p1"); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("a publish of the old one: %+v, %v", out, err)
	}
	if files, err := e.Staging.StagedAt(e.Admin, key, registry.Name{Repository: "team", Format: registrytest.Format, Package: "a"}.At("1"), "file"); err != nil || len(files) != 0 {
		t.Errorf("files of the old one: %+v, %v", files, err)
	}
	stage(t, e, e.Admin, key, "a", "2")
	sets, err := e.Staging.List(e.Admin, "team", "g:a")
	if err != nil || len(sets) != 1 || len(sets[0].Files) != 1 || sets[0].Files[0].Version != "2" {
		t.Errorf("sets of the scope: %+v, %v", sets, err)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{}); r.Blobs != 2 {
		t.Errorf("collection of what the old one held: %+v", r)
	}
	e.MustFsck(t)
}
