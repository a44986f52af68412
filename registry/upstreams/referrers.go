package upstreams

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
)

// elsewhereIDs is below the IDs of referrers that only a remote lists, so that they follow all that are here.
const elsewhereIDs = math.MaxInt64 / 2

// referrers is a page of the versions that are about a digest: of all places, then of the remotes. Those of remotes that are not here have
// a Descriptor.
func (s *Upstreams) referrers(ctx context.Context, at registry.Name, d digest.Digest, after int64, limit int) ([]registry.Version, error) {
	f, err := s.look(ctx, at)
	if err != nil {
		return nil, err
	}
	if err := s.askOwners(ctx, &f, at.At(""), ""); err != nil {
		return nil, err
	}
	f.onlyHere(ctx)
	limit = registry.Bound(limit)
	var out []registry.Version
	if after < elsewhereIDs {
		out, err = s.referrersHere(ctx, f, d, after, limit)
	}
	if err != nil || len(out) == limit || len(f.remotes) == 0 {
		return out, err
	}
	more, err := s.referrersElsewhere(ctx, f, d)
	if err != nil && len(out) == 0 && after == 0 {
		return nil, err
	}
	for _, v := range more {
		if v.ID > after && len(out) < limit {
			out = append(out, v)
		}
	}
	return out, nil
}

func (s *Upstreams) referrersHere(ctx context.Context, f found, d digest.Digest, after int64, limit int) ([]registry.Version, error) {
	var out []registry.Version
	have := map[digest.Digest]bool{}
	for { // a page with nothing but what is there already is not the end
		var page []registry.Version
		more := false
		for _, src := range f.everywhere() {
			list, err := s.local.Referrers(ctx, src.at(f.name), d, after, limit)
			if err != nil {
				return nil, err
			}
			page = append(page, list...)
			more = more || len(list) == limit
		}
		slices.SortFunc(page, func(a, b registry.Version) int { return cmp.Compare(a.ID, b.ID) })
		for _, v := range page[:min(len(page), limit)] {
			if after = v.ID; !have[v.Digest] {
				have[v.Digest] = true
				out = append(out, v)
			}
		}
		if !more && len(page) <= limit || len(out) >= limit {
			break
		}
	}
	return out[:min(len(out), limit)], nil
}

// referrersElsewhere are what the remotes list and no place has.
func (s *Upstreams) referrersElsewhere(ctx context.Context, f found, d digest.Digest) ([]registry.Version, error) {
	have := map[digest.Digest]bool{}
	here, err := s.referrersHere(ctx, f, d, 0, registry.MaxPage)
	if err != nil {
		return nil, err
	}
	for _, v := range here {
		have[v.Digest] = true
	}
	var out []registry.Version
	for _, p := range f.remotes {
		x, err := s.referrersAt(ctx, f, p, d)
		if s.passOver(ctx, p, err) {
			continue
		}
		if err != nil {
			s.staleAt(ctx, &p, registry.CacheDocument)
			return out, err
		}
		for _, v := range x.Versions {
			if !have[v.Digest] {
				have[v.Digest] = true
				v.ID = elsewhereIDs + int64(len(out)) + 1
				out = append(out, v)
			}
		}
	}
	return out, nil
}
