package sqlstore

import "slipway/metadata"

// part selects versions that are only parts of an index: now those without a tag, at a past moment all, as no index finds the tags of a version
// then.
func (q *searchSQL) part() {
	q.text.WriteString(`(EXISTS (SELECT 1 FROM reference r JOIN version i ON i.id = r.version_id
		WHERE r.package_id = v.package_id AND r.digest = v.digest AND r.kind = 'child' AND `)
	if q.asOf == nil {
		q.text.WriteString(`i.state <> 'deleted') AND NOT EXISTS (SELECT 1 FROM tag g WHERE g.version_id = v.id AND g.seq_to IS NULL))`)
		return
	}
	q.text.WriteString(`i.seq <= `)
	q.arg(*q.asOf)
	q.text.WriteString(` AND (i.state <> 'deleted' OR i.ended_seq > `)
	q.arg(*q.asOf)
	q.text.WriteString(`)))`)
}

// FactsOf implements metadata.Searches.
func (t searches) FactsOf(versionIDs []int64, keys []string, asOf *int64) ([]metadata.Fact, error) {
	q := &searchSQL{asOf: asOf}
	q.text.WriteString(`SELECT x.version_id, x.key, x.value, x.source, x.rank, x.seq, x.at FROM version v JOIN fact x ON x.version_id = v.id WHERE v.id IN (` + t.d.among(versionIDs, q.param) + `) AND x.key IN (`)
	for i, key := range keys {
		if i > 0 {
			q.text.WriteString(`, `)
		}
		q.arg(key)
	}
	q.text.WriteString(`)`)
	q.known(`v`)
	return all(t.Tx, scanFact, q.text.String(), q.args...)
}

// RunsOf implements metadata.Searches.
func (t searches) RunsOf(versionIDs []int64, asOf *int64) ([]metadata.RunsIn, error) {
	q := &searchSQL{asOf: asOf}
	q.text.WriteString(`SELECT n.version_id, e.name, n.service FROM run n JOIN environment e ON e.id = n.environment_id WHERE n.version_id IN (` + t.d.among(versionIDs, q.param) + `)`)
	q.during(`n`)
	q.text.WriteString(` ORDER BY n.version_id, e.name, n.service`)
	return all(t.Tx, func(r row) (v metadata.RunsIn, err error) {
		err = r.Scan(&v.VersionID, &v.Environment, &v.Service)
		return v, err
	}, q.text.String(), q.args...)
}

// PathsOf implements metadata.Searches.
func (t searches) PathsOf(versionID int64, n int) ([]string, error) {
	return all(t.Tx, scanText, `SELECT path FROM file WHERE version_id = $1 ORDER BY path LIMIT CAST($2 AS BIGINT)`, versionID, limit(n))
}

// VersionsThen implements metadata.Searches.
func (t searches) VersionsThen(packageIDs []int64, seq int64) ([]metadata.VersionsThen, error) {
	q := &searchSQL{asOf: &seq}
	q.text.WriteString(`SELECT v.package_id, COUNT(*), MAX(v.published_at) FROM version v WHERE v.package_id IN (` + t.d.among(packageIDs, q.param) + `) AND v.announced <> 2`)
	q.alive(false)
	q.text.WriteString(` GROUP BY v.package_id`)
	return all(t.Tx, func(r row) (v metadata.VersionsThen, err error) {
		var published int64
		err = r.Scan(&v.PackageID, &v.Versions, &published)
		v.PublishedAt = fromMicros(published)
		return v, err
	}, q.text.String(), q.args...)
}
