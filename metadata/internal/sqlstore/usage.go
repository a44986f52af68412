package sqlstore

import (
	"slices"
	"time"

	"slipway/metadata"
)

type usages struct{ *Tx }

// Usages implements metadata.Tx.
func (t *Tx) Usages() metadata.Usages { return usages{t} }

// Usage implements metadata.Usages.
func (t usages) Usage(repositoryID int64) ([]metadata.Usage, error) {
	return all(t.Tx, func(r row) (metadata.Usage, error) {
		var v metadata.Usage
		var until int64
		err := r.Scan(&v.RepositoryID, &v.Repository, &v.Format, &v.Packages, &v.Versions, &v.Bytes, &v.CachedBytes, &until)
		v.Until = fromMicros(until)
		return v, err
	}, `SELECT u.repository_id, r.name, u.format, u.packages, u.versions, u.bytes, u.cached_bytes, u.counted_until
		FROM usage u JOIN repository r ON r.id = u.repository_id WHERE u.repository_id = $1 ORDER BY u.format`, repositoryID)
}

// PutUsage implements metadata.Usages.
func (t usages) PutUsage(u metadata.Usage) error {
	return t.must(`INSERT INTO usage (repository_id, format, packages, versions, bytes, cached_bytes, counted_until) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (repository_id, format) DO UPDATE SET packages = excluded.packages, versions = excluded.versions, bytes = excluded.bytes,
			cached_bytes = excluded.cached_bytes, counted_until = excluded.counted_until`,
		u.RepositoryID, u.Format, u.Packages, u.Versions, u.Bytes, u.CachedBytes, micros(u.Until))
}

// PackageUsage implements metadata.Usages.
func (t usages) PackageUsage(ids []int64) (map[int64]metadata.PackageUsage, error) {
	out := map[int64]metadata.PackageUsage{}
	if len(ids) == 0 {
		return out, nil
	}
	var args []any
	list := t.d.among(ids, func(v any) string {
		args = append(args, v)
		return last(args)
	})
	found, err := all(t.Tx, func(r row) (metadata.PackageUsage, error) {
		var v metadata.PackageUsage
		var cached int64
		err := r.Scan(&v.PackageID, &cached, &v.Versions, &v.Bytes)
		v.Cached = cached != 0
		return v, err
	}, `SELECT package_id, cached, versions, bytes FROM package_usage WHERE package_id IN (`+list+`)`, args...)
	for _, u := range found {
		out[u.PackageID] = u
	}
	return out, err
}

// CountPackage implements metadata.Usages. Of what came from a remote, the bytes that were evicted do not count.
func (t usages) CountPackage(p metadata.Package) (metadata.PackageUsage, error) {
	u := metadata.PackageUsage{PackageID: p.ID, Cached: p.Origin == metadata.OriginCached, Versions: p.VersionCount}
	text := `SELECT COALESCE(SUM(v.size), 0) FROM version v WHERE v.package_id = $1 AND v.state <> 'deleted'`
	if u.Cached {
		text = `SELECT COALESCE(SUM(b.size), 0) FROM file f JOIN blob b ON b.id = f.blob_id WHERE f.package_id = $1`
	}
	var err error
	u.Bytes, err = one(t.Tx, scanInt, text, p.ID)
	return u, err
}

// PutPackageUsage implements metadata.Usages.
func (t usages) PutPackageUsage(p metadata.Package, u metadata.PackageUsage) error {
	return t.must(`INSERT INTO package_usage (package_id, repository_id, format, cached, versions, bytes) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (package_id) DO UPDATE SET cached = excluded.cached, versions = excluded.versions, bytes = excluded.bytes`,
		p.ID, p.RepositoryID, p.Format, flag(u.Cached), u.Versions, u.Bytes)
}

// ChangedPackages implements metadata.Usages.
func (t usages) ChangedPackages(q metadata.ChangedQuery) ([]metadata.Package, error) {
	return all(t.Tx, scanPackage, selectPackage+`WHERE p.repository_id = $1 AND p.format = $2 AND (p.updated_at, p.id) > ($3, $4)
		ORDER BY p.updated_at, p.id`+most(`$5`), q.RepositoryID, q.Format, micros(q.Since), q.AfterID, limit(q.Limit))
}

// OrderedPackages implements metadata.Usages.
func (t usages) OrderedPackages(q metadata.PackageOrder) ([]metadata.Package, []metadata.PackagePlace, error) {
	text, where, by := selectPackage, `p.repository_id = $1 AND p.format = $2`, `p.updated_at, p.id`
	if q.By == metadata.LargestPackages {
		text, where, by = selectPackage+`JOIN package_usage u ON u.package_id = p.id `, `u.repository_id = $1 AND u.format = $2`, `u.bytes, u.package_id`
	}
	args := []any{q.RepositoryID, q.Format}
	if q.After != nil {
		args = append(args, q.After.Value, q.After.ID)
		where += ` AND (` + by + `) < ($3, $4)`
	}
	args = append(args, limit(q.Limit))
	order := `p.updated_at DESC, p.id DESC`
	if q.By == metadata.LargestPackages {
		order = `u.bytes DESC, u.package_id DESC`
	}
	list, err := all(t.Tx, scanPackage, text+`WHERE `+where+` ORDER BY `+order+most(last(args)), args...)
	if err != nil {
		return nil, nil, err
	}
	places := make([]metadata.PackagePlace, len(list))
	ids := make([]int64, len(list))
	for i, p := range list {
		places[i], ids[i] = metadata.PackagePlace{Value: micros(p.UpdatedAt), ID: p.ID}, p.ID
	}
	if q.By == metadata.LargestPackages {
		counted, err := t.PackageUsage(ids)
		if err != nil {
			return nil, nil, err
		}
		for i, p := range list {
			places[i].Value = counted[p.ID].Bytes
		}
	}
	return list, places, nil
}

// BlobTotal implements metadata.Usages.
func (t usages) BlobTotal(after int64, n int) (metadata.BlobTotal, error) {
	return one(t.Tx, func(r row) (v metadata.BlobTotal, err error) {
		err = r.Scan(&v.Blobs, &v.Bytes, &v.Last)
		return v, err
	}, `SELECT COUNT(*), COALESCE(SUM(size), 0), COALESCE(MAX(id), 0) FROM (SELECT b.id AS id, b.size AS size FROM blob b WHERE b.id > $1 ORDER BY b.id`+most(`$2`)+`) AS part`,
		after, limit(n))
}

// keepings are the statements that find what needs a blob; each has the same columns.
var keepings = []string{
	`SELECT 'file', r.name, p.format, p.name, v.name, f.path FROM file f JOIN version v ON v.id = f.version_id JOIN package p ON p.id = f.package_id
		JOIN repository r ON r.id = p.repository_id WHERE f.blob_id = $1 ORDER BY f.blob_id, f.package_id, f.version_id, f.path`,
	`SELECT 'deleted', r.name, p.format, p.name, v.name, f.path FROM discarded_file f JOIN version v ON v.id = f.version_id JOIN package p ON p.id = f.package_id
		JOIN repository r ON r.id = p.repository_id WHERE f.blob_id = $1 ORDER BY f.blob_id, f.version_id, f.path`,
	`SELECT 'staged', r.name, f.format, f.package, f.version, f.path FROM staged_file f JOIN staging s ON s.id = f.staging_id
		JOIN repository r ON r.id = s.repository_id WHERE f.blob_id = $1`,
	`SELECT 'upload', r.name, '', '', '', '' FROM upload u JOIN repository r ON r.id = u.repository_id WHERE u.blob_id = $1`,
	`SELECT 'index', r.name, i.format, i.key, '', '' FROM upstream_index i JOIN upstream u ON u.id = i.upstream_id JOIN repository r ON r.id = u.repository_id
		WHERE i.body_blob_id = $1`,
}

// Keepings implements metadata.Usages.
func (t usages) Keepings(blobID int64, n int) ([]metadata.Keeping, error) {
	var out []metadata.Keeping
	for _, text := range keepings {
		found, err := all(t.Tx, func(r row) (metadata.Keeping, error) {
			var v metadata.Keeping
			err := r.Scan(&v.Kind, &v.Repository, &v.Format, &v.Package, &v.Version, &v.Path)
			return v, err
		}, text+most(`$2`), blobID, limit(n))
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	leases, err := all(t.Tx, func(r row) (time.Time, error) {
		var until int64
		err := r.Scan(&until)
		return fromMicros(until), err
	}, `SELECT until FROM lease WHERE blob_id = $1 AND until > $2 ORDER BY holder`+most(`$3`), blobID, t.micros(), limit(n))
	for _, until := range leases {
		out = append(out, metadata.Keeping{Kind: metadata.KeptByLease, Until: until})
	}
	return slices.Clip(out), err
}
