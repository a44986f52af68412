package upstreams

import (
	"context"
	"errors"
	"io"

	"slipway/storage"
)

// Open implements registry.Arriving.
func (f *flight) Open(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if part := f.passed(ctx, offset, length); part != nil {
		return part, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended && f.err == nil {
		return f.s.core.Blobs.Open(ctx, f.file.Blob.Digest, offset, length)
	}
	if f.ended {
		return nil, f.err
	}
	f.enterReader()
	end := f.size
	if length >= 0 {
		end = min(end, offset+length)
	}
	return &tail{ctx: ctx, f: f, at: offset, end: end}, nil
}

// Entered implements registry.Arriving.
func (f *flight) Entered() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ended || f.err != nil {
		return 0
	}
	return f.file.VersionID
}

// tail reads a file while it arrives.
type tail struct {
	ctx    context.Context
	f      *flight
	at     int64
	end    int64
	closed bool
}

// Read implements io.Reader.
func (t *tail) Read(p []byte) (int, error) {
	if t.at >= t.end {
		return 0, io.EOF
	}
	f := t.f
	var failed error
	var grow storage.Growing
	err := f.wait(t.ctx, func() bool {
		open := min(f.written, f.size-heldBack)
		if f.ended && f.err == nil || f.late {
			open = f.size
		}
		if open <= t.at && !f.ended {
			return false
		}
		p = p[:max(0, min(int64(len(p)), open-t.at, t.end-t.at))]
		failed, grow, f.served = f.err, f.grow, max(f.served, t.at+int64(len(p)))
		return true
	})
	if err != nil {
		return 0, err
	}
	if failed != nil {
		return 0, failed
	}
	n, err := grow.ReadAt(p, t.at)
	t.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Close implements io.Closer.
func (t *tail) Close() error {
	if !t.closed {
		t.closed = true
		t.f.release()
	}
	return nil
}
