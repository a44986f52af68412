package httpserver

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"slipway/metadata"
	"slipway/registry"
	"slipway/storage"
)

// TestClassify: a connection that breaks is the client's, unless the core knows it: to a database or a store that is away.
func TestClassify(t *testing.T) {
	broken := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	for _, c := range []struct {
		err  error
		kind registry.Kind
	}{
		{broken, registry.BadBody},
		{fmt.Errorf("answer: %w", broken), registry.BadBody},
		{fmt.Errorf("%w: %w", metadata.ErrUnavailable, broken), registry.Unavailable},
		{fmt.Errorf("%w: %w", storage.ErrUnavailable, broken), registry.Unavailable},
		{fmt.Errorf("%w: %w", metadata.ErrNoSpace, broken), registry.NoSpace},
		{&registry.Error{Kind: registry.NotFound, Err: broken}, registry.NotFound},
		{&net.OpError{Op: "sendfile", Net: "tcp", Err: syscall.EIO}, registry.Internal}, // of our own disk
		{errors.New("unknown"), registry.Internal},
	} {
		if got := classify(c.err).Kind; got != c.kind {
			t.Errorf("%v: %v, not %v", c.err, got, c.kind)
		}
	}
}
