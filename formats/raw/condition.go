package raw

import (
	"net/http"
	"time"

	"slipway/formats"
	"slipway/registry"
)

// condition is what a request demands of the file as it is (RFC 9110 section 13).
type condition struct {
	match, none []string // If-Match, If-None-Match
	unmodified  time.Time
}

func parseCondition(h http.Header) condition {
	c := condition{match: h.Values("If-Match"), none: h.Values("If-None-Match")}
	if len(c.match) == 0 {
		c.unmodified, _ = http.ParseTime(h.Get("If-Unmodified-Since")) // a date that is none is ignored
	}
	return c
}

// check fails with PreconditionFailed unless the condition holds for the file under path; nil: there is none.
func (c condition) check(f *registry.File, path string) error {
	if f == nil {
		if len(c.match) > 0 {
			return registry.Errorf(registry.PreconditionFailed, registry.AboutFile, "there is no %q, but If-Match expects one", clip(path))
		}
		return nil
	}
	tag := formats.ETag(*f)
	switch {
	case len(c.match) > 0 && !formats.MatchesETag(c.match, tag, false),
		len(c.none) > 0 && formats.MatchesETag(c.none, tag, true),
		!c.unmodified.IsZero() && f.AddedAt.Truncate(time.Second).After(c.unmodified):
		return registry.Errorf(registry.PreconditionFailed, registry.AboutFile, "%q is there with entity tag %s", clip(path), tag)
	}
	return nil
}
