package upstreams

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// TestPaused: while a transfer waits for readers, no byte of it is read.
func TestPaused(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errAbandoned)
	body := strings.NewReader("bytes")
	in := &incoming{f: &flight{moved: make(chan struct{}), given: func() {}, size: 5}, body: body, buffer: make([]byte, copyBytes)}
	if err := in.copy(ctx); !errors.Is(err, errAbandoned) || body.Len() != 5 {
		t.Errorf("%v, %d bytes are left", err, body.Len())
	}
}
