package registry

import (
	"context"
	"errors"
	"time"

	"slipway/metadata"
)

// Ready reports whether metadata and blobs answer. Unavailable.
func (s *Core) Ready(ctx context.Context) error {
	if err := errors.Join(s.Store.Ready(ctx), s.Blobs.Ready(ctx)); err != nil {
		return &Error{Kind: Unavailable, Detail: "metadata or blobs do not answer", Err: err, RetryAfter: time.Second}
	}
	return nil
}

// Instance returns the installation's id and the text form of the key that signs its log.
func (s *Core) Identity() (id, verifier string) { return s.instance, s.Verifier }

// Source is what events name as their origin: the public base URL, or the installation's id without one.
func (s *Core) Source() string {
	if s.URL != "" {
		return s.URL
	}
	return "urn:slipway:" + s.instance
}

// update runs a change of the metadata.
func (s *Core) Update(ctx context.Context, fn func(tx metadata.Tx) error) error {
	return s.Store.Update(ctx, fn)
}
