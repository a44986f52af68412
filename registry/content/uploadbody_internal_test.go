package content

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"slipway/registry/access"
)

// TestBodies: all bodies share one bound, of which one user has the half; who finds no room still has all of the reader, and what
// was lent comes back.
func TestBodies(t *testing.T) {
	var l bodies
	text := strings.Repeat("0123456789", maxBodyChunks*chunkBytes/10+1)
	var held []*body
	take := func(user int64, want int) {
		t.Helper()
		r := strings.NewReader(text)
		b := l.gather(access.With(t.Context(), access.Actor{UserID: user}), r)
		if b.size != int64(want)*chunkBytes || b.err != nil {
			t.Errorf("%d bytes were taken, want %d chunks: %v", b.size, want, b.err)
		}
		if want == maxBodyChunks {
			held = append(held, b)
			return
		}
		before := l.lent
		if got, err := io.ReadAll(b.before(r)); err != nil || !bytes.Equal(got, []byte(text)) {
			t.Errorf("%d bytes instead of %d: %v", len(got), len(text), err)
		}
		if l.lent != before-want {
			t.Errorf("%d chunks are lent when one body of %d has been read", l.lent, want)
		}
		b.free()
		held = append(held, l.gather(access.With(t.Context(), access.Actor{UserID: user}), strings.NewReader(text)))
	}
	for user := range int64(2) {
		for range maxUserChunks / maxBodyChunks {
			take(user, maxBodyChunks)
		}
		take(user, maxUserChunks%maxBodyChunks)
		take(user, 0)
	}
	if l.lent != maxChunks {
		t.Errorf("%d chunks are lent", l.lent)
	}
	take(3, 0)
	for _, b := range held {
		b.free()
	}
	if l.lent != 0 || len(l.of) != 0 {
		t.Errorf("%d chunks are lent to nobody: %v", l.lent, l.of)
	}
}
