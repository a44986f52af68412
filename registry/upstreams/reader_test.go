package upstreams_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/publish"
	"slipway/registry/upstreams"
)

// listing is what a document about x in all is made of: versions with the bytes of their files, tags, the newest version.
func (s scene) listing(ctx context.Context) string {
	s.t.Helper()
	c, err := s.Reader.PackageListing(ctx, named("all"), true)
	if registry.KindOf(err) == registry.NotFound && err != nil {
		return "absent"
	}
	s.must(err)
	var out []string
	for _, v := range c.Versions {
		for _, f := range c.Files[v.ID] {
			out = append(out, v.Name+" "+f.Path+"="+s.content(ctx, f))
		}
	}
	for _, t := range c.Tags {
		out = append(out, t.Name+"→"+t.Version)
	}
	return strings.Join(append(out, "newest "+c.Package.Latest), ", ")
}

func (s scene) content(ctx context.Context, f registry.File) string {
	s.t.Helper()
	body, err := s.Reader.Open(ctx, f, 0, -1)
	s.must(err)
	defer body.Close()
	raw, err := io.ReadAll(body)
	s.must(err)
	first, _, _ := strings.Cut(string(raw), " ")
	return first
}

// TestListing: what a repository shows of a package that both of its upstreams have.
func TestListing(t *testing.T) {
	for name, c := range map[string]struct {
		merge, union bool
		settings     upstreams.Settings // of the second
		want         string
	}{
		"the first place": {false, false, upstreams.Settings{}, "1 file=a, 2 file=a, latest→2, stable→1, newest 2"},
		"merged": {true, false, upstreams.Settings{},
			"1 file=a, 2 file=a, 3 file=b, latest→2, next→3, stable→1, newest 2"},
		"merged, with the files of all": {true, true, upstreams.Settings{},
			"1 file=a, 2 file=a, 2 more=b, 3 file=b, latest→2, next→3, stable→1, newest 2"},
		"merged but for the second":           {true, false, upstreams.Settings{Mode: upstreams.First}, "1 file=a, 2 file=a, latest→2, stable→1, newest 2"},
		"the first, merged with the second":   {false, false, upstreams.Settings{Mode: upstreams.Merge}, "1 file=a, 2 file=a, 3 file=b, latest→2, next→3, stable→1, newest 2"},
		"a second that is not asked for x":    {true, false, upstreams.Settings{Deny: []string{"x*"}}, "1 file=a, 2 file=a, latest→2, stable→1, newest 2"},
		"a second that is asked for y only":   {true, false, upstreams.Settings{Allow: []string{"y"}}, "1 file=a, 2 file=a, latest→2, stable→1, newest 2"},
		"a second that has no such format":    {true, false, upstreams.Settings{Formats: []string{"other"}}, "1 file=a, 2 file=a, latest→2, stable→1, newest 2"},
		"a second that is asked for x itself": {true, false, upstreams.Settings{Allow: []string{"X"}}, "1 file=a, 2 file=a, 3 file=b, latest→2, next→3, stable→1, newest 2"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, c.merge, c.union)
			s.change("all", "b", c.settings)
			if got := s.listing(s.Admin); got != "absent" {
				t.Errorf("of nothing: %s", got)
			}
			s.publish("a", "1", "stable")
			s.publish("a", "2", "latest")
			s.publish("b", "2", "latest")
			s.publish("b", "3", "next")
			s.publishMore("b", "2", "more")
			if got := s.listing(s.Admin); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// publishMore adds a file to a version.
func (s scene) publishMore(repository, version, path string) {
	s.t.Helper()
	p, err := s.Publisher.Begin(s.Admin, named(repository))
	s.must(err)
	_, err = p.Stage(s.Admin, stageFile(path), strings.NewReader(repository+" "+path))
	s.must(err)
	_, err = p.Commit(s.Admin, publish.Release{Version: version, Mode: publish.Append, SortKey: []byte(version), PURL: "pkg:generic/x@" + version})
	s.must(err)
}

// TestOwnFirst: what is published to a repository itself comes before what its upstreams have, and nested upstreams are read.
func TestOwnFirst(t *testing.T) {
	s := newScene(t, true, false)
	s.create("outer")
	s.link("outer", "all", upstreams.Settings{})
	s.publish("b", "1")
	s.publish("all", "1")
	s.publish("a", "1")
	if got, want := s.listing(s.Admin), "1 file=all, newest 1"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	f, err := s.Reader.File(s.Admin, named("outer").At("1"), "file")
	if s.must(err); s.content(s.Admin, f) != "all" {
		t.Errorf("the outer one serves %s", s.content(s.Admin, f))
	}
}

// TestReads: the single look-ups agree with the listing.
func TestReads(t *testing.T) {
	s := newScene(t, true, false)
	s.publish("a", "1")
	three := s.publish("b", "3", "next")
	s.publish("b", "1", "old")
	at := named("all")

	v, err := s.Reader.Resolve(s.Admin, at, catalog.Ref{Version: "3"})
	if s.must(err); v.ID != three.ID {
		t.Errorf("version 3 is %d, not %d", v.ID, three.ID)
	}
	if v, err = s.Reader.Resolve(s.Admin, at, catalog.Ref{Tag: "next"}); err != nil || v.ID != three.ID {
		t.Errorf("tag next: %d, %v", v.ID, err)
	}
	f, err := s.Reader.File(s.Admin, at.At("1"), "file")
	if s.must(err); s.content(s.Admin, f) != "a" {
		t.Error("the file of version 1 is not that of the first place")
	}
	if _, err := s.Reader.File(s.Admin, at.At("1"), "none"); !missing(err, registry.AboutFile) {
		t.Errorf("an absent file: %v", err)
	}
	if _, err := s.Reader.File(s.Admin, at.At("9"), "file"); !missing(err, registry.AboutVersion) {
		t.Errorf("an absent version: %v", err)
	}
	if b, err := s.Reader.Blob(s.Admin, at, f.Blob.Digest); err != nil || b.Blob.Digest != f.Blob.Digest {
		t.Errorf("the blob: %v", err)
	}
	d, err := s.Reader.VersionDetail(s.Admin, at.At("3"))
	if s.must(err); len(d.Files) != 1 || d.Version.ID != three.ID || d.Tags[0].Name != "next" {
		t.Errorf("detail: %+v", d)
	}
	tags, err := s.Reader.Tags(s.Admin, at)
	if s.must(err); len(tags) != 2 || tags[0].Name != "next" || tags[1].Name != "old" {
		t.Errorf("tags: %+v", tags)
	}
	if tags, err = s.Reader.TagPage(s.Admin, at, registry.Page{After: "next", Limit: 1}); err != nil || len(tags) != 1 || tags[0].Name != "old" {
		t.Errorf("second page of tags: %+v, %v", tags, err)
	}
	if h, err := s.Reader.TagHistory(s.Admin, at, "old", registry.Page{}); err != nil || len(h) != 1 {
		t.Errorf("history: %+v, %v", h, err)
	}
	var names []string
	after := ""
	for {
		page, err := s.Reader.Versions(s.Admin, at, catalog.VersionQuery{After: after, Limit: 1})
		if s.must(err); len(page) == 0 {
			break
		}
		after = page[0].Name
		names = append(names, after)
	}
	if !slices.Equal(names, []string{"3", "1"}) {
		t.Errorf("versions: %v", names)
	}
	if list, err := s.Reader.Folder(s.Admin, at.At("3"), catalog.FolderQuery{}); err != nil || len(list) != 1 {
		t.Errorf("folder: %+v, %v", list, err)
	}
	if _, more, err := s.Reader.PackageOrGroup(s.Admin, named("all"), ""); err != nil || !more {
		t.Errorf("group: %v, %v", more, err)
	}
	other := at
	other.Package = "y"
	if _, err := s.Reader.Package(s.Admin, other); !missing(err, registry.AboutPackage) || strings.Contains(err.Error(), `"b"`) {
		t.Errorf("an absent package: %v", err)
	}
}

func missing(err error, about registry.Subject) bool {
	e := registry.AsError(err)
	return err != nil && e.Kind == registry.NotFound && e.Subject == about
}

// TestVisible: a caller sees an upstream that it may read, or that is read through the repository, and learns nothing of others.
func TestVisible(t *testing.T) {
	s := newScene(t, true, false)
	s.publish("a", "1")
	s.publish("b", "2")
	for name, c := range map[string]struct {
		grants []access.Grant
		want   string
	}{
		"all of them":  {reads("*"), "1 file=a, 2 file=b, newest 2"},
		"the first":    {reads("all", "a"), "1 file=a, newest 1"},
		"the second":   {reads("all", "b"), "2 file=b, newest 2"},
		"none of them": {reads("all"), "absent"},
	} {
		if got := s.listing(s.token(c.grants...)); got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
	if _, err := s.Reader.Package(s.token(reads("a", "b")...), named("all")); !missing(err, registry.AboutRepository) {
		t.Errorf("without the right to read the repository: %v", err)
	}
	s.change("all", "b", upstreams.Settings{Through: true})
	if got := s.listing(s.token(reads("all")...)); got != "2 file=b, newest 2" {
		t.Errorf("through: %s", got)
	}
	list, err := s.Upstreams.List(s.token(reads("all")...), "all")
	if s.must(err); len(list) != 1 || list[0].Name != "b" {
		t.Errorf("the list names %+v", list)
	}
}

// TestStamp: what clients see of a package has a new stamp after every change of it in any place, and of the list. Callers who see
// different places never share a document.
func TestStamp(t *testing.T) {
	s := newScene(t, true, false)
	row := func(ctx context.Context) registry.Package {
		t.Helper()
		p, err := s.Reader.Package(ctx, named("all"))
		s.must(err)
		return p
	}
	stamp := func(ctx context.Context) string { return fmt.Sprintf("%020d", row(ctx).Revision) }
	s.publish("a", "1")
	s.publish("b", "2")
	seen := []string{stamp(s.Admin)}
	for _, step := range []func(){
		func() { s.publish("a", "3") },
		func() { s.publish("b", "3") },
		func() { s.publish("b", "4") },
		func() { s.change("all", "b", upstreams.Settings{Deny: []string{"y"}}) },
		func() { s.must(s.Upstreams.Order(s.Admin, "all", []string{"b", "a"})) },
	} {
		step()
		now := stamp(s.Admin)
		if now <= seen[len(seen)-1] {
			t.Errorf("%s after %s", now, seen[len(seen)-1])
		}
		if again := stamp(s.Admin); again != now {
			t.Errorf("%s became %s by itself", now, again)
		}
		seen = append(seen, now)
	}
	if got := s.listing(s.Admin); !strings.HasPrefix(got, "1 file=a, 2 file=b, 3 file=b") {
		t.Errorf("in the new order: %s", got)
	}
	if row(s.token(reads("all", "a")...)).ID == row(s.Admin).ID {
		t.Error("callers who see different places share a document")
	}
}

// TestPackages: the lists of all places together, in pages.
func TestPackages(t *testing.T) {
	s := newScene(t, true, false)
	for i := range 20 {
		at := named([]string{"a", "b", "all"}[i%3])
		at.Package = fmt.Sprintf("p%02d", i*7%20/2) // each name twice, in different places or one
		p, err := s.Publisher.Begin(s.Admin, at)
		s.must(err)
		_, err = p.Stage(s.Admin, stageFile("f"), strings.NewReader(at.Package))
		s.must(err)
		_, err = p.Commit(s.Admin, publish.Release{Version: fmt.Sprint(i), SortKey: []byte(fmt.Sprint(i)), PURL: "pkg:generic/p@1"})
		s.must(err)
	}
	for _, limit := range []int{1, 3, 100} {
		var names []string
		q := catalog.PackageQuery{Limit: limit}
		for {
			page, err := s.Reader.Packages(s.Admin, "all", q)
			if s.must(err); len(page) > limit {
				t.Fatalf("%d packages on a page of %d", len(page), limit)
			}
			for _, p := range page {
				names = append(names, p.Key)
				q.After = p.Format + "/" + p.Key
			}
			if len(page) < limit {
				break
			}
		}
		if want := []string{"p00", "p01", "p02", "p03", "p04", "p05", "p06", "p07", "p08", "p09"}; !slices.Equal(names, want) {
			t.Errorf("by %d: %v", limit, names)
		}
	}
}

// TestWarm: reading a composed package again asks the database nothing.
func TestWarm(t *testing.T) {
	s := newScene(t, true, false)
	s.publish("a", "1")
	s.publish("b", "2")
	read := func() {
		_, err := s.Reader.Package(s.Admin, named("all"))
		s.must(err)
	}
	read()
	s.must(s.Metadata.Close())
	read()
}
