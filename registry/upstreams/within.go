package upstreams

import (
	"bytes"
	"context"
	"io"
	"net/url"

	"github.com/opencontainers/go-digest"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
)

// A part of a file that is here, which its remote lists as a file of its own, need not be asked for: who may not cause transfers gets it, as does
// everybody while the remote is away.

// extracted is a part of a file that is here.
type extracted struct {
	bytes []byte
	url   *url.URL // that the file came from
}

// within makes a file of a remote from one that came from it and is here. It is nil where that can't be done, and where what would come of it
// is not what the remote announces: then the remote has to be asked.
func (s *Upstreams) within(ctx context.Context, r *remote, at registry.Coordinate, path string, e *Entry) *extracted {
	source, ok := r.source.(Extractor)
	if !ok || e == nil || e.Sums.SHA256 == "" {
		return nil
	}
	whole := source.Within(path)
	if whole == "" {
		return nil
	}
	at.Repository = r.repository.Name
	have, from, err := s.hereFrom(ctx, r, at, whole)
	if err != nil {
		return nil // as a rule NotFound; after another fault, the remote is asked
	}
	raw, err := source.Extract(ctx, Entered{At: at, Path: whole, Blob: have.Blob, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return s.core.Blobs.Open(ctx, have.Blob.Digest, 0, -1)
	}}, path)
	if err != nil || digest.FromBytes(raw) != e.Sums.SHA256 {
		return nil
	}
	x := &extracted{bytes: raw}
	x.url, _ = url.Parse(from.URL) // it was one when it was stored
	return x
}

// hereFrom returns a file that came from a remote and is here, and what is known of its transfer. NotFound, metadata.ErrNotExist.
func (s *Upstreams) hereFrom(ctx context.Context, r *remote, at registry.Coordinate, path string) (have registry.File, from metadata.CachedFile, err error) {
	if have, err = s.local.File(ctx, at, path); err != nil {
		return have, from, err
	}
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if from, err = tx.Caches().CachedFile(have.VersionID, path); err == nil && from.UpstreamID != r.ID {
			err = metadata.ErrNotExist
		}
		return err
	})
	return have, from, err
}

// answer is it in place of an answer of the remote.
func (x *extracted) answer() *origin.Response {
	return &origin.Response{URL: x.url, Body: io.NopCloser(bytes.NewReader(x.bytes)), Length: int64(len(x.bytes)), FreshFor: -1}
}

// sized is the entry of the part with its size; e itself where there is no part.
func (x *extracted) sized(e *Entry) *Entry {
	if x == nil {
		return e
	}
	known := *e
	known.Size = int64(len(x.bytes))
	return &known
}
