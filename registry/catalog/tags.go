package catalog

import (
	"context"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Tags returns the current tags, by name. NotFound.
func (s *Catalog) Tags(ctx context.Context, at registry.Name) ([]registry.Tag, error) {
	var out []registry.Tag
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at)
		if err != nil {
			return err
		}
		out, err = tx.Tags().Tags(p.ID)
		return err
	})
	return out, err
}

// TagPage returns a page of the current tags, by name. NotFound.
func (s *Catalog) TagPage(ctx context.Context, at registry.Name, page registry.Page) ([]registry.Tag, error) {
	var out []registry.Tag
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at)
		if err != nil {
			return err
		}
		out, err = tx.Tags().TagPage(p.ID, page)
		return err
	})
	return out, err
}

// TagAt returns a tag as it is now or was at a past moment. NotFound: it did not exist then.
func (s *Catalog) TagAt(ctx context.Context, at registry.Name, tag string, when registry.AsOf) (registry.Tag, error) {
	when, err := s.core.SettleUntil(ctx, when)
	if err != nil {
		return registry.Tag{}, err
	}
	var p registry.Package
	var t registry.Tag
	var files []registry.File
	err = s.view(ctx, at.Repository, func(tx metadata.Tx) (err error) {
		if p, err = registry.OpenPackage(tx, at); err != nil {
			return err
		}
		if t, err = tagAt(tx, p, tag, when); err != nil || t.Digest != "" {
			return err
		}
		v, err := tx.Versions().VersionByID(t.VersionID)
		if err != nil || v.State == registry.Deleted {
			return err
		}
		files, err = tx.Files().Files(metadata.FileQuery{VersionID: t.VersionID})
		return err
	})
	if err == nil && len(files) > 0 {
		t.Digest = registry.ContentDigest(files)
		s.core.KeepDigest(ctx, p, registry.Version{ID: t.VersionID, Digest: t.Digest})
	}
	return t, err
}

func tagAt(tx metadata.Tx, p registry.Package, tag string, when registry.AsOf) (registry.Tag, error) {
	if when.IsNow() {
		t, err := tx.Tags().Tag(p.ID, tag)
		return t, registry.Missing(err, registry.AboutTag, "there is no tag %q on %q", registry.Clip(tag), p.Name)
	}
	seq, err := registry.SeqAsOf(tx.Log(), when)
	if err != nil {
		return registry.Tag{}, err
	}
	t, err := tx.Tags().TagAt(p.ID, tag, seq)
	return t, registry.Missing(err, registry.AboutTag, "there was no tag %q on %q then", registry.Clip(tag), p.Name)
}

// TagHistory returns every interval of a tag, newest first, to callers who may read the repository or audit it. NotFound: the tag
// never existed.
func (s *Catalog) TagHistory(ctx context.Context, at registry.Name, tag string, page registry.Page) ([]registry.Tag, error) {
	page.Limit = registry.Bound(page.Limit)
	var out []registry.Tag
	if !s.trusted {
		if err := s.core.AuthorizeAny(ctx, at.Repository, access.Read, access.Audit); err != nil {
			return nil, err
		}
	}
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at)
		if err != nil {
			return err
		}
		out, err = tx.Tags().TagHistory(p.ID, tag, page)
		if err == nil && len(out) == 0 && page.After == "" {
			return registry.Errorf(registry.NotFound, registry.AboutTag, "there never was a tag %q on %q", registry.Clip(tag), p.Name)
		}
		return err
	})
	return out, err
}
