package upstreams

import (
	"context"
	"strings"

	"slipway/internal/origin"
	"slipway/registry"
	"slipway/registry/catalog"
)

// Guesser is a Source whose registries have files where their names say, as a rule. A client that installs from a lock file asks for files of
// packages whose documents were never asked for: these files are asked for together with the documents, so that a first installation does not
// wait twice for each. The document alone decides whether the answer is used.
type Guesser interface {
	// Guess is the path of a file below the remote's URL; "" where it can't be told.
	Guess(at registry.Coordinate, path string) string
}

// early is a file that is asked for before the document is here that names it. The methods of nil do nothing.
type early struct {
	url      string
	done     chan struct{} // closed when res or err is there
	res      *origin.Response
	err      error
	taken    bool // by a transfer, which releases it
	released context.Context
	release  context.CancelFunc
}

// early asks for a file whose document is not known, once for each document, or returns nil. Where a rule may keep the file from the caller, or
// the remote has its files elsewhere, it waits for the document.
func (s *Upstreams) early(ctx context.Context, r *remote, at registry.Coordinate, path string) *early {
	source, ok := r.source.(Guesser)
	if !ok || r.offline || catalog.IsLook(ctx) || !mayFetch(ctx, r) || r.elsewhereFiles.Load() {
		return nil
	}
	guess := source.Guess(at, path)
	if guess == "" || s.minimumAge(ctx, r, at.Name) != 0 || s.admit(ctx, Candidate{At: at.Name.At(""), Repositories: r.way, Remote: r.Upstream}) != nil {
		return nil
	}
	doc := s.document(ctx, r, at.Name)
	doc.mu.Lock()
	first := doc.index == nil && doc.absent == nil && !doc.guessed
	doc.guessed = true
	doc.mu.Unlock()
	if !first {
		return nil
	}
	e := &early{url: strings.TrimRight(r.URL, "/") + "/" + guess, done: make(chan struct{})}
	e.released, e.release = context.WithCancel(context.Background())
	if !s.flights.behind(ctx, func(ctx context.Context) { e.ask(ctx, r, guess) }) {
		return nil
	}
	return e
}

// ask sends the question, and keeps its answer open until it is released.
func (e *early) ask(ctx context.Context, r *remote, guess string) {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(e.released, cancel)
	defer stop()
	e.res, e.err = r.client.Do(asking, origin.Request{URL: guess, Kind: origin.File})
	close(e.done)
	<-asking.Done()
	if e.res != nil {
		_ = e.res.Body.Close() // read to its end, or of no use
	}
}

// end releases it at the end of a transfer, or with nil where it is not taken.
func (e *early) end(by *flight) {
	if e != nil && e.taken == (by != nil) {
		e.release()
	}
}

// take gives the answer to a transfer, which asks for it at the address that the document names, and releases it at its end.
func (e *early) take(f *flight) {
	if e != nil {
		e.taken = true
		f.early = e
	}
}

// ask asks for the file, unless that was done before its document was here, or it is made here.
func (f *flight) ask(ctx context.Context, request origin.Request) (*origin.Response, error) {
	if f.part != nil {
		return f.part.answer(), nil
	}
	e := f.early
	f.early = nil
	if e == nil {
		return f.r.client.Do(ctx, request)
	}
	if e.url != request.URL {
		f.r.elsewhereFiles.Store(true)
		e.release()
		return f.r.client.Do(ctx, request)
	}
	context.AfterFunc(ctx, e.release) // of the transfer
	select {
	case <-e.done:
		return e.res, e.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
