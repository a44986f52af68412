package storage

import (
	"context"
	"errors"
	"time"

	"github.com/opencontainers/go-digest"
)

// ErrLate: a removal came later than it may, and removed nothing.
var ErrLate = errors.New("storage: the removal came too late")

// Sharer is implemented by backends that several processes can share, if the server behind them does what that needs.
type Sharer interface {
	// Share asks the server, and returns what is wrong with it.
	Share(ctx context.Context) error
}

// Fencer is implemented by backends that several processes share: a removal that stands still must not take bytes that were stored
// again meanwhile.
type Fencer interface {
	// Removal prepares one removal of a blob, which has no effect later than ttl from now by the store's own clock, whatever holds it
	// up: ErrLate. It is tried once; after another error it may take effect until then. A missing blob is no error. ErrUnavailable:
	// the store's clock and that of this process are too far apart.
	Removal(ctx context.Context, d digest.Digest, ttl time.Duration) (func(ctx context.Context) error, error)
}
