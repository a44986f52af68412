package policy

import (
	"context"

	"slipway/registry"
	"slipway/registry/catalog"
)

// Tags implements catalog.Reader.
func (r *Reader) Tags(ctx context.Context, at registry.Name) ([]registry.Tag, error) {
	return r.TagPage(ctx, at, registry.Page{})
}

// TagPage implements catalog.Reader: a tag whose version is hidden names what Resolve says, or is left out. Blocked: no tag is left.
func (r *Reader) TagPage(ctx context.Context, at registry.Name, page registry.Page) ([]registry.Tag, error) {
	l, err := r.look(ctx, at)
	if err != nil {
		return nil, err
	}
	if l == nil || catalog.ShowsHidden(ctx) {
		return r.Reader.TagPage(ctx, at, page)
	}
	if err := l.before(ctx, "", registry.AboutPackage); err != nil {
		return nil, err
	}
	out := []registry.Tag{}
	for some := false; ; {
		list, err := r.Reader.TagPage(ctx, at, page)
		if err != nil {
			return nil, err
		}
		var refused error
		for _, t := range list {
			page.After = t.Name
			if r.p.core.Rules[at.Format].Images && t.VersionID == 0 { // of a remote, and never served: which version it names is not known
				out, some = append(out, t), true
				continue
			}
			v, err := l.named(ctx, t)
			switch kind := registry.KindOf(err); {
			case err == nil:
				t.Version, t.VersionID, t.Digest = v.Name, v.ID, v.Digest
				out, some = append(out, t), true
			case kind == registry.Blocked:
				refused = err
			case kind != registry.NotFound:
				return nil, err
			}
		}
		if refused != nil && !some && page.Limit == 0 {
			return nil, refused
		}
		if page.Limit == 0 || len(list) < page.Limit || len(out) >= page.Limit {
			break
		}
	}
	if page.Limit > 0 {
		out = out[:min(len(out), page.Limit)]
	}
	return out, nil
}

// named is the version that a listed tag names. No remote is asked which one that is.
func (l *look) named(ctx context.Context, t registry.Tag) (registry.Version, error) {
	if !l.r.p.core.Rules[l.at.Format].Images {
		return l.r.Resolve(ctx, l.at, catalog.Ref{Tag: t.Name})
	}
	v, err := l.r.Reader.Resolve(ctx, l.at, catalog.Ref{Version: t.Version})
	if err != nil {
		return v, err
	}
	d, err := l.version(ctx, v)
	if err != nil || d.Outcome.Shown() {
		return v, err
	}
	return l.retagged(ctx, t.Name, v, d)
}
