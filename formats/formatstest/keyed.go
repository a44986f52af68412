package formatstest

import (
	"context"
	"io"
	"regexp"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// keyed fails the test when the store is asked for anything but a digest, or for an upload that the core did not name.
type keyed struct {
	storage.Store
	t testing.TB
}

// Keyed puts a check around a store: no name that a client sends is a key of it.
func Keyed(s storage.Store, t testing.TB) storage.Store { return keyed{s, t} }

var uploadID = regexp.MustCompile(`^[a-z0-9-]{16,64}$`)

func (k keyed) digest(d digest.Digest) {
	if d.Validate() != nil || d.Algorithm() != digest.SHA256 {
		k.t.Errorf("the store is asked for %q", d)
	}
}

func (k keyed) upload(id string) {
	if !uploadID.MatchString(id) {
		k.t.Errorf("the store is asked for the upload %q", id)
	}
}

func (k keyed) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	k.digest(d)
	return k.Store.Open(ctx, d, offset, length)
}

func (k keyed) Stat(ctx context.Context, d digest.Digest) (storage.Blob, error) {
	k.digest(d)
	return k.Store.Stat(ctx, d)
}

func (k keyed) Delete(ctx context.Context, d digest.Digest) error {
	k.digest(d)
	return k.Store.Delete(ctx, d)
}

func (k keyed) Create(ctx context.Context, id string, state *string) error {
	k.upload(id)
	return k.Store.Create(ctx, id, state)
}

func (k keyed) Append(ctx context.Context, id string, offset int64, r io.Reader, limit int64, state *string) (int64, error) {
	k.upload(id)
	return k.Store.Append(ctx, id, offset, r, limit, state)
}

func (k keyed) OpenUpload(ctx context.Context, id string, size int64) (io.ReadCloser, error) {
	k.upload(id)
	return k.Store.OpenUpload(ctx, id, size)
}

func (k keyed) Finish(ctx context.Context, id string, b storage.Blob, state *string) error {
	k.upload(id)
	k.digest(b.Digest)
	return k.Store.Finish(ctx, id, b, state)
}

func (k keyed) Discard(ctx context.Context, id string) error {
	k.upload(id)
	return k.Store.Discard(ctx, id)
}

func (k keyed) Grow(ctx context.Context) (storage.Growing, error) {
	g, err := k.Store.(storage.Grower).Grow(ctx)
	if err != nil {
		return nil, err
	}
	return keyedGrowing{g, k}, nil
}

type keyedGrowing struct {
	storage.Growing
	k keyed
}

func (g keyedGrowing) Commit(ctx context.Context, sum digest.Digest) (storage.Blob, error) {
	g.k.digest(sum)
	return g.Growing.Commit(ctx, sum)
}
