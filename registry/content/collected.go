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

// RescuePause is how long a commit waits for a removal that is under way of the bytes that it needs.
const RescuePause = 50 * time.Millisecond

// MaxRescues is how often a commit waits. A removal that is under way ends within milliseconds; one that another process has left is
// taken over after half a minute.
func MaxRescues(s metadata.Store) int {
	if s.Exclusive() {
		return 20
	}
	return int(35 * time.Second / RescuePause)
}

// ErrCollected: the collector may have removed a staged blob's bytes since they were stored.
var ErrCollected = errors.New("registry: staged bytes may have been collected")

func BytesGone(err error) error {
	return &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutFile, RetryAfter: time.Second, Err: err,
		Detail: "the bytes were collected while they were published; send them again"}
}
