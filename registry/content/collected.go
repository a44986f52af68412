package content

import (
	"context"
	"errors"
	"time"

	"slipway/metadata"
	"slipway/registry"
)

// Pause waits for d, or returns the error of ctx when that ends first.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// PutStored makes the row of bytes that were stored at the given time. ErrCollected: a collection may have removed them since.
func PutStored(blobs metadata.Blobs, b registry.Blob, stored time.Time) (registry.Blob, error) {
	b, err := blobs.PutStored(b, stored)
	if errors.Is(err, metadata.ErrCollected) {
		err = ErrCollected
	}
	return b, err
}

// ClockMargin covers the difference between the clocks of replicas. A margin that is larger than needed costs one question to
// the store.
const ClockMargin = 10 * time.Minute

// A removal that is under way when a commit needs the same bytes ends within milliseconds.
const (
	MaxRescues  = 20
	RescuePause = 50 * time.Millisecond
)

// ErrCollected: the collector may have removed a staged blob's bytes since they were stored.
var ErrCollected = errors.New("registry: staged bytes may have been collected")

func BytesGone(err error) error {
	return &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutFile, RetryAfter: time.Second, Err: err,
		Detail: "the bytes were collected while they were published; send them again"}
}
