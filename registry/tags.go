package registry

import (
	"context"
	"errors"

	"slipway/metadata"
)

// Tags returns the tags that hold, by name. NotFound.
func (s *Service) Tags(ctx context.Context, at Name) ([]Tag, error) {
	var out []Tag
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := openPackage(tx, at)
		if err != nil {
			return err
		}
		out, err = tx.Tags().Tags(p.ID)
		return err
	})
	return out, err
}

// TagAt returns what a tag names, now or at a past moment. NotFound: it named nothing then.
func (s *Service) TagAt(ctx context.Context, at Name, tag string, when AsOf) (Tag, error) {
	if err := s.reach(ctx, when); err != nil {
		return Tag{}, err
	}
	var p Package
	var t Tag
	var files []File
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) (err error) {
		if p, err = openPackage(tx, at); err != nil {
			return err
		}
		if t, err = tagAt(tx, p, tag, when); err != nil || t.Digest != "" {
			return err
		}
		files, err = tx.Files().Files(metadata.FileQuery{VersionID: t.VersionID})
		return err
	})
	if err == nil && len(files) > 0 {
		t.Digest = ContentDigest(files)
		s.keepDigest(ctx, p, Version{ID: t.VersionID, Digest: t.Digest})
	}
	return t, err
}

func tagAt(tx metadata.Tx, p Package, tag string, when AsOf) (Tag, error) {
	if when.IsNow() {
		t, err := tx.Tags().Tag(p.ID, tag)
		return t, missing(err, AboutTag, "there is no tag %q on %q", clip(tag), p.Name)
	}
	seq, err := seqOf(tx.Log(), when)
	if err != nil {
		return Tag{}, err
	}
	t, err := tx.Tags().TagAt(p.ID, tag, seq)
	return t, missing(err, AboutTag, "there was no tag %q on %q then", clip(tag), p.Name)
}

// TagHistory returns every interval of a tag, newest first. NotFound: it never was.
func (s *Service) TagHistory(ctx context.Context, at Name, tag string, page Page) ([]Tag, error) {
	page.Limit = bound(page.Limit)
	var out []Tag
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := openPackage(tx, at)
		if err != nil {
			return err
		}
		out, err = tx.Tags().TagHistory(p.ID, tag, page)
		if err == nil && len(out) == 0 && page.After == "" {
			return Errorf(NotFound, AboutTag, "there never was a tag %q on %q", clip(tag), p.Name)
		}
		return err
	})
	return out, err
}

// TagChange is how a tag is to be set.
type TagChange struct {
	Version string
	Reason  string
	// IfGeneration makes it compare-and-swap: the generation that must hold now; 0: the tag must not hold.
	IfGeneration *int64
}

// SetTag points a tag at a version. PreconditionFailed: another generation holds; the tag as it is comes back too.
func (s *Service) SetTag(ctx context.Context, at Name, tag string, c TagChange) (Tag, error) {
	var t Tag
	err := s.Edit(ctx, at, func(e *Edit) error {
		if err := e.expect(tag, c.IfGeneration, &t); err != nil {
			return err
		}
		var err error
		t, err = e.SetTag(tag, c.Version, c.Reason)
		return err
	})
	return t, err
}

// RemoveTag ends a tag. NotFound, Conflict, PreconditionFailed as SetTag.
func (s *Service) RemoveTag(ctx context.Context, at Name, tag string, c TagChange) (Tag, error) {
	var t Tag
	err := s.Edit(ctx, at, func(e *Edit) error {
		if err := e.expect(tag, c.IfGeneration, &t); err != nil {
			return err
		}
		return e.RemoveTag(tag, c.Reason)
	})
	return t, err
}

func (e *Edit) expect(tag string, generation *int64, current *Tag) error {
	*current = Tag{}
	t, err := e.c.tx.Tags().Tag(e.c.pkg.ID, tag)
	if err != nil && !errors.Is(err, metadata.ErrNotExist) {
		return err
	}
	*current = t
	if generation == nil || t.Generation == *generation {
		return nil
	}
	if t.Generation == 0 {
		return Errorf(PreconditionFailed, AboutTag, "the tag %q does not exist, generation %d was expected", clip(tag), *generation)
	}
	return Errorf(PreconditionFailed, AboutTag, "the tag %q is at generation %d (version %s), not %d", clip(tag), t.Generation, t.Version, *generation)
}
