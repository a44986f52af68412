package upstreams

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
)

type indexKey struct {
	upstreamID  int64
	format      string
	key         string
	part        string // of what the remote says of the package; "" is its index
	fingerprint string
}

// documents keeps the indexes that were asked for, the least recently used ones dropped first.
type documents struct {
	mu    sync.Mutex
	used  int
	byKey map[indexKey]*list.Element // of *document
	order *list.List                 // most recently used first
}

func newDocuments() *documents {
	return &documents{byKey: map[indexKey]*list.Element{}, order: list.New()}
}

// document is one document of a remote: the last copy, and what is known of its state.
type document struct {
	key indexKey

	loading sync.Mutex // held while the stored copy is read
	loaded  atomic.Bool
	intact  atomic.Bool // the stored copy lists all that earlier ones did; it counts until the copy is loaded

	storing sync.Mutex // held from what a refresh says until that is stored

	mu         sync.Mutex
	index      *index                 // nil: there is no copy
	body       digest.Digest          // of the document that index was read from, compressed
	gone       bool                   // the remote had the package, and has it no more: index is what it had
	size       int                    // of index, as counted in documents
	row        metadata.UpstreamIndex // as stored; its Body is empty if nothing is
	news       bool                   // what is not stored yet
	etag       string
	modified   string
	checkedAt  time.Time // when the remote was last asked
	rightAt    time.Time // when it last said that index is what it has
	wholeAt    time.Time // when index came
	freshUntil time.Time
	rightUntil time.Time // when index was to be asked for anew: before freshUntil after a refresh that failed
	unchanged  bool      // the last refresh found that index is right
	absent     error     // until freshUntil
	failed     error     // of the last refresh
	unreadable int       // documents in a row that can't be used

	shrunkAt     time.Time // when a document first came that is held back; zero: none is
	acceptShrunk bool      // an administrator accepts the next one
	fetching     chan struct{}
	cancel       context.CancelCauseFunc // ends the question that is under way; nil: none is
	guessed      bool                    // a file was asked for before the document was here
	expired      int                     // how often its time was ended
}

// have returns a document that was asked for before; nil: it was not, or had to leave the memory.
func (d *documents) have(key indexKey) *document {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.find(key)
}

// find is have; d.mu is held.
func (d *documents) find(key indexKey) *document {
	el, ok := d.byKey[key]
	if !ok {
		return nil
	}
	d.order.MoveToFront(el)
	return el.Value.(*document) //nolint:forcetypeassert // the list holds nothing else
}

func (d *documents) of(key indexKey) *document {
	d.mu.Lock()
	defer d.mu.Unlock()
	if doc := d.find(key); doc != nil {
		return doc
	}
	doc := &document{key: key}
	d.byKey[key] = d.order.PushFront(doc)
	d.used += documentBytes
	d.shrink()
	return doc
}

const documentBytes = 512

// resized counts what a document takes now.
func (d *documents) resized(by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used += by
	d.shrink()
}

func (d *documents) shrink() {
	for d.used > indexBytes && d.order.Len() > 1 {
		el := d.order.Back()
		doc := el.Value.(*document) //nolint:forcetypeassert // the list holds nothing else
		d.order.Remove(el)
		delete(d.byKey, doc.key)
		doc.mu.Lock()
		d.used -= documentBytes + doc.size
		doc.size = -1 // it is counted no more
		doc.mu.Unlock()
	}
}

// current is what index returns most of the time: the copy in memory, while it is fresh; nil: there is none.
func (s *Upstreams) current(ctx context.Context, r *remote, at registry.Name, refresh bool) *index {
	doc := s.documents.have(r.key(at, ""))
	if doc == nil || !doc.loaded.Load() {
		return nil
	}
	now := s.core.Now()
	doc.mu.Lock()
	defer doc.mu.Unlock()
	x := doc.copy()
	if x == nil || doc.failed != nil || !now.Before(doc.freshUntil) || refresh && now.Sub(doc.checkedAt) > forcedRefresh {
		return nil
	}
	s.fresh(ctx, at.Format, registry.CacheDocument, registry.CacheHit, doc.freshUntil)
	return x
}

// copy is what can be answered from; nil: nothing. d.mu is held.
func (d *document) copy() *index {
	if d.gone {
		return nil
	}
	return d.index
}

// expire lets the remote be asked at the next request: an answer to a question that is under way may be older. d.mu is held.
func (d *document) expire() {
	d.freshUntil = time.Time{}
	d.expired++
	if d.cancel != nil {
		d.cancel(errExpired)
	}
}

// settle takes what came of a refresh, and returns what is new in it. entered is what is here of the package. d.mu is held.
func (d *document) settle(r *remote, at registry.Name, q question, f *fetched, res *origin.Response, err error, entered []metadata.Entered, now time.Time) (news []event) {
	d.checkedAt, d.failed, d.unchanged = now, nil, err == nil && (f == nil || d.index != nil && d.body == f.body.Digest)
	switch {
	case err == nil:
		d.unreadable = 0
		held := false
		if q.stored {
			held, news = d.holdShrunk(r, at, f, now)
		}
		if !held {
			news = d.right(r, at, f, res, entered, now)
		}
		d.freshUntil = now.Add(q.fresh(res, r.ttl()))
		d.rightUntil = d.freshUntil
		return news
	case origin.Is(err, origin.Absent):
		if d.index != nil && !d.gone {
			d.gone, d.news = true, true
			news = (*index)(nil).news(r, at, d.index, entered)
		}
		d.absent, d.freshUntil = fault(at, err), now.Add(r.negativeTTL())
		return news
	}
	if d.failed = err; !d.gone {
		d.absent = nil // it may be there by now
	}
	if d.index != nil {
		d.freshUntil = now.Add(retryDocument)
	}
	if d.unreadable++; !origin.Is(err, origin.Bad) {
		d.unreadable = 0
	}
	return nil
}

// tooOld reports whether the copy has expired so long ago that it is served no more before the remote has renewed it. d.mu is held.
func (d *document) tooOld(r *remote, now time.Time) bool {
	if r.offline || d.failed == nil && now.Before(d.freshUntil) {
		return false
	}
	served := orDefault(r.Settings.StaleIfError, defaultStaleIfError)
	if d.failed == nil {
		served = max(served, r.staleWhile())
	}
	return now.Sub(d.rightAt) > r.ttl()+served
}

// right takes an answer that is not an error, and returns what is new in it; f is nil where the copy is still right. d.mu is held.
func (d *document) right(r *remote, at registry.Name, f *fetched, res *origin.Response, entered []metadata.Entered, now time.Time) []event {
	d.absent, d.rightAt = nil, now
	if f == nil {
		return nil
	}
	d.etag, d.modified, d.wholeAt = res.ETag, res.LastModified, now
	f.replaces = d.row.Body.Digest != f.body.Digest
	d.news = d.news || d.gone || f.replaces
	d.gone = false
	if d.index != nil && d.body == f.body.Digest {
		return nil // equal bytes change nothing
	}
	if d.row.BaselineAt.IsZero() {
		d.row.BaselineAt = now
	}
	prev := d.index
	d.index, d.body = f.index, f.body.Digest
	if d.size >= 0 {
		d.size = f.index.bytes
	}
	return f.index.news(r, at, prev, entered)
}
