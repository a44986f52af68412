package raw

import (
	"encoding/json"
	"net/http"
	"time"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/publish"
)

// condition is a request's precondition on the current file (RFC 9110 section 13).
type condition struct {
	Match      []string  `json:"if_match,omitempty"`
	None       []string  `json:"if_none_match,omitempty"`
	Unmodified time.Time `json:"if_unmodified_since,omitzero"`
}

func parseCondition(h http.Header) condition {
	c := condition{Match: h.Values("If-Match"), None: h.Values("If-None-Match")}
	if len(c.Match) == 0 {
		c.Unmodified, _ = http.ParseTime(h.Get("If-Unmodified-Since")) // an invalid date is ignored
	}
	return c
}

// empty reports whether there is no condition.
func (c condition) empty() bool {
	return len(c.Match) == 0 && len(c.None) == 0 && c.Unmodified.IsZero()
}

// maxConditionBytes bounds the condition kept with a staged file.
const maxConditionBytes = 4 << 10

// note encodes the condition, which is kept with a staged file until the commit; nil: there is none. Invalid: too long.
func (c condition) note() ([]byte, error) {
	raw, err := json.Marshal(c)
	switch {
	case err != nil:
		return nil, err
	case string(raw) == "{}":
		return nil, nil
	case len(raw) > maxConditionBytes:
		return nil, invalid("the conditions of a file that waits for its publish have more than %d bytes", maxConditionBytes)
	}
	return raw, nil
}

// hold checks the condition in the transaction of a commit, and reports whether the file exists.
func (c condition) hold(have publish.Existing, path string) (there bool, err error) {
	f, there, err := have.File(path)
	switch {
	case err != nil:
		return false, err
	case there:
		return true, c.check(&f, path)
	default:
		return false, c.check(nil, path)
	}
}

// check fails with PreconditionFailed unless the condition holds for the file at path; f is nil where there is none.
func (c condition) check(f *registry.File, path string) error {
	if f == nil {
		if len(c.Match) > 0 {
			return registry.Errorf(registry.PreconditionFailed, registry.AboutFile, "there is no %q, but If-Match expects one", formats.Clip(path))
		}
		return nil
	}
	tag := httpserver.ETag(*f)
	switch {
	case len(c.Match) > 0 && !httpserver.MatchesETag(c.Match, tag, false),
		len(c.None) > 0 && httpserver.MatchesETag(c.None, tag, true),
		!c.Unmodified.IsZero() && f.AddedAt.Truncate(time.Second).After(c.Unmodified):
		return registry.Errorf(registry.PreconditionFailed, registry.AboutFile, "%q is there with entity tag %s", formats.Clip(path), tag)
	}
	return nil
}
