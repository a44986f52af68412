package upstreams

import (
	"context"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Step is one part of a check.
type Step = origin.Step

// Check asks a remote for what it has of a package, or where that is "" for its address alone, over a connection of its own, and tells what
// each step took. Nothing of the answer is kept, and the breaker does not count. The caller administers the repository. NotFound, Denied,
// Invalid.
func (s *Upstreams) Check(ctx context.Context, repository, name, pkg string) ([]Step, error) {
	if _, err := s.core.Authorize(ctx, access.Admin, repository); err != nil {
		return nil, err
	}
	r, err := s.core.RepositoryRow(ctx, repository)
	if err != nil {
		return nil, err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	e := edit{Upstreams: s, graph: g, repository: r}
	u, err := e.find(name)
	if err != nil {
		return nil, err
	}
	if u.Type != metadata.UpstreamRemote {
		return nil, invalid("%q is a repository of this server; only remotes are checked", name)
	}
	client, request, err := s.checking(u, r, pkg)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Check(ctx, request), nil
}

// checking makes the client and the question of a check. Invalid.
func (s *Upstreams) checking(u *Upstream, r registry.Repository, pkg string) (*origin.Client, origin.Request, error) {
	request := origin.Request{Kind: origin.Tag}
	source, ok := s.remotes.sources[u.Format]
	if !ok {
		return nil, request, invalid("the format %q has no remotes", u.Format)
	}
	client, prefix, err := s.remotes.connect(u, r, source)
	if err != nil {
		return nil, request, invalid("it can't be asked as it is set up: %s", registry.AsError(err).Error())
	}
	if pkg == "" {
		return client, request, nil
	}
	at, err := s.core.Rules.NameOf(r.Name, u.Format, pkg)
	if err != nil {
		return nil, request, err
	}
	if images, ok := source.(Images); ok {
		named := prefix + images.Named(at.Package, u.Settings.Library, func() string { return "" })
		ask := images.Tags(named)
		request.URL, request.Accept, request.Scope = ask.URL, ask.Accept, ask.Scope
		return client, request, nil
	}
	ask, ok := source.Document(at)
	if !ok {
		return nil, request, invalid("a remote of the format %q is checked without a package: it has no documents about packages", u.Format)
	}
	request.Kind, request.URL, request.Accept, request.Gzip = origin.Document, ask.URL, ask.Accept, ask.Gzip
	return client, request, nil
}
