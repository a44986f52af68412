package publish

import (
	"context"
	"errors"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Edit changes one package in one transaction: all of what fn does happens, with its events, or nothing.
type Edit struct {
	ctx context.Context
	c   *change
}

// Rights are actions of which a caller needs one.
type Rights []access.Action

// Edit is EditAt where the version is not known.
func (s *Publisher) Edit(ctx context.Context, at registry.Name, rights Rights, fn func(e *Edit) error) error {
	return s.EditAt(ctx, at.At(""), rights, fn)
}

// EditAt runs fn over a package that exists, in the repository that takes changes of the version. fn may run more than once and touches nothing but e. A caller with none of the rights
// is refused before the package is looked for, so that the refusal does not tell whether it exists; every operation of e asks for
// the right that it needs besides. NotFound, Denied, Unauthenticated, or the error of fn.
func (s *Publisher) EditAt(ctx context.Context, at registry.Coordinate, rights Rights, fn func(e *Edit) error) error {
	for {
		err := s.edit(ctx, at, rights, fn)
		var many manyTags
		if !errors.As(err, &many) {
			return err
		}
		if err := s.dropTags(ctx, at.Name.At(many.version)); err != nil {
			return err
		}
	}
}

func (s *Publisher) edit(ctx context.Context, at registry.Coordinate, rights Rights, fn func(e *Edit) error) error {
	to, err := s.core.Target(ctx, at.Name, at.Version, rights...)
	if err != nil {
		return err
	}
	var e *Edit
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		e = &Edit{ctx: ctx, c: newChange(s, tx, access.From(ctx), to)}
		if err := e.c.live(); err != nil {
			return err
		}
		if err := e.c.open(to.At(at.Name)); err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
		return e.c.close()
	})
	if err == nil && e.c.moving {
		s.finishDeletions(ctx)
	}
	return err
}

func (e *Edit) need(action access.Action) error {
	return e.c.svc.core.AuthorizeTarget(e.ctx, action, e.c.to)
}

// Package returns the package as the transaction sees it.
func (e *Edit) Package() registry.Package { return e.c.pkg }

// Version returns a version that is not deleted. NotFound.
func (e *Edit) Version(name string) (registry.Version, error) { return e.c.version(name) }

// CanonicalVersion is Version by any spelling that the format takes for the same version.
func (e *Edit) CanonicalVersion(name string) (registry.Version, error) {
	v, err := e.c.svc.core.Rules.FindCanonical(e.c.tx.Versions(), e.c.pkg, name)
	return e.c.present(v, err, name)
}

// Holder returns the version that holds a file: the version of this name, or any version of the package where it is empty.
// NotFound.
func (e *Edit) Holder(version, path string) (v registry.Version, err error) {
	if version != "" {
		if v, err = e.c.version(version); err != nil {
			return v, err
		}
		_, err = e.c.tx.Files().File(v.ID, path)
	} else {
		var f registry.File
		if f, err = e.c.tx.Files().FileAt(e.c.pkg.ID, path); err == nil {
			v, err = e.c.tx.Versions().VersionByID(f.VersionID)
		}
	}
	return v, registry.Missing(err, registry.AboutFile, "there is no file %q of %q", registry.Clip(path), e.c.pkg.Name)
}

// Versions returns all versions that are not deleted, in the format's order.
func (e *Edit) Versions() ([]registry.Version, error) {
	return e.c.tx.Versions().Versions(metadata.VersionPage{PackageID: e.c.pkg.ID})
}

// Tags returns the tags that hold.
func (e *Edit) Tags() ([]registry.Tag, error) { return e.c.tx.Tags().Tags(e.c.pkg.ID) }

// SetTag points a tag at a version. Setting a tag to the version it names already changes nothing. It needs the right to tag.
// Denied also where a rule makes the tag immutable.
func (e *Edit) SetTag(tag, version, reason string) (registry.Tag, error) {
	if err := e.need(access.Tag); err != nil {
		return registry.Tag{}, err
	}
	if err := e.c.svc.core.Rules.CheckTag(e.c.pkg.Format, tag); err != nil {
		return registry.Tag{}, err
	}
	if len(reason) > registry.MaxFactBytes {
		return registry.Tag{}, registry.Errorf(registry.Invalid, registry.AboutTag, "the reason is longer than %d bytes", registry.MaxFactBytes)
	}
	v, err := e.c.version(version)
	if err != nil {
		return registry.Tag{}, err
	}
	former, err := e.c.formerTag(tag)
	if err == nil {
		err = e.c.maySet(tag, former.now, v.ID)
	}
	if err != nil {
		return registry.Tag{}, err
	}
	if v.Digest != "" { // else the tag that was read lacks the digest that the version gets now
		e.c.keepLooked(tag, former)
	}
	return e.c.setTag(tag, &v, reason)
}

// RemoveTag ends a tag. It needs the right to tag, or the right to delete for a tag that neither a rule protects nor an
// environment follows: a caller who may delete a version ends its tags as well. NotFound; Denied; Conflict for a tag that the
// format requires.
func (e *Edit) RemoveTag(tag, reason string) error {
	if err := e.need(access.Tag); err != nil && e.need(access.Delete) != nil {
		return err
	}
	if tag == e.c.svc.core.Rules[e.c.pkg.Format].RequiredTag && e.c.pkg.VersionCount > 0 {
		return registry.Errorf(registry.Conflict, registry.AboutTag, "the tag %q can be moved but not removed", tag)
	}
	return e.c.removeTag(tag, reason)
}

// SetState marks a version published, deprecated or yanked, with a message. The format says which states it has. It needs the
// right to publish. Invalid, NotFound.
func (e *Edit) SetState(version string, state registry.State, reason string) error {
	if err := e.need(access.Publish); err != nil {
		return err
	}
	v, err := e.c.version(version)
	if err != nil || v.State == state && v.Reason == reason {
		return err
	}
	if err := e.c.svc.core.Rules.CheckState(e.c.pkg.Format, state, reason); err != nil {
		return err
	}
	return e.c.setState(&v, state, reason)
}

// setState marks a version; v, a whole row, is updated with what is stored.
func (c *change) setState(v *registry.Version, state registry.State, reason string) error {
	kind := map[registry.State]registry.EventType{registry.Published: registry.EventArtifactRestored, registry.Deprecated: registry.EventArtifactDeprecated, registry.Yanked: registry.EventArtifactYanked}[state]
	v.State, v.Reason = state, reason
	c.sorted = true
	if _, err := c.append(kind, v, registry.EventData{Reason: reason}); err != nil {
		return err
	}
	c.dirty = true
	return c.tx.Versions().UpdateVersion(*v)
}

// SetDescriptor stores what the format keeps per package. It needs the right to publish.
func (e *Edit) SetDescriptor(descriptor []byte) error {
	if err := e.need(access.Publish); err != nil {
		return err
	}
	if string(descriptor) == string(e.c.pkg.Descriptor) {
		return nil
	}
	e.c.pkg.Descriptor = descriptor
	if _, err := e.c.append(registry.EventPackageChanged, nil, registry.EventData{}); err != nil {
		return err
	}
	e.c.dirty = true
	return nil
}

// SetState marks one version; see Edit.SetState. It returns the version as it is then.
func (s *Publisher) SetState(ctx context.Context, at registry.Coordinate, state registry.State, reason string) (pkg registry.Package, v registry.Version, err error) {
	err = s.EditAt(ctx, at, Rights{access.Publish}, func(e *Edit) error {
		if err := e.SetState(at.Version, state, reason); err != nil {
			return err
		}
		pkg = e.Package()
		v, err = e.Version(at.Version)
		return err
	})
	return pkg, v, err
}
