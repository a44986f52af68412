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
