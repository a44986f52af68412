package publish

import (
	"errors"

	"slipway/metadata"
	"slipway/registry"
)

// TagServed is the reason of a tag that a remote has, and that is a tag here because it was served.
const TagServed = "served"

// Evicted is what a transaction took away: files, and the bytes that nothing holds any more.
type Evicted struct{ Files, Bytes int64 }

// Evict takes the bytes of files from remotes away, which may come again. It leaves those of a version, or of an index that contains it, that
// is deployed, that has a tag of this server's own, or for which keep is true. Files that are gone meanwhile, or were used after they were
// listed, are left out.
func (s *Publisher) Evict(tx metadata.Tx, list []metadata.CachedEntry, keep func(metadata.CachedEntry) bool) (done Evicted, err error) {
	kept, touched := map[int64]bool{}, map[int64]bool{}
	for _, e := range list {
		known, looked := kept[e.VersionID]
		if !looked {
			if known, err = s.keeps(tx, e.Version); err != nil {
				return done, err
			}
			kept[e.VersionID] = known
		}
		if known || keep(e) {
			continue
		}
		now, err := tx.Caches().CachedFile(e.VersionID, e.Path)
		if err == nil && (now.UsedAt.After(e.UsedAt) || now.Digest != e.Digest) {
			continue
		}
		freed := int64(0)
		if err == nil {
			freed, err = tx.Evictions().Evict(e.VersionID, e.Path)
		}
		if errors.Is(err, metadata.ErrNotExist) {
			continue
		}
		if err != nil {
			return done, err
		}
		done.Files++
		done.Bytes += freed
		touched[e.PackageID] = true
	}
	for id := range touched {
		pkg, err := tx.Packages().PackageByID(id)
		if err == nil {
			err = tx.Packages().UpdatePackage(pkg) // documents list what is here
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// keeps is Kept by what the part was made with.
func (s *Publisher) keeps(tx metadata.Tx, v registry.Version) (bool, error) {
	return Kept(tx, v, s.keepers...)
}

// Kept reports whether a version is in use by what keepers tell, or has a tag of this server's own, or an index above it.
func Kept(tx metadata.Tx, v registry.Version, keepers ...Keeper) (bool, error) {
	c := change{tx: tx, pkg: registry.Package{ID: v.PackageID}}
	kept := false
	err := c.upwards(v, func(now registry.Version) (bool, error) {
		for _, k := range keepers {
			if uses, err := k.Uses(tx, now, 1); err != nil || len(uses) > 0 {
				kept = true
				return false, err
			}
		}
		tags, err := tx.Tags().TagsOfVersion(now.ID)
		for _, t := range tags {
			kept = kept || t.Reason != TagServed
		}
		return !kept, err
	})
	return kept, err
}

// cameBefore finds what a file was that came from a remote, was evicted, and is brought again. AlreadyExists: it had other bytes, and those of
// its path never change.
func (c *committer) cameBefore(v registry.Version, st Staged) (was registry.File, known bool, err error) {
	if c.rel.Cached == nil {
		return was, false, nil
	}
	before, err := c.tx.Caches().CachedFile(v.ID, st.Path)
	if errors.Is(err, metadata.ErrNotExist) {
		return was, false, nil
	}
	if err == nil && before.Digest != st.Blob.Digest && c.rel.Mode != Replace {
		err = registry.Errorf(registry.AlreadyExists, registry.AboutFile, "%q of %s %s came with other bytes before (sha256 %s)",
			registry.Clip(st.Path), c.pkg.Name, v.Name, before.Digest.Encoded())
	}
	if err != nil || !before.Evicted {
		return was, false, err
	}
	evicted, err := c.tx.Evictions().Evicted(v.ID)
	for _, f := range evicted {
		if f.Path == st.Path {
			return f, true, err
		}
	}
	return was, false, err
}

// comeBack makes a file that was evicted a file of its version again. The log knows it, so it gets no entry.
func (c *committer) comeBack(versionID int64, st Staged) error {
	if _, err := c.putBlob(st); err != nil {
		return err
	}
	if c.back == nil {
		c.back = map[string]bool{}
	}
	c.back[st.Path], c.dirty = true, true
	return c.tx.Evictions().Return(versionID, st.Path)
}
