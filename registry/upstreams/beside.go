package upstreams

import (
	"bytes"
	"context"
	"io"

	"github.com/opencontainers/go-digest"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/publish"
)

// maxBeside is the longest blob that is read with the version that names it.
const maxBeside = 1 << 20

// beside reads blobs that say something of the version which names them, as the config of an image has its labels. What is fetched for that
// enters with the version: its clients want it next.
type beside struct {
	s  *Upstreams
	r  *remote
	at registry.Coordinate // of the version, in the repository that it enters

	files  []publish.Staged
	cached map[string]metadata.CachedFile // by path
}

// read is Entered.Beside. A remote that takes long for the blob is not waited for.
func (b *beside) read(ctx context.Context, e *Entry) ([]byte, error) {
	if e == nil || e.Size < 0 || e.Size > maxBeside {
		return nil, registry.Errorf(registry.TooLarge, registry.AboutBlob, "it is too long to be read")
	}
	d := digest.Digest(e.Path)
	if have, err := b.s.local.Blob(catalog.Look(ctx), b.at.Name, d); err == nil {
		r, err := b.s.core.Blobs.Open(ctx, have.Blob.Digest, 0, -1)
		if err != nil {
			return nil, err
		}
		defer func() { _ = r.Close() }() // only read from
		return io.ReadAll(io.LimitReader(r, maxBeside))
	}
	if err := b.s.admit(ctx, Candidate{At: b.at, Repositories: b.r.way, Remote: b.r.Upstream, Digest: d}); err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, b.r.staleAfter())
	defer cancel()
	body, res, err := b.fetch(waiting, e)
	if err != nil {
		return nil, err
	}
	if !e.Pinned || d.Algorithm().FromBytes(body) != d {
		return nil, registry.Errorf(registry.DigestMismatch, registry.AboutBlob, "%s has other bytes", d)
	}
	sums := newSums()
	_, _ = sums.Write(body) // it never fails
	stored := b.s.core.Now()
	if _, err := b.s.core.Blobs.Put(ctx, bytes.NewReader(body), maxBeside); err != nil {
		return nil, err
	}
	b.files = append(b.files, publish.Arrived(e.Path, e.MediaType, sums.blob(int64(len(body))), stored))
	b.cached[e.Path] = b.r.cachedFile(res, d.Algorithm().String())
	return body, nil
}

func (b *beside) fetch(ctx context.Context, e *Entry) ([]byte, *origin.Response, error) {
	at := b.at
	at.Package = b.r.elsewhere(ctx, at.Package)
	ask, err := b.r.source.File(at, e.Path, e)
	if err != nil {
		return nil, nil, err
	}
	res, err := b.r.client.Do(ctx, origin.Request{URL: ask.URL, Kind: origin.File, Accept: ask.Accept, Scope: ask.Scope, MaxBytes: maxBeside})
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or given up
	body, err := io.ReadAll(res.Body)
	return body, res, err
}
