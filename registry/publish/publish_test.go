package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
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
	d, err := e.Catalog.VersionDetail(e.Admin, e.Name("web").At("1.0.0"))
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
	d, err := e.Catalog.VersionDetail(e.Admin, e.Name("tool").At("1"))
	if err != nil || len(d.Facts) != 1000 || len(d.Files) != 4 || e.Has("tool", "2") {
		t.Errorf("%d facts, %d files, %v", len(d.Facts), len(d.Files), err)
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

// TestDeclaredText: what is declared can be shown on a line and followed as a link.
func TestDeclaredText(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		d    registry.Declared
		fine bool
	}{
		"a zero byte":         {registry.Declared{Source: &registry.Source{Ref: "main\x00"}}, false},
		"an escape sequence":  {registry.Declared{Build: &registry.Build{ID: "\x1b[2J"}}, false},
		"two lines":           {registry.Declared{Build: &registry.Build{System: "ci\nci"}}, false},
		"no UTF-8":            {registry.Declared{Custom: map[string]string{"a": "\xff"}}, false},
		"a commit of lines":   {registry.Declared{Source: &registry.Source{Commit: "zz\nzz"}}, false},
		"a long commit":       {registry.Declared{Source: &registry.Source{Commit: strings.Repeat("z", 1025)}}, false},
		"a script":            {registry.Declared{Build: &registry.Build{URL: "javascript:alert(1)"}}, false},
		"a commit":            {registry.Declared{Source: &registry.Source{Commit: "DEADBEEF0123", Ref: "refs/tags/v1"}}, true},
		"a commit with space": {registry.Declared{Source: &registry.Source{Commit: "zz zz"}}, true},
		"a flux revision":     {registry.Declared{Source: &registry.Source{Commit: "main@sha1:0123456789abcdef0123456789abcdef01234567"}}, true},
		"a Subversion number": {registry.Declared{Source: &registry.Source{Commit: "r1234"}}, true},
		"a link":              {registry.Declared{Build: &registry.Build{URL: "https://ci.example.com/1?a=b#c"}}, true},
		"notes of two lines":  {registry.Declared{Custom: map[string]string{"notes": "one\n\ttwo"}}, true},
	} {
		err := e.Publisher.Declare(e.Admin, e.Name("web").At("1"), c.d)
		if c.fine != (err == nil) || err != nil && registry.KindOf(err) != registry.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	text := "not\x00text"
	if _, err := e.Core.CreateRepository(e.Admin, "other", registry.RepositoryChange{Description: &text}); err == nil || registry.KindOf(err) != registry.Invalid {
		t.Errorf("a description: %v", err)
	}
}
