package policy

import (
	"context"
	"slices"

	"slipway/registry"
	"slipway/registry/catalog"
)

// Resolve implements catalog.Reader. A tag of a version that is hidden names the one that it named before, where the format has images, and
// else what documents say: latest is the highest version that is shown, and other tags are gone. Blocked.
func (r *Reader) Resolve(ctx context.Context, at registry.Name, ref catalog.Ref) (registry.Version, error) {
	l, err := r.look(ctx, at)
	if err != nil {
		return registry.Version{}, err
	}
	if l == nil {
		return r.Reader.Resolve(ctx, at, ref)
	}
	if err := l.before(ctx, ref.Version, registry.AboutVersion); err != nil {
		return registry.Version{}, err
	}
	v, err := r.Reader.Resolve(ctx, at, ref)
	if err != nil {
		return v, err
	}
	d, err := l.version(ctx, v)
	if err != nil {
		return registry.Version{}, err
	}
	if ref.Version != "" || ref.Tag == "" || d.Outcome.Shown() {
		if err := l.admit(ctx, v.Name, d, registry.AboutVersion); err != nil {
			return registry.Version{}, err
		}
		return v, nil
	}
	return l.retagged(ctx, ref.Tag, v, d)
}

// retagged is what a tag names whose version is hidden.
func (l *look) retagged(ctx context.Context, tag string, v registry.Version, d Decision) (registry.Version, error) {
	refusal := func() error {
		return l.r.p.refuse(ctx, l.from.Asked(), l.at.At(v.Name), l.r.p.subjectOf(l.at.At(v.Name)), d, registry.AboutVersion)
	}
	if l.r.p.core.Rules[l.at.Format].Images {
		former, err := l.former(ctx, tag)
		if former.ID == 0 && err == nil {
			err = refusal()
		}
		return former, err
	}
	c, err := l.r.PackageListing(ctx, l.at, false)
	if err != nil {
		return registry.Version{}, err
	}
	if i := slices.IndexFunc(c.Tags, func(t registry.Tag) bool { return t.Name == tag }); i >= 0 {
		return l.r.Reader.Resolve(ctx, l.at, catalog.Ref{Version: c.Tags[i].Version})
	}
	return registry.Version{}, refusal()
}

// former is the newest version that a tag has named and that is shown; the zero Version if there is none.
func (l *look) former(ctx context.Context, tag string) (registry.Version, error) {
	history, err := l.r.Reader.TagHistory(ctx, l.at, tag, registry.Page{Limit: registry.MaxPage})
	if err != nil {
		if registry.KindOf(err) == registry.NotFound {
			err = nil
		}
		return registry.Version{}, err
	}
	for _, t := range history {
		v, err := l.r.Reader.Resolve(ctx, l.at, catalog.Ref{Version: t.Version})
		if registry.KindOf(err) == registry.NotFound && err != nil {
			continue // deleted since
		}
		if err != nil {
			return registry.Version{}, err
		}
		d, err := l.version(ctx, v)
		if err != nil || d.Outcome.Shown() {
			return v, err
		}
	}
	return registry.Version{}, nil
}
