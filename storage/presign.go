package storage

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"
)

// Bounds of the time for which a presigned URL is valid. Who has the URL has the blob, so it is short.
const (
	MinPresign = time.Second
	MaxPresign = 10 * time.Minute
)

// Presigner is what a backend may also be: one whose blobs a client can fetch without going through us.
type Presigner interface {
	// PresignGet returns a URL that answers GET, and nothing else, with the blob for ttl, which lies between MinPresign
	// and MaxPresign. It is made without asking the store, so the blob may be missing. The URL is a credential: it goes
	// to the one client that asked and into no log. ErrNotExist for what is no digest.
	PresignGet(ctx context.Context, d digest.Digest, o PresignOptions, ttl time.Duration) (string, error)
}

// PresignOptions say what the answer tells the client beside the bytes. Empty fields leave it to the store.
type PresignOptions struct {
	Filename    string // under which a browser saves it
	ContentType string
}
