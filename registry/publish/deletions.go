package publish

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// filesAtOnce is how many files of a deleted version one transaction takes away or brings back: other changes wait for it. Of a version with more,
// the deletion and the restoration name none in the log: the log has named them when they came.
const filesAtOnce = 500

// prepareDeletion does what needs not be in the transaction of a deletion, and would make others wait for it.
func (s *Publisher) prepareDeletion(ctx context.Context, at registry.Coordinate) error {
	to, err := s.core.Target(ctx, at.Name, at.Version, access.Delete)
	if err != nil {
		return err
	}
	var pkg registry.Package
	var v registry.Version
	many := false
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if pkg, err = registry.OpenPackage(tx, to.At(at.Name)); err == nil {
			v, err = registry.Living(tx.Versions(), pkg, at.Version)
		}
		if err != nil && registry.KindOf(err) == registry.NotFound || v.Digest != "" {
			return nil // the deletion says what is missing
		}
		if err != nil {
			return err
		}
		if _, many, err = fewFiles(tx.Files().Files(metadata.FileQuery{VersionID: v.ID, Limit: filesAtOnce + 1})); err != nil || !many {
			return err
		}
		files, err := tx.Files().Files(metadata.FileQuery{VersionID: v.ID})
		v.Digest = registry.ContentDigest(files)
		return err
	})
	if err == nil && many {
		s.core.KeepDigest(ctx, pkg, v)
	}
	return err
}

// tagsAtOnce is how many tags of a version that is deleted end in one transaction: others wait for it.
const tagsAtOnce = 500

// manyTags is the error of a deletion whose version has more tags than one transaction ends.
type manyTags struct{ version string }

func (m manyTags) Error() string {
	return "publish: version " + m.version + " has too many tags for one transaction"
}

// dropTags ends the tags of a version that is going to be deleted until only a few are left, in transactions of their own. What
// forbids the deletion forbids this too.
func (s *Publisher) dropTags(ctx context.Context, at registry.Coordinate) error {
	for more := true; more; {
		if err := s.edit(ctx, at, Rights{access.Delete}, func(e *Edit) (err error) {
			more, err = e.c.dropSome(at.Version)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// someTags returns the first tags of a version; more: they are too many for one transaction, which is about the first tagsAtOnce then.
func (c *change) someTags(v registry.Version) (tags []registry.Tag, more bool, err error) {
	tags, err = c.tx.Tags().SomeTagsOfVersion(v.ID, tagsAtOnce+1)
	return tags, len(tags) > tagsAtOnce, err
}

// dropSome ends some tags of a version that may be deleted, where it has too many. more: there may be others.
func (c *change) dropSome(version string) (more bool, err error) {
	v, err := c.version(version)
	if err != nil {
		return false, err
	}
	tags, more, err := c.someTags(v)
	if err != nil || !more {
		return false, err
	}
	for _, may := range []func(registry.Version) error{c.mayTakeAway, func(v registry.Version) error { return c.unused(v, "deleted") }, c.keepParts} {
		if err := may(v); err != nil {
			return false, err
		}
	}
	for _, t := range tags[:tagsAtOnce] {
		if t.Name == c.svc.core.Rules[c.pkg.Format].RequiredTag {
			continue // it moves with the deletion
		}
		if err := c.endTag(t, v, "version "+v.Name+" is being deleted"); err != nil {
			return false, err
		}
	}
	return true, nil
}

// folderAtOnce is how many files of a folder one transaction takes out of a version that stays: each is reserved and named in the log.
const folderAtOnce = 200

// errWhole: the folder holds all files of its version.
var errWhole = errors.New("publish: the folder is the whole version")

// RemoveFolder takes every file below a folder, whose name ends in a slash, out of a version, and returns how many there were. Each
// transaction takes some, with an event of its own, so a folder of very many files goes in the order of paths, and what ends the removal
// before leaves the rest. A folder that holds all files of the version goes with it, as by Delete. Errors as Edit.RemoveFile.
func (s *Publisher) RemoveFolder(ctx context.Context, at registry.Coordinate, folder, reason string) (n int, err error) {
	for more := true; more; {
		took := 0
		err := s.EditAt(ctx, at, Rights{access.Delete}, func(e *Edit) (err error) {
			took, more, err = e.removeSome(at.Version, folder, reason)
			return err
		})
		if errors.Is(err, errWhole) {
			return n + took, s.Delete(ctx, at, reason)
		}
		if err != nil {
			return n, err
		}
		n += took
	}
	return n, nil
}

// removeSome takes the first files below a folder out of a version. more: there are others. errWhole: there are no files but those below
// the folder, n.
func (e *Edit) removeSome(version, folder, reason string) (n int, more bool, err error) {
	v, err := e.removable(version)
	if err != nil {
		return 0, false, err
	}
	files, err := e.c.tx.Files().Files(metadata.FileQuery{VersionID: v.ID, Below: folder, Limit: folderAtOnce + 1})
	if err != nil {
		return 0, false, err
	}
	if more = len(files) > folderAtOnce; more {
		files = files[:folderAtOnce]
		whole, err := e.holdsAll(v, folder)
		if err == nil && whole {
			err = errWhole
		}
		if err != nil {
			return len(files), more, err
		}
	}
	return len(files), more, e.c.remove(v, files, reason)
}

// holdsAll reports whether no file of a version is outside of a folder.
func (e *Edit) holdsAll(v registry.Version, folder string) (bool, error) {
	first, err := e.c.tx.Files().Files(metadata.FileQuery{VersionID: v.ID, Limit: 1})
	if err != nil || len(first) == 0 || !strings.HasPrefix(first[0].Path, folder) {
		return false, err
	}
	behind, err := e.c.tx.Files().Files(metadata.FileQuery{VersionID: v.ID, After: folder + string(utf8.MaxRune), Limit: 1})
	return len(behind) == 0, err
}

// fewFiles passes a list of files on, unless there are so many that they are not taken away at once.
func fewFiles(files []registry.File, err error) (few []registry.File, many bool, _ error) {
	if len(files) > filesAtOnce {
		return nil, true, err
	}
	return files, false, err
}

// finishDeletions is FinishDeletions after a deletion, which holds whatever becomes of the files.
func (s *Publisher) finishDeletions(ctx context.Context) {
	if err := s.FinishDeletions(ctx); err != nil {
		s.core.Log.WarnContext(ctx, "the files of a deleted version are taken away later", "error", err)
	}
}

// FinishDeletions takes the files of deleted versions away that had too many for one transaction, in transactions of their own, and so
// forgets those of versions that were published anew. The versions are gone, or are the new ones, for whoever reads before that; what an
// error or a crash leaves is done before the next collection. It waits for restorations of many files.
func (s *Publisher) FinishDeletions(ctx context.Context) error {
	s.moves.Lock()
	defer s.moves.Unlock()
	if err := s.finishMoves(ctx); err != nil {
		return err
	}
	for {
		left := 0
		forget := func(tx metadata.Tx, take func(int64, int) (int64, error)) error {
			list, err := tx.Trash().DiscardedBefore(beforeAll, 1)
			if left = len(list); err == nil && left > 0 && take != nil {
				_, err = take(list[0], filesAtOnce)
			}
			return err
		}
		if err := s.core.Store.View(ctx, func(tx metadata.Tx) error { return forget(tx, nil) }); err != nil || left == 0 {
			return err
		}
		if err := s.core.Update(ctx, func(tx metadata.Tx) error { return forget(tx, tx.Trash().ForgetFiles) }); err != nil {
			return err
		}
	}
}

// beforeAll is after the time of what is being forgotten, and before that of what was deleted.
var beforeAll = time.UnixMicro(1)

// finishMoves takes the files away of versions that are Moving.
func (s *Publisher) finishMoves(ctx context.Context) error {
	for {
		var left []int64
		err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			left, err = tx.Trash().MovingVersions(1)
			return err
		})
		if err != nil || len(left) == 0 {
			return err
		}
		if err := s.core.Update(ctx, func(tx metadata.Tx) error {
			_, err := tx.Trash().MoveFiles(left[0], filesAtOnce)
			return err
		}); err != nil {
			return err
		}
	}
}
