package upstreams

import (
	"context"
	"errors"
	"strings"
	"testing"

	"slipway/internal/origin"
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

// TestContinues: a part is of the file that is here if nothing that its answer says contradicts that.
func TestContinues(t *testing.T) {
	for _, c := range []struct {
		name, validator string
		size            int64
		res             origin.Response
		want            bool
	}{
		{"the same ETag", `"a"`, 10, origin.Response{ETag: `"a"`, Total: 10}, true},
		{"another ETag", `"a"`, 10, origin.Response{ETag: `"b"`, Total: 10}, false},
		{"no ETag", `"a"`, 10, origin.Response{Total: 10}, true},
		{"by its time", "Mon, 02 Jan 2006 15:04:05 GMT", 10, origin.Response{ETag: `"b"`, Total: 10}, true},
		{"another length", `"a"`, 10, origin.Response{ETag: `"a"`, Total: 11}, false},
		{"a length that is not told", `"a"`, 10, origin.Response{ETag: `"a"`, Total: -1}, true},
		{"a length that was not told", `"a"`, -1, origin.Response{ETag: `"a"`, Total: 11}, true},
		{"encoded", `"a"`, 10, origin.Response{ETag: `"a"`, Total: 10, Encoding: "gzip"}, false},
	} {
		f := &flight{validator: c.validator, size: c.size}
		if got := f.continues(&c.res); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestSpoolBound: without a setting, what is on its way may be 20 GiB, or a quarter of the disk if that is less; what is on its way already was
// free before.
func TestSpoolBound(t *testing.T) {
	const gib = 1 << 30
	free := func(n int64, known bool) func() (int64, bool) { return func() (int64, bool) { return n, known } }
	for _, c := range []struct {
		name string
		s    *spool
		want int64
	}{
		{"a setting", &spool{bound: 5, free: free(8*gib, true)}, 5},
		{"a large disk", &spool{free: free(1000*gib, true)}, 20 * gib},
		{"a small disk", &spool{free: free(8*gib, true)}, 2 * gib},
		{"a small disk in use", &spool{free: free(7*gib, true), used: gib}, 2 * gib},
		{"not known", &spool{free: free(0, false)}, 20 * gib},
		{"no disk", &spool{}, 20 * gib},
	} {
		if got := c.s.limit(); got != c.want {
			t.Errorf("%s: %d", c.name, got)
		}
	}
	small := spool{free: free(8*gib, true), used: gib}
	if small.room("up", gib) != nil || small.room("up", 2*gib) == nil {
		t.Error("the bound is not kept")
	}
	if empty := (&spool{free: free(gib, true)}); empty.room("up", 100*gib) != nil {
		t.Error("a file alone is always let begin")
	}
}
