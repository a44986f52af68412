package upstreams

import (
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
)

// served remembers which tags were answered with a digest whose version is not here: clients look at a tag first, and then ask for the
// digest that they were told. Only then the version enters, and with it that the tag names it.
type served struct {
	mu   sync.Mutex
	tags map[servedKey][]string
}

type servedKey struct {
	upstreamID int64
	pkg        string
	digest     digest.Digest
}

// Bounds of what is remembered; beyond them a tag is noted when it is served next.
const (
	maxServed     = 10_000
	maxServedTags = 16
)

func (s *served) note(key servedKey, tag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tags == nil || len(s.tags) >= maxServed {
		s.tags = map[servedKey][]string{}
	}
	if have := s.tags[key]; len(have) < maxServedTags && !slices.Contains(have, tag) {
		s.tags[key] = append(have, tag)
	}
}

// take returns the tags that were answered with a digest, and forgets them.
func (s *served) take(key servedKey) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	tags := s.tags[key]
	delete(s.tags, key)
	return tags
}
