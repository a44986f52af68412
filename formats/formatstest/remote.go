package formatstest

import (
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/upstreams"
)

// Remote makes a repository that answers from a registry of the format on this machine, whose links may lead to other ports of it.
func (s *Server) Remote(repository, format, url string) {
	s.t.Helper()
	_, err := s.Core.CreateRepository(s.Admin, repository, registry.RepositoryChange{})
	s.must(err)
	_, err = s.Upstreams.Add(s.Admin, repository, upstreams.NewUpstream{Name: "up", Type: metadata.UpstreamRemote, Format: format, URL: url,
		Settings: upstreams.Settings{Redirects: []string{"127.0.0.1"}}})
	s.must(err)
}
