package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Hit is a version that a query found.
type Hit struct {
	metadata.Hit
	// Matched are the terms of the query that the version meets, as they are written there; nil unless VersionSearch.Why.
	Matched []string
}

// VersionSearch is the auditors' query over everything that the caller may read.
type VersionSearch struct {
	Query string // see ParseQuery
	// AsOf is the moment to answer for. A coordinate that was deleted and published again is found only from its latest
	// publish on: its earlier content is in the log alone.
	AsOf  registry.AsOf
	After string // log entry (Version.Seq) of the last hit so far
	Limit int
	Why   bool // with the Matched of each
}

// maxReasons bounds the alternatives of a query that are looked at for the reasons of its hits.
const maxReasons = 12

// Search finds versions, those published last first; deleted versions only where the query names a state. At a past moment, a
// version that was deleted later counts as published. Invalid.
func (h *History) Search(ctx context.Context, q VersionSearch) ([]Hit, error) {
	where, terms, err := parseQuery(q.Query)
	if err != nil {
		return nil, err
	}
	if err := h.now.checkFormats(where); err != nil {
		return nil, err
	}
	m := metadata.Search{Where: where, Limit: registry.Bound(q.Limit), NoAttached: !names(where)}
	if q.After != "" {
		if m.BeforeSeq, err = strconv.ParseInt(q.After, 10, 64); err != nil || m.BeforeSeq <= 0 {
			return nil, registry.Errorf(registry.Invalid, registry.AboutRequest, "the cursor is not one of ours")
		}
	}
	if q.AsOf, err = h.core.SettleUntil(ctx, q.AsOf); err != nil {
		return nil, err
	}
	if !q.Why {
		terms = nil
	}
	var hits []Hit
	err = h.searched(ctx, func(ctx context.Context) error {
		return h.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			if m.Repositories, err = h.core.Readable(tx.Repositories(), access.From(ctx)); err != nil {
				return err
			}
			if m.AsOf, err = seqOf(tx, q.AsOf); err != nil {
				return err
			}
			found, err := tx.Searches().Search(m)
			if err != nil {
				return err
			}
			hits = make([]Hit, len(found))
			for i, h := range found {
				h.Version = versionThen(h.Version, m.AsOf)
				hits[i].Hit = h
			}
			return explain(tx.Searches(), m, terms, hits)
		})
	})
	return hits, err
}

// explain fills in why the hits of a search were found. Each alternative costs one statement.
func explain(searches metadata.Searches, m metadata.Search, terms []queryTerm, hits []Hit) error {
	if len(hits) == 0 {
		return nil
	}
	m.Versions, m.BeforeSeq, m.Limit, m.NoAttached = make([]int64, len(hits)), 0, len(hits), false
	for i, h := range hits {
		m.Versions[i] = h.Version.ID
	}
	looked := 0
	for _, t := range terms {
		if !t.alternative {
			for i := range hits {
				hits[i].Matched = append(hits[i].Matched, t.text)
			}
			continue
		}
		if looked++; looked > maxReasons {
			continue
		}
		m.Where = t.where
		met, err := searches.Search(m)
		if err != nil {
			return err
		}
		for i, h := range hits {
			if slices.ContainsFunc(met, func(other metadata.Hit) bool { return other.Version.ID == h.Version.ID }) {
				hits[i].Matched = append(hits[i].Matched, t.text)
			}
		}
	}
	return nil
}

// names reports whether a query names single versions, or what is attached to versions: then attached ones are found, too.
func names(c metadata.Condition) bool {
	if c.Is != nil {
		switch c.Is.Field {
		case metadata.FieldVersion, metadata.FieldPURL, metadata.FieldTag, metadata.FieldDigest, metadata.FieldAttached:
			return true
		}
	}
	return slices.ContainsFunc(c.All, names) || slices.ContainsFunc(c.Any, names)
}

// searchers is how many searches run at a time, so that the other reading connections stay free for clients' requests.
const searchers = 2

// whoSearches names the caller whose searches take turns with those of others: a user, with all tokens.
func whoSearches(ctx context.Context) string {
	a := access.From(ctx)
	if a.UserID != 0 {
		return fmt.Sprint("user:", a.UserID)
	}
	return a.ID
}

// searched runs a search, bounded in time. Invalid: the search took too long; Unavailable: it could not begin in time.
func (h *History) searched(ctx context.Context, search func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, h.searchTime)
	defer cancel()
	if h.searching.enter(limited, whoSearches(ctx)) != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		return &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutRequest, Detail: "too many searches are running", RetryAfter: h.searchTime}
	}
	defer h.searching.leave()
	err := search(limited)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "the query takes longer than %s: narrow it, for example by repo:, format: or a whole name", h.searchTime)
	}
	return err
}
