package staging

import (
	"context"
	"errors"
	"fmt"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// An area that its client never completes is dropped. Its files were acknowledged, so that does not happen in silence: the log has
// an entry for each version in it, and its owner sees it while it waits (Waiting).

// dropBatch bounds the areas that are looked at in one go, and the files and log entries of those that one transaction drops: others
// wait for it.
const dropBatch = 500

// maxAbandoned bounds the log entries of one area, and maxAbandonedFiles the files that an entry names.
const (
	maxAbandoned      = 100
	maxAbandonedFiles = 64
)

// DropIdle drops areas that got no file for areaTTL. Those that can be committed after all are.
func (s *Areas) DropIdle(ctx context.Context) error {
	for {
		some := false
		var idle []registry.Staging
		if err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			idle, err = tx.Stagings().Stagings(metadata.StagingQuery{Before: tx.Now().Add(-areaTTL), Limit: dropBatch})
			return err
		}); err != nil {
			return err
		}
		endings, err := s.endings(ctx, idle)
		for len(endings) > 0 && err == nil {
			n := together(endings)
			err = s.drop(ctx, endings[:n])
			endings = endings[n:]
			some = true
		}
		if err != nil || len(idle) < dropBatch || !some {
			return err
		}
	}
}

// ending is an area to be dropped, and what the log says of it.
type ending struct {
	set   registry.Staging
	notes []registry.EventData
	files int
}

// together returns how many of the endings, at least one, a transaction takes.
func together(endings []ending) int {
	weight := 0
	for i, e := range endings {
		if weight += 1 + e.files + len(e.notes); weight > dropBatch && i > 0 {
			return i
		}
	}
	return len(endings)
}

// endings tries to commit each area, and says of the others why they are dropped. An area that can't be committed for a cause that
// may pass is left out.
func (s *Areas) endings(ctx context.Context, areas []registry.Staging) ([]ending, error) {
	var out []ending
	for _, set := range areas {
		e := ending{set: set}
		if set.Outcome == nil {
			reason, later, err := s.lastTry(ctx, set)
			if err == nil && !later {
				e.notes, e.files, err = s.abandoned(ctx, set, reason)
			}
			if err != nil {
				return nil, err
			}
			if later {
				continue
			}
		}
		out = append(out, e)
	}
	return out, nil
}

// lastTry commits an area if it is complete, else it returns why that is not possible. later: not for now.
func (s *Areas) lastTry(ctx context.Context, set registry.Staging) (reason string, later bool, err error) {
	if set.Scope == publishScope {
		return "the publish was not committed", false, nil
	}
	if _, err = s.settleArea(ctx, set.ID); err != nil {
		kind := registry.KindOf(err)
		return registry.AsError(err).Detail, kind == registry.Internal || kind == registry.Unavailable || kind == registry.NoSpace, nil
	}
	_, files, err := s.set(ctx, set.ID)
	if err != nil || len(files) == 0 {
		return "", false, ignoreMissing(err)
	}
	wait, err := s.wait(ctx, files)
	return "it waited for " + wait.For, false, err
}

// wait is the Wait of an area of a format.
func (s *Areas) wait(ctx context.Context, files []registry.StagedFile) (Wait, error) {
	assembler := s.assemblers[files[0].Format]
	if assembler == nil {
		return Wait{After: Never, For: "a server with its format"}, nil
	}
	return assembler.Settle(ctx, s.content.OpenBlob, files)
}

// abandoned makes the log's entries for an area that is dropped: one for each version. It returns the number of its files, too.
func (s *Areas) abandoned(ctx context.Context, set registry.Staging, reason string) ([]registry.EventData, int, error) {
	_, files, err := s.set(ctx, set.ID)
	if err != nil {
		return nil, 0, ignoreMissing(err)
	}
	all := len(files)
	_, key := splitRow(set.ID)
	var out []registry.EventData
	for at, files := range byCoordinate(key.Repository, files) {
		note := registry.EventData{Repository: at.Repository, Format: at.Format, Package: at.Display, Version: at.Version, Name: s.ownerName(ctx, set.Owner),
			Reason: fmt.Sprintf("no file came for %d hours, and %s", int(areaTTL.Hours()), reason)}
		if assembler := s.assemblers[at.Format]; assembler != nil {
			note.PURL = assembler.PURL(at)
		}
		for _, f := range files[:min(len(files), maxAbandonedFiles)] {
			note.Files = append(note.Files, registry.EventFile{Path: f.Path, Size: f.Blob.Size, MediaType: f.MediaType, SHA256: f.Blob.Digest.Encoded()})
		}
		if out = append(out, note); len(out) == maxAbandoned {
			break
		}
	}
	return out, all, nil
}

// ownerName is how an owner is shown; its id when it is not valid any more.
func (s *Areas) ownerName(ctx context.Context, owner string) string {
	actor, err := s.owners.Actor(ctx, owner)
	switch {
	case err != nil:
		return owner
	case actor.Type == access.TypeToken:
		return "token " + actor.Token + " of user " + actor.Name
	default:
		return actor.Name
	}
}

// drop drops areas that are still as they were read, with the entries for them.
func (s *Areas) drop(ctx context.Context, endings []ending) error {
	var left []string
	err := s.core.Update(ctx, func(tx metadata.Tx) error {
		left = nil
		for _, e := range endings {
			more, err := s.dropIn(tx, e)
			if err != nil {
				return err
			}
			if more {
				left = append(left, e.set.ID)
			}
		}
		return nil
	})
	for _, e := range endings {
		s.cache.forget(e.set.ID)
	}
	for i := 0; i < len(left) && err == nil; i++ {
		err = s.finish(ctx, left[i])
	}
	return err
}

// dropIn drops an area if it is still as it was read. more: FinishStaging does the rest.
func (s *Areas) dropIn(tx metadata.Tx, e ending) (more bool, err error) {
	now, err := tx.Stagings().Staging(e.set.ID)
	switch {
	case errors.Is(err, metadata.ErrNotExist):
		return e.set.Outcome != nil, nil // committed; or its drop was cut off, of an area that had ended when it was read
	case err != nil:
		return false, err
	case now.Revision != e.set.Revision || !now.UpdatedAt.Equal(e.set.UpdatedAt):
		return false, nil
	}
	for _, note := range e.notes {
		at, err := s.core.Rules.NameOf(note.Repository, note.Format, note.Package)
		if err != nil {
			return false, err
		}
		id, err := registry.PackageID(tx.Packages(), at.Repository, at.Format, at.Package)
		if err != nil {
			return false, err
		}
		if _, err := registry.Append(tx.Log(), access.System(), registry.EventStagingAbandoned, note.PURL, e.set.RepositoryID, id, note); err != nil {
			return false, err
		}
	}
	n, err := tx.Stagings().DropStaging(e.set.ID, dropBatch)
	return n == dropBatch, err
}

// end runs do, which ends an area in a transaction. It returns the area's row, and how many of the files were dropped, at most
// dropBatch. Those that are left go in transactions of their own, between which others write: whatever becomes of that, the area has
// ended, and what an error or a crash leaves of it goes with DropIdle, or before its client begins it anew.
func (s *Areas) end(ctx context.Context, do func(tx metadata.Tx) (row string, dropped int64, err error)) error {
	var row string
	var n int64
	err := s.core.Update(ctx, func(tx metadata.Tx) (err error) {
		row, n, err = do(tx)
		return err
	})
	s.cache.forget(row)
	if err != nil || n < dropBatch {
		return err
	}
	if err := s.finish(context.WithoutCancel(ctx), row); err != nil {
		s.core.Log.WarnContext(ctx, "staged files of a publish that has ended are dropped later", "set", row, "error", err)
	}
	return nil
}

// finish drops the files that are left of an area that has ended.
func (s *Areas) finish(ctx context.Context, row string) error {
	for n := int64(dropBatch); n == dropBatch; {
		if err := s.core.Update(ctx, func(tx metadata.Tx) (err error) {
			n, err = tx.Stagings().FinishStaging(row, dropBatch)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
