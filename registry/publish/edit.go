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
	v, err := e.c.svc.core.FindCanonical(e.c.tx.Versions(), e.c.pkg, name)
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
	if err := e.c.svc.core.CheckTag(e.c.pkg.Format, tag); err != nil {
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
	if err := e.c.svc.core.CheckState(e.c.pkg.Format, state, reason); err != nil {
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

// Delete removes a version: its files go, its tags end, a tombstone keeps the coordinate. Restore brings it back for a time. A tag that the format requires moves
// from the deleted version to the highest version left. Conflict (InUse): the version is deployed; Denied also where a tag that
// the caller may not remove names the version, or an index that contains it.
func (e *Edit) Delete(version, reason string) error {
	if err := e.need(access.Delete); err != nil {
		return err
	}
	v, err := e.c.version(version)
	if err != nil {
		return err
	}
	return e.c.delete(v, reason)
}

// RemoveFile takes one file out of a version; its path stays reserved for the same bytes. Removing the last file deletes the
// version. NotFound; Conflict (InUse): the version is deployed; Denied also where Delete is, for a tag of the version.
func (e *Edit) RemoveFile(version, path, reason string) error {
	return e.RemoveFileIf(version, path, reason, func(registry.File) error { return nil })
}

// RemoveFileIf is RemoveFile unless allow, which sees the file, refuses it with an error.
func (e *Edit) RemoveFileIf(version, path, reason string, allow func(registry.File) error) error {
	v, err := e.removable(version)
	if err != nil {
		return err
	}
	f, err := e.c.tx.Files().File(v.ID, path)
	if err != nil {
		return registry.Missing(err, registry.AboutFile, "there is no %q in %s %s", registry.Clip(path), e.c.pkg.Name, version)
	}
	if err := allow(f); err != nil {
		return err
	}
	return e.c.remove(v, []registry.File{f}, reason)
}

// RemoveFiles is RemoveFile for several paths, with one event; paths that the version does not have are passed over. It
// returns how many files it removed.
func (e *Edit) RemoveFiles(version, reason string, paths ...string) (int, error) {
	v, err := e.removable(version)
	if err != nil {
		return 0, err
	}
	var files []registry.File
	for _, path := range paths {
		f, err := e.c.tx.Files().File(v.ID, path)
		if err == nil {
			files = append(files, f)
		} else if !errors.Is(err, metadata.ErrNotExist) {
			return 0, err
		}
	}
	return len(files), e.c.remove(v, files, reason)
}

// removable finds a version from which the caller may remove files.
func (e *Edit) removable(version string) (registry.Version, error) {
	if err := e.need(access.Delete); err != nil {
		return registry.Version{}, err
	}
	return e.c.version(version)
}

// remove takes files out of a version, and deletes the version when none is left.
func (c *change) remove(v registry.Version, files []registry.File, reason string) error {
	if len(files) == 0 {
		return nil
	}
	left, d, err := without(c.tx, v, files)
	if err != nil {
		return err
	}
	if !left {
		return c.delete(v, reason)
	}
	if err := c.mayStrip(v); err != nil {
		return err
	}
	if err := c.unused(v, "stripped of files"); err != nil {
		return err
	}
	v.Digest = d
	for _, f := range files {
		v.Size -= f.Blob.Size
	}
	if _, err := c.append(registry.EventArtifactFilesRemoved, &v, registry.EventData{Reason: reason, Files: registry.EventFiles(files)}); err != nil {
		return err
	}
	c.dirty = true
	for _, f := range files {
		if err := c.tx.Files().RemoveFile(v.ID, f.Path); err != nil {
			return err
		}
	}
	return c.tx.Versions().UpdateVersion(v)
}

func (c *change) delete(v registry.Version, reason string) error {
	if err := c.mayTakeAway(v); err != nil {
		return err
	}
	if err := c.unused(v, "deleted"); err != nil {
		return err
	}
	if err := c.keepParts(v); err != nil {
		return err
	}
	files, many, err := fewFiles(c.tx.Files().Files(metadata.FileQuery{VersionID: v.ID, Limit: filesAtOnce + 1}))
	if err != nil {
		return err
	}
	if !many {
		if files, err = withEvicted(c.tx, v, files); err != nil {
			return err
		}
		if v.Digest == "" {
			v.Digest = registry.ContentDigest(files)
		}
	}
	kind := registry.EventArtifactDeleted
	if v.Attached {
		kind = registry.EventAttachmentDeleted
	}
	from, err := c.cameFrom(v)
	if err != nil {
		return err
	}
	if from != nil {
		kind = registry.EventCacheDeleted
	}
	e, err := c.append(kind, &v, registry.EventData{Reason: reason, Files: registry.EventFiles(files), Upstream: from})
	if err != nil {
		return err
	}
	was := metadata.Discarded{VersionID: v.ID, State: v.State, Reason: v.Reason, Moving: many}
	c.moving = c.moving || many
	v.State, v.Reason, v.EndedSeq = registry.Deleted, reason, e.Seq
	if err := c.tx.Versions().UpdateVersion(v); err != nil {
		return err
	}
	if err := c.tx.Trash().Discard(was); err != nil {
		return err
	}
	c.pkg.VersionCount--
	c.dirty, c.sorted = true, true
	return c.retag(v)
}

// retag ends the tags of a deleted version, and moves the tag that the format requires to another version.
func (c *change) retag(gone registry.Version) error {
	tags, many, err := c.someTags(gone)
	if err == nil && many {
		err = manyTags{gone.Name}
	}
	if err != nil {
		return err
	}
	for _, t := range tags {
		if t.Name == c.svc.core.Rules[c.pkg.Format].RequiredTag && c.pkg.VersionCount > 0 {
			name, err := c.tx.Versions().Highest(c.pkg.ID)
			if err != nil {
				return err
			}
			next, err := c.version(name)
			if err != nil {
				return err
			}
			if _, err := c.setTag(t.Name, &next, "version "+gone.Name+" was deleted"); err != nil {
				return err
			}
			continue
		}
		if err := c.endTag(t, gone, "version "+gone.Name+" was deleted"); err != nil {
			return err
		}
	}
	return nil
}

// Remove is Delete. It also returns tags, a few at most, whose versions lack the deleted one from then on: an image that an index
// names as its part can be deleted before the index.
func (s *Publisher) Remove(ctx context.Context, at registry.Coordinate, reason string) (lacking []registry.Tag, err error) {
	if err := s.prepareDeletion(ctx, at); err != nil {
		return nil, err
	}
	err = s.EditAt(ctx, at, Rights{access.Delete}, func(e *Edit) error {
		if err := e.need(access.Delete); err != nil {
			return err
		}
		if lacking, err = e.TagsNeeding(at.Version); err != nil {
			return err
		}
		lacking = ofIndexes(lacking, at.Version)
		return e.Delete(at.Version, reason)
	})
	return lacking, err
}

// Delete removes one version; see Edit.Delete.
func (s *Publisher) Delete(ctx context.Context, at registry.Coordinate, reason string) error {
	if err := s.prepareDeletion(ctx, at); err != nil {
		return err
	}
	return s.EditAt(ctx, at, Rights{access.Delete}, func(e *Edit) error { return e.Delete(at.Version, reason) })
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
