package catalog

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"slipway/metadata"
	"slipway/registry"
)

// Bounds of what an overview looks at for each version.
const (
	maxOverviewFiles    = 50
	maxOverviewAttached = 5
	maxOverviewTags     = 20
	maxOverviewRuns     = 20
)

// Overview is what a list shows of a version besides its row.
type Overview struct {
	Commit   string // the best known
	Source   string // the best known repository that it was built from
	Tags     []string
	Runs     []metadata.RunsIn // at most maxOverviewRuns
	Evidence []string          // kinds of what tells of it, of registry.Attached, ascending; nobody has looked at whether it is right
	Parts    int64             // of an index
}

// Listed is a version of a list.
type Listed struct {
	Format  string
	Version registry.Version
}

// VersionsWhere lists versions of a package that a query finds, now or at a past moment, in the order of the package, the newest first; of what the
// repository itself has. Deleted ones are among them with q.Deleted, and where the query names a state. Invalid, NotFound.
func (h *History) VersionsWhere(ctx context.Context, at registry.Name, q VersionQuery, query string, when registry.AsOf) ([]registry.Version, error) {
	where, _, err := parseQuery(query)
	if err != nil {
		return nil, err
	}
	where = metadata.Condition{All: []metadata.Condition{where}}
	if q.Deleted {
		where.All = append(where.All, is(metadata.Test{Field: metadata.FieldState, Value: "*"}))
	}
	if q.NoParts {
		part := is(metadata.Test{Field: metadata.FieldPart})
		where.All = append(where.All, metadata.Condition{Not: &part})
	}
	if when, err = h.core.SettleUntil(ctx, when); err != nil {
		return nil, err
	}
	if err := h.now.mayRead(ctx, at.Repository); err != nil {
		return nil, err
	}
	m := metadata.Search{Where: where, Limit: registry.Bound(q.Limit), NoAttached: !q.Attached}
	var out []registry.Version
	err = h.searched(ctx, func(ctx context.Context) error {
		return h.core.Store.View(ctx, func(tx metadata.Tx) error {
			p, err := registry.OpenPackage(tx, at)
			if err != nil {
				return err
			}
			m.PackageID, m.Repositories = p.ID, []int64{p.RepositoryID}
			if q.After != "" {
				last, err := tx.Versions().Version(p.ID, q.After)
				if err != nil {
					return registry.Missing(err, registry.AboutVersion, "the cursor is not a version of %q", p.Name)
				}
				m.AfterSortKey, m.AfterName = last.SortKey, last.Name
			}
			if m.AsOf, err = seqOf(tx, when); err != nil {
				return err
			}
			found, err := tx.Searches().Search(m)
			for _, h := range found {
				out = append(out, versionThen(h.Version, m.AsOf))
			}
			return err
		})
	})
	return out, err
}

// versionThen is a version as it was right after a log entry, or as it is: one that was deleted later counts as published.
func versionThen(v registry.Version, seq *int64) registry.Version {
	if seq != nil && v.EndedSeq > *seq {
		v.State, v.EndedSeq = registry.Published, 0
	}
	return v
}

// seqOf is the log entry that a moment is; nil: now.
func seqOf(tx metadata.Tx, when registry.AsOf) (*int64, error) {
	if when.IsNow() {
		return nil, nil //nolint:nilnil // as said
	}
	seq, err := registry.SeqAsOf(tx.Log(), when)
	return &seq, err
}

// Overviews reads what lists show of versions, in the order of the versions; of what only a registry elsewhere has, nothing is known. The caller has
// read the versions, and so may read what is said of them.
func (h *History) Overviews(ctx context.Context, list []Listed, when registry.AsOf) ([]Overview, error) {
	out := make([]Overview, len(list))
	at := map[int64]*Overview{}
	var ids []int64
	for i, one := range list {
		if one.Version.Seq > 0 {
			at[one.Version.ID] = &out[i]
			ids = append(ids, one.Version.ID)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	err := h.core.Store.View(ctx, func(tx metadata.Tx) error {
		seq, err := seqOf(tx, when)
		if err != nil {
			return err
		}
		if err := overviewFacts(tx, ids, seq, at); err != nil {
			return err
		}
		runs, err := tx.Searches().RunsOf(ids, seq)
		if err != nil {
			return err
		}
		for _, r := range runs {
			if o := at[r.VersionID]; len(o.Runs) < maxOverviewRuns {
				o.Runs = append(o.Runs, r)
			}
		}
		if err := overviewTags(tx, list, seq, at); err != nil {
			return err
		}
		for _, one := range list {
			if o := at[one.Version.ID]; o != nil {
				if err := h.evidence(tx, one, seq, o); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return out, err
}

// overviewFacts fills in commits and sources.
func overviewFacts(tx metadata.Tx, ids []int64, seq *int64, at map[int64]*Overview) error {
	facts, err := tx.Searches().FactsOf(ids, []string{registry.FactSourceCommit, registry.FactSourceRepository}, seq)
	if err != nil {
		return err
	}
	best := map[string]registry.Fact{}
	for _, f := range facts {
		name := f.Key + " " + strconv.FormatInt(f.VersionID, 10)
		if b, had := best[name]; had && (b.Rank > f.Rank || b.Rank == f.Rank && b.Seq > f.Seq) {
			continue
		}
		best[name] = f
		if f.Key == registry.FactSourceCommit {
			at[f.VersionID].Commit = f.Value
		} else {
			at[f.VersionID].Source = f.Value
		}
	}
	return nil
}

// overviewTags fills in the tags; of a past moment those among the first tags of a package.
func overviewTags(tx metadata.Tx, list []Listed, seq *int64, at map[int64]*Overview) error {
	seen := map[int64]bool{}
	for _, h := range list {
		o := at[h.Version.ID]
		if o == nil {
			continue
		}
		var tags []registry.Tag
		var err error
		if seq == nil {
			tags, err = tx.Tags().SomeTagsOfVersion(h.Version.ID, maxOverviewTags)
		} else if !seen[h.Version.PackageID] {
			seen[h.Version.PackageID] = true
			tags, err = tx.Tags().TagPageAt(h.Version.PackageID, *seq, registry.Page{Limit: maxPastTags})
		}
		if err != nil {
			return err
		}
		for _, t := range tags {
			if o := at[t.VersionID]; o != nil && len(o.Tags) < maxOverviewTags {
				o.Tags = append(o.Tags, t.Name)
			}
		}
	}
	return nil
}

// evidence fills in what tells of a version, and of how many parts it is.
func (h *History) evidence(tx metadata.Tx, of Listed, seq *int64, o *Overview) error {
	found := map[string]bool{}
	paths, err := tx.Searches().PathsOf(of.Version.ID, maxOverviewFiles)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if kind, _ := registry.FileEvidence(path); kind != "" {
			found[kind] = true
		}
	}
	if rules := h.core.Rules[of.Format]; rules.Attached != nil {
		references, err := tx.References().References(of.Version.ID)
		if err != nil {
			return err
		}
		for _, r := range references {
			if r.Kind == registry.RefChild {
				o.Parts++
			}
		}
		attached, err := attachedTo(tx, rules, of.Version, seq)
		if err != nil {
			return err
		}
		for _, v := range attached {
			if v.Digest != of.Version.Digest {
				found[rules.Attached(v).Kind] = true
			}
		}
	}
	delete(found, registry.AttachedOther)
	for kind := range found {
		o.Evidence = append(o.Evidence, kind)
	}
	slices.Sort(o.Evidence)
	return nil
}

// attachedTo are versions, with descriptors, that belong to one: by their subject, and by the tags of cosign.
func attachedTo(tx metadata.Tx, rules registry.Rules, v registry.Version, seq *int64) ([]registry.Version, error) {
	list, err := tx.References().Referrers(metadata.ReferrerPage{PackageID: v.PackageID, Kind: registry.RefSubject, Digest: v.Digest, Limit: maxOverviewAttached, AsOf: seq})
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(list))
	for i, r := range list {
		ids[i] = r.ID
	}
	if rules.AttachedTags != nil {
		for _, name := range rules.AttachedTags(v.Name) {
			var t registry.Tag
			if seq == nil {
				t, err = tx.Tags().Tag(v.PackageID, name)
			} else {
				t, err = tx.Tags().TagAt(v.PackageID, name, *seq)
			}
			if errors.Is(err, metadata.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			ids = append(ids, t.VersionID)
		}
	}
	out := make([]registry.Version, len(ids))
	for i, id := range ids {
		if out[i], err = tx.Versions().VersionByID(id); err != nil {
			return nil, err
		}
	}
	return out, nil
}
