package publish_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/deploy"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// tagScene is a repository where the environment prod follows the tag production, with rules for others.
type tagScene struct {
	*registrytest.Env
	t    *testing.T
	next int // of versions
}

func newTagScene(t *testing.T) *tagScene {
	t.Helper()
	s := &tagScene{Env: registrytest.New(t), t: t}
	tag := "production"
	registrytest.Must(t, registrytest.ErrOf(s.Deploy.CreateEnvironment(s.Admin, "prod", deploy.EnvironmentChange{Tag: &tag})))
	s.rules(registry.TagRuleList{{Pattern: "stable*", Rule: registry.TagProtected}, {Pattern: "v*", Rule: registry.TagImmutable},
		{Pattern: "elsewhere", Rule: registry.TagImmutable, Format: registrytest.Format}})
	return s
}

func (s *tagScene) rules(l registry.TagRuleList) {
	s.t.Helper()
	registrytest.Must(s.t, registrytest.ErrOf(s.Core.UpdateRepository(s.Admin, "main", registry.RepositoryChange{Settings: map[string]any{"tag_rules": l}})))
}

func (s *tagScene) as(actions ...access.Action) context.Context {
	return s.Login(access.Credentials{Token: s.Token("main", actions...)})
}

// publish makes a new version with tags, as ctx's caller.
func (s *tagScene) publish(ctx context.Context, tags ...string) (version string, err error) {
	s.next++
	version = fmt.Sprintf("%03d", s.next)
	return version, s.release(ctx, publish.Release{Version: version, PURL: "pkg:generic/web@" + version, SortKey: []byte(version), Tags: tags})
}

func (s *tagScene) release(ctx context.Context, rel publish.Release) error {
	p, err := s.Publisher.Begin(ctx, s.Name("web"))
	if err != nil {
		return err
	}
	defer p.Abort()
	if _, err := p.Stage(ctx, content.StageFile{Path: "file"}, strings.NewReader(rel.Version)); err != nil {
		return err
	}
	_, err = p.Commit(ctx, rel)
	return err
}

// tagged publishes a version by an administrator and sets the tag to it while no rule stands in the way.
func (s *tagScene) tagged(tag string) (version string) {
	s.t.Helper()
	repo, err := s.Core.Repository(s.Admin, "main")
	registrytest.Must(s.t, err)
	rules := registry.TagRules.In(repo)
	s.rules(nil)
	version, err = s.publish(s.Admin, tag)
	registrytest.Must(s.t, err)
	s.rules(rules)
	return version
}

// TestB3: who may move which tag, by a publish, by the tag alone, and by a deletion. A version that is refused is not there.
func TestB3(t *testing.T) {
	s := newTagScene(t)
	first, err := s.publish(s.Admin)
	registrytest.Must(t, err)
	callers := map[string]context.Context{
		"publish": s.as(access.Read, access.Publish), "publish blind": s.as(access.Publish), "publish, delete": s.as(access.Publish, access.Delete),
		"publish, tag": s.as(access.Publish, access.Tag), "tag": s.as(access.Tag), "delete": s.as(access.Delete),
		"tag, delete": s.as(access.Tag, access.Delete), "admin": s.as(access.Admin),
	}
	allowed := func(list string, caller string) bool { return strings.Contains("; "+list+"; ", "; "+caller+"; ") }
	const (
		publishers = "publish; publish blind; publish, delete; publish, tag; admin"
		taggers    = "publish, tag; tag; tag, delete; admin"
		deleters   = "publish, delete; delete; tag, delete; admin"
	)
	for _, c := range []struct {
		tag                                string
		sets, moves, points, removes, ends string // by a publish a new tag, and one that is there; by SetTag; by RemoveTag; by Delete
	}{
		{"free", publishers, publishers, taggers, taggers + "; publish, delete; delete", deleters},
		{"production", publishers, "publish, tag; admin", taggers, taggers, "tag, delete; admin"},
		{"stable-1", "publish, tag; admin", "publish, tag; admin", taggers, taggers, "tag, delete; admin"},
		{"v1", publishers, "", "", "", ""},
		{"elsewhere", publishers, "", "", "", ""},
	} {
		for who, ctx := range callers {
			fresh := c.tag
			if c.tag != "production" {
				fresh = c.tag + "-" + strings.ReplaceAll(strings.ReplaceAll(who, ", ", "-"), " ", "-")
			}
			check := func(what, list string, err error) {
				t.Helper()
				if want := allowed(list, who); want != (err == nil) {
					t.Errorf("%s who may %s: %s: %v", c.tag, who, what, err)
				}
				if err != nil && registry.KindOf(err) != registry.Denied {
					t.Errorf("%s who may %s: %s: %v, want Denied", c.tag, who, what, err)
				}
			}
			if c.tag != "elsewhere" && c.tag != "production" { // exact names; production is set below
				_, err := s.publish(ctx, fresh)
				check("set by a publish", c.sets, err)
			}
			_ = s.tagged(c.tag)
			version, err := s.publish(ctx, c.tag)
			check("moved by a publish", c.moves, err)
			if err != nil && s.Has("web", version) {
				t.Errorf("%s who may %s: the refused version is there", c.tag, who)
			}
			_ = s.tagged(c.tag)
			_, err = s.Publisher.SetTag(ctx, s.Name("web"), c.tag, publish.TagChange{Version: first})
			check("pointed elsewhere", c.points, err)
			_ = s.tagged(c.tag)
			_, err = s.Publisher.RemoveTag(ctx, s.Name("web"), c.tag, publish.TagChange{})
			check("removed", c.removes, err)
			on := s.tagged(c.tag)
			check("ended by a deletion", c.ends, s.Publisher.Delete(ctx, s.Name("web").At(on), ""))
		}
	}
	s.MustFsck(t)
}

// TestB3Unchanged: a tag that stays where it is can be set again by a caller who may not move it, as the same push does.
func TestB3Unchanged(t *testing.T) {
	e := registrytest.New(t)
	d, err := e.PushImage("app", "layer", "v1", "production")
	registrytest.Must(t, err)
	s := &tagScene{Env: e, t: t}
	s.rules(registry.TagRuleList{{Pattern: "*", Rule: registry.TagImmutable}})
	admin := e.Admin
	e.Admin = s.as(access.Read, access.Publish)
	if again, err := e.PushImage("app", "layer", "v1", "production"); err != nil || again != d {
		t.Errorf("the same push: %v", err)
	}
	if _, err := e.PushImage("app", "other", "v1"); registry.KindOf(err) != registry.Denied {
		t.Errorf("another push: %v", err)
	}
	e.Admin = admin
	if _, err := e.Publisher.SetTag(admin, e.Name("app"), "v1", publish.TagChange{Version: d.String()}); err != nil {
		t.Errorf("the same tag: %v", err)
	}
}

// TestB3Index: a part of an index can't be deleted by a caller who may not remove the index's tag, and TagsNeeding names that
// tag.
func TestB3Index(t *testing.T) {
	e := registrytest.New(t)
	s := &tagScene{Env: e, t: t}
	part, err := e.PushImage("app", "layer")
	registrytest.Must(t, err)
	p, err := e.Publisher.Begin(e.Admin, e.Name("app"))
	registrytest.Must(t, err)
	index := "sha256:" + strings.Repeat("a", 64)
	_, err = p.Commit(e.Admin, publish.Release{Version: index, Digest: digest.Digest(index), PURL: "pkg:oci/app@x",
		Tags: []string{"stable"}, Files: []publish.Staged{}, References: []publish.Reference{{Kind: registry.RefChild, Digest: part, Required: true}}})
	registrytest.Must(t, err)
	s.rules(registry.TagRuleList{{Pattern: "stable", Rule: registry.TagProtected}})
	err = e.Publisher.Delete(s.as(access.Delete), e.Name("app").At(part.String()), "")
	if registry.KindOf(err) != registry.Denied || !strings.Contains(registry.AsError(err).Detail, `"stable"`) {
		t.Errorf("a part of a protected tag: %v", err)
	}
	registrytest.Must(t, e.Publisher.Edit(e.Admin, e.Name("app"), publish.Rights{access.Admin}, func(edit *publish.Edit) error {
		tags, err := edit.TagsNeeding(part.String())
		if len(tags) != 1 || tags[0].Name != "stable" {
			t.Errorf("needed by %+v", tags)
		}
		return err
	}))
	if err := e.Publisher.Delete(s.as(access.Delete, access.Tag), e.Name("app").At(part.String()), ""); err != nil {
		t.Error(err)
	}
}

// environmentsAsked counts how often a transaction asks for environments.
type environmentsAsked struct {
	metadata.Tx
	n *int
}

func (a environmentsAsked) Environments() metadata.Environments {
	*a.n++
	return a.Tx.Environments()
}

// TestB3Costs: environments are asked for only when a caller without the right to tag moves a tag.
func TestB3Costs(t *testing.T) {
	s := newTagScene(t)
	asked := 0
	hooked, store := s.Hook(t, nil)
	store.OnUpdate = func(ctx context.Context, fn func(tx metadata.Tx) error) error {
		return store.Store.Update(ctx, func(tx metadata.Tx) error { return fn(environmentsAsked{tx, &asked}) })
	}
	s.Instance = hooked
	for _, c := range []struct {
		what string
		ctx  context.Context
		tag  string
		want int
	}{
		{"a new tag", s.as(access.Publish), "free", 0}, {"a tag that moves", s.as(access.Publish), "free", 1},
		{"by the right to tag", s.as(access.Publish, access.Tag), "free", 0}, {"no tag", s.as(access.Publish), "", 0},
	} {
		asked = 0
		var tags []string
		if c.tag != "" {
			tags = append(tags, c.tag)
		}
		if _, err := s.publish(c.ctx, tags...); err != nil {
			t.Fatal(err)
		}
		if asked != c.want {
			t.Errorf("%s: environments were asked for %d times, want %d", c.what, asked, c.want)
		}
	}
}

// TestB3RuleMeanwhile: a rule that is made while the bytes of a publish come in holds for its commit.
func TestB3RuleMeanwhile(t *testing.T) {
	s := newTagScene(t)
	s.rules(nil)
	_ = s.tagged("done")
	p, err := s.Publisher.Begin(s.as(access.Publish), s.Name("web"))
	registrytest.Must(t, err)
	defer p.Abort()
	s.rules(registry.TagRuleList{{Pattern: "done", Rule: registry.TagImmutable}})
	_, err = p.Commit(s.Admin, publish.Release{Version: "new", PURL: "pkg:generic/web@new", SortKey: []byte("new"), Tags: []string{"done"}})
	if registry.KindOf(err) != registry.Denied {
		t.Errorf("%v, want Denied", err)
	}
}

// TestTagRules: what a repository may have as rules, and which one holds.
func TestTagRules(t *testing.T) {
	e := registrytest.New(t)
	set := func(v any) error {
		_, err := e.Core.UpdateRepository(e.Admin, "main", registry.RepositoryChange{Settings: map[string]any{"tag_rules": v}})
		return err
	}
	type rule map[string]any
	for _, bad := range []any{"v*", rule{}, []string{"v*"}, []rule{{"pattern": "v*"}}, []rule{{"pattern": "", "rule": "immutable"}}, []rule{{"pattern": "a/b", "rule": "immutable"}},
		[]rule{{"pattern": "v*", "rule": "frozen"}}, []rule{{"pattern": "v*", "rule": "immutable", "format": "nope"}}, []rule{{"pattern": "v*", "rule": "immutable", "more": 1}},
		[]rule{{"pattern": strings.Repeat("v", 129), "rule": "immutable"}}, make([]rule, 101)} {
		if err := set(bad); registry.KindOf(err) != registry.Invalid || err == nil {
			t.Errorf("%v: %v, want Invalid", bad, err)
		}
	}
	registrytest.Must(t, set([]rule{{"pattern": "v*", "rule": "protected"}, {"pattern": "v1*", "rule": "immutable"}, {"pattern": "*", "rule": "protected", "format": registrytest.Format}}))
	repo, err := e.Core.Repository(e.Admin, "main")
	registrytest.Must(t, err)
	for _, c := range []struct{ format, tag, want string }{
		{"npm", "v1.0", "v1*=immutable"}, {"npm", "v2", "v*=protected"}, {"npm", "x", "="}, {registrytest.Format, "x", "test:*=protected"}, {registrytest.Format, "v1", "v1*=immutable"},
	} {
		if got := registry.TagRules.In(repo).For(c.format, c.tag).String(); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.format, c.tag, got, c.want)
		}
	}
	registrytest.Must(t, set([]rule{}))
	if repo, err = e.Core.Repository(e.Admin, "main"); err != nil || strings.Contains(string(repo.Settings), "tag_rules") {
		t.Errorf("no rules are stored as %s, %v", repo.Settings, err)
	}
	if err := set(nil); err != nil {
		t.Errorf("null changes nothing: %v", err)
	}
}

// TestB3Files: the last file but one is not taken from a version that a caller may not delete because of its tag.
func TestB3Files(t *testing.T) {
	s := newTagScene(t)
	for tag, want := range map[string]map[string]bool{
		"free": {"delete": true, "tag, delete": true}, "production": {"tag, delete": true}, "stable": {"tag, delete": true}, "v1": {},
	} {
		for who, ctx := range map[string]context.Context{"delete": s.as(access.Delete), "tag, delete": s.as(access.Tag, access.Delete)} {
			name := tag + " " + strings.ReplaceAll(who, ", ", "-")
			registrytest.Must(t, registrytest.ErrOf(s.PublishRelease(name, publish.Release{Version: "1", Tags: []string{tag}}, "a", "a", "b", "b")))
			err := s.Publisher.Edit(ctx, s.Name(name), publish.Rights{access.Delete}, func(e *publish.Edit) error { return e.RemoveFile("1", "a", "") })
			if want[who] != (err == nil) || err != nil && (registry.KindOf(err) != registry.Denied || !strings.Contains(registry.AsError(err).Detail, `"`+tag+`"`)) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	s.MustFsck(t)
}

// TestB3Overwrite: other bytes are not put under the names of a version whose tag the caller may not move.
func TestB3Overwrite(t *testing.T) {
	s := newTagScene(t)
	for tag, want := range map[string]map[string]bool{
		"free": {"publish": true, "publish, tag": true}, "production": {"publish, tag": true}, "stable": {"publish, tag": true}, "v1": {},
	} {
		for who, ctx := range map[string]context.Context{"publish": s.as(access.Publish), "publish, tag": s.as(access.Publish, access.Tag)} {
			name := tag + " " + strings.ReplaceAll(who, ", ", "-")
			rel := publish.Release{Version: "1", PURL: "pkg:generic/" + name + "@1", SortKey: []byte("1")}
			rel.Tags = []string{tag}
			registrytest.Must(t, registrytest.ErrOf(s.PublishRelease(name, rel, "a", "a")))
			rel.Tags, rel.Mode = nil, publish.Replace
			p, err := s.Publisher.Begin(ctx, s.Name(name))
			registrytest.Must(t, err)
			registrytest.Must(t, registrytest.ErrOf(p.Stage(ctx, content.StageFile{Path: "a"}, strings.NewReader("other"))))
			_, err = p.Commit(ctx, rel)
			p.Abort()
			if want[who] != (err == nil) || err != nil && (registry.KindOf(err) != registry.Denied || !strings.Contains(registry.AsError(err).Detail, `"`+tag+`"`)) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	s.MustFsck(t)
}
