package sqlstore

import (
	"errors"

	"slipway/metadata"
)

const selectPackage = `SELECT p.id, p.repository_id, r.name, p.format, p.key, p.name, p.revision, p.latest,
		p.version_count, p.descriptor, p.created_at, p.updated_at, p.origin
	FROM package p JOIN repository r ON r.id = p.repository_id `

func scanPackage(r row) (metadata.Package, error) {
	var v metadata.Package
	var created, updated int64
	err := r.Scan(&v.ID, &v.RepositoryID, &v.Repository, &v.Format, &v.Key, &v.Name, &v.Revision, &v.Latest,
		&v.VersionCount, &v.Descriptor, &created, &updated, &v.Origin)
	v.Descriptor = emptied(v.Descriptor)
	v.CreatedAt, v.UpdatedAt = fromMicros(created), fromMicros(updated)
	return v, err
}

// Package implements metadata.Packages.
func (t packages) Package(repository, format, key string) (metadata.Package, error) {
	p, err := one(t.Tx, scanPackage, selectPackage+`WHERE r.name = $1 AND r.deleted_at IS NULL AND p.format = $2 AND p.key = $3`,
		repository, format, key)
	if err == nil && t.ahead.hints != nil {
		err = t.lookAhead(p)
	}
	return p, err
}

// PackageByID implements metadata.Packages.
func (t packages) PackageByID(id int64) (metadata.Package, error) {
	return one(t.Tx, scanPackage, selectPackage+`WHERE p.id = $1`, id)
}

// PackageLike implements metadata.Packages.
func (t packages) PackageLike(repositoryID int64, format, key string) (metadata.Package, error) {
	folded := lower(key)
	p, err := one(t.Tx, scanPackage, selectPackage+`WHERE p.repository_id = $1 AND p.format = $2 AND lower(p.key) = $3 AND p.key <> lower(p.key)
			AND p.key <> $4 ORDER BY p.key LIMIT 1`, repositoryID, format, folded, key)
	if !errors.Is(err, metadata.ErrNotExist) || folded == key {
		return p, err
	}
	return one(t.Tx, scanPackage, selectPackage+`WHERE p.repository_id = $1 AND p.format = $2 AND p.key = $3`, repositoryID, format, folded)
}

// PackagesNamed implements metadata.Packages.
func (t packages) PackagesNamed(repositoryIDs []int64, format, key string) ([]metadata.Package, error) {
	args := []any{format, key}
	list := t.d.among(repositoryIDs, func(v any) string {
		args = append(args, v)
		return last(args)
	})
	return all(t.Tx, scanPackage, selectPackage+`WHERE p.format = $1 AND p.key = $2 AND p.repository_id IN (`+list+`)`, args...)
}

// Packages implements metadata.Packages.
func (t packages) Packages(q metadata.PackageQuery) ([]metadata.Package, error) {
	where, args := t.packagesWhere(q)
	args = append(args, limit(q.Limit))
	return all(t.Tx, scanPackage, selectPackage+where+` ORDER BY p.format, p.key`+most(last(args)), args...)
}

// PackageAt implements metadata.Packages.
func (t packages) PackageAt(q metadata.PackageQuery, n int) (format, key string, err error) {
	where, args := t.packagesWhere(q)
	args = append(args, n)
	at, err := one(t.Tx, func(r row) (at [2]string, err error) {
		err = r.Scan(&at[0], &at[1])
		return at, err
	}, `SELECT p.format, p.key FROM package p `+where+` ORDER BY p.format, p.key LIMIT 1 OFFSET `+last(args), args...)
	return at[0], at[1], err
}

// packagesWhere compares Contains by a position function instead of LIKE, so no character is a wildcard: instr in SQLite,
// strpos with the same arguments in PostgreSQL.
func (t *Tx) packagesWhere(q metadata.PackageQuery) (text string, args []any) {
	add := func(v any) string {
		args = append(args, v)
		return last(args)
	}
	text = `WHERE p.repository_id = ` + add(q.RepositoryID)
	if q.Format != "" {
		text += ` AND p.format = ` + add(q.Format) + ` AND p.key > ` + add(q.AfterKey)
	} else {
		text += ` AND (p.format, p.key) > (` + add(q.AfterFormat) + `, ` + add(q.AfterKey) + `)`
	}
	switch {
	case q.UntilKey == "":
	case q.Format != "":
		text += ` AND p.key <= ` + add(q.UntilKey)
	default:
		text += ` AND (p.format, p.key) <= (` + add(q.UntilFormat) + `, ` + add(q.UntilKey) + `)`
	}
	if !q.MadeUntil.IsZero() {
		text += ` AND p.created_at <= ` + add(micros(q.MadeUntil))
	}
	if q.Contains != "" {
		text += ` AND ` + t.d.Position + `(lower(p.key), ` + add(lower(q.Contains)) + `) > 0`
	}
	return text, args
}

// CreatePackage implements metadata.Packages.
func (t packages) CreatePackage(v metadata.Package) (metadata.Package, error) {
	v.Revision = 1
	v.CreatedAt = t.Now()
	v.UpdatedAt = v.CreatedAt
	var err error
	v.ID, err = t.insertRow(`INSERT INTO package (repository_id, format, key, name, revision, latest, version_count,
			descriptor, created_at, updated_at, origin, id)
		VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $8, $9, $10)
		ON CONFLICT (repository_id, format, key) DO NOTHING RETURNING id`,
		v.RepositoryID, v.Format, v.Key, v.Name, v.Latest, v.VersionCount, filled(v.Descriptor), micros(v.CreatedAt), v.Origin, t.newID())
	return v, err
}

// UpdatePackage implements metadata.Packages.
func (t packages) UpdatePackage(v metadata.Package) error {
	return t.within(v.ID).must(`UPDATE package SET latest = $1, version_count = $2, descriptor = $3, origin = $4, updated_at = $5,
			revision = revision + 1 WHERE id = $6`,
		v.Latest, v.VersionCount, filled(v.Descriptor), v.Origin, t.micros(), v.ID)
}
