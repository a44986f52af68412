package wire

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"slipway/registry"
)

// Bounds of what a request may ask.
const (
	DefaultLimit  = 100  // items of a page, without ?limit=
	maxQueryBytes = 4096 // of one query parameter: the longest is a query of the auditors, which has as many
	maxWait       = 60 * time.Second
	maxTypes      = 32 // globs in ?types=
)

// Invalid is the error for an invalid request; it is shown to the client.
func Invalid(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutRequest, format, args...)
}

// Segment returns a path variable, decoded once. The router matched the encoded path, so an encoded slash stays inside.
func Segment(r *http.Request, key string) (string, error) {
	s, err := url.PathUnescape(mux.Vars(r)[key])
	if err != nil || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", Invalid("the path has a segment that is not percent-encoded UTF-8")
	}
	return s, nil
}

// Query is the parsed query string. Operations that only read ignore unknown parameters.
type Query url.Values

// ParseQuery parses the query string of a request. Invalid.
func ParseQuery(r *http.Request) (Query, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Invalid("the query string can't be read: %v", err)
	}
	return Query(q), nil
}

// Text returns a parameter, "" without one.
func (q Query) Text(key string) (string, error) {
	s := url.Values(q).Get(key)
	if len(s) > maxQueryBytes || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", Invalid("%s is longer than %d bytes or not UTF-8", key, maxQueryBytes)
	}
	return s, nil
}

// Page returns ?limit= (100, at most 1000) and ?after=.
func (q Query) Page() (registry.Page, error) {
	p := registry.Page{Limit: DefaultLimit}
	var err error
	if p.After, err = q.Text("after"); err != nil {
		return p, err
	}
	p.Limit, err = q.Limit()
	return p, err
}

// Numbered returns a page whose cursor is a number; 0 is the start.
func (q Query) Numbered() (registry.Page, error) {
	page, err := q.Page()
	if err != nil || page.After == "" {
		return page, err
	}
	if _, err := strconv.ParseInt(page.After, 10, 64); err != nil {
		return page, Invalid("after must be a cursor of this list")
	}
	return page, nil
}

// AfterNumber is the cursor of a numbered page.
func AfterNumber(p registry.Page) int64 {
	n, _ := strconv.ParseInt(p.After, 10, 64) // Numbered checked it, or this server made it
	return n
}

// Limit returns ?limit=: 100 without one, at most 1000. Invalid.
func (q Query) Limit() (int, error) {
	s := url.Values(q).Get("limit")
	if s == "" {
		return DefaultLimit, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, Invalid("limit must be a number from 1 to %d", registry.MaxPage)
	}
	return min(n, registry.MaxPage), nil
}

// Flag reads a parameter that is true or false; false without one.
func (q Query) Flag(key string) (bool, error) {
	s := url.Values(q).Get(key)
	if s == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(s)
	if err != nil {
		return false, Invalid("%s must be true or false", key)
	}
	return b, nil
}

// AsOf reads ?as_of=: an RFC 3339 time, a day, which stands for its last moment in UTC, or seq:<n>.
func (q Query) AsOf() (registry.AsOf, error) {
	s := url.Values(q).Get("as_of")
	if s == "" {
		return registry.AsOf{}, nil
	}
	if n, ok := strings.CutPrefix(s, "seq:"); ok {
		seq, err := strconv.ParseInt(n, 10, 64)
		if err != nil || seq < 0 {
			return registry.AsOf{}, Invalid("as_of=seq:<n> takes a sequence number of the log")
		}
		return registry.AsOf{Seq: &seq}, nil
	}
	t, err := Moment(s, true)
	if err != nil {
		return registry.AsOf{}, Invalid("as_of must be an RFC 3339 time, a day such as 2026-01-31, or seq:<n>")
	}
	return registry.AsOf{Time: t}, nil
}

// Moment reads an RFC 3339 time, or a day such as 2026-01-31 in UTC: its last microsecond if end is true, else its first one.
func Moment(s string, end bool) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, s); err == nil && !day.IsZero() {
		if end {
			day = day.AddDate(0, 0, 1).Add(-time.Microsecond)
		}
		return day, nil
	}
	// An unescaped plus of a zone arrives as a space.
	t, err := time.Parse(time.RFC3339Nano, strings.Replace(s, " ", "+", 1))
	if err == nil && t.IsZero() {
		err = Invalid("the time is empty")
	}
	return t, err
}

// Types reads ?types=: globs over event types, separated by commas; several parameters add up. The core checks them.
func (q Query) Types() ([]string, error) {
	var out []string
	for _, list := range q["types"] {
		for t := range strings.SplitSeq(list, ",") {
			t = strings.TrimSpace(t)
			if t == "" {
				continue
			}
			if len(out) == maxTypes {
				return nil, Invalid("types: at most %d of them", maxTypes)
			}
			out = append(out, t)
		}
	}
	return out, nil
}

// Wait reads ?wait=: a duration such as 30s; longer ones are cut to a minute.
func (q Query) Wait() (time.Duration, error) {
	s := url.Values(q).Get("wait")
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, Invalid("wait must be a duration such as 30s")
	}
	return min(d, maxWait), nil
}

// Seq reads a sequence number; otherwise it is the given one.
func (q Query) Seq(key string, otherwise int64) (int64, error) {
	s := url.Values(q).Get(key)
	if s == "" {
		return otherwise, nil
	}
	return ParseSeq(key, s)
}

// ParseSeq reads a sequence number of the log, or -1; what is its name in the error. Invalid.
func ParseSeq(what, s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < -1 {
		return 0, Invalid("%s must be a sequence number of the log", what)
	}
	return n, nil
}

// Generation reads the precondition of a tag change: If-Match: "<generation>", or If-None-Match: * for a tag that must not
// exist. nil: there is none.
func Generation(r *http.Request) (*int64, error) {
	match, none := r.Header.Values("If-Match"), r.Header.Values("If-None-Match")
	switch {
	case len(match) == 0 && len(none) == 0:
		return nil, nil
	case len(match) == 0 && len(none) == 1 && none[0] == "*":
		return new(int64), nil
	case len(match) == 1 && len(none) == 0:
		s := strings.TrimSpace(match[0])
		if inner, ok := strings.CutPrefix(s, `"`); ok && strings.HasSuffix(inner, `"`) {
			if n, err := strconv.ParseInt(strings.TrimSuffix(inner, `"`), 10, 64); err == nil && n >= 0 {
				return &n, nil
			}
		}
	}
	return nil, Invalid(`If-Match takes one generation in quotes, such as "3"; If-None-Match takes * only`)
}
