package publish

import (
	"context"
	"errors"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Restore brings a deleted version back as it was: files, facts, state. Its tags ended with it and stay ended; only a tag that the
// format requires is set where the package has none. It needs the rights to delete and to publish. NotFound; Conflict: the version
// is there, or its files are collected.
func (e *Edit) Restore(version, reason string) (registry.Version, error) {
	for _, action := range []access.Action{access.Delete, access.Publish} {
		if err := e.need(action); err != nil {
			return registry.Version{}, err
		}
	}
	if len(reason) > registry.MaxFactBytes {
		return registry.Version{}, registry.Errorf(registry.Invalid, registry.AboutVersion, "the reason is longer than %d bytes", registry.MaxFactBytes)
	}
	v, err := e.c.svc.core.Rules.FindCanonical(e.c.tx.Versions(), e.c.pkg, version)
	if err != nil {
		return v, registry.Missing(err, registry.AboutVersion, "there was never a version %q of %q", registry.Clip(version), e.c.pkg.Name)
	}
	if v.State != registry.Deleted {
		return v, registry.Errorf(registry.Conflict, registry.AboutVersion, "%s %s is there: it was not deleted, or was published again since", e.c.pkg.Name, v.Name)
	}
	was, err := e.c.tx.Trash().Discarded(v.ID)
	if errors.Is(err, metadata.ErrNotExist) {
		known, err := e.c.tx.Evictions().Evicted(v.ID)
		if err != nil {
			return v, err
		}
		if len(known) > 0 {
			if err := e.c.tx.Trash().Forget(v.ID); err != nil { // what a collection has begun to forget
				return v, err
			}
			return v, e.c.restore(&v, metadata.Discarded{State: registry.Published}, reason) // its remote has the files
		}
		return v, registry.Errorf(registry.Conflict, registry.AboutVersion, "%s %s can't be restored: its files are collected", e.c.pkg.Name, v.Name)
	}
	if err != nil {
		return v, err
	}
	return v, e.c.restore(&v, was, reason)
}

// restore brings v, a tombstone, back; v is updated with what is stored.
func (c *change) restore(v *registry.Version, was metadata.Discarded, reason string) error {
	files, many, err := fewFiles(c.tx.Trash().DiscardedFiles(v.ID, filesAtOnce+1))
	if err != nil {
		return err
	}
	if many = many || was.Moving; many {
		files = nil
	} else if files, err = withEvicted(c.tx, *v, files); err != nil {
		return err
	}
	kind, deleted := registry.EventArtifactRestored, v.EndedSeq
	if v.Attached {
		kind = registry.EventAttachmentRestored
	}
	from, err := c.cameFrom(*v)
	if err != nil {
		return err
	}
	if from != nil {
		kind = registry.EventCacheRestored
	}
	v.State, v.Reason, v.EndedSeq = registry.Published, "", 0
	e, err := c.append(kind, v, registry.EventData{Reason: reason, Files: registry.EventFiles(files), Upstream: from})
	if err != nil {
		return err
	}
	if err := c.tx.Versions().UpdateVersion(*v); err != nil {
		return err
	}
	if was.VersionID != 0 {
		err = c.tx.Trash().Recover(v.ID, deleted, e.Seq)
	} else {
		err = c.tx.Trash().Absent(v.ID, deleted, e.Seq)
	}
	if err != nil {
		return err
	}
	c.pkg.VersionCount++
	c.dirty, c.sorted = true, true
	if was.State != registry.Published {
		if err := c.setState(v, was.State, was.Reason); err != nil {
			return err
		}
	}
	return c.require()
}

// require sets the tag that the format requires to the highest version where the package has none. Of a package that comes from remotes, those
// have the tag.
func (c *change) require() error {
	tag := c.svc.core.Rules[c.pkg.Format].RequiredTag
	if tag == "" || c.pkg.Origin == metadata.OriginCached {
		return nil
	}
	former, err := c.formerTag(tag)
	if err != nil || former.now.VersionID != 0 {
		return err
	}
	name, err := c.tx.Versions().Highest(c.pkg.ID)
	if err != nil {
		return err
	}
	v, err := c.version(name)
	if err != nil {
		return err
	}
	_, err = c.setTag(tag, &v, "version "+v.Name+" was restored")
	return err
}

// returnFiles gives a deleted version that has too many files for one transaction all of them back, in transactions of their own. For
// whoever reads it stays deleted. FinishDeletions, which waits until done is called with the error of the restoration, takes them away
// again where that failed. The restoration itself says what forbids it.
func (s *Publisher) returnFiles(ctx context.Context, at registry.Coordinate) (done func(error), err error) {
	nothing, many := func(error) {}, false
	to, err := s.core.Target(ctx, at.Name, at.Version, access.Delete)
	if err == nil {
		err = s.core.AuthorizeTarget(ctx, access.Publish, to)
	}
	if err != nil {
		return nothing, err
	}
	var v registry.Version
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		pkg, err := registry.OpenPackage(tx, to.At(at.Name))
		if err == nil {
			v, err = s.core.Rules.FindCanonical(tx.Versions(), pkg, at.Version)
		}
		if err != nil || v.State != registry.Deleted {
			return nil
		}
		_, many, err = fewFiles(tx.Trash().DiscardedFiles(v.ID, filesAtOnce+1))
		return err
	})
	if err != nil || !many {
		return nothing, err
	}
	s.moves.Lock()
	for n := int64(filesAtOnce); err == nil && n == filesAtOnce; {
		err = s.core.Update(ctx, func(tx metadata.Tx) (err error) {
			n, err = tx.Trash().ReturnFiles(v.ID, filesAtOnce)
			return err
		})
	}
	if errors.Is(err, metadata.ErrNotExist) {
		err = nil // it was restored, published anew or forgotten meanwhile
	}
	return func(err error) {
		s.moves.Unlock()
		if err != nil {
			s.finishDeletions(ctx)
		}
	}, err
}

// Restore brings one version back; see Edit.Restore. It returns the version as it is then.
func (s *Publisher) Restore(ctx context.Context, at registry.Coordinate, reason string) (pkg registry.Package, v registry.Version, err error) {
	done, err := s.returnFiles(ctx, at)
	defer func() { done(err) }()
	if err != nil {
		return pkg, v, err
	}
	err = s.EditAt(ctx, at, Rights{access.Delete}, func(e *Edit) (err error) {
		v, err = e.Restore(at.Version, reason)
		pkg = e.Package()
		return err
	})
	return pkg, v, err
}
