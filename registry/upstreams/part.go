package upstreams

import (
	"context"
	"io"

	"slipway/internal/origin"
	"slipway/registry"
)

// near is how far behind the last byte that is here a reader waits for the transfer.
const near = 8 << 20

// passed is a part of the file straight from the remote, for a reader that is far ahead of the transfer and whose client compares the
// digest of the whole; nil: the reader follows the transfer. The reader is one of the transfer, which goes on and makes the entry.
func (f *flight) passed(ctx context.Context, offset, length int64) io.ReadCloser {
	f.mu.Lock()
	if f.ended || f.entry == nil || !f.entry.Pinned || f.validator == "" || offset <= f.written+near {
		f.mu.Unlock()
		return nil
	}
	f.enterReader()
	request, end := f.request, f.size
	f.mu.Unlock()
	if length >= 0 {
		end = min(end, offset+length)
	}
	request.Range, request.IfRange = &origin.Range{First: offset, Last: end - 1}, f.validator
	res, err := f.r.client.Do(ctx, request)
	if err != nil {
		f.release()
		return nil
	}
	out := &part{res.Body, f}
	if res.Status != statusPartial || res.Total >= 0 && res.Total != f.size || res.Encoding != "" { // other bytes, or all of them
		_ = out.Close()
		return nil
	}
	f.s.note(ctx, f.at.Format, registry.CacheFile, registry.CachePassed)
	return out
}

// part is the body of a range that was passed on.
type part struct {
	io.ReadCloser
	f *flight
}

// Close implements io.Closer. It is called once.
func (p *part) Close() error {
	defer p.f.release()
	return p.ReadCloser.Close()
}
