package registrytest

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/storage"
)

// InTurns puts the calls that parties make of the backends in turn: see Party.
func InTurns(e *Env) {
	e.Metadata = turns{e.Metadata, e.Metadata.(metadata.Versioned)}
	e.Blobs = blobTurns{e.Blobs}
}

// Party is one of those whose calls of the backends are put in turn. It stops in front of each call and behind it, and goes
// on when it is told to.
type Party struct {
	resume, parked, finished chan struct{}

	Err error // of its function, once it has ended
}

type partyKey struct{}

// NewParty is about to run fn, with a context that its calls are known by.
func NewParty(ctx context.Context, fn func(ctx context.Context) error) *Party {
	p := &Party{make(chan struct{}), make(chan struct{}), make(chan struct{}), nil}
	go func() {
		<-p.resume
		p.Err = fn(context.WithValue(ctx, partyKey{}, p))
		close(p.finished)
	}()
	return p
}

// Run lets the party go on for n stops, -1 to its end, and reports whether it has ended.
func (p *Party) Run(n int) (ended bool) {
	for ; n != 0; n-- {
		select {
		case <-p.finished:
			return true
		case p.resume <- struct{}{}:
		}
		select {
		case <-p.finished:
			return true
		case <-p.parked:
		}
	}
	return false
}

// stop is where a party waits.
func stop(ctx context.Context) {
	if p, ok := ctx.Value(partyKey{}).(*Party); ok {
		p.parked <- struct{}{}
		<-p.resume
	}
}

// turns is metadata whose callers stop. What is remembered between updates stays so.
type turns struct {
	metadata.Store
	metadata.Versioned
}

func (s turns) View(ctx context.Context, fn func(tx metadata.Tx) error) error {
	stop(ctx)
	defer stop(ctx)
	return s.Store.View(ctx, fn)
}

func (s turns) Update(ctx context.Context, fn func(tx metadata.Tx) error, hints ...metadata.Hint) error {
	stop(ctx)
	defer stop(ctx)
	return s.Store.Update(ctx, fn, hints...)
}

// blobTurns is a store whose callers stop.
type blobTurns struct{ storage.Store }

func (s blobTurns) Put(ctx context.Context, r io.Reader, limit int64) (storage.Blob, error) {
	stop(ctx)
	defer stop(ctx)
	return s.Store.Put(ctx, r, limit)
}

func (s blobTurns) Stat(ctx context.Context, d digest.Digest) (storage.Blob, error) {
	stop(ctx)
	defer stop(ctx)
	return s.Store.Stat(ctx, d)
}

func (s blobTurns) Delete(ctx context.Context, d digest.Digest) error {
	stop(ctx)
	defer stop(ctx)
	return s.Store.Delete(ctx, d)
}

// Removal stops at the removal alone: preparing it touches nothing.
func (s blobTurns) Removal(ctx context.Context, d digest.Digest, ttl time.Duration) (func(ctx context.Context) error, error) {
	remove, err := s.Store.(storage.Fencer).Removal(ctx, d, ttl) //nolint:forcetypeassert // the store in memory is one
	return func(ctx context.Context) error {
		stop(ctx)
		defer stop(ctx)
		return remove(ctx)
	}, err
}

func (s blobTurns) List(ctx context.Context, after digest.Digest) iter.Seq2[storage.Blob, error] {
	stop(ctx)
	return s.Store.List(ctx, after)
}

func (s blobTurns) Create(ctx context.Context, id string, state *string) error {
	stop(ctx)
	defer stop(ctx)
	return s.Store.Create(ctx, id, state)
}

func (s blobTurns) UploadState(ctx context.Context, id string) (string, error) {
	stop(ctx)
	defer stop(ctx)
	return s.Store.UploadState(ctx, id)
}

func (s blobTurns) Discard(ctx context.Context, id string) error {
	stop(ctx)
	defer stop(ctx)
	return s.Store.Discard(ctx, id)
}

func (s blobTurns) Finish(ctx context.Context, id string, b storage.Blob, state *string) error {
	stop(ctx)
	defer stop(ctx)
	return s.Store.Finish(ctx, id, b, state)
}

func (s blobTurns) Append(ctx context.Context, id string, offset int64, r io.Reader, limit int64, state *string) (int64, error) {
	stop(ctx)
	defer stop(ctx)
	return s.Store.Append(ctx, id, offset, r, limit, state)
}
