package upstreams

import (
	"context"
	"errors"
	"time"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
)

// refresh asks the remote, and replaces the copy by what it says. It asks again where the time of the copy was ended meanwhile: those who wait
// for it since may know of a change that the answer has not seen.
func (s *Upstreams) refresh(ctx context.Context, r *remote, at registry.Name, q question, doc *document) {
	for s.ask(ctx, r, at, q, doc) {
	}
}

// ask is one question of refresh. It reports whether another one must follow.
func (s *Upstreams) ask(ctx context.Context, r *remote, at registry.Name, q question, doc *document) (again bool) {
	asking, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	doc.mu.Lock()
	expired := doc.expired
	doc.cancel = cancel
	prev, etag, modified := doc.index, doc.etag, doc.modified
	if prev == nil || doc.gone || s.core.Now().Sub(doc.wholeAt) > wholeAgain {
		etag, modified = "", ""
	}
	doc.mu.Unlock()
	now := s.core.Now() // an answer is as old as its question: it may have been made before what changed since
	f, res, err := q.fetch(asking, etag, modified)
	if f != nil && f.keeper != nil {
		defer f.keeper.close()
	}
	if errors.Is(context.Cause(asking), errExpired) {
		return true
	}
	var entered []metadata.Entered
	if q.stored {
		entered, err = s.enteredBy(ctx, r, at, prev, f, err)
	}
	if err != nil && !origin.Is(err, origin.Absent) {
		now = s.core.Now() // the next try waits from here
	}
	if f != nil {
		f.index.continues(prev, now)
	}
	dated := s.dated(ctx, r, at, f, prev, err)
	doc.storing.Lock() // what the refresh before said is stored first
	defer doc.storing.Unlock()
	doc.mu.Lock()
	before := doc.size
	news := doc.settle(r, at, q, f, res, err, entered, now)
	if dated != nil && doc.index == prev {
		doc.index, doc.news = dated, true
	}
	if doc.expired != expired {
		doc.freshUntil = time.Time{}
	}
	broken := doc.unreadable >= brokenInARow
	by := doc.size - before
	doc.mu.Unlock()
	s.documents.resized(by)
	s.write(ctx, news...)
	s.tellOf(ctx, r, at, err, broken)
	doc.mu.Lock()
	if again = doc.expired != expired && ctx.Err() == nil; !again {
		close(doc.fetching)
		doc.fetching, doc.cancel = nil, nil
	}
	doc.mu.Unlock()
	if q.stored {
		s.kept(context.WithoutCancel(ctx), r, at, doc, f)
	}
	return again
}

// tellOf tells of a refresh that failed; broken: the answers of the upstream can't be read, again and again.
func (s *Upstreams) tellOf(ctx context.Context, r *remote, at registry.Name, err error, broken bool) {
	if err != nil && !origin.Is(err, origin.Absent) {
		s.core.Log.WarnContext(ctx, "a document of an upstream could not be refreshed", "upstream", r.Name, "package", at.Package, "error", err.Error())
	}
	s.refused(ctx, r, err)
	if broken {
		s.tellOnce(ctx, r.event(registry.EventUpstreamBroken, at, registry.EventData{Reason: err.Error()}))
	}
}

// freshFor is the shorter of what the remote says and the upstream's ttl.
func freshFor(res *origin.Response, ttl time.Duration) time.Duration {
	if res.FreshFor >= 0 {
		return min(res.FreshFor, ttl)
	}
	return ttl
}
