package upstreams

import (
	"context"
	"strconv"
	"strings"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// CachedEntry is a file that came from a remote.
type CachedEntry = metadata.CachedEntry

// CachedQuery selects files that came from remotes.
type CachedQuery struct {
	Text  string // in the name of the package or the path of the file
	State string // of metadata.CachedQuery
	After string // Next of the page before
	Limit int
}

// Cached lists the files that came from remotes of a repository, by package and version, and where the next page begins, "" at the end. The caller must
// administer the repository. NotFound, Denied, Invalid.
func (s *Upstreams) Cached(ctx context.Context, repository string, q CachedQuery) (out []CachedEntry, next string, err error) {
	if _, err := s.core.Authorize(ctx, access.Admin, repository); err != nil {
		return nil, "", err
	}
	r, err := s.core.RepositoryRow(ctx, repository)
	if err != nil {
		return nil, "", err
	}
	s.writeUsed(ctx) // the list has their times
	limit := registry.Bound(q.Limit)
	query := metadata.CachedQuery{RepositoryID: r.ID, Text: q.Text, State: q.State, Limit: limit}
	if q.After != "" {
		if query.After, err = parsePlace(q.After); err != nil {
			return nil, "", err
		}
	}
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		out, err = tx.Evictions().CachedEntries(query)
		return err
	})
	if len(out) == limit {
		last := out[limit-1]
		next = strings.Join([]string{last.Format, strconv.FormatInt(last.VersionID, 10), last.Key, last.Path}, " ")
	}
	return out, next, err
}

// parsePlace reads where a page ended. A key or a path may have spaces, but a package's key has none before the path in any format.
func parsePlace(text string) (at metadata.CachedPlace, err error) {
	fields := strings.SplitN(text, " ", 4)
	if len(fields) < 4 {
		return at, registry.Errorf(registry.Invalid, registry.AboutRequest, "%q is no place in this list", registry.Clip(text))
	}
	at = metadata.CachedPlace{Format: fields[0], Key: fields[2], Path: fields[3]}
	if at.VersionID, err = strconv.ParseInt(fields[1], 10, 64); err != nil {
		return at, registry.Errorf(registry.Invalid, registry.AboutRequest, "%q is no place in this list", registry.Clip(text))
	}
	return at, nil
}
