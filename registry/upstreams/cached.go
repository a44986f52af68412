package upstreams

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// CachedEntry is a file that came from a remote.
type CachedEntry = metadata.CachedEntry

// States of cached files.
const (
	CachedHere    = metadata.CachedHere
	CachedEvicted = metadata.CachedEvicted
	CachedChanged = metadata.CachedChanged
	CachedDenied  = metadata.CachedDenied
)

// CachedQuery selects files that came from remotes.
type CachedQuery struct {
	Text  string // in the name of the package or the path of the file
	State string // one of the above; "": all
	After string // CachedCursor of the last file of the page before
	Limit int
}

// Cached lists the files that came from remotes of a repository, by format, package and version. The caller must administer the repository.
// NotFound, Denied, Invalid.
func (s *Upstreams) Cached(ctx context.Context, repository string, q CachedQuery) (out []CachedEntry, err error) {
	if _, err := s.core.Authorize(ctx, access.Admin, repository); err != nil {
		return nil, err
	}
	r, err := s.core.RepositoryRow(ctx, repository)
	if err != nil {
		return nil, err
	}
	if q.State != "" && !slices.Contains(cachedStates, q.State) {
		return nil, invalid("the state of a cached file is one of %s", strings.Join(cachedStates, ", "))
	}
	query := metadata.CachedQuery{RepositoryID: r.ID, Text: q.Text, State: q.State, Limit: registry.Bound(q.Limit)}
	if q.After == "" {
		s.writeUsed(ctx) // the list has their times
	} else if query.After, err = parsePlace(q.After); err != nil {
		return nil, err
	}
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		out, err = tx.Evictions().CachedEntries(query)
		return err
	})
	return out, err
}

var cachedStates = []string{CachedHere, CachedEvicted, CachedChanged, CachedDenied}

// CachedCursor is the place of a file in the list: the After of the page that follows it.
func CachedCursor(c CachedEntry) string {
	return strings.Join([]string{c.Format, strconv.FormatInt(c.VersionID, 10), url.QueryEscape(c.Key), url.QueryEscape(c.Path)}, " ")
}

// parsePlace reads a CachedCursor. Invalid.
func parsePlace(text string) (at metadata.CachedPlace, err error) {
	wrong := invalid("%q is no place in this list", registry.Clip(text))
	fields := strings.Split(text, " ")
	if len(fields) != 4 {
		return at, wrong
	}
	at.Format = fields[0]
	for i, to := range []*string{&at.Key, &at.Path} {
		if *to, err = url.QueryUnescape(fields[i+2]); err != nil {
			return at, wrong
		}
	}
	if at.VersionID, err = strconv.ParseInt(fields[1], 10, 64); err != nil {
		return at, wrong
	}
	return at, nil
}
