package registry

import (
	"context"
	"errors"
	"syscall"
	"time"

	"slipway/metadata"
)

// Ready reports whether metadata and blobs answer reads: a full or write-protected disk is no outage of these. Unavailable.
func (s *Core) Ready(ctx context.Context) error {
	return unready(s.Store.Ready(ctx), reads(s.Blobs.Ready(ctx)))
}

// Writable reports whether metadata and blobs answer and take changes, as far as that can be told without one. Unavailable.
func (s *Core) Writable(ctx context.Context) error {
	return unready(s.Store.Ready(ctx), s.Blobs.Ready(ctx))
}

// reads leaves out an error that concerns writes only.
func reads(err error) error {
	if KindOf(err) == NoSpace || errors.Is(err, syscall.EROFS) {
		return nil
	}
	return err
}

func unready(errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		return &Error{Kind: Unavailable, Detail: "metadata or blobs do not answer", Err: err, RetryAfter: time.Second}
	}
	return nil
}

// Identity identifies an installation.
type Identity struct {
	ID       string // made at the first start
	Verifier string // the text form of the public key that signs the log
}

// Identity returns the id and the key of the installation.
func (s *Core) Identity() Identity { return Identity{ID: s.instance, Verifier: s.Verifier} }

// Source is the source of events: the public base URL or, without one, the installation's id.
func (s *Core) Source() string {
	if s.URL != "" {
		return s.URL
	}
	return "urn:slipway:" + s.instance
}

// Update runs a change of the metadata. Every part writes through it, so that Guarded and Clock apply to all writes.
func (s *Core) Update(ctx context.Context, fn func(tx metadata.Tx) error) error {
	if err := s.timely(ctx); err != nil {
		return err
	}
	check, guarded := ctx.Value(guard{}).(func(metadata.Duties) error)
	if !guarded {
		return s.Store.Update(ctx, fn)
	}
	return s.Store.Update(ctx, func(tx metadata.Tx) error {
		if err := check(tx.Duties()); err != nil {
			return err
		}
		return fn(tx)
	})
}

type guard struct{}

// Guarded returns a context under which every Update first calls check in its transaction, and fails with check's error. So
// background work, at any depth, writes nothing once another process has taken the work over.
func Guarded(ctx context.Context, check func(metadata.Duties) error) context.Context {
	return context.WithValue(ctx, guard{}, check)
}
