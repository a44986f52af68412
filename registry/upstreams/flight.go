package upstreams

import (
	"context"
	"fmt"
	"sync"
	"time"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/storage"
)

const (
	wholeBytes = 1 << 20   // a file of up to this size leaves only when it is whole, verified and entered
	heldBack   = 256 << 10 // of a longer one, the last bytes do
	finishing  = 64 << 20  // a transfer without readers goes on if at most this much is missing, or a quarter is here
	abandoned  = 30 * time.Second
)

// flightKey is what makes two callers share a transfer: those who expect other bytes never do.
type flightKey struct {
	upstreamID             int64
	format, pkg, ver, path string
	sums                   string
}

// flight is the transfer of one file from a remote, bound to no client: readers join and leave, and it goes on.
type flight struct {
	s       *Upstreams
	r       *remote
	at      registry.Coordinate
	path    string
	entry   *Entry
	version *registry.Version    // of the index
	seen    time.Time            // when the index first listed the entry, or the version; zero: it is baseline, or there is none
	known   *metadata.CachedFile // the copy that the remote is asked about
	actor   access.Actor         // the caller that asked first
	cancel  context.CancelCauseFunc
	key     flightKey
	asked   time.Time  // when it began
	early   *early     // the answer to its first question, where that was put before; nil: it was not, or is taken
	part    *extracted // what is made here, without the remote; nil: the remote is asked

	mu        sync.Mutex
	published time.Time     // as the remote says; zero: not known
	fresh     time.Duration // how long its answer holds, by its word; -1: it does not say, or has not answered
	moved     chan struct{} // closed and replaced when anything below changes
	begun     bool          // size is known and the first bytes are here, or ended is true
	size      int64         // -1: not known before the end
	written   int64
	request   origin.Request // as sent
	validator string         // of the bytes, as If-Range takes it; "": no part of them can be asked for
	grow      storage.Growing
	replaced  []storage.Growing // what was stored before the transfer started over; readers may still be in it
	served    int64             // readers got no byte behind it
	shown     bool              // a client was told the size before the end
	readers   int
	sums      *sums  // of what is written; of the transfer alone
	otherForm bool   // an encoded file is kept in the form that is not the usual one
	spooled   int64  // bytes that are counted of the spool
	given     func() // ends the wait for readers, in which no bytes are read; nil: the transfer goes on
	late      bool   // the last bytes are handed out before the entry
	ended     bool
	err       error
	file      registry.File // once it has ended well
}

// transfer is what is known before the transfer of a file begins; all of it may be nil.
type transfer struct {
	index *index               // that lists the file, or its version
	entry *Entry               // of the file
	known *metadata.CachedFile // the copy that the remote is asked about
	early *early               // the answer, which may be on its way already
	part  *extracted           // what is made here, without the remote
}

// fetch starts the transfer of a file, or joins the one that is under way. The caller releases it.
func (s *Upstreams) fetch(ctx context.Context, r *remote, at registry.Coordinate, path string, of transfer) (f *flight, joined bool) {
	x, e := of.index, of.entry
	key := flightKey{upstreamID: r.ID, format: at.Format, pkg: at.Package, ver: at.Version, path: path}
	if e != nil {
		key.sums = fmt.Sprintf("%s %x %x %x", e.Sums.SHA256, e.Sums.SHA512, e.Sums.SHA1, e.Sums.MD5)
	}
	s.flights.mu.Lock()
	defer s.flights.mu.Unlock()
	if f, ok := s.flights.list[key]; ok {
		f.join()
		return f, true
	}
	f = &flight{s: s, r: r, at: at, path: path, entry: e, known: of.known, part: of.part, actor: access.From(ctx), key: key, moved: make(chan struct{}), size: -1,
		fresh: -1, readers: 1, asked: s.core.Now()}
	if s.flights.closed {
		f.begun, f.ended, f.err = true, true, errStopped
		return f, false
	}
	if x != nil && e != nil {
		f.version, f.seen = x.versions[e.Version], x.firstSeen(e.Version, e.Path)
	} else if x != nil {
		f.seen = x.firstSeen(at.Version, "")
	}
	background, cancel := context.WithCancelCause(detached(ctx))
	f.cancel = cancel
	of.early.take(f)
	s.flights.list[key] = f
	s.flights.running.Add(1)
	go func() {
		defer s.flights.running.Done()
		defer cancel(nil)
		defer of.early.end(f)
		file, err := f.safely(background)
		s.flights.remove(f)
		f.end(file, err)
	}()
	return f, false
}

// flights are the transfers under way, and the documents that are asked for.
type flights struct {
	mu      sync.Mutex
	list    map[flightKey]*flight
	closed  bool
	running sync.WaitGroup
	ctx     context.Context // ends with stop
	cancel  context.CancelCauseFunc
}

func newFlights() flights {
	ctx, cancel := context.WithCancelCause(context.Background())
	return flights{list: map[flightKey]*flight{}, ctx: ctx, cancel: cancel}
}

// detached is ctx for what goes on behind an answer: it does not end with it, and is not told in it.
func detached(ctx context.Context) context.Context {
	return registry.WithCacheUse(context.WithoutCancel(ctx), nil)
}

// behind runs do in a context with the values of ctx that ends with stop, which waits for do. False: it is over, and do does not run.
func (f *flights) behind(ctx context.Context, do func(ctx context.Context)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	background, cancel := context.WithCancelCause(detached(ctx))
	end := context.AfterFunc(f.ctx, func() { cancel(errStopped) })
	f.running.Go(func() {
		defer cancel(nil)
		defer end()
		do(background)
	})
	return true
}

// remove takes a transfer off the list, so that the next caller begins another.
func (f *flights) remove(one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.list[one.key] == one {
		delete(f.list, one.key)
	}
}

// stop ends the transfers that are under way, and waits for them. Later ones end at once.
func (f *flights) stop() {
	f.mu.Lock()
	f.closed = true
	for _, one := range f.list {
		one.cancel(errStopped)
	}
	f.cancel(errStopped)
	f.mu.Unlock()
	f.running.Wait()
}

// Causes for which transfers end early.
var (
	errStopped   = &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutUpstream, Detail: "the server ends", RetryAfter: 5 * time.Second}
	errAbandoned = &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutUpstream, Detail: "the transfer ended, as its clients had left; try again",
		RetryAfter: time.Second}
)

func (f *flight) join() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.enterReader()
}

// enterReader counts a reader; f.mu is held.
func (f *flight) enterReader() {
	f.readers++
	f.resume()
}

// resume lets a transfer go on that waits for readers; f.mu is held.
func (f *flight) resume() {
	if f.given != nil {
		f.given()
		f.given = nil
		f.wake()
	}
}

// release ends one reader.
func (f *flight) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers--
	f.unread()
}

// unread looks at what becomes of a transfer that has no readers; f.mu is held. It goes on if little is missing or a quarter is here, and
// else pauses for a while, for a client may come back, and then ends.
func (f *flight) unread() {
	switch missing := f.size - f.written; {
	case f.readers > 0:
	case f.ended:
		f.close()
	case f.given == nil && f.size >= 0 && missing > finishing && f.written < f.size/4:
		waiting, cancel := context.WithCancel(context.Background())
		f.given = cancel
		go func() {
			f.s.sleep(waiting, abandoned)
			f.abandon(waiting)
		}()
	}
}

// close gives up the bytes, which are stored or of no use; f.mu is held.
func (f *flight) close() {
	for _, g := range append(f.replaced, f.grow) {
		if g != nil {
			_ = g.Close() // nothing in it matters any more
		}
	}
	f.replaced = nil
}

// abandon ends a transfer that still has no readers, unless the wait for them has ended.
func (f *flight) abandon(waiting context.Context) {
	f.s.flights.mu.Lock()
	defer f.s.flights.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers > 0 || f.ended || waiting.Err() != nil {
		return
	}
	if f.s.flights.list[f.key] == f {
		delete(f.s.flights.list, f.key) // the next caller begins another
	}
	f.cancel(errAbandoned)
}

// change updates the state and wakes those who wait for it.
func (f *flight) change(update func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	update()
	f.wake()
}

// wake wakes those who wait for a change; f.mu is held.
func (f *flight) wake() {
	close(f.moved)
	f.moved = make(chan struct{})
}

func (f *flight) end(file registry.File, err error) {
	f.change(func() {
		f.begun, f.ended, f.file, f.err = true, true, file, err
		f.spool(0) // what has entered is on its way no more, whatever its readers do
		if f.given != nil {
			f.given()
		}
		f.unread()
	})
}

// wait returns when ready is true of the state, which it is called with locked.
func (f *flight) wait(ctx context.Context, ready func() bool) error {
	for {
		f.mu.Lock()
		ok, moved := ready(), f.moved
		f.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-moved:
		}
	}
}

// arriving returns the file as soon as it can be answered: small ones, and where whole is asked for, when they are entered, long ones when
// their size is known.
func (f *flight) arriving(ctx context.Context, whole bool) (registry.File, error) {
	err := f.wait(ctx, func() bool { return f.ended || !whole && (f.late || f.begun && f.size > wholeBytes) })
	if err != nil {
		return registry.File{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return f.file, f.err
	}
	f.shown = true
	out := registry.File{Path: f.path, AddedAt: f.s.core.Now(), Blob: registry.Blob{Size: f.size}, Arriving: f}
	if f.entry != nil {
		out.MediaType, out.Blob.Digest = f.entry.MediaType, f.entry.Sums.SHA256
		if !f.entry.PublishedAt.IsZero() {
			out.AddedAt = f.entry.PublishedAt
		}
	}
	return out, nil
}

func (f *flight) from() (upstreamID int64, published, seen time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.r.ID, f.published, f.seen
}

// freshFor is how long the remote's answer holds, by its word; -1: it does not say.
func (f *flight) freshFor() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fresh
}
