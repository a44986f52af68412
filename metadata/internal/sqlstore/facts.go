package sqlstore

import (
	"slipway/metadata"
)

// AddFacts implements metadata.Facts. A zero At becomes now.
func (t *Tx) AddFacts(facts []metadata.Fact) error {
	for _, f := range facts {
		if f.At.IsZero() {
			f.At = t.Now()
		}
		if _, err := t.exec(`INSERT INTO fact (version_id, key, value, source, rank, seq, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			f.VersionID, f.Key, f.Value, f.Source, int64(f.Rank), f.Seq, micros(f.At)); err != nil {
			return err
		}
	}
	return t.writable()
}

// Facts implements metadata.Facts.
func (t *Tx) Facts(versionID int64) ([]metadata.Fact, error) {
	return all(t, func(r row) (metadata.Fact, error) {
		var v metadata.Fact
		var at int64
		err := r.Scan(&v.VersionID, &v.Key, &v.Value, &v.Source, &v.Rank, &v.Seq, &at)
		v.At = fromMicros(at)
		return v, err
	}, `SELECT version_id, key, value, source, rank, seq, at FROM fact
		WHERE version_id = $1 ORDER BY key, rank DESC, seq DESC, id`, versionID)
}
