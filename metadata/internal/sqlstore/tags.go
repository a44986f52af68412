package sqlstore

import (
	"fmt"
	"math"
	"strconv"

	"slipway/metadata"
)

const selectTag = `SELECT t.package_id, t.name, t.version_id, v.name, v.digest, t.generation, t.set_at, t.set_by, t.reason,
		t.seq_from, COALESCE(t.seq_to, 0), t.ended_at
	FROM tag t JOIN version v ON v.id = t.version_id `

func scanTag(r row) (metadata.Tag, error) {
	var v metadata.Tag
	var raw []byte
	var set, ended int64
	err := r.Scan(&v.PackageID, &v.Name, &v.VersionID, &v.Version, &raw, &v.Generation, &set, &v.SetBy, &v.Reason,
		&v.SeqFrom, &v.SeqTo, &ended)
	v.Digest = digestOf(raw)
	v.SetAt, v.EndedAt = fromMicros(set), fromMicros(ended)
	return v, err
}

// Tag implements metadata.Tags.
func (t tags) Tag(packageID int64, name string) (metadata.Tag, error) {
	return one(t.Tx, scanTag, selectTag+`WHERE t.package_id = $1 AND t.name = $2 AND t.seq_to IS NULL`, packageID, name)
}

// Tags implements metadata.Tags.
func (t tags) Tags(packageID int64) ([]metadata.Tag, error) {
	return all(t.Tx, scanTag, selectTag+`WHERE t.package_id = $1 AND t.seq_to IS NULL ORDER BY t.name`, packageID)
}

// TagPage implements metadata.Tags.
func (t tags) TagPage(packageID int64, p metadata.Page) ([]metadata.Tag, error) {
	return all(t.Tx, scanTag, selectTag+`WHERE t.package_id = $1 AND t.name > $2 AND t.seq_to IS NULL
		ORDER BY t.name LIMIT CAST($3 AS BIGINT)`, packageID, p.After, limit(p.Limit))
}

// SomeTagsOfVersion implements metadata.Tags.
func (t tags) SomeTagsOfVersion(versionID int64, n int) ([]metadata.Tag, error) {
	return all(t.Tx, scanTag, selectTag+`WHERE t.version_id = $1 AND t.seq_to IS NULL ORDER BY t.name LIMIT CAST($2 AS BIGINT)`, versionID, limit(n))
}

// TagsOfVersion implements metadata.Tags.
func (t tags) TagsOfVersion(versionID int64) ([]metadata.Tag, error) {
	return all(t.Tx, scanTag, selectTag+`WHERE t.version_id = $1 AND t.seq_to IS NULL ORDER BY t.name`, versionID)
}

// TagAt implements metadata.Tags. Intervals do not overlap, so only the last interval that began by then can hold.
func (t tags) TagAt(packageID int64, name string, seq int64) (metadata.Tag, error) {
	v, err := one(t.Tx, scanTag, selectTag+`WHERE t.package_id = $1 AND t.name = $2 AND t.seq_from <= $3
		ORDER BY t.seq_from DESC, t.generation DESC LIMIT 1`, packageID, name, seq)
	if err == nil && !v.EndedAt.IsZero() && v.SeqTo <= seq {
		return metadata.Tag{}, metadata.ErrNotExist
	}
	return v, err
}

// TagPageAt implements metadata.Tags.
func (t tags) TagPageAt(packageID, seq int64, p metadata.Page) ([]metadata.Tag, error) {
	return all(t.Tx, scanTag, selectTag+`WHERE t.package_id = $1 AND t.name > $2 AND t.seq_from <= $3 AND (t.seq_to IS NULL OR t.seq_to > $3)
		ORDER BY t.name LIMIT CAST($4 AS BIGINT)`, packageID, p.After, seq, limit(p.Limit))
}

// TagHistory implements metadata.Tags. Generations ascend with the entries that began them, so one index is enough.
func (t tags) TagHistory(packageID int64, name string, p metadata.Page) ([]metadata.Tag, error) {
	before := int64(math.MaxInt64)
	if p.After != "" {
		var err error
		if before, err = strconv.ParseInt(p.After, 10, 64); err != nil {
			return nil, fmt.Errorf("metadata: tag history after %q: %w", p.After, err)
		}
	}
	if before == 0 {
		before = math.MaxInt64 // "0" is the start too
	}
	return all(t.Tx, scanTag, selectTag+`WHERE t.package_id = $1 AND t.name = $2 AND t.generation < $3
		ORDER BY t.seq_from DESC, t.generation DESC LIMIT CAST($4 AS BIGINT)`, packageID, name, before, limit(p.Limit))
}

// SetTag implements metadata.Tags.
func (t tags) SetTag(v metadata.Tag) (metadata.Tag, error) {
	if _, err := t.endTag(v.PackageID, v.Name, v.SeqFrom); err != nil {
		return v, err
	}
	v.SetAt = t.Now()
	v.SeqTo, v.EndedAt = 0, fromMicros(0)
	var err error
	v.Generation, err = insert(t.within(v.PackageID), scanInt, `INSERT INTO tag (package_id, name, generation, version_id, set_at, set_by,
			reason, seq_from, ended_at, id)
		VALUES ($1, $2, COALESCE((SELECT g.generation FROM tag g WHERE g.package_id = $1 AND g.name = $2
				ORDER BY g.seq_from DESC, g.generation DESC LIMIT 1), 0) + 1,
			$3, $4, $5, $6, $7, 0, $8)
		RETURNING generation`,
		v.PackageID, v.Name, v.VersionID, micros(v.SetAt), v.SetBy, v.Reason, v.SeqFrom, t.newID())
	return v, err
}

// RemoveTag implements metadata.Tags.
func (t tags) RemoveTag(packageID int64, name string, seq int64) error {
	n, err := t.endTag(packageID, name, seq)
	if err == nil && n == 0 {
		return metadata.ErrNotExist
	}
	return err
}

func (t *Tx) endTag(packageID int64, name string, seq int64) (int64, error) {
	return t.within(packageID).exec(`UPDATE tag SET seq_to = $1, ended_at = $2 WHERE package_id = $3 AND name = $4 AND seq_to IS NULL`,
		seq, t.micros(), packageID, name)
}
