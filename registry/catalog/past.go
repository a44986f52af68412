package catalog

import (
	"context"
	"slices"

	"slipway/metadata"
	"slipway/registry"
)

// maxPastTags bounds the tags of a package that are looked through for those that named a version.
const maxPastTags = 1000

// VersionDetailAt reads one version as it was at a past moment: the files that it had, what was said about it by then, and the tags that named
// it. One that was deleted later counts as published; a state that clients gave it is the present one, as for Search. NotFound: it was not
// there, or what is there now came later.
func (s *Catalog) VersionDetailAt(ctx context.Context, at registry.Coordinate, when registry.AsOf) (VersionDetail, error) {
	when, err := s.core.SettleUntil(ctx, when)
	if err != nil {
		return VersionDetail{}, err
	}
	d, err := s.VersionDetail(ctx, at)
	if err != nil {
		return d, err
	}
	var seq int64
	var tags []registry.Tag
	err = s.view(ctx, at.Repository, func(tx metadata.Tx) (err error) {
		if seq, err = registry.SeqAsOf(tx.Log(), when); err != nil {
			return err
		}
		tags, err = tx.Tags().TagPageAt(d.Package.ID, seq, registry.Page{Limit: maxPastTags})
		return err
	})
	switch {
	case err != nil:
		return d, err
	case d.Version.Seq > seq:
		return d, registry.Errorf(registry.NotFound, registry.AboutVersion, "there was no version %q of %q then", registry.Clip(at.Version), d.Package.Name)
	case d.Version.EndedSeq > seq: // it was not deleted yet
		d.Version.State, d.Version.Reason, d.Version.EndedSeq = registry.Published, "", 0
	}
	d.Tags = slices.DeleteFunc(tags, func(t registry.Tag) bool { return t.VersionID != d.Version.ID })
	d.Facts = slices.DeleteFunc(d.Facts, func(f registry.Fact) bool { return f.Seq > seq })
	return d, nil
}

// packageThen calls fn with the package of a repository itself, and the sequence number of the log that a moment is. NotFound.
func (s *Catalog) packageThen(ctx context.Context, at registry.Name, when registry.AsOf, fn func(tx metadata.Tx, p registry.Package, seq int64) error) error {
	when, err := s.core.SettleUntil(ctx, when)
	if err != nil {
		return err
	}
	return s.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at)
		if err != nil {
			return err
		}
		seq, err := registry.SeqAsOf(tx.Log(), when)
		if err != nil {
			return err
		}
		return fn(tx, p, seq)
	})
}
