package policy

import (
	"context"
	"errors"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

// Bytes that are asked for by their digests.

// Blob implements catalog.Reader. Blocked.
func (r *Reader) Blob(ctx context.Context, at registry.Name, d digest.Digest) (registry.File, error) {
	f, err := r.Reader.Blob(ctx, at, d)
	if err != nil {
		return f, r.unnamed(ctx, at, err)
	}
	return f, r.p.Bytes(ctx, at, d)
}

// Elsewhere is upstreams.Reader.Elsewhere. Blocked.
func (r *Reader) Elsewhere(ctx context.Context, at registry.Name, d digest.Digest) (registry.Name, error) {
	from, err := r.Reader.Elsewhere(ctx, at, d)
	if err != nil {
		return from, r.unnamed(ctx, at, err)
	}
	return from, nil
}

// unnamed is the error for a blob that no version of an image names, where the error was that it is NotFound. Of an image from elsewhere that
// rules may be about it is Blocked: the version that names the blob may be refused, and did not enter.
func (r *Reader) unnamed(ctx context.Context, at registry.Name, err error) error {
	if registry.KindOf(err) != registry.NotFound {
		return err
	}
	l, failed := r.look(ctx, at)
	if failed != nil || l == nil || !l.from.Cached() {
		return err
	}
	return &registry.Error{Kind: registry.Blocked, Subject: registry.AboutBlob, Err: err,
		Detail: "pull the manifest first: rules hold for this image, and no manifest that is here names the blob"}
}

// Link implements catalog.Bytes: no link to bytes that a rule of the whole server refuses.
func (r *Reader) Link(ctx context.Context, f registry.File, mediaType string) (string, error) {
	set, err := r.p.rules(ctx)
	if err != nil {
		return "", err
	}
	if len(set.server) > 0 && f.Blob.Digest != "" {
		d := scope{[][]*rule{about(nil, set.server, "", "")}}.decide(Subject{Digest: f.Blob.Digest, Age: Age{None: true}}, r.p.core.Now())
		if !d.Outcome.Served() {
			return "", nil
		}
	}
	return r.Reader.Link(ctx, f, mediaType)
}

// Bytes implements registry.Policy: it refuses a blob of an image whose bytes a rule denies, or that only versions name that are refused.
func (p *Policies) Bytes(ctx context.Context, at registry.Name, d digest.Digest) error {
	l, err := p.reader.look(ctx, at)
	if err != nil || l == nil {
		return err
	}
	holders, sum, err := l.holders(ctx, d)
	if err != nil {
		return err
	}
	var bytes []*rule
	for _, list := range l.set.scope(at.Format, at.Package, l.asked().Repositories).lists {
		bytes = append(bytes, slices.DeleteFunc(slices.Clone(list), func(r *rule) bool { return r.digest == "" })...)
	}
	if dec := (scope{[][]*rule{bytes}}).decide(Subject{Digest: sum, Age: Age{None: true}}, l.now); !dec.Outcome.Served() {
		return p.refuse(ctx, l.from.Asked(), at.At(""), d.String(), dec, registry.AboutBlob)
	}
	strictest := Decision{Outcome: Allowed}
	for _, v := range holders {
		dec, err := l.version(ctx, v)
		if err != nil || dec.Outcome.Served() {
			return err
		}
		if dec.Outcome.severity() > strictest.Outcome.severity() {
			strictest = dec
		}
	}
	if strictest.Outcome.Served() {
		return nil // no version names it: it is being pushed
	}
	return p.refuse(ctx, l.from.Asked(), at.At(""), d.String(), strictest, registry.AboutBlob)
}

// holders are the versions of a package that name a blob, and the blob's sha256.
func (l *look) holders(ctx context.Context, d digest.Digest) (out []registry.Version, sum digest.Digest, err error) {
	sum = d
	err = l.r.p.core.Store.View(ctx, func(tx metadata.Tx) error {
		ids := l.from.Packages()
		if own, err := registry.OpenPackage(tx, l.at); err == nil && !slices.Contains(ids, own.ID) {
			ids = append(ids, own.ID)
		} else if err != nil && registry.KindOf(err) != registry.NotFound {
			return err
		}
		var versions []int64
		if b, err := registry.BlobByDigest(tx.Blobs(), d); err == nil {
			sum = b.Digest
			files, err := tx.Files().Files(metadata.FileQuery{BlobID: b.ID})
			if err != nil {
				return err
			}
			for _, f := range files {
				if slices.Contains(ids, f.PackageID) {
					versions = append(versions, f.VersionID)
				}
			}
		} else if !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
		for _, id := range ids { // blobs that are not here yet
			named, err := tx.References().Referrers(metadata.ReferrerPage{PackageID: id, Kind: registry.RefBlob, Digest: d, Limit: registry.MaxPage})
			if err != nil {
				return err
			}
			for _, v := range named {
				versions = append(versions, v.ID)
			}
		}
		for _, id := range versions {
			v, err := tx.Versions().VersionByID(id)
			if err != nil {
				return err
			}
			if v.State != registry.Deleted {
				out = append(out, v)
			}
		}
		return nil
	})
	return out, sum, err
}
