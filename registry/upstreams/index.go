package upstreams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"
	"time"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
)

// Times of documents.
const (
	documentWait  = 12 * time.Second // without a copy; pip gives up at 15 s
	retryDocument = 10 * time.Second // after a refresh that failed
	forcedRefresh = 10 * time.Second // a document is asked for anew, for what it lacks, at most this often
	wholeAgain    = 24 * time.Hour   // a remote that says for so long that nothing has changed is asked for all of it
	indexBytes    = 128 << 20        // of all parsed documents in memory, roughly
)

// index is what a remote says of one package, parsed. It never changes.
type index struct {
	Index
	listing  catalog.PackageListing // as front-ends read it; versions have negative ids
	entries  map[string]*Entry      // by version and path, and by path alone
	versions map[string]*registry.Version
	seen     map[listedAs]time.Time // when it was first listed; without one: by the first index
	lost     map[listedAs]lost
	changed  map[listedAs]changedEntry // files that are here, of which the remote has other bytes now
	dates    map[string]time.Time      // of Dated: when versions were published, as far as that was asked for
	built    []registry.File           // of Builder: what the document of one version lists
	revision int64
	bytes    int
}

// revisions numbers the indexes of this process, so that a newer one has the greater number.
var revisions atomic.Int64

func newIndex(r *remote, at registry.Name, in Index, size int) *index {
	x := &index{Index: in, entries: map[string]*Entry{}, versions: map[string]*registry.Version{}, revision: revisions.Add(1), bytes: 4096 + 4*size}
	updated := in.UpdatedAt
	if updated.IsZero() {
		updated = time.Now()
	}
	c := &x.listing
	c.Package = registry.Package{RepositoryID: r.repository.ID, Repository: r.repository.Name, Format: at.Format, Key: at.Package, Name: in.Name,
		Descriptor: in.Descriptor, Revision: x.revision, VersionCount: int64(len(in.Versions)), CreatedAt: updated, UpdatedAt: updated}
	c.Files = map[int64][]registry.File{}
	ids := map[string]int64{}
	c.Versions = in.Versions
	for i := range c.Versions {
		v := &c.Versions[i]
		v.ID = indexVersionID(r.ID, i)
		ids[v.Name], x.versions[v.Name] = v.ID, v
	}
	for i := range in.Entries {
		e := &in.Entries[i]
		x.entries[e.Version+"\x00"+e.Path] = e
		if x.entries[e.Path] == nil {
			x.entries[e.Path] = e
		}
		if id, ok := ids[e.Version]; ok {
			c.Files[id] = append(c.Files[id], e.file(id))
		}
	}
	for _, t := range in.Tags {
		if id, ok := ids[t.Version]; ok {
			t.VersionID = id
			c.Tags = append(c.Tags, t)
		}
	}
	c.Package.Latest = newest(*c)
	return x
}

// file is an entry as a file of a version: its bytes are not here.
func (e *Entry) file(versionID int64) registry.File {
	return registry.File{VersionID: versionID, Path: e.Path, MediaType: e.MediaType, AddedAt: e.PublishedAt,
		Blob: registry.Blob{Digest: e.Sums.SHA256, Size: e.Size, SHA1: e.Sums.SHA1, MD5: e.Sums.MD5, SHA512: e.Sums.SHA512}}
}

// entry finds a file; without a version, in any.
func (x *index) entry(version, path string) *Entry {
	if version == "" {
		return x.entries[path]
	}
	return x.entries[version+"\x00"+path]
}

// index returns what a remote says of a package. With refresh, a copy that is older than forcedRefresh is not enough. NotFound: the remote
// proved that it has no such package.
func (s *Upstreams) index(ctx context.Context, r *remote, at registry.Name, refresh bool) (*index, error) {
	if x := s.current(ctx, r, at, refresh); x != nil {
		return x, nil
	}
	ask, ok := r.source.Document(at)
	if !ok {
		return nil, errNoDocument
	}
	return s.answer(ctx, r, at, question{kind: registry.CacheDocument, stored: true, stale: r.staleWhile(), fresh: freshFor,
		fetch: func(ctx context.Context, etag, modified string) (*fetched, *origin.Response, error) {
			return s.fetchIndex(ctx, r, at, ask, etag, modified)
		}}, refresh)
}

// question is what a remote is asked about a package, and how long the answer holds.
type question struct {
	kind   registry.CacheKind
	part   string        // as in indexKey
	stored bool          // a copy of the answer is stored, and compared with later ones
	stale  time.Duration // an answer that expired less long ago is given at once, and asked for anew behind
	fresh  func(res *origin.Response, ttl time.Duration) time.Duration
	// fetch asks. The answer is nil where the copy with the validators is still right.
	fetch func(ctx context.Context, etag, modified string) (*fetched, *origin.Response, error)
}

// answer returns what a remote says: from memory while that is fresh, else by asking, which one call does for all. A copy is served stale
// where the remote does not answer soon. With refresh, a copy that is older than forcedRefresh is not enough. NotFound: the remote proved
// that there is no such thing.
func (s *Upstreams) answer(ctx context.Context, r *remote, at registry.Name, q question, refresh bool) (*index, error) {
	doc := s.documents.of(r.key(at, q.part))
	if q.stored {
		s.load(ctx, r, at, doc)
	}
	now := s.core.Now()
	doc.mu.Lock()
	lacking := refresh && now.Sub(doc.checkedAt) > forcedRefresh
	have, right := doc.copy(), doc.rightUntil
	stale := have
	if doc.tooOld(r, now) {
		stale = nil
	}
	if known := now.Before(doc.freshUntil) && !lacking; known || have != nil && !mayFetch(ctx, r) {
		defer doc.mu.Unlock()
		return s.remembered(ctx, r, at, q, doc, have, known, known && stale == nil)
	}
	if !mayFetch(ctx, r) {
		doc.mu.Unlock()
		return nil, notCached(ctx, at)
	}
	behind := stale != nil && !refresh && now.Before(doc.freshUntil.Add(q.stale))
	joins := doc.fetching != nil
	if !joins {
		if !s.flights.behind(ctx, func(ctx context.Context) { s.refresh(ctx, r, at, q, doc) }) {
			doc.mu.Unlock()
			return nil, errStopped
		}
		doc.fetching = make(chan struct{}) // refresh waits for the lock
	}
	done := doc.fetching
	doc.mu.Unlock()

	wait := documentWait
	switch {
	case behind:
		s.stale(ctx, r, q.kind, right)
		return stale, nil
	case stale != nil:
		wait = r.staleAfter()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-timer.C:
		if stale != nil {
			s.stale(ctx, r, q.kind, right)
			return stale, nil
		}
		s.note(ctx, at.Format, q.kind, registry.CacheFailed)
		return nil, &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutUpstream, RetryAfter: 5 * time.Second,
			Detail: fmt.Sprintf("not cached here, and upstream %s does not answer", r.Name)}
	case <-done:
	}
	return s.answered(ctx, r, at, q, doc, joins)
}

// remembered answers with what is known of a document, which the caller has locked. known: it need not be asked for now; over: what is
// known is too old to be served.
func (s *Upstreams) remembered(ctx context.Context, r *remote, at registry.Name, q question, doc *document, have *index, known, over bool) (*index, error) {
	switch {
	case over && have != nil:
		s.note(ctx, at.Format, q.kind, registry.CacheFailed)
		return nil, fault(at, doc.failed)
	case have == nil:
		s.fresh(ctx, at.Format, q.kind, registry.CacheNegative, doc.freshUntil)
		return nil, doc.absent
	case !known || doc.failed != nil:
		s.stale(ctx, r, q.kind, doc.rightUntil)
	default:
		s.fresh(ctx, at.Format, q.kind, registry.CacheHit, doc.freshUntil)
	}
	return have, nil
}

// notCached is the error for a document that is not here and may not be fetched for the caller.
func notCached(ctx context.Context, at registry.Name) error {
	if catalog.IsLocal(ctx) {
		return &registry.Error{Kind: registry.NotFound, Subject: registry.AboutPackage, Detail: fmt.Sprintf("nothing of %q is cached here", registry.Clip(at.Package)), Err: errNotHere}
	}
	return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in: %q is not cached here, and is fetched for known callers only", registry.Clip(at.Package))
}

// answered is what a refresh came to that has ended. joins says that another call began it.
func (s *Upstreams) answered(ctx context.Context, r *remote, at registry.Name, q question, doc *document, joins bool) (*index, error) {
	doc.mu.Lock()
	defer doc.mu.Unlock()
	result := registry.CacheMiss
	switch {
	case joins:
		result = registry.CacheJoined
	case doc.unchanged:
		result = registry.CacheRevalidated
	}
	switch x := doc.copy(); {
	case x != nil && !doc.tooOld(r, s.core.Now()):
		if doc.failed != nil {
			s.stale(ctx, r, q.kind, doc.rightUntil)
			return x, nil
		}
		s.fresh(ctx, at.Format, q.kind, result, doc.freshUntil)
		return x, nil
	case doc.absent != nil:
		s.fresh(ctx, at.Format, q.kind, result, doc.freshUntil)
		return nil, doc.absent
	default:
		s.note(ctx, at.Format, q.kind, registry.CacheFailed)
		return nil, fault(at, doc.failed)
	}
}

var errNoDocument = errors.New("upstreams: the format has no documents")

// errNotHere is the cause for which a remote's answer is absent that it was never asked for: in a context of catalog.Local it is not.
var errNotHere = errors.New("upstreams: it is not here")

// errExpired is the cause for which a question to a remote ends: an administrator wants an answer that is newer.
var errExpired = errors.New("upstreams: the answer is wanted anew")

// fetched is a document as a remote sent it.
type fetched struct {
	index    *index
	keeper   *bodyKeeper // nil of what is not stored
	body     metadata.Blob
	base     string
	entered  []metadata.Entered
	replaces bool // it is another one than the stored copy
}

// fetchIndex asks for a document; nil where the copy is still right. The caller closes its keeper.
func (s *Upstreams) fetchIndex(ctx context.Context, r *remote, at registry.Name, ask Ask, etag, modified string) (*fetched, *origin.Response, error) {
	request := origin.Request{URL: ask.URL, Kind: origin.Document, Accept: ask.Accept, Gzip: ask.Gzip, IfNoneMatch: etag}
	if etag == "" {
		request.IfModifiedSince = modified
	}
	res, err := r.client.Do(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	if res.Status == statusNotModified {
		return nil, res, nil
	}
	f := &fetched{keeper: s.keepBody(ctx), base: withoutQuery(res.URL)}
	counted := &counter{r: io.TeeReader(res.Body, f.keeper)}
	in, err := s.parse(r, at, f.base, counted)
	if err == nil {
		_, err = io.Copy(io.Discard, counted)
	}
	if err != nil {
		f.keeper.close()
		var fault *origin.Fault
		if errors.As(err, &fault) || ctx.Err() != nil {
			return nil, nil, err
		}
		return nil, nil, &origin.Fault{Class: origin.Bad, Upstream: r.Name, Text: "sent a document that can't be read: " + registry.AsError(err).Error()}
	}
	f.body = f.keeper.finish()
	if f.index, f.entered, err = s.indexOf(ctx, r, at, in, counted.n); err != nil {
		f.keeper.close()
		return nil, nil, err
	}
	return f, res, nil
}

// parse is Source.Parse.
func (s *Upstreams) parse(r *remote, at registry.Name, base string, doc io.Reader) (in Index, err error) {
	err = s.guarded(r, at.Package, func() (err error) {
		in, err = r.source.Parse(at, base, doc)
		return err
	})
	return in, err
}

// guarded runs what reads a document of a remote: what a hostile one breaks ends there, not the server.
func (s *Upstreams) guarded(r *remote, pkg string, read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.core.Log.Error("a document of an upstream broke its reader", "upstream", r.Name, "package", pkg, "panic", p, "stack", string(debug.Stack()))
			err = errors.New("it can't be handled")
		}
	}()
	return read()
}

const statusNotModified = 304

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}
