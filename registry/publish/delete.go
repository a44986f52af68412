package publish

import (
	"context"
	"errors"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

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
