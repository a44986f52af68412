package publish

import (
	"context"
	"errors"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// TagChange says how a tag is to be set.
type TagChange struct {
	Version string
	Reason  string
	// IfGeneration makes the change a compare-and-swap: it is the tag's expected generation; 0: the tag must not exist.
	IfGeneration *int64
}

// SetTag points a tag at a version. PreconditionFailed: the tag has another generation; the current tag is returned with the
// error.
func (s *Publisher) SetTag(ctx context.Context, at registry.Name, tag string, c TagChange) (registry.Tag, error) {
	var t registry.Tag
	err := s.EditAt(ctx, at.At(c.Version), Rights{access.Tag}, func(e *Edit) error {
		if err := e.expect(tag, c.IfGeneration, &t); err != nil {
			return err
		}
		var err error
		t, err = e.SetTag(tag, c.Version, c.Reason)
		return err
	})
	return t, err
}

// RemoveTag ends a tag. NotFound; Conflict for a tag that the format requires; PreconditionFailed as SetTag.
func (s *Publisher) RemoveTag(ctx context.Context, at registry.Name, tag string, c TagChange) (registry.Tag, error) {
	var t registry.Tag
	err := s.Edit(ctx, at, Rights{access.Tag, access.Delete}, func(e *Edit) error {
		if err := e.expect(tag, c.IfGeneration, &t); err != nil {
			return err
		}
		return e.RemoveTag(tag, c.Reason)
	})
	return t, err
}

func (e *Edit) expect(tag string, generation *int64, current *registry.Tag) error {
	*current = registry.Tag{}
	t, err := e.c.tx.Tags().Tag(e.c.pkg.ID, tag)
	if err != nil && !errors.Is(err, metadata.ErrNotExist) {
		return err
	}
	*current = t
	if generation == nil || t.Generation == *generation {
		return nil
	}
	if t.Generation == 0 {
		return registry.Errorf(registry.PreconditionFailed, registry.AboutTag, "the tag %q does not exist, generation %d was expected", registry.Clip(tag), *generation)
	}
	return registry.Errorf(registry.PreconditionFailed, registry.AboutTag, "the tag %q is at generation %d (version %s), not %d", registry.Clip(tag), t.Generation, t.Version, *generation)
}
