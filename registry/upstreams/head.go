package upstreams

import (
	"context"
	"errors"
	"io"
	"time"

	"slipway/internal/origin"
	"slipway/registry"
)

// headFor is how long the answer to a HEAD is remembered.
const headFor = time.Minute

// headed is what a remote said of a file that is not here, without its bytes.
type headed struct {
	until    time.Time
	size     int64
	modified time.Time // zero: not told
}

// head tells of a file that is not here what a HEAD shows, without a transfer: from the remote's index, or by one HEAD, which is remembered.
// known is false where the remote does not tell the size. NotFound; Unavailable, BadUpstream.
func (s *Upstreams) head(ctx context.Context, r *remote, at registry.Coordinate, path string, x *index, e *Entry) (file registry.File, known bool, err error) {
	told := headed{size: -1}
	if e != nil {
		told.size = e.Size
	}
	now := s.core.Now()
	key := absenceKey(r, at, path)
	if told.size < 0 {
		told = s.checked.headed(key, now)
	}
	result := registry.CacheHit
	if told.size < 0 {
		result = registry.CachePassed
		if told, err = r.headSize(ctx, at, path, e); err != nil {
			if registry.KindOf(err) == registry.NotFound {
				s.checked.missing(r, at, path, now, err)
			}
			s.failed(ctx, at.Format, registry.CacheFile, err)
			return registry.File{}, false, err
		}
		told.until = now.Add(headFor)
		s.checked.head(key, told)
	}
	if told.size < 0 {
		return registry.File{}, false, nil
	}
	s.note(ctx, at.Format, registry.CacheFile, result)
	from := unasked{id: r.ID, published: told.modified}
	if e != nil && x != nil {
		from.published, from.seen = e.PublishedAt, x.firstSeen(e.Version, e.Path)
	} else if x != nil {
		from.seen = x.firstSeen(at.Version, "")
	}
	file = registry.File{Path: path, AddedAt: now, Blob: registry.Blob{Size: told.size}, Arriving: from}
	if e != nil {
		file.Blob = e.file(0).Blob
		file.MediaType, file.Blob.Size = e.MediaType, told.size
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

// headSize asks a remote for the size of a file, and for its time; -1: it does not tell the size.
func (r *remote) headSize(ctx context.Context, at registry.Coordinate, path string, e *Entry) (headed, error) {
	none := headed{size: -1}
	ask, err := r.source.File(at, path, e)
	if err != nil {
		return none, err
	}
	res, err := r.client.Do(ctx, origin.Request{Method: "HEAD", URL: ask.URL, Kind: origin.File, Accept: ask.Accept})
	var f *origin.Fault
	if errors.As(err, &f) && (f.Status == statusNoMethod || f.Status == statusNotImplemented) {
		return none, nil
	}
	if err != nil {
		return none, fault(at.Name, err)
	}
	defer func() { _ = res.Body.Close() }() // it is empty
	if res.Encoding != "" {
		return none, nil
	}
	return headed{size: res.Length, modified: r.modified(res)}, nil
}

// unasked is a file of a HEAD, whose bytes nobody has asked for.
type unasked struct {
	id              int64 // of the upstream
	published, seen time.Time
}

func (u unasked) from() (upstreamID int64, published, seen time.Time) {
	return u.id, u.published, u.seen
}

// Open implements registry.Arriving.
func (unasked) Open(context.Context, int64, int64) (io.ReadCloser, error) {
	return nil, errors.New("upstreams: a file that was only looked at has no bytes")
}

// Entered implements registry.Arriving.
func (unasked) Entered() int64 { return 0 }

// headed returns what a remote told not long ago; the size -1: nothing.
func (c *checked) headed(key flightKey, now time.Time) headed {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h, ok := c.heads[key]; ok && now.Before(h.until) {
		return h
	}
	return headed{size: -1}
}

func (c *checked) head(key flightKey, h headed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.heads == nil || len(c.heads) >= maxChecked {
		c.heads = map[flightKey]headed{}
	}
	c.heads[key] = h
}
