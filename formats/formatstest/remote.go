package formatstest

import (
	"encoding/json"

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

// SetRemote changes settings of the remote that Remote made: JSON, as in the API.
func (s *Server) SetRemote(repository, settings string) {
	s.t.Helper()
	s.must(s.MoveRemote(repository, "", settings))
}

// MoveRemote is SetRemote for a remote that may get another URL, which "" is not; it returns what is wrong.
func (s *Server) MoveRemote(repository, url, settings string) error {
	_, err := s.Upstreams.Move(s.Admin, repository, "up", url, func(now upstreams.Settings) (upstreams.Settings, error) {
		return s.Upstreams.ParseSettings(now, json.RawMessage(settings))
	})
	return err
}

// Group makes a repository that answers from others, whose readers need no right to read those.
func (s *Server) Group(name string, members ...string) {
	s.t.Helper()
	var list []upstreams.NewUpstream
	for _, member := range members {
		list = append(list, upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: member, Settings: upstreams.Settings{Through: true}})
	}
	_, err := s.Core.CreateRepository(s.Admin, name, registry.RepositoryChange{Also: s.Upstreams.Replacing(s.Admin, list)})
	s.must(err)
}

// Claim reserves a name in a repository.
func (s *Server) Claim(repository, format, pattern string) {
	s.t.Helper()
	_, err := s.Upstreams.AddClaim(s.Admin, upstreams.Claim{Repository: repository, Claim: metadata.Claim{Format: format, Pattern: pattern}})
	s.must(err)
}

// LetBoth has readers of a repository get a package as it is published there and as it comes from elsewhere.
func (s *Server) LetBoth(repository, format, pkg string) {
	s.t.Helper()
	at := registry.Name{Repository: repository, Format: format, Package: pkg, Display: pkg}
	s.must(s.Upstreams.SetOrigin(s.Admin, at, upstreams.Origin{Origin: upstreams.OriginBoth, Reason: "we patch it"}))
}
