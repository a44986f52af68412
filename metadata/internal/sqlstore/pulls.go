package sqlstore

import (
	"time"

	"slipway/metadata"
)

// PutPull implements metadata.Pulls.
func (t pulls) PutPull(p metadata.Pull) error {
	err := t.write(nil, `INSERT INTO pull (version_id, caller, first_at, last_at) VALUES ($1, $2, $3, $3)
		ON CONFLICT (version_id, caller) DO UPDATE SET last_at = excluded.last_at WHERE excluded.last_at > pull.last_at`,
		p.VersionID, p.Caller, micros(p.LastAt))
	return err
}

// Pulls implements metadata.Pulls.
func (t pulls) Pulls(versionID int64, page metadata.Page) ([]metadata.Pull, error) {
	return all(t.Tx, func(r row) (metadata.Pull, error) {
		v := metadata.Pull{VersionID: versionID}
		var first, last int64
		err := r.Scan(&v.Caller, &first, &last)
		v.FirstAt, v.LastAt = fromMicros(first), fromMicros(last)
		return v, err
	}, `SELECT caller, first_at, last_at FROM pull WHERE version_id = $1 AND caller > $2 ORDER BY caller`+most("$3"), versionID, page.After, limit(page.Limit))
}

// DropPulls implements metadata.Pulls.
func (t pulls) DropPulls(before time.Time, n int) error {
	err := t.write(nil, `DELETE FROM pull WHERE (version_id, caller) IN
		(SELECT version_id, caller FROM pull WHERE last_at < $1 ORDER BY last_at LIMIT CAST($2 AS BIGINT))`, micros(before), limit(n))
	return err
}
