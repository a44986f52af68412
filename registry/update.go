package registry

import (
	"context"
	"errors"
	"syscall"
	"time"

	"slipway/metadata"
	"slipway/registry/access"
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
		detail := "metadata or blobs do not answer"
		if errors.Is(err, metadata.ErrSkew) {
			detail = "the clock of this machine is more than a minute off that of the database"
		}
		return &Error{Kind: Unavailable, Detail: detail, Err: err, RetryAfter: time.Second}
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

// Update runs a change of the metadata. Every part writes through it, so that Guarded, Clock and the caller's rights at the time of
// the transaction apply to all writes: Unauthenticated and Denied, where its login has ended or it has lost rights since it was
// looked up.
func (s *Core) Update(ctx context.Context, fn func(tx metadata.Tx) error, hints ...metadata.Hint) error {
	if err := s.timely(ctx); err != nil {
		return err
	}
	check, guarded := ctx.Value(guard{}).(func(metadata.Duties) error)
	caller := access.From(ctx)
	return s.Store.Update(ctx, func(tx metadata.Tx) error {
		if guarded {
			if err := check(tx.Duties()); err != nil {
				return err
			}
		}
		if err := s.stillMay(tx, caller); err != nil {
			return err
		}
		return fn(tx)
	}, hints...)
}

// stillMay refuses a caller whose login has ended, or who has lost rights, since it was looked up.
func (s *Core) stillMay(tx metadata.Tx, caller access.Actor) error {
	if s.Callers == nil {
		return nil
	}
	err := s.Callers.StillMay(tx, caller)
	switch {
	case errors.Is(err, access.ErrBadCredentials):
		return Errorf(Unauthenticated, AboutRequest, "the login has ended since the request began")
	case errors.Is(err, access.ErrRightsShrank):
		return Errorf(Denied, AboutRequest, "%s has lost rights since the request began: send it again", Describe(caller))
	}
	return err
}

// Renewed refuses a caller whose login has ended, or who has lost rights, since it was looked up: for reads whose body may have come in
// slowly, and for work of several steps. Changes are refused by Update. Unauthenticated, Denied.
func (s *Core) Renewed(ctx context.Context) error {
	caller := access.From(ctx)
	return s.Store.View(ctx, func(tx metadata.Tx) error { return s.stillMay(tx, caller) })
}

type guard struct{}

// Guarded returns a context under which every Update first calls check in its transaction, and fails with check's error. So
// background work, at any depth, writes nothing once another process has taken the work over.
func Guarded(ctx context.Context, check func(metadata.Duties) error) context.Context {
	return context.WithValue(ctx, guard{}, check)
}
