package maintain

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Bounds of counting what is stored.
const (
	countBatch   = 200    // packages of one transaction
	blobBatch    = 10_000 // blobs of one view
	storedEvery  = time.Hour
	maxKeepings  = 20 // of each kind
	storedTotals = "usage.stored"
)

// Usage is what a repository holds in a format.
type Usage = metadata.Usage

// KeptByFile is the kind of a metadata.Keeping that is a file of a version.
const KeptByFile = metadata.KeptByFile

// Stored is what the store of blobs holds, as it was counted last.
type Stored struct {
	Blobs int64     `json:"blobs"`
	Bytes int64     `json:"bytes"`
	At    time.Time `json:"at"`
}

// CountEvery counts what packages hold after each interval in which something changed, until ctx ends or an error occurs.
func (s *Maintainer) CountEvery(ctx context.Context, interval time.Duration) error {
	seen := int64(-1)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(interval):
		}
		var size int64
		err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			size, err = tx.Log().LogSize()
			return err
		})
		if err == nil && size != seen {
			seen = size
			err = s.countUsage(ctx, false)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// CountUsage counts anew what packages hold that changed since they were counted last, and all blobs. The caller administers the server.
func (s *Maintainer) CountUsage(ctx context.Context) error {
	if _, err := s.core.Authorize(ctx, access.Admin, access.Instance); err != nil {
		return err
	}
	return s.countUsage(ctx, true)
}

// countUsage counts packages, and blobs if force is true or they were not counted for a while.
func (s *Maintainer) countUsage(ctx context.Context, force bool) error {
	s.counting.Lock()
	defer s.counting.Unlock()
	var repositories []registry.Repository
	var stored Stored
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if repositories, err = registry.AllRepositories(tx.Repositories()); err != nil {
			return err
		}
		stored, err = storedIn(tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range repositories {
		for _, format := range slices.Sorted(maps.Keys(s.core.Rules)) {
			if err := s.countFormat(ctx, r, format); err != nil {
				return err
			}
		}
	}
	if !force && s.core.Now().Sub(stored.At) < storedEvery {
		return nil
	}
	return s.countBlobs(ctx)
}

// countFormat counts the packages of one format that changed since.
func (s *Maintainer) countFormat(ctx context.Context, r registry.Repository, format string) error {
	q := metadata.ChangedQuery{RepositoryID: r.ID, Format: format, Limit: countBatch}
	first := true
	for {
		var list []registry.Package
		var counts []metadata.PackageUsage
		changed := false
		err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			if first {
				u, err := usageIn(tx, r.ID, format)
				if err != nil {
					return err
				}
				q.Since = u.Until // again those of that moment: others may have changed in it
			}
			if list, err = tx.Usages().ChangedPackages(q); err != nil {
				return err
			}
			known, err := tx.Usages().PackageUsage(idsOf(list))
			for _, p := range list {
				if err != nil {
					return err
				}
				var u metadata.PackageUsage
				u, err = tx.Usages().CountPackage(p)
				counts = append(counts, u)
				changed = changed || known[p.ID] != u
			}
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		first = false
		last := list[len(list)-1]
		if changed || last.UpdatedAt.After(q.Since) {
			if err := s.core.Update(ctx, func(tx metadata.Tx) error { return putCounts(tx, r.ID, format, list, counts) }); err != nil {
				return err
			}
		}
		if len(list) < q.Limit {
			return nil
		}
		q.Since, q.AfterID = last.UpdatedAt, last.ID
	}
}

func idsOf(list []registry.Package) []int64 {
	out := make([]int64, len(list))
	for i, p := range list {
		out[i] = p.ID
	}
	return out
}

// usageIn returns what a repository holds in a format, as it was stored.
func usageIn(tx metadata.Tx, repositoryID int64, format string) (metadata.Usage, error) {
	list, err := tx.Usages().Usage(repositoryID)
	for _, u := range list {
		if u.Format == format {
			return u, err
		}
	}
	return metadata.Usage{RepositoryID: repositoryID, Format: format}, err
}

// putCounts stores what packages of a repository and format hold, and their part of what the repository holds.
func putCounts(tx metadata.Tx, repositoryID int64, format string, list []registry.Package, counts []metadata.PackageUsage) error {
	total, err := usageIn(tx, repositoryID, format)
	if err != nil {
		return err
	}
	known, err := tx.Usages().PackageUsage(idsOf(list))
	if err != nil {
		return err
	}
	add := func(u metadata.PackageUsage, sign int64) {
		if u.Versions > 0 {
			total.Packages += sign
		}
		total.Versions += sign * u.Versions
		total.Bytes += sign * u.Bytes
		if u.Cached {
			total.CachedBytes += sign * u.Bytes
		}
	}
	for i, p := range list {
		if known[p.ID] == counts[i] {
			continue
		}
		add(known[p.ID], -1)
		add(counts[i], 1)
		if err := tx.Usages().PutPackageUsage(p, counts[i]); err != nil {
			return err
		}
	}
	total.Until = list[len(list)-1].UpdatedAt
	return tx.Usages().PutUsage(total)
}

// countBlobs counts all blobs, and stores the sums.
func (s *Maintainer) countBlobs(ctx context.Context) error {
	stored := Stored{At: s.core.Now()}
	for after := int64(0); ; {
		var part metadata.BlobTotal
		err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			part, err = tx.Usages().BlobTotal(after, blobBatch)
			return err
		})
		if err != nil {
			return err
		}
		stored.Blobs += part.Blobs
		stored.Bytes += part.Bytes
		if after = part.Last; part.Blobs < blobBatch {
			break
		}
	}
	raw, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	return s.core.Update(ctx, func(tx metadata.Tx) error { return tx.Settings().PutSetting(storedTotals, string(raw)) })
}

// storedIn returns what was counted of the blobs; the zero value: nothing was.
func storedIn(tx metadata.Tx) (Stored, error) {
	var out Stored
	text, err := tx.Settings().Setting(storedTotals)
	if errors.Is(err, metadata.ErrNotExist) {
		return out, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &out)
	}
	return out, err
}

// Usage returns what a repository holds, by format, to callers who may read it. NotFound.
func (s *Maintainer) Usage(ctx context.Context, repository string) ([]Usage, error) {
	if _, err := s.core.Authorize(ctx, access.Read, repository); err != nil {
		return nil, err
	}
	r, err := s.core.RepositoryRow(ctx, repository)
	if err != nil {
		return nil, err
	}
	var out []Usage
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		out, err = tx.Usages().Usage(r.ID)
		return err
	})
	return out, err
}

// RepositoryUsage is what a repository holds.
type RepositoryUsage struct {
	Repository string
	Formats    []Usage
}

// Usages returns what the repositories hold, by name; next is where the next page begins, "" at the end. For auditors of the server.
func (s *Maintainer) Usages(ctx context.Context, p registry.Page) (out []RepositoryUsage, next string, err error) {
	if _, err := s.core.Authorize(ctx, access.Audit, access.Instance); err != nil {
		return nil, "", err
	}
	limit := registry.Bound(p.Limit)
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		list, err := tx.Repositories().Repositories(metadata.Page{After: p.After, Limit: limit + 1})
		if err != nil {
			return err
		}
		if len(list) > limit {
			list, next = list[:limit], list[limit-1].Name
		}
		for _, r := range list {
			formats, err := tx.Usages().Usage(r.ID)
			if err != nil {
				return err
			}
			out = append(out, RepositoryUsage{r.Name, formats})
		}
		return nil
	})
	return out, next, err
}

// Storage returns what all repositories hold together, by format, and what is stored of it. For auditors of the server.
func (s *Maintainer) Storage(ctx context.Context) (formats []Usage, stored Stored, err error) {
	if _, err := s.core.Authorize(ctx, access.Audit, access.Instance); err != nil {
		return nil, stored, err
	}
	byFormat := map[string]Usage{}
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		repositories, err := registry.AllRepositories(tx.Repositories())
		if err != nil {
			return err
		}
		for _, r := range repositories {
			list, err := tx.Usages().Usage(r.ID)
			if err != nil {
				return err
			}
			for _, u := range list {
				sum := byFormat[u.Format]
				sum.Format = u.Format
				sum.Packages += u.Packages
				sum.Versions += u.Versions
				sum.Bytes += u.Bytes
				sum.CachedBytes += u.CachedBytes
				byFormat[u.Format] = sum
			}
		}
		stored, err = storedIn(tx)
		return err
	})
	for _, format := range slices.Sorted(maps.Keys(byFormat)) {
		formats = append(formats, byFormat[format])
	}
	return formats, stored, err
}

// Kept says why a blob is stored.
type Kept struct {
	Blob registry.Blob
	Uses []metadata.Keeping
}

// WhyKept returns what needs a blob: at most some things of each kind. Nothing: the next collection after its grace takes it. For auditors of the
// server. NotFound.
func (s *Maintainer) WhyKept(ctx context.Context, d digest.Digest) (out Kept, err error) {
	if _, err := s.core.Authorize(ctx, access.Audit, access.Instance); err != nil {
		return out, err
	}
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if out.Blob, err = tx.Blobs().Blob(d); err != nil {
			return registry.Missing(err, registry.AboutBlob, "no blob %s is stored", registry.Clip(d.String()))
		}
		out.Uses, err = tx.Usages().Keepings(out.Blob.ID, maxKeepings)
		return err
	})
	return out, err
}
