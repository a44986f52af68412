package upstreams_test

import (
	"context"
	"strings"
	"testing"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/instance"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// scene has the repositories a and b, and all, which answers from both.
type scene struct {
	*registrytest.Env
	t testing.TB
}

func newScene(t testing.TB, merge, union bool) scene {
	t.Helper()
	s := scene{registrytest.New(t, registrytest.With(func(c *instance.Config) {
		r := c.Rules[registrytest.Format]
		r.Merge, r.UnionFiles = merge, union
		c.Rules[registrytest.Format] = r
	})), t}
	for _, name := range []string{"a", "b", "all"} {
		s.create(name)
	}
	s.link("all", "a", upstreams.Settings{})
	s.link("all", "b", upstreams.Settings{})
	return s
}

func (s scene) must(err error) {
	s.t.Helper()
	registrytest.Must(s.t, err)
}

func (s scene) create(name string) {
	s.t.Helper()
	_, err := s.Core.CreateRepository(s.Admin, name, registry.RepositoryChange{})
	s.must(err)
}

func (s scene) link(repository, member string, settings upstreams.Settings) {
	s.t.Helper()
	s.must(s.tryLink(s.Admin, repository, member, settings))
}

func (s scene) tryLink(ctx context.Context, repository, member string, settings upstreams.Settings) error {
	_, err := s.Upstreams.Add(ctx, repository, upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: member, Settings: settings})
	return err
}

func (s scene) change(repository, name string, settings upstreams.Settings) {
	s.t.Helper()
	_, err := s.Upstreams.Change(s.Admin, repository, name, func(upstreams.Settings) (upstreams.Settings, error) { return settings, nil })
	s.must(err)
}

// publish puts a version of x with one file "file", whose bytes are the repository's name, into a repository.
func (s scene) publish(repository, version string, tags ...string) registry.Version {
	s.t.Helper()
	return s.publishFile(repository, version, "file", tags...)
}

func (s scene) publishFile(repository, version, path string, tags ...string) registry.Version {
	s.t.Helper()
	p, err := s.Publisher.Begin(s.Admin, named(repository))
	s.must(err)
	_, err = p.Stage(s.Admin, content.StageFile{Path: path}, strings.NewReader(repository+" "+path))
	s.must(err)
	out, err := p.Commit(s.Admin, publish.Release{Version: version, SortKey: []byte(version), PURL: "pkg:generic/x@" + version, Tags: tags})
	s.must(err)
	return out.Version
}

func (s scene) token(grants ...access.Grant) context.Context {
	s.t.Helper()
	return access.With(s.Admin, access.Actor{Type: access.TypeToken, ID: "token:7", Name: "t", Token: "t", Grants: grants, Owner: grants})
}

func reads(repositories ...string) (out []access.Grant) {
	for _, r := range repositories {
		out = append(out, access.Grant{Repository: r, Actions: []access.Action{access.Read}})
	}
	return out
}

func named(repository string) registry.Name {
	return registry.Name{Repository: repository, Format: registrytest.Format, Package: "x"}
}
