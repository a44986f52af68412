package sqlstore

import (
	"math"
	"time"

	"slipway/metadata"
)

const trashedFile = `f.version_id, f.path, f.package_id, f.blob_id, f.media_type, f.added_at, f.seq`

// Values of discarded.moving, beside 0: files wait in the table of files, or what is kept is being forgotten.
const (
	trashMoving     = `1`
	trashForgetting = `2`
)

// Discard implements metadata.Trash.
func (t trash) Discard(d metadata.Discarded) error {
	// A version that was made anew may still have files of before that are being forgotten.
	if err := t.write(nil, `DELETE FROM discarded_file WHERE version_id = $1
		AND EXISTS (SELECT 1 FROM discarded WHERE version_id = $1 AND moving = `+trashForgetting+`)`, d.VersionID); err != nil {
		return err
	}
	if err := t.write(nil, `INSERT INTO discarded (version_id, state, reason, at, moving) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (version_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, at = excluded.at, moving = excluded.moving`,
		d.VersionID, string(d.State), d.Reason, t.micros(), flag(d.Moving)); err != nil || d.Moving {
		return err
	}
	if err := t.write(nil, `INSERT INTO discarded_file (version_id, path, package_id, blob_id, media_type, added_at, seq)
		SELECT `+trashedFile+` FROM file f WHERE f.version_id = $1`, d.VersionID); err != nil {
		return err
	}
	return t.Files().RemoveFiles(d.VersionID)
}

// MoveFiles implements metadata.Trash.
func (t trash) MoveFiles(versionID int64, limit int) (int64, error) {
	if ok, err := one(t.Tx, scanBool, `SELECT EXISTS (SELECT 1 FROM discarded WHERE version_id = $1 AND moving = `+trashMoving+`)`, versionID); err != nil || !ok {
		return 0, err
	}
	some, err := t.firstPaths(`file`, versionID, limit)
	if err != nil {
		return 0, err
	}
	if some.n > 0 {
		if err := t.write(nil, `INSERT INTO discarded_file (version_id, path, package_id, blob_id, media_type, added_at, seq)
			SELECT `+trashedFile+` FROM file f WHERE f.version_id = $1 AND f.path <= $2`, versionID, some.last); err != nil {
			return 0, err
		}
		if err := t.write(nil, `UPDATE blob SET released_at = $1
			WHERE id IN (SELECT blob_id FROM file WHERE version_id = $2 AND path <= $3)`, t.micros(), versionID, some.last); err != nil {
			return 0, err
		}
		if err := t.write(nil, `DELETE FROM file WHERE version_id = $1 AND path <= $2`, versionID, some.last); err != nil {
			return 0, err
		}
	}
	if some.n < int64(limit) {
		err = t.write(nil, `UPDATE discarded SET moving = 0 WHERE version_id = $1`, versionID)
	}
	return some.n, err
}

// paths are the first ones of a version: how many, and the last of them.
type paths struct {
	n    int64
	last string
}

func (t trash) firstPaths(table string, versionID int64, most int) (paths, error) {
	return one(t.Tx, func(r row) (paths, error) {
		var p paths
		err := r.Scan(&p.n, &p.last)
		return p, err
	}, `SELECT count(*), coalesce(max(path), '') FROM (SELECT path FROM `+table+` WHERE version_id = $1 ORDER BY path LIMIT CAST($2 AS BIGINT)) AS first`,
		versionID, limit(most))
}

// MovingVersions implements metadata.Trash.
func (t trash) MovingVersions(n int) ([]int64, error) {
	return all(t.Tx, scanInt, `SELECT version_id FROM discarded WHERE moving = `+trashMoving+` ORDER BY version_id LIMIT CAST($1 AS BIGINT)`, limit(n))
}

// Discarded implements metadata.Trash.
func (t trash) Discarded(versionID int64) (metadata.Discarded, error) {
	return one(t.Tx, func(r row) (metadata.Discarded, error) {
		var d metadata.Discarded
		var state string
		var at, moving int64
		err := r.Scan(&d.VersionID, &state, &d.Reason, &at, &moving)
		d.State, d.At, d.Moving = metadata.State(state), fromMicros(at), moving == 1
		return d, err
	}, `SELECT version_id, state, reason, at, moving FROM discarded WHERE version_id = $1 AND moving <> `+trashForgetting, versionID)
}

// DiscardedFiles implements metadata.Trash.
func (t trash) DiscardedFiles(versionID int64, n int) ([]metadata.File, error) {
	return all(t.Tx, scanFile, `SELECT `+fileColumns+` FROM discarded_file f JOIN blob b ON b.id = f.blob_id
		WHERE f.version_id = $1 ORDER BY f.path`+most(`$2`), versionID, limit(n))
}

// ReturnFiles implements metadata.Trash.
func (t trash) ReturnFiles(versionID int64, limit int) (int64, error) {
	if err := t.must(`UPDATE discarded SET moving = `+trashMoving+` WHERE version_id = $1 AND moving <> `+trashForgetting, versionID); err != nil {
		return 0, err
	}
	some, err := t.firstPaths(`discarded_file`, versionID, limit)
	if err != nil || some.n == 0 {
		return 0, err
	}
	if err := t.write(nil, `INSERT INTO file (version_id, path, package_id, blob_id, media_type, added_at, seq)
		SELECT `+trashedFile+` FROM discarded_file f WHERE f.version_id = $1 AND f.path <= $2`, versionID, some.last); err != nil {
		return 0, err
	}
	err = t.write(nil, `DELETE FROM discarded_file WHERE version_id = $1 AND path <= $2`, versionID, some.last)
	return some.n, err
}

// Recover implements metadata.Trash.
func (t trash) Recover(versionID, deleted, seq int64) error {
	if err := t.must(`DELETE FROM discarded WHERE version_id = $1 AND moving <> `+trashForgetting, versionID); err != nil {
		return err
	}
	if err := t.write(nil, `INSERT INTO file (version_id, path, package_id, blob_id, media_type, added_at, seq)
		SELECT `+trashedFile+` FROM discarded_file f WHERE f.version_id = $1`, versionID); err != nil {
		return err
	}
	if err := t.write(nil, `DELETE FROM discarded_file WHERE version_id = $1`, versionID); err != nil {
		return err
	}
	return t.Absent(versionID, deleted, seq)
}

// Absent implements metadata.Trash.
func (t trash) Absent(versionID, deleted, seq int64) error {
	err := t.write(nil, `INSERT INTO absence (version_id, seq_from, seq_to) VALUES ($1, $2, $3)`, versionID, deleted, seq)
	return err
}

// Forget implements metadata.Trash.
func (t trash) Forget(versionID int64) error {
	// A version that is made anew right after its deletion may still be moving.
	_, err := t.MoveFiles(versionID, math.MaxInt)
	if err == nil {
		_, err = t.ForgetFiles(versionID, math.MaxInt)
	}
	return err
}

// ForgetFiles implements metadata.Trash.
func (t trash) ForgetFiles(versionID int64, limit int) (int64, error) {
	some, err := t.firstPaths(`discarded_file`, versionID, limit)
	if err != nil {
		return 0, err
	}
	if some.n > 0 {
		if err := t.write(nil, `UPDATE cached_file SET here = 0, media_type = f.media_type, added_at = f.added_at, seq = f.seq, size = b.size, sha1 = b.sha1, md5 = b.md5, sha512 = b.sha512
			FROM discarded_file f JOIN blob b ON b.id = f.blob_id
			WHERE f.version_id = $1 AND f.path <= $2 AND cached_file.version_id = f.version_id AND cached_file.path = f.path
				AND NOT EXISTS (SELECT 1 FROM file g WHERE g.version_id = f.version_id AND g.path = f.path)`, versionID, some.last); err != nil {
			return 0, err
		}
		if err := t.write(nil, `DELETE FROM discarded_file WHERE version_id = $1 AND path <= $2`, versionID, some.last); err != nil {
			return 0, err
		}
	}
	if some.n < int64(limit) {
		err = t.write(nil, `DELETE FROM discarded WHERE version_id = $1`, versionID)
	} else {
		err = t.write(nil, `UPDATE discarded SET moving = `+trashForgetting+`, at = 0 WHERE version_id = $1`, versionID)
	}
	return some.n, err
}

// DiscardedBefore implements metadata.Trash.
func (t trash) DiscardedBefore(before time.Time, n int) ([]int64, error) {
	return all(t.Tx, scanInt, `SELECT version_id FROM discarded WHERE at < $1 ORDER BY at, version_id LIMIT CAST($2 AS BIGINT)`, bound(before), limit(n))
}
