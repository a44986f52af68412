package content

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// TestBodies: all bodies share one bound, who finds no room still has all of the reader, and what was lent comes back.
func TestBodies(t *testing.T) {
	var l bodies
	text := strings.Repeat("0123456789", maxBodyChunks*chunkBytes/10+1)
	var held []*body
	for range maxChunks / maxBodyChunks {
		held = append(held, l.gather(t.Context(), strings.NewReader(text)))
	}
	for _, want := range []int64{maxChunks % maxBodyChunks * chunkBytes, 0} {
		r := strings.NewReader(text)
		b := l.gather(t.Context(), r)
		if b.size != want || b.err != nil || l.lent.Load() != maxChunks {
			t.Errorf("%d bytes were taken, want %d; %d chunks are lent: %v", b.size, want, l.lent.Load(), b.err)
		}
		if got, err := io.ReadAll(b.before(r)); err != nil || !bytes.Equal(got, []byte(text)) {
			t.Errorf("%d bytes instead of %d: %v", len(got), len(text), err)
		}
		if want > 0 {
			if l.lent.Load() != maxChunks-want/chunkBytes {
				t.Errorf("%d chunks are lent when one body has been read", l.lent.Load())
			}
			b.free()
			b = l.gather(t.Context(), strings.NewReader(text))
		}
		held = append(held, b)
	}
	for _, b := range held {
		b.free()
	}
	if l.lent.Load() != 0 {
		t.Errorf("%d chunks are lent to nobody", l.lent.Load())
	}
}
