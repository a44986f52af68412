package upstreams

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/origin"
	"slipway/registry"
	"slipway/registry/catalog"
)

// Builder is a Source some of whose versions have a document of their own at the registry, which lists files that become more with time: the
// snapshots of Maven.
type Builder interface {
	// VersionDocument says how the document is asked for; false: the version has none.
	VersionDocument(at registry.Coordinate) (Ask, bool)
	// ParseVersion reads it: the path of each file and, as AddedAt, when it came there. All in it is hostile. Invalid.
	ParseVersion(at registry.Coordinate, doc []byte) ([]registry.File, error)
}

// buildsFresh is for how long such a document counts as fresh at most: its clients ask for it at each build.
const buildsFresh = 5 * time.Minute

// withBuilt adds to a version of a remote the files that its own document lists. Where that can't be had, what is here is all.
func (s *Upstreams) withBuilt(ctx context.Context, src source, at registry.Coordinate, d catalog.VersionDetail) (catalog.VersionDetail, error) {
	r, err := s.remoteOf(src.place)
	if err != nil {
		return d, err
	}
	builder, ok := r.source.(Builder)
	if !ok {
		return d, nil
	}
	ask, ok := builder.VersionDocument(at)
	if !ok {
		return d, nil
	}
	fresh := func(res *origin.Response, ttl time.Duration) time.Duration {
		return min(freshFor(res, ttl), buildsFresh)
	}
	x, err := s.answer(ctx, r, at.Name, question{kind: registry.CacheDocument, part: "/" + at.Version, fresh: fresh,
		fetch: func(ctx context.Context, _, _ string) (*fetched, *origin.Response, error) {
			body, res, err := r.read(ctx, ask)
			if err != nil {
				return nil, nil, err
			}
			x := &index{bytes: 4 * len(body)}
			err = s.guarded(r, at.Package, func() (err error) {
				x.built, err = builder.ParseVersion(at, body)
				return err
			})
			if err != nil {
				return nil, nil, r.unreadable("list of files", err)
			}
			return small(x, digest.FromBytes(body)), res, nil
		}}, false)
	switch {
	case err == nil:
		for _, f := range x.built {
			f.Blob.Size = -1
			d.Files = addFiles(d.Files, []registry.File{f}, d.Version.ID)
		}
	case registry.KindOf(err) != registry.NotFound && len(d.Files) == 0:
		return d, err
	}
	return d, nil
}
