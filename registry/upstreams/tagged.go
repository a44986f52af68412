package upstreams

import (
	"cmp"
	"context"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

// tagged finds the version that a tag names: what is published here wins, then the remotes say, and while they can't, or have the tag no
// more, it is the version that was served last.
func (s *Upstreams) tagged(ctx context.Context, f found, tag string) (registry.Version, error) {
	look := func(src source) (registry.Version, error) { return s.resolveOwned(ctx, &f, src, catalog.Ref{Tag: tag}) }
	var published, cached []source
	for _, src := range f.sources {
		if src.pkg.Origin == metadata.OriginCached {
			cached = append(cached, src)
		} else {
			published = append(published, src)
		}
	}
	absent := f.lacks(registry.AboutTag, tag)
	contested := false
	var failed error // of places that are left out
	var silent *place
	for _, step := range f.steps(published) {
		if step.remote == nil {
			v, err := look(step)
			if err == nil || registry.KindOf(err) != registry.NotFound {
				registry.CacheUseOf(ctx).MadeOf(false)
				return v, err
			}
			absent = err
			continue
		}
		if !contested {
			s.contest(ctx, &f, f.name.At(""), "")
			contested = true
		}
		v, err := s.taggedAt(ctx, f, step.place, tag)
		if err == nil {
			registry.CacheUseOf(ctx).MadeOf(f.copies())
			return v, nil
		}
		if s.passOver(ctx, step.place, err) {
			failed = err
			continue
		}
		absent = err
		if registry.KindOf(err) != registry.NotFound {
			silent = &step.place
			break // it may have the tag, so no other remote is asked
		}
	}
	if v, err := search(cached, absent, look); err == nil {
		s.staleAt(ctx, silent, registry.CacheTag)
		return v, nil
	}
	return registry.Version{}, cmp.Or(failed, absent)
}

// steps are the places that are asked what a tag names: what is published here, and then the remotes, or all as the list has them.
func (f *found) steps(published []source) []source {
	out := slices.Clip(published)
	for _, p := range f.remotes {
		out = append(out, source{place: p})
	}
	if f.strict {
		slices.SortStableFunc(out, byPlace)
	}
	return out
}

// taggedAt finds the version that a tag names at a remote, and notes that it is served.
func (s *Upstreams) taggedAt(ctx context.Context, f found, p place, tag string) (registry.Version, error) {
	src, here := f.entered(p.repository.ID)
	var last registry.Version // what the tag named when it was served last
	if here {
		var err error
		last, err = s.local.Resolve(ctx, src.at(f.name), catalog.Ref{Tag: tag})
		if err != nil && registry.KindOf(err) != registry.NotFound || err == nil && registry.TagRules.In(p.repository).For(f.name.Format, tag).Rule == registry.TagImmutable {
			return last, err
		}
	}
	e, err := s.said(ctx, f, p, tag)
	if err != nil {
		return registry.Version{}, about(registry.AboutTag, err)
	}
	if last.Name == e.Version {
		return last, nil
	}
	d := digest.Digest(e.Version)
	if here {
		v, err := s.local.Resolve(ctx, src.at(f.name), catalog.Ref{Version: e.Version})
		if err == nil {
			return v, s.serve(ctx, f, p, v, tag)
		}
		if registry.KindOf(err) != registry.NotFound {
			return v, err
		}
	}
	r, err := s.remoteOf(p)
	if err != nil {
		return registry.Version{}, err
	}
	if _, err := s.admitImage(ctx, r, f.name, d, last.Name != ""); err != nil {
		if last.Name != "" && registry.KindOf(err) == registry.Blocked {
			return last, nil // the tag stays where it was
		}
		return registry.Version{}, err
	}
	if catalog.IsLook(ctx) && e.Size >= 0 {
		s.served.note(servedKey{p.remote.ID, f.name.Package, d}, tag)
		return e.unread(), nil
	}
	return s.bring(ctx, f, p, d, []string{tag})
}

// serve notes that a tag of a remote is served as the name of a version. Where that can't be stored, as on a full disk, the version is
// served all the same. NotFound: it was deleted just now.
func (s *Upstreams) serve(ctx context.Context, f found, p place, v registry.Version, tag string) error {
	at := f.name
	at.Repository = p.repository.Name
	err := s.publisher.EnterTag(ctx, access.From(ctx), at.At(v.Name), tag, p.remote.Name)
	if err == nil || registry.KindOf(err) == registry.NotFound {
		return err
	}
	s.core.Log.WarnContext(ctx, "a tag of an upstream was served, but could not be noted", "upstream", p.remote.Name, "package", at.Package, "tag", tag, "error", err.Error())
	return nil
}
