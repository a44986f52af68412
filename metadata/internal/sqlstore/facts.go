package sqlstore

import (
	"slipway/metadata"
)

const factColumns = 8

var insertFacts = newRows(`INSERT INTO fact (version_id, key, value, source, rank, seq, at, id)`, factColumns)

// AddFacts implements metadata.Facts. A zero At becomes now.
func (t facts) AddFacts(facts []metadata.Fact) error {
	args := make([]any, 0, factColumns*len(facts))
	for _, f := range facts {
		if f.At.IsZero() {
			f.At = t.Now()
		}
		args = append(args, f.VersionID, f.Key, f.Value, f.Source, int64(f.Rank), f.Seq, micros(f.At), t.newID())
	}
	if err := insertFacts.run(args, func(text string, args []any) error {
		return t.write(nil, text, args...)
	}); err != nil {
		return err
	}
	return t.writable()
}

// Facts implements metadata.Facts. Facts from before the version's publish are about an earlier content of its coordinate.
func (t facts) Facts(versionID int64) ([]metadata.Fact, error) {
	return all(t.Tx, scanFact, `SELECT version_id, key, value, source, rank, seq, at FROM fact
		WHERE version_id = $1 AND seq >= (SELECT v.seq FROM version v WHERE v.id = $1)
		ORDER BY key, rank DESC, seq DESC, id`, versionID)
}

func scanFact(r row) (metadata.Fact, error) {
	var v metadata.Fact
	var at int64
	err := r.Scan(&v.VersionID, &v.Key, &v.Value, &v.Source, &v.Rank, &v.Seq, &at)
	v.At = fromMicros(at)
	return v, err
}
