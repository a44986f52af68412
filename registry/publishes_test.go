package registry_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/registrytest"
)

// withAssemble lets versions of the test format be staged; they settle after a time without a further file.
func withAssemble(after time.Duration) registrytest.Option {
	return registrytest.With(func(c *registry.Config) {
		rules := c.Rules[registrytest.Format]
		rules.Assemble = func(_ context.Context, a registry.Assembly) (registry.Release, error) {
			return registry.Release{Version: a.At.Version, PURL: "pkg:generic/" + a.At.Package + "@" + a.At.Version, SortKey: []byte(a.At.Version)}, nil
		}
		rules.Settle = func(context.Context, *registry.Service, []registry.StagedFile) (time.Duration, error) {
			return after, nil
		}
		c.Rules[registrytest.Format] = rules
		c.SettleInterval = 10 * time.Millisecond
	})
}

func stage(t *testing.T, e *registrytest.Env, ctx context.Context, key registry.SetKey, pkg, version string) {
	t.Helper()
	name := e.Name(pkg)
	name.Repository = key.Repository
	_, err := e.AddToSet(ctx, key, registry.SetFile{At: name.At(version), File: registry.StageFile{Path: "file"}}, strings.NewReader(pkg+version))
	if err != nil {
		t.Fatal(err)
	}
}

// TestCommitPublish: a publish is found by its id alone, by its owner, in whichever repository it is, and never settles.
func TestCommitPublish(t *testing.T) {
	e := registrytest.New(t, withAssemble(0))
	if _, err := e.CreateRepository(e.Admin, "other", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	key := func(repository string) registry.SetKey {
		k, err := registry.PublishKey(repository, "r1")
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
	if _, err := e.CommitPublish(e.Admin, "", "r1"); registry.KindOf(err) != registry.Conflict {
		t.Errorf("a publish in two repositories: %v", err)
	}
	stranger := e.Login(access.Credentials{Token: e.Token("*", access.Publish)})
	if _, err := e.CommitPublish(stranger, "main", "r1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("of another caller: %v", err)
	}
	if _, err := e.CommitPublish(context.Background(), "", "r1"); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("of nobody: %v", err)
	}
	if err := e.DropPublish(e.Admin, "other", "r1"); err != nil {
		t.Error(err)
	}
	published, err := e.CommitPublish(e.Admin, "", "r1")
	if err != nil || len(published) != 3 || !e.Has("a", "1") || !e.Has("a", "2") || !e.Has("b", "1") {
		t.Fatalf("%+v, %v", published, err)
	}
	for _, id := range []string{"r2", "x y", "", strings.Repeat("x", 201)} {
		if _, err := e.CommitPublish(e.Admin, "", id); err == nil {
			t.Errorf("%q was committed", id)
		}
	}
	e.MustFsck(t)
}

// TestCommitPublishAgain: who did not get the answer asks again, and gets it; nothing is published twice. A new publish may
// have the id of one that ended.
func TestCommitPublishAgain(t *testing.T) {
	e := registrytest.New(t, withAssemble(0))
	key, err := registry.PublishKey("main", "r1")
	if err != nil {
		t.Fatal(err)
	}
	stage(t, e, e.Admin, key, "a", "1")
	stage(t, e, e.Admin, key, "b", "1")
	names := func(published []registry.PublishedVersion, err error) string {
		t.Helper()
		out := fmt.Sprint(err)
		for _, p := range published {
			out += fmt.Sprintf(" %s %s %s %v", p.At, p.Version.PURL, p.Version.Digest, p.Created)
		}
		return out
	}
	first := names(e.CommitPublish(e.Admin, "", "r1"))
	events, _, err := e.Events(e.Admin, registry.EventQuery{After: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, repository := range []string{"", "main"} {
		if again := names(e.CommitPublish(e.Admin, repository, "r1")); again != first || !strings.HasPrefix(first, "<nil> ") {
			t.Errorf("again: %s, at first %s", again, first)
		}
	}
	if more, _, err := e.Events(e.Admin, registry.EventQuery{After: events[len(events)-1].Seq}); err != nil || len(more) > 0 {
		t.Errorf("events of the second answer: %v, %v", more, err)
	}
	stranger := e.Login(access.Credentials{Token: e.Token("*", access.Publish)})
	if _, err := e.CommitPublish(stranger, "", "r1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("of another caller: %v", err)
	}
	if err := e.DropPublish(e.Admin, "main", "r1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("drop of what is published: %v", err)
	}
	stage(t, e, e.Admin, key, "c", "1")
	if again, err := e.CommitPublish(e.Admin, "", "r1"); err != nil || len(again) != 1 || again[0].At.Package != "c" {
		t.Errorf("the next of the same id: %+v, %v", again, err)
	}
	e.MustFsck(t)
}

// TestSettle: a set that nobody ends is committed in its owner's name, and not while it still grows.
func TestSettle(t *testing.T) {
	const quiet = 300 * time.Millisecond
	e := registrytest.New(t, withAssemble(quiet))
	owner := e.Login(access.Credentials{Token: e.Token("main", access.Publish)})
	key := registry.SetKey{Repository: "main", ID: "deploy"}
	slow, finish := make(chan struct{}), make(chan error, 1)
	stage(t, e, owner, key, "a", "1")
	go func() {
		_, err := e.AddToSet(owner, key, registry.SetFile{At: e.Name("a").At("1"), File: registry.StageFile{Path: "slow"}}, waiting{slow})
		finish <- err
	}()
	time.Sleep(2 * quiet)
	if e.Has("a", "1") {
		t.Fatal("committed while a file was sent")
	}
	close(slow)
	if err := <-finish; err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); !e.Has("a", "1"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not committed")
		}
	}
	d, err := e.Detail(e.Admin, e.Name("a").At("1"))
	if err != nil || len(d.Files) != 2 || d.Version.PublisherID != access.From(owner).ID {
		t.Errorf("%+v, %v", d, err)
	}
	e.MustFsck(t)
}

// waiting is a body that ends when its channel is closed.
type waiting struct{ until chan struct{} }

func (w waiting) Read([]byte) (int, error) {
	<-w.until
	return 0, io.EOF
}
