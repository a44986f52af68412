package sqlstore

import (
	"time"

	"slipway/metadata"
)

const trashedFile = `f.version_id, f.path, f.package_id, f.blob_id, f.media_type, f.added_at, f.seq`

// Discard implements metadata.Trash.
func (t trash) Discard(d metadata.Discarded) error {
	if _, err := t.exec(`INSERT INTO discarded (version_id, state, reason, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (version_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, at = excluded.at`,
		d.VersionID, string(d.State), d.Reason, t.micros()); err != nil {
		return err
	}
	if _, err := t.exec(`INSERT INTO discarded_file (version_id, path, package_id, blob_id, media_type, added_at, seq)
		SELECT `+trashedFile+` FROM file f WHERE f.version_id = $1`, d.VersionID); err != nil {
		return err
	}
	return t.Files().RemoveFiles(d.VersionID)
}

// Discarded implements metadata.Trash.
func (t trash) Discarded(versionID int64) (metadata.Discarded, error) {
	return one(t.Tx, func(r row) (metadata.Discarded, error) {
		var d metadata.Discarded
		var state string
		var at int64
		err := r.Scan(&d.VersionID, &state, &d.Reason, &at)
		d.State, d.At = metadata.State(state), fromMicros(at)
		return d, err
	}, `SELECT version_id, state, reason, at FROM discarded WHERE version_id = $1`, versionID)
}

// DiscardedFiles implements metadata.Trash.
func (t trash) DiscardedFiles(versionID int64) ([]metadata.File, error) {
	return all(t.Tx, scanFile, `SELECT `+fileColumns+` FROM discarded_file f JOIN blob b ON b.id = f.blob_id
		WHERE f.version_id = $1 ORDER BY f.path`, versionID)
}

// Recover implements metadata.Trash. ErrNotExist: nothing is kept of the version.
func (t trash) Recover(versionID, deleted, seq int64) error {
	if err := t.must(`DELETE FROM discarded WHERE version_id = $1`, versionID); err != nil {
		return err
	}
	if _, err := t.exec(`INSERT INTO file (version_id, path, package_id, blob_id, media_type, added_at, seq)
		SELECT `+trashedFile+` FROM discarded_file f WHERE f.version_id = $1`, versionID); err != nil {
		return err
	}
	if _, err := t.exec(`DELETE FROM discarded_file WHERE version_id = $1`, versionID); err != nil {
		return err
	}
	return t.Absent(versionID, deleted, seq)
}

// Absent implements metadata.Trash.
func (t trash) Absent(versionID, deleted, seq int64) error {
	_, err := t.exec(`INSERT INTO absence (version_id, seq_from, seq_to) VALUES ($1, $2, $3)`, versionID, deleted, seq)
	return err
}

// Forget implements metadata.Trash.
func (t trash) Forget(versionID int64) error {
	if _, err := t.exec(`UPDATE cached_file SET here = 0, media_type = f.media_type, added_at = f.added_at, seq = f.seq, size = b.size, sha1 = b.sha1, md5 = b.md5, sha512 = b.sha512
		FROM discarded_file f JOIN blob b ON b.id = f.blob_id
		WHERE f.version_id = $1 AND cached_file.version_id = f.version_id AND cached_file.path = f.path`, versionID); err != nil {
		return err
	}
	if _, err := t.exec(`DELETE FROM discarded_file WHERE version_id = $1`, versionID); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM discarded WHERE version_id = $1`, versionID)
	return err
}

// DiscardedBefore implements metadata.Trash.
func (t trash) DiscardedBefore(before time.Time, n int) ([]int64, error) {
	return all(t.Tx, scanInt, `SELECT version_id FROM discarded WHERE at < $1 ORDER BY at, version_id LIMIT CAST($2 AS BIGINT)`, bound(before), limit(n))
}
