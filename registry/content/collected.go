package content

import (
	"context"
	"errors"
	"time"

	"slipway/metadata"
	"slipway/registry"
)

// Pause waits, but not longer than ctx, whose error it returns then.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// PutStored notes bytes that were stored at a time. errCollected: a collection may have taken them since.
func PutStored(blobs metadata.Blobs, b registry.Blob, stored time.Time) (registry.Blob, error) {
	b, err := blobs.PutStored(b, stored)
	if errors.Is(err, metadata.ErrCollected) {
		err = ErrCollected
	}
	return b, err
}

// ClockMargin covers clocks of replicas that differ; being wrong costs one look at the store.
const ClockMargin = 10 * time.Minute

// A removal that is under way when a commit needs the same bytes ends within milliseconds.
const (
	MaxRescues  = 20
	RescuePause = 50 * time.Millisecond
)

// ErrCollected: the collector may have taken a staged blob's bytes since they were stored.
var ErrCollected = errors.New("registry: staged bytes may have been collected")

func BytesGone(err error) error {
	return &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutFile, RetryAfter: time.Second, Err: err,
		Detail: "the bytes were collected while they were published; send them again"}
}
