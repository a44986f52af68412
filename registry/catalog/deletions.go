package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Deletion is how something went that is not there any more.
type Deletion struct {
	Seq    int64 // of the log entry
	At     time.Time
	By     string // the actor, as shown
	Reason string
	// Kept reports whether it can be brought back. Where the time for that ends, Since is when it began; else it is zero.
	Kept  bool
	Since time.Time
}

// VersionDeletion returns how a version was deleted that is a tombstone now. NotFound: about the version, also where it is there.
func (h *History) VersionDeletion(ctx context.Context, at registry.Coordinate) (d Deletion, err error) {
	err = h.now.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at.Name)
		if err != nil {
			return err
		}
		v, err := tx.Versions().Version(p.ID, at.Version)
		if err != nil {
			return registry.Missing(err, registry.AboutVersion, "there is no version %q of %q", registry.Clip(at.Version), p.Name)
		}
		if v.State != registry.Deleted {
			return registry.Errorf(registry.NotFound, registry.AboutVersion, "version %q of %q was not deleted, or was published again", registry.Clip(at.Version), p.Name)
		}
		if d, err = deletionBy(tx, metadata.EntryQuery{After: v.EndedSeq - 1, Before: v.EndedSeq + 1, Limit: 1}); err != nil {
			return err
		}
		if d.Reason == "" {
			d.Reason = v.Reason
		}
		was, err := tx.Trash().Discarded(v.ID)
		switch {
		case err == nil:
			d.Kept, d.Since = true, was.At
			if was.At.IsZero() {
				d.Since = d.At
			}
			return nil
		case !errors.Is(err, metadata.ErrNotExist):
			return err
		}
		evicted, err := tx.Evictions().Evicted(v.ID)
		d.Kept = len(evicted) > 0 // its registry has the files
		return err
	})
	return d, err
}

// RepositoryDeletion returns how the repository of a name was deleted that was the last to have it, to callers who may read repositories of that
// name. NotFound: about the repository, also where it is there.
func (h *History) RepositoryDeletion(ctx context.Context, name string) (d Deletion, err error) {
	if _, err := h.core.Authorize(ctx, access.Read, name); err != nil {
		return d, err
	}
	err = h.core.Store.View(ctx, func(tx metadata.Tx) error {
		absent := registry.Errorf(registry.NotFound, registry.AboutRepository, "no repository %q was deleted", registry.Clip(name))
		if _, err := tx.Repositories().Repository(name); err == nil {
			return absent
		} else if !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
		r, since, err := tx.Repositories().DeletedRepository(name)
		if errors.Is(err, metadata.ErrNotExist) {
			return absent
		}
		if err != nil {
			return err
		}
		d, err = deletionBy(tx, metadata.EntryQuery{After: -1, Repositories: []int64{r.ID}, Types: []string{registry.EventRepositoryDeleted.String()}, Newest: true, Limit: 1})
		d.Kept, d.Since = true, since
		return err
	})
	return d, err
}

// deletionBy reads a deletion out of the log; it is empty where the log has none, as it tells nothing of what was erased.
func deletionBy(tx metadata.Tx, q metadata.EntryQuery) (d Deletion, err error) {
	entries, err := tx.Log().Entries(q)
	if err != nil || len(entries) == 0 {
		return d, err
	}
	e := entries[0]
	d.Seq, d.At, d.By = e.Seq, e.Time, e.Actor.ID
	var said registry.EventData
	if len(e.Data) > 0 && json.Unmarshal(e.Data, &said) == nil {
		d.Reason = said.Reason
		if said.Actor != "" {
			d.By = said.Actor
		}
	}
	return d, nil
}
