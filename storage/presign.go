package storage

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"
)

// Bounds of the time for which a presigned URL is valid. Anybody who holds the URL can read the blob, so the time is short.
const (
	MinPresign = time.Second
	MaxPresign = 10 * time.Minute
)

// Presigner is implemented by backends whose blobs a client can fetch directly, without going through this server.
type Presigner interface {
	// PresignGet returns a URL that answers GET, and nothing else, with the blob for ttl, which lies between MinPresign and
	// MaxPresign. PresignGet does not ask the store, so the blob may be missing. The URL is a credential: give it only to
	// the client that asked, and write it into no log. ErrNotExist: d is no sha256 digest.
	PresignGet(ctx context.Context, d digest.Digest, o PresignOptions, ttl time.Duration) (string, error)
}

// PresignOptions say what the answer tells the client beside the bytes. Empty fields leave it to the store.
type PresignOptions struct {
	Filename    string // name under which a browser saves the blob
	ContentType string
}
