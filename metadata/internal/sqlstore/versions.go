package sqlstore

import (
	"fmt"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

const (
	versionCore = `id, package_id, name, purl, state, reason, digest, size, sort_key, prerelease, published_at,
		published_by, publisher_id, updated_at, seq, media_type, announced, ended_seq`
	selectVersion = `SELECT ` + versionCore + `, descriptor FROM version `
)

// Values of the column announced; 0 is a version that no event announced yet.
const (
	isAnnounced = 1
	isAttached  = 2
)

// announcedOf is the column's value for a version.
func announcedOf(v metadata.Version) int64 {
	if v.Attached {
		return isAttached
	}
	return flag(v.Announced)
}

func scanVersion(r row) (metadata.Version, error) { return versionFrom(r, true) }

func scanVersionCore(r row) (metadata.Version, error) { return versionFrom(r, false) }

func versionFrom(r row, descriptor bool) (metadata.Version, error) {
	var v metadata.Version
	var raw []byte
	var state string
	var published, updated, announced int64
	dest := []any{&v.ID, &v.PackageID, &v.Name, &v.PURL, &state, &v.Reason, &raw, &v.Size, &v.SortKey, &v.Prerelease,
		&published, &v.PublishedBy, &v.PublisherID, &updated, &v.Seq, &v.MediaType, &announced, &v.EndedSeq}
	if descriptor {
		dest = append(dest, &v.Descriptor)
	}
	err := r.Scan(dest...)
	v.State = metadata.State(state)
	v.Digest = digestOf(raw)
	v.Announced, v.Attached = announced == isAnnounced, announced == isAttached
	v.SortKey, v.Descriptor = emptied(v.SortKey), emptied(v.Descriptor)
	v.PublishedAt, v.UpdatedAt = fromMicros(published), fromMicros(updated)
	return v, err
}

// Version implements metadata.Versions.
func (t versions) Version(packageID int64, name string) (metadata.Version, error) {
	return one(t.Tx, scanVersion, selectVersion+`WHERE package_id = $1 AND name = $2`, packageID, name)
}

// VersionByID implements metadata.Versions.
func (t versions) VersionByID(id int64) (metadata.Version, error) {
	return one(t.Tx, scanVersion, selectVersion+`WHERE id = $1`, id)
}

// VersionAt implements metadata.Versions.
func (t versions) VersionAt(repository, format, key, name string) (metadata.Version, error) {
	return one(t.Tx, scanVersion, selectVersion+`WHERE package_id = (SELECT p.id FROM repository r JOIN package p ON p.repository_id = r.id
			WHERE r.deleted_at IS NULL AND r.name = $1 AND p.format = $2 AND p.key = $3) AND name = $4`,
		repository, format, key, name)
}

// VersionByTag implements metadata.Versions.
func (t versions) VersionByTag(repository, format, key, tag string) (metadata.Version, error) {
	return one(t.Tx, scanVersion, selectVersion+`WHERE id = (SELECT t.version_id FROM repository r JOIN package p ON p.repository_id = r.id
			JOIN tag t ON t.package_id = p.id AND t.seq_to IS NULL
			WHERE r.deleted_at IS NULL AND r.name = $1 AND p.format = $2 AND p.key = $3 AND t.name = $4)`,
		repository, format, key, tag)
}

// VersionByDigest implements metadata.Versions. The newest version is the one published last in the log.
func (t versions) VersionByDigest(packageID int64, d digest.Digest) (metadata.Version, error) {
	raw, err := sum(d)
	if err != nil {
		return metadata.Version{}, fmt.Errorf("%w: %w", metadata.ErrNotExist, err)
	}
	return one(t.Tx, scanVersion, selectVersion+`WHERE package_id = $1 AND digest = $2 AND state <> 'deleted'
		ORDER BY seq DESC, id DESC LIMIT 1`, packageID, raw)
}

// Versions implements metadata.Versions.
func (t versions) Versions(p metadata.VersionPage) ([]metadata.Version, error) {
	text, scan := selectVersion+`v `, scanVersion
	if p.NoDescriptors {
		text, scan = `SELECT `+versionCore+` FROM version v `, scanVersionCore
	}
	text += `WHERE package_id = $1`
	if p.NoParts {
		part := &searchSQL{}
		part.part()
		text += ` AND NOT ` + part.text.String()
	}
	if !p.Deleted {
		text += ` AND state <> 'deleted'`
	}
	if p.NoAttached {
		text += ` AND announced <> 2`
	}
	than, order := `>`, ` ORDER BY sort_key, name`
	if p.NewestFirst {
		than, order = `<`, ` ORDER BY sort_key DESC, name DESC`
	}
	if len(p.AfterSortKey) == 0 && p.AfterName == "" {
		return all(t.Tx, scan, text+order+` LIMIT CAST($2 AS BIGINT)`, p.PackageID, limit(p.Limit))
	}
	return all(t.Tx, scan, text+` AND (sort_key, name) `+than+` ($2, $3)`+order+` LIMIT CAST($4 AS BIGINT)`,
		p.PackageID, filled(p.AfterSortKey), p.AfterName, limit(p.Limit))
}

// Highest implements metadata.Versions. The version is the first row of an index with this very order.
func (t versions) Highest(packageID int64) (string, error) {
	return one(t.Tx, scanText, `SELECT name FROM version WHERE package_id = $1 AND state <> 'deleted' AND announced <> 2
		ORDER BY (prerelease = 0 AND state <> 'yanked') DESC, sort_key DESC, name DESC LIMIT 1`, packageID)
}

// Attached implements metadata.Versions.
func (t versions) Attached(packageIDs []int64) (map[int64]int64, error) {
	var args []any
	list := t.d.among(packageIDs, func(v any) string {
		args = append(args, v)
		return last(args)
	})
	counts, err := all(t.Tx, func(r row) (c [2]int64, err error) {
		err = r.Scan(&c[0], &c[1])
		return c, err
	}, `SELECT package_id, COUNT(*) FROM version WHERE package_id IN (`+list+`) AND announced = 2 AND state <> 'deleted' GROUP BY package_id`, args...)
	out := make(map[int64]int64, len(counts))
	for _, c := range counts {
		out[c[0]] = c[1]
	}
	return out, err
}

// CreateVersion implements metadata.Versions. Zero times become now, an empty State Published.
func (t versions) CreateVersion(v metadata.Version) (metadata.Version, error) {
	raw, err := sum(v.Digest)
	if err != nil {
		return v, err
	}
	if v.State == "" {
		v.State = metadata.Published
	}
	if v.PublishedAt.IsZero() {
		v.PublishedAt = t.Now()
	}
	if v.UpdatedAt.IsZero() {
		v.UpdatedAt = v.PublishedAt
	}
	v.ID, err = t.within(v.PackageID).insertRow(`INSERT INTO version (package_id, name, purl, state, reason, digest, size, sort_key,
			prerelease, published_at, published_by, publisher_id, updated_at, seq, descriptor, media_type, announced, ended_seq, id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		ON CONFLICT (package_id, name) DO NOTHING RETURNING id`,
		v.PackageID, v.Name, v.PURL, string(v.State), v.Reason, raw, v.Size, filled(v.SortKey), flag(v.Prerelease),
		micros(v.PublishedAt), v.PublishedBy, v.PublisherID, micros(v.UpdatedAt), v.Seq, filled(v.Descriptor),
		v.MediaType, announcedOf(v), v.EndedSeq, t.newID())
	if err == nil {
		t.created = v.ID
	}
	return v, err
}

// SetDigest implements metadata.Versions.
func (t versions) SetDigest(versionID int64, d digest.Digest) error {
	raw, err := sum(d)
	if err != nil {
		return err
	}
	return t.must(`UPDATE version SET digest = $1 WHERE id = $2`, raw, versionID)
}

// UpdateVersion implements metadata.Versions. It stores every field that the interface names, from v, and now as
// UpdatedAt: a caller changes a version that it has read.
func (t versions) UpdateVersion(v metadata.Version) error {
	raw, err := sum(v.Digest)
	if err != nil {
		return err
	}
	return t.within(v.PackageID).must(`UPDATE version SET purl = $1, state = $2, reason = $3, digest = $4, size = $5, sort_key = $6,
			prerelease = $7, published_at = $8, published_by = $9, publisher_id = $10, updated_at = $11, seq = $12,
			descriptor = $13, media_type = $14, announced = $15, ended_seq = $16
		WHERE id = $17`,
		v.PURL, string(v.State), v.Reason, raw, v.Size, filled(v.SortKey), flag(v.Prerelease), micros(v.PublishedAt),
		v.PublishedBy, v.PublisherID, t.micros(), v.Seq, filled(v.Descriptor), v.MediaType, announcedOf(v), v.EndedSeq, v.ID)
}
