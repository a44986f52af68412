package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/content"
	"slipway/registry/instance"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
	"slipway/storage/storagetest"
)

// TestPublish: a version appears whole, with who, when, from what, and its event.
func TestPublish(t *testing.T) {
	e := registrytest.New(t)
	before := time.Now().Add(-time.Millisecond)
	res, err := e.PublishRelease("web", publish.Release{
		Version: "1.0.0", Tags: []string{"latest"}, Descriptor: []byte(`{"a":1}`),
		Facts: []registry.FactInput{{Key: registry.FactSourceCommit, Value: "abc", Source: "test", Rank: registry.RankDeclared}},
	}, "a.txt", "hello", "dir/b.txt", "world")
	if err != nil {
		t.Fatal(err)
	}
	if !res.Created || !res.Changed {
		t.Errorf("result %+v, want created and changed", res)
	}
	d, err := e.Catalog.Detail(e.Admin, e.Name("web").At("1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Files) != 2 || d.Version.Size != 10 || d.Version.PublishedBy != "admin" || d.Version.PublishedAt.Before(before) {
		t.Errorf("version %+v with files %+v", d.Version, d.Files)
	}
	if len(d.Tags) != 1 || d.Tags[0].Name != "latest" || d.Tags[0].Generation != 1 {
		t.Errorf("tags %+v", d.Tags)
	}
	if rel := registry.ReleaseOf(d.Facts); rel.Source == nil || rel.Source.Commit != "abc" {
		t.Errorf("release %+v", rel)
	}
	if got := types(t, e, 3); fmt.Sprint(got) != "[artifact.published tag.set]" {
		t.Errorf("events %v", got)
	}
	r, err := e.Catalog.Open(e.Admin, d.Files[1], 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, _ := io.ReadAll(r); string(b) != "world" && string(b) != "hello" {
		t.Errorf("file has %q", b)
	}
	e.MustFsck(t)
}

// types returns the types of the events after the given ones, short.
func types(t *testing.T, e *registrytest.Env, skip int64) []string {
	t.Helper()
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: skip - 1})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, ev := range events {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(ev.Type, registry.EventTypePrefix), registry.EventTypeSuffix))
	}
	return out
}

// TestRepublish: the same bytes are success without an event, other bytes are refused, and nothing changes.
func TestRepublish(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("web", "1.0.0", "f", "one"); err != nil {
		t.Fatal(err)
	}
	res, err := e.PublishRelease("web", publish.Release{Version: "1.0.0"}, "f", "one")
	if err != nil || res.Created || res.Changed {
		t.Errorf("the same again: %+v, %v", res, err)
	}
	for _, files := range [][]string{{"f", "two"}, {"g", "one"}, {"f", "one", "g", "two"}} {
		err := e.Publish("web", "1.0.0", files...)
		if !errors.Is(err, &registry.Error{Kind: registry.AlreadyExists}) {
			t.Errorf("%v: %v, want AlreadyExists", files, err)
		}
	}
	if got := types(t, e, 3); len(got) != 1 {
		t.Errorf("events %v, want one", got)
	}
	e.MustFsck(t)
}

// TestAppend: files join a version one by one; a path never gets other bytes, unless the mode replaces.
func TestAppend(t *testing.T) {
	e := registrytest.New(t)
	put := func(mode publish.Mode, path, content string) (publish.Result, error) {
		return e.PublishRelease("tool", publish.Release{Version: "1", Mode: mode}, path, content)
	}
	for i, step := range []struct {
		mode    publish.Mode
		path    string
		content string
		created bool
		changed bool
		kind    registry.Kind
	}{
		{publish.Append, "a", "1", true, true, 0},
		{publish.Append, "b/c", "2", false, true, 0},
		{publish.Append, "a", "1", false, false, 0},
		{publish.Append, "a", "other", false, false, registry.AlreadyExists},
		{publish.Append, "b", "file where a folder is", false, false, registry.Conflict},
		{publish.Append, "a/x", "folder where a file is", false, false, registry.Conflict},
		{publish.Replace, "a", "other", false, true, 0},
		{publish.Replace, "a", "other", false, false, 0},
	} {
		res, err := put(step.mode, step.path, step.content)
		if step.kind == 0 && err != nil || step.kind != 0 && registry.KindOf(err) != step.kind {
			t.Errorf("step %d: %v", i, err)
		}
		if res.Created != step.created || res.Changed != step.changed {
			t.Errorf("step %d: %+v", i, res)
		}
	}
	want := "[artifact.published artifact.files_added artifact.files_replaced]"
	if got := fmt.Sprint(types(t, e, 3)); got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	e.MustFsck(t)
}

// TestFactsBound: a version takes no more facts than are kept, whichever way they come; files are added to it all the same.
func TestFactsBound(t *testing.T) {
	e := registrytest.New(t)
	n := 0
	publish := func(version string, facts int) error {
		n++
		rel := publish.Release{Version: version, Mode: publish.Append}
		for i := range facts {
			rel.Facts = append(rel.Facts, registry.FactInput{Key: fmt.Sprintf("custom.f%d-%d", n, i), Value: "x", Source: "test", Rank: 1})
		}
		_, err := e.PublishRelease("tool", rel, fmt.Sprint("file", n), "x")
		return err
	}
	if err := publish("1", 600); err != nil {
		t.Fatal(err)
	}
	if err := publish("1", 400); err != nil {
		t.Fatal(err)
	}
	full := func(err error) {
		t.Helper()
		if registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), "at most 1000") {
			t.Errorf("%v, want Invalid", err)
		}
	}
	if err := publish("1", 1); err != nil { // a snapshot of a thousand builds
		t.Error(err)
	}
	full(publish("2", 1001))
	full(e.Publisher.Declare(e.Admin, e.Name("tool").At("1"), registry.Declared{Custom: map[string]string{"one": "more"}}))
	if err := publish("1", 0); err != nil {
		t.Errorf("a file without facts: %v", err)
	}
	d, err := e.Catalog.Detail(e.Admin, e.Name("tool").At("1"))
	if err != nil || len(d.Facts) != 1000 || len(d.Files) != 4 || e.Has("tool", "2") {
		t.Errorf("%d facts, %d files, %v", len(d.Facts), len(d.Files), err)
	}
	e.MustFsck(t)
}

// TestDelete: a deleted version leaves a tombstone, its tags move or end, and its coordinate stays taken.
func TestDelete(t *testing.T) {
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) {
		r := c.Rules[registrytest.Format]
		r.RequiredTag = "latest"
		c.Rules[registrytest.Format] = r
	}))
	for _, v := range []string{"1", "2", "3"} {
		if _, err := e.PublishRelease("web", publish.Release{Version: v, Tags: []string{"latest", "v" + v}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("web").At("3"), "broken"); err != nil {
		t.Fatal(err)
	}
	tags, err := e.Catalog.Tags(e.Admin, e.Name("web"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tag := range tags {
		got = append(got, tag.Name+"="+tag.Version)
	}
	if fmt.Sprint(got) != "[latest=2 v1=1 v2=2]" {
		t.Errorf("tags %v", got)
	}
	if err := e.Publish("web", "3"); registry.KindOf(err) != registry.Conflict {
		t.Errorf("publish of a deleted coordinate: %v, want Conflict", err)
	}
	d, err := e.Catalog.Detail(e.Admin, e.Name("web").At("3"))
	if err != nil || d.Version.State != registry.Deleted || d.Version.Reason != "broken" || len(d.Files) != 0 {
		t.Errorf("tombstone %+v, %v", d.Version, err)
	}
	if _, err := e.Catalog.Resolve(e.Admin, e.Name("web"), catalog.Ref{Version: "3"}); registry.KindOf(err) != registry.NotFound {
		t.Errorf("resolve: %v", err)
	}
	e.MustFsck(t)

	if _, err := e.Core.UpdateRepository(e.Admin, "main", registry.RepositoryChange{Settings: func(now *registry.RepositorySettings) error { now.AllowReuse = true; return nil }}); err != nil {
		t.Fatal(err)
	}
	if err := e.Publish("web", "3", "f", "anew"); err != nil {
		t.Errorf("publish again where it is allowed: %v", err)
	}
	if !e.Has("web", "3") {
		t.Error("the version that was published again is not there")
	}
	e.MustFsck(t)
}

// TestRemoveFile: one file goes, its path stays reserved for the same bytes.
func TestRemoveFile(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("tool", "1", "a", "1", "b", "2"); err != nil {
		t.Fatal(err)
	}
	remove := func(path string) error {
		return e.Publisher.Edit(e.Admin, e.Name("tool"), func(ed *publish.Edit) error { return ed.RemoveFile("1", path, "") })
	}
	if err := remove("a"); err != nil {
		t.Fatal(err)
	}
	e.MustFsck(t)
	again := func(content string) error {
		_, err := e.PublishRelease("tool", publish.Release{Version: "1", Mode: publish.Append}, "a", content)
		return err
	}
	if err := again("other"); registry.KindOf(err) != registry.Conflict {
		t.Errorf("other bytes: %v, want Conflict", err)
	}
	if err := again("1"); err != nil {
		t.Errorf("the same bytes: %v", err)
	}
	for _, path := range []string{"a", "b"} {
		if err := remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if e.Has("tool", "1") {
		t.Error("a version without files is visible")
	}
	e.MustFsck(t)
}

// TestPublishFaults breaks every backend call of one publish in turn, in three ways: the version is there whole or not
// at all.
func TestPublishFaults(t *testing.T) {
	for _, when := range storagetest.Moments {
		t.Run(string(when), func(t *testing.T) {
			for n := 1; ; n++ {
				e := registrytest.New(t, registrytest.FailCall(n, when))
				_, err := e.PublishRelease("left-pad", publish.Release{Version: "1.0.0", Tags: []string{"latest"}}, "a", "1", "b", "2")
				tripped := e.Tripped()
				e.MustFsck(t)
				if !tripped {
					if err != nil {
						t.Fatalf("no call failed, yet: %v", err)
					}
					return // n is past the last call
				}
				if got := e.Has("left-pad", "1.0.0"); got && err != nil && when == storagetest.Before || !got && err == nil {
					t.Errorf("call %d failed %s its effect: publish error %v, version visible %v", n, when, err, got)
				}
			}
		})
	}
}

// TestConcurrentPublish: many publishers of different versions of one package lose none.
func TestConcurrentPublish(t *testing.T) {
	const n = 50
	e := registrytest.New(t)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := e.Publish("web", fmt.Sprintf("1.0.%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c, err := e.Catalog.Contents(e.Admin, e.Name("web"), false)
	if err != nil || len(c.Versions) != n || c.Package.VersionCount != n {
		t.Errorf("%d versions, count %d, %v", len(c.Versions), c.Package.VersionCount, err)
	}
	e.MustFsck(t)
}

// TestConcurrentSame: of many publishers of one coordinate with different bytes one wins, and the others are told.
func TestConcurrentSame(t *testing.T) {
	const n = 20
	e := registrytest.New(t)
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = e.Publish("web", "1", "f", fmt.Sprint(i)) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if registry.KindOf(err) != registry.AlreadyExists {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d publishers won", won)
	}
	e.MustFsck(t)
}

// TestStageSums: announced digests are verified before anything is kept.
func TestStageSums(t *testing.T) {
	e := registrytest.New(t)
	p, err := e.Publisher.Begin(e.Admin, e.Name("web"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abort()
	_, err = p.Stage(e.Admin, content.StageFile{Path: "f", Want: content.Sums{SHA1: make([]byte, 20)}}, strings.NewReader("x"))
	if registry.KindOf(err) != registry.DigestMismatch {
		t.Errorf("wrong sha1: %v", err)
	}
	_, err = p.Stage(e.Admin, content.StageFile{Path: "f", Limit: 2}, strings.NewReader("xyz"))
	if registry.KindOf(err) != registry.TooLarge {
		t.Errorf("over the limit: %v", err)
	}
	for b := range e.Blobs.List(context.Background(), "") {
		t.Errorf("%s was kept", b.Digest)
	}
	st, err := p.Stage(e.Admin, content.StageFile{Path: "f", Limit: 3, Sums: content.SHA1 | content.MD5 | content.SHA512}, strings.NewReader("xyz"))
	if err != nil || fmt.Sprintf("%x", st.Blob.SHA1) != "66b27417d37e024c46526c2f6d358a754fc552f3" || len(st.Blob.MD5) != 16 || len(st.Blob.SHA512) != 64 {
		t.Errorf("staged %+v, %v", st, err)
	}
}

// TestRights: what needs which right, and what a caller without it is told.
func TestRights(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Core.CreateRepository(e.Admin, "other", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	name := e.Name("web")
	ops := map[string]struct {
		action access.Action
		run    func(ctx context.Context) error
	}{
		"read":    {access.Read, func(ctx context.Context) error { _, err := e.Catalog.Package(ctx, name); return err }},
		"publish": {access.Publish, func(ctx context.Context) error { _, err := e.Publisher.Begin(ctx, name); return err }},
		"tag": {access.Tag, func(ctx context.Context) error {
			_, err := e.Publisher.SetTag(ctx, name, "x", publish.TagChange{Version: "1"})
			return err
		}},
		"delete": {access.Delete, func(ctx context.Context) error {
			return e.Publisher.Delete(ctx, name.At("none"), "")
		}},
	}
	for what, op := range ops {
		for _, action := range access.Actions {
			err := op.run(e.Login(access.Credentials{Token: e.Token("main", action)}))
			allowed := action == op.action || action == access.Admin
			if kind := registry.KindOf(err); !allowed && kind != registry.Denied {
				t.Errorf("%s with the right to %s: %v, want Denied", what, action, err)
			} else if allowed && err != nil && kind != registry.NotFound {
				t.Errorf("%s with the right to %s: %v", what, action, err)
			}
		}
		if err := op.run(e.Login(access.Credentials{Token: e.Token("other", access.Admin)})); registry.KindOf(err) != registry.NotFound {
			t.Errorf("%s with rights elsewhere: %v, want NotFound", what, err)
		}
		if err := op.run(context.Background()); registry.KindOf(err) != registry.Unauthenticated {
			t.Errorf("%s without credentials: %v, want Unauthenticated", what, err)
		}
	}
}

// TestCondition: a condition is judged inside the commit, so of many writers that expect the same state one wins.
func TestCondition(t *testing.T) {
	e := registrytest.New(t)
	expect := func(content string) func(publish.Held) error {
		return func(have publish.Held) error {
			f, there, err := have.File("f")
			if err != nil || there == have.None() {
				t.Errorf("there %v, none %v, error %v", there, have.None(), err)
			}
			if there && f.Blob.Digest == digest.FromString(content) || !there && content == "" {
				return nil
			}
			return registry.Errorf(registry.PreconditionFailed, registry.AboutFile, "changed meanwhile")
		}
	}
	write := func(before, after string) error {
		_, err := e.PublishRelease("x", publish.Release{Version: "1", Mode: publish.Replace, If: expect(before)}, "f", after)
		return err
	}
	if err := write("", "first"); err != nil {
		t.Fatal(err)
	}
	const n = 10
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = write("first", fmt.Sprint(i)) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if registry.KindOf(err) != registry.PreconditionFailed {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
	e.MustFsck(t)
}

// TestRemoveFiles: many files go with one event; with the last the version goes.
func TestRemoveFiles(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("x", "1", "a/1", "1", "a/2", "2", "b", "3"); err != nil {
		t.Fatal(err)
	}
	remove := func(path string) (n int) {
		err := e.Publisher.Edit(e.Admin, e.Name("x"), func(ed *publish.Edit) (err error) {
			if strings.HasSuffix(path, "/") {
				n, err = ed.RemoveFolder("1", path, "")
			} else {
				n, err = ed.RemoveFiles("1", "", path, "absent")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := remove("a/"); n != 2 {
		t.Errorf("%d files removed", n)
	}
	p, err := e.Publisher.Begin(e.Login(access.Credentials{Token: e.Token("main", access.Publish)}), e.Name("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.File(e.Admin, "1", "b"); err != nil {
		t.Errorf("a publisher looks at a file: %v", err)
	}
	if _, err := p.File(e.Admin, "1", "a/1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("a removed file: %v", err)
	}
	if n := remove("b"); n != 1 || e.Has("x", "1") {
		t.Errorf("%d files removed; a version without files is visible: %v", n, e.Has("x", "1"))
	}
	if got := fmt.Sprint(types(t, e, 4)); got != "[artifact.files_removed token.created artifact.deleted]" {
		t.Errorf("events %s", got)
	}
	e.MustFsck(t)
}

// TestS6Names: no name gets past its rules into the store, also where a front-end put it together by itself.
func TestS6Names(t *testing.T) {
	e := registrytest.New(t)
	for _, pkg := range []string{"", "../x", "a/../b", ".", "a\x00b", `a\b`, "e\u0301", "\uff0e\uff0e", strings.Repeat("x/", 300) + "x"} {
		for _, at := range []registry.Name{{Repository: "main", Format: registrytest.Format, Package: pkg, Display: pkg},
			{Repository: "main", Format: registrytest.Format, Package: "good", Display: pkg}} {
			if at.Display == "" && at.Package != "" {
				continue // stands for the package's
			}
			p, err := e.Publisher.Begin(e.Admin, at)
			if err == nil {
				_, err = p.Stage(e.Admin, content.StageFile{Path: "f"}, strings.NewReader("x"))
				if err == nil {
					_, err = p.Commit(e.Admin, publish.Release{Version: "1", PURL: "pkg:generic/x@1"})
				}
				p.Abort()
			}
			if registry.KindOf(err) != registry.Invalid || err == nil {
				t.Errorf("%q, shown as %q: %v, want Invalid", at.Package, at.Display, err)
			}
			_, err = e.Staging.AddToSet(e.Admin, staging.SetKey{Repository: "main", ID: "set"},
				staging.SetFile{At: at.At("1"), File: content.StageFile{Path: "f"}}, strings.NewReader("x"))
			if registry.KindOf(err) != registry.Invalid || err == nil {
				t.Errorf("%q, shown as %q, in a set: %v, want Invalid", at.Package, at.Display, err)
			}
		}
	}
	if found, err := e.Catalog.Packages(e.Admin, "main", catalog.PackageQuery{}); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}
