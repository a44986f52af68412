package upstreams

import (
	"context"
	"errors"
	"io"
	"time"

	"slipway/internal/origin"
	"slipway/registry"
)

// headed is what a remote said of a file that is not here, without its bytes.
type headed struct {
	until time.Time
	size  int64
}

// head tells of a file that is not here what a HEAD shows, without a transfer: from the remote's index, or by one HEAD, which is remembered.
// known is false where the remote does not tell the size. NotFound; Unavailable, BadUpstream.
func (s *Upstreams) head(ctx context.Context, r *remote, at registry.Coordinate, path string, e *Entry) (file registry.File, known bool, err error) {
	size := int64(-1)
	if e != nil {
		size = e.Size
	}
	now := s.core.Now()
	key := absenceKey(r, at, path)
	if size < 0 {
		size = s.checked.headed(key, now)
	}
	if size < 0 {
		if size, err = r.headSize(ctx, at, path, e); err != nil {
			if registry.KindOf(err) == registry.NotFound {
				s.checked.missing(r, at, path, now, err)
			}
			return registry.File{}, false, err
		}
		s.checked.head(key, headed{now.Add(r.negativeTTL()), size})
	}
	if size < 0 {
		return registry.File{}, false, nil
	}
	file = registry.File{Path: path, AddedAt: now, Blob: registry.Blob{Size: size}, Arriving: unasked{}}
	if e != nil {
		file.Blob = e.file(0).Blob
		file.MediaType, file.Blob.Size = e.MediaType, size
		if !e.PublishedAt.IsZero() {
			file.AddedAt = e.PublishedAt
		}
	}
	return file, true, nil
}

// Answers of a remote that knows no HEAD.
const (
	statusNoMethod       = 405
	statusNotImplemented = 501
)

// headSize asks a remote for the size of a file; -1: it does not tell.
func (r *remote) headSize(ctx context.Context, at registry.Coordinate, path string, e *Entry) (int64, error) {
	ask, err := r.source.File(at, path, e)
	if err != nil {
		return -1, err
	}
	res, err := r.client.Do(ctx, origin.Request{Method: "HEAD", URL: ask.URL, Kind: origin.File, Accept: ask.Accept})
	var f *origin.Fault
	if errors.As(err, &f) && (f.Status == statusNoMethod || f.Status == statusNotImplemented) {
		return -1, nil
	}
	if err != nil {
		return -1, fault(at.Name, err)
	}
	defer func() { _ = res.Body.Close() }() // it is empty
	if res.Encoding != "" {
		return -1, nil
	}
	return res.Length, nil
}

// unasked is a file of a HEAD, whose bytes nobody has asked for.
type unasked struct{}

// Open implements registry.Arriving.
func (unasked) Open(context.Context, int64, int64) (io.ReadCloser, error) {
	return nil, errors.New("upstreams: a file that was only looked at has no bytes")
}

// headed returns the size that a remote told not long ago; -1: none.
func (c *checked) headed(key flightKey, now time.Time) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h, ok := c.heads[key]; ok && now.Before(h.until) {
		return h.size
	}
	return -1
}

func (c *checked) head(key flightKey, h headed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.heads == nil || len(c.heads) >= maxChecked {
		c.heads = map[flightKey]headed{}
	}
	c.heads[key] = h
}
