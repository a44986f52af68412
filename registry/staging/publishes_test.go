package staging_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
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

func stage(t testing.TB, e *registrytest.Env, ctx context.Context, key staging.Key, pkg, version string) {
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
	if _, err := e.Staging.CommitPublish(e.Admin, staging.Which{ID: "r1"}); registry.KindOf(err) != registry.Conflict {
		t.Errorf("a publish in two repositories: %v", err)
	}
	stranger := e.Login(access.Credentials{Token: e.Token("*", access.Publish)})
	if _, err := e.Staging.CommitPublish(stranger, staging.Which{Repository: "main", ID: "r1"}); registry.KindOf(err) != registry.NotFound {
		t.Errorf("of another caller: %v", err)
	}
	if _, err := e.Staging.CommitPublish(context.Background(), staging.Which{ID: "r1"}); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("of nobody: %v", err)
	}
	if err := e.Staging.DropPublish(e.Admin, staging.Which{Repository: "other", ID: "r1"}); err != nil {
		t.Error(err)
	}
	published, err := e.Staging.CommitPublish(e.Admin, staging.Which{ID: "r1"})
	if err != nil || len(published) != 3 || !e.Has("a", "1") || !e.Has("a", "2") || !e.Has("b", "1") {
		t.Fatalf("%+v, %v", published, err)
	}
	for _, id := range []string{"r2", "x y", "", strings.Repeat("x", 201)} {
		if _, err := e.Staging.CommitPublish(e.Admin, staging.Which{ID: id}); err == nil {
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
	first := names(e.Staging.CommitPublish(e.Admin, staging.Which{ID: "r1"}))
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, repository := range []string{"", "main"} {
		if again := names(e.Staging.CommitPublish(e.Admin, staging.Which{Repository: repository, ID: "r1"})); again != first || !strings.HasPrefix(first, "<nil> ") {
			t.Errorf("again: %s, at first %s", again, first)
		}
	}
	if more, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: events[len(events)-1].Seq}); err != nil || len(more) > 0 {
		t.Errorf("events of the second answer: %v, %v", more, err)
	}
	stranger := e.Login(access.Credentials{Token: e.Token("*", access.Publish)})
	if _, err := e.Staging.CommitPublish(stranger, staging.Which{ID: "r1"}); registry.KindOf(err) != registry.NotFound {
		t.Errorf("of another caller: %v", err)
	}
	if err := e.Staging.DropPublish(e.Admin, staging.Which{Repository: "main", ID: "r1"}); registry.KindOf(err) != registry.NotFound {
		t.Errorf("drop of what is published: %v", err)
	}
	stage(t, e, e.Admin, key, "c", "1")
	if again, err := e.Staging.CommitPublish(e.Admin, staging.Which{ID: "r1"}); err != nil || len(again) != 1 || again[0].At.Package != "c" {
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
	registrytest.Must(t, registrytest.ErrOf(e.Staging.CommitPublish(e.Admin, staging.Which{Repository: "team", ID: "p1"})))
	name := e.Name("b")
	name.Repository = "team"
	registrytest.Must(t, e.Publisher.Delete(e.Admin, name.At("1"), ""))
	registrytest.Must(t, e.Maintain.DeleteRepository(e.Admin, "team"))
	e.TeamRepository(t)
	if _, files, err := e.Staging.Find(e.Admin, key); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("files in the new repository's set: %d, %v", len(files), err)
	}
	if out, err := e.Staging.CommitPublish(e.Admin, staging.Which{Repository: "team", ID: "p1"}); registry.KindOf(err) != registry.NotFound || err == nil {
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

// TestPublishOfAnother: a publish is ended by the user whose token has staged it and by an administrator of its repository, who name its owner,
// and by nobody else. Its versions are published by who commits it.
func TestPublishOfAnother(t *testing.T) {
	e := registrytest.New(t, withAssemble(0))
	ci := e.Login(access.Credentials{Token: e.Token("main", access.Publish)})
	owner := access.From(ci).ID
	key := func(id string) staging.Key {
		k, err := staging.PublishKey("main", id)
		registrytest.Must(t, err)
		return k
	}
	for _, id := range []string{"kept", "dropped", "others"} {
		stage(t, e, ci, key(id), id, "1")
	}
	of := func(id string) staging.Which { return staging.Which{Repository: "main", ID: id, Owner: owner} }
	token := e.Login(access.Credentials{Token: e.Token("main", access.Publish)})
	for name, ctx := range map[string]context.Context{"another token of the user": token, "nobody": context.Background()} {
		_, _, _, shown := e.Staging.StagedPublish(ctx, of("kept"))
		_, committed := e.Staging.CommitPublish(ctx, of("kept"))
		for _, err := range []error{shown, committed, e.Staging.DropPublish(ctx, of("kept"))} {
			if kind := registry.KindOf(err); kind != registry.NotFound && kind != registry.Unauthenticated {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if list, err := e.Staging.WaitingIn(token, "main"); err != nil || len(list) != 0 {
		t.Errorf("another token sees %+v, %v", list, err)
	}
	list, err := e.Staging.WaitingIn(e.Admin, "main")
	if err != nil || len(list) != 3 || list[0].OwnerID != owner || !list[0].May {
		t.Errorf("the user sees %+v, %v", list, err)
	}
	for _, wrong := range []staging.Which{{ID: "kept", Owner: owner}, {Repository: "main", ID: "kept", Owner: "not an id"}, {Repository: "main", ID: "publish/kept", Area: true}, {ID: "kept", Area: true}} {
		if err := e.Staging.DropPublish(e.Admin, wrong); registry.KindOf(err) != registry.Invalid {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	secret, _, err := e.Accounts.CreateToken(e.Admin, accounts.TokenRequest{Name: "login", Session: true})
	registrytest.Must(t, err)
	registrytest.Must(t, e.Staging.DropPublish(e.Login(access.Credentials{Token: secret}), of("dropped")))
	published, err := e.Staging.CommitPublish(e.Admin, of("kept"))
	if err != nil || len(published) != 1 || published[0].Version.PublishedBy != "admin" || !e.Has("kept", "1") {
		t.Errorf("%+v, %v", published, err)
	}
	if again, err := e.Staging.CommitPublish(e.Admin, of("kept")); err != nil || len(again) != 1 {
		t.Errorf("asked again: %+v, %v", again, err)
	}
	if list, err := e.Staging.WaitingIn(ci, "main"); err != nil || len(list) != 1 || list[0].Publish != "others" {
		t.Errorf("left: %+v, %v", list, err)
	}
	e.MustFsck(t)
}

// TestAreaOfAnother: an area of a format is ended by the same people, and committed only where it is complete.
func TestAreaOfAnother(t *testing.T) {
	for after, kind := range map[time.Duration]registry.Kind{time.Hour: 0, staging.Never: registry.Conflict} {
		e := registrytest.New(t, withAssemble(after))
		ci := e.Login(access.Credentials{Token: e.Token("main", access.Publish)})
		stage(t, e, ci, staging.Key{Repository: "main", ID: "deploy", Scope: "test"}, "a", "1")
		list, err := e.Staging.Waiting(e.Admin)
		if err != nil || len(list) != 1 || list[0].Area != "deploy" {
			t.Fatalf("%+v, %v", list, err)
		}
		which := staging.Which{Repository: "main", ID: list[0].Area, Owner: list[0].OwnerID, Area: true}
		_, err = e.Staging.CommitPublish(e.Admin, which)
		if kind != 0 && registry.KindOf(err) != kind || kind == 0 && err != nil || e.Has("a", "1") != (kind == 0) {
			t.Errorf("settling after %s: %v", after, err)
		}
		if kind != 0 {
			registrytest.Must(t, e.Staging.DropPublish(e.Admin, which))
		}
	}
}

// TestDropBesideCommit: a publish that is committed while it is about to be dropped is not dropped: whoever asks gets the answer of the
// commit, and the drop says that nothing is under way.
func TestDropBesideCommit(t *testing.T) {
	e := registrytest.New(t, withAssemble(0))
	key, err := staging.PublishKey("main", "p")
	registrytest.Must(t, err)
	stage(t, e, e.Admin, key, "a", "1")
	which := staging.Which{Repository: "main", ID: "p"}
	s, store := e.Hook(t, func(c *instance.Config) { c.SettleInterval = 0 })
	store.OnUpdate = func(ctx context.Context, fn func(tx metadata.Tx) error) error {
		registrytest.Must(t, registrytest.ErrOf(e.Staging.CommitPublish(e.Admin, which)))
		return e.Metadata.Update(ctx, fn)
	}
	if err := s.Staging.DropPublish(e.Admin, which); registry.KindOf(err) != registry.NotFound {
		t.Errorf("the drop: %v", err)
	}
	if out, err := e.Staging.CommitPublish(e.Admin, which); err != nil || len(out) != 1 {
		t.Errorf("the answer of the commit: %+v, %v", out, err)
	}
}
