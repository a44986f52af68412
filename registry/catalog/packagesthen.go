package catalog

import (
	"context"
	"errors"
	"slices"
	"time"

	"slipway/metadata"
	"slipway/registry"
)

// latestAmong is among how many of the highest versions the newest release is looked for.
const latestAmong = 20

// PackagesThen lists the packages that a repository itself had at a past moment, with a text in their names ("" for all): those that had versions
// then, with the number of these, the newest and the time of the last publish. A page may have few packages or none although more follow: next is
// where the next page begins, "" at the end. NotFound; Invalid: the format is unknown.
func (h *History) PackagesThen(ctx context.Context, repository, text string, q PackageQuery, when registry.AsOf) (found []registry.Package, next string, err error) {
	if when, err = h.core.SettleUntil(ctx, when); err != nil {
		return nil, "", err
	}
	err = h.now.viewPackages(ctx, repository, q, func(tx metadata.Tx, mq metadata.PackageQuery) error {
		seq, err := registry.SeqAsOf(tx.Log(), when)
		if err != nil {
			return err
		}
		if mq.MadeUntil, err = timeOf(tx.Log(), seq); err != nil {
			return err
		}
		mq.Contains = text
		var list []registry.Package
		if list, next, err = walkPackages(tx, mq); err == nil {
			found, err = thatHadVersions(tx, list, seq)
		}
		return err
	})
	return found, next, err
}

// timeOf is the time of a log entry, or of the one before it that is there. Before the first entry it is the beginning of time.
func timeOf(log metadata.Log, seq int64) (time.Time, error) {
	entries, err := log.Entries(metadata.EntryQuery{After: -1, Before: seq + 1, Newest: true, Limit: 1})
	if err != nil || len(entries) == 0 {
		return time.Unix(0, 1000).UTC(), err
	}
	return entries[0].Time, nil
}

// walkPackages reads a page of packages that a query for few of them selects, and looks at maxPackageWalk at most. next is where the next page
// begins, "" at the end.
func walkPackages(tx metadata.Tx, mq metadata.PackageQuery) (found []registry.Package, next string, err error) {
	cursor := func(format, key string) string { return format + "/" + key }
	all := mq
	all.Contains, all.MadeUntil = "", time.Time{}
	format, key, err := tx.Packages().PackageAt(all, maxPackageWalk-1)
	if err == nil {
		mq.UntilFormat, mq.UntilKey, next = format, key, cursor(format, key)
	} else if !errors.Is(err, metadata.ErrNotExist) {
		return nil, "", err
	}
	most := mq.Limit
	mq.Limit = most + 1
	if found, err = tx.Packages().Packages(mq); err == nil && len(found) > most {
		found = found[:most]
		next = cursor(found[most-1].Format, found[most-1].Key)
	}
	return found, next, err
}

// thatHadVersions keeps the packages that had versions right after a log entry, as they were then.
func thatHadVersions(tx metadata.Tx, list []registry.Package, seq int64) ([]registry.Package, error) {
	if len(list) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(list))
	for i, p := range list {
		ids[i] = p.ID
	}
	counts, err := tx.Searches().VersionsThen(ids, seq)
	if err != nil {
		return nil, err
	}
	var out []registry.Package
	for _, p := range list {
		i := slices.IndexFunc(counts, func(c metadata.VersionsThen) bool { return c.PackageID == p.ID })
		if i < 0 {
			continue
		}
		p.VersionCount, p.Attached, p.Size, p.UpdatedAt = counts[i].Versions, 0, 0, counts[i].PublishedAt
		highest, err := tx.Searches().Search(metadata.Search{PackageID: p.ID, Repositories: []int64{p.RepositoryID}, AsOf: &seq, NoAttached: true, Limit: latestAmong})
		if err != nil {
			return nil, err
		}
		p.Latest = ""
		if len(highest) > 0 {
			p.Latest = highest[max(0, slices.IndexFunc(highest, func(h metadata.Hit) bool { return !h.Version.Prerelease && h.Version.State != registry.Yanked }))].Version.Name
		}
		out = append(out, p)
	}
	return out, nil
}
