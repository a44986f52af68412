package sqlstore

import (
	"slipway/metadata"
)

func scanReference(r row) (metadata.Reference, error) {
	var v metadata.Reference
	var raw []byte
	err := r.Scan(&v.VersionID, &v.PackageID, &v.Kind, &raw)
	v.Digest = digestOf(raw)
	return v, err
}

// AddReferences implements metadata.References.
func (t references) AddReferences(list []metadata.Reference) error {
	if err := t.writable(); err != nil {
		return err
	}
	for _, v := range list {
		raw, err := sum(v.Digest)
		if err != nil {
			return err
		}
		if err := t.write(nil, `INSERT INTO reference (version_id, package_id, kind, digest) VALUES ($1, $2, $3, $4)
			ON CONFLICT (version_id, kind, digest) DO NOTHING`, v.VersionID, v.PackageID, v.Kind, raw); err != nil {
			return err
		}
	}
	return nil
}

// References implements metadata.References.
func (t references) References(versionID int64) ([]metadata.Reference, error) {
	return all(t.Tx, scanReference, `SELECT version_id, package_id, kind, digest FROM reference
		WHERE version_id = $1 ORDER BY kind, digest`, versionID)
}

// Referrers implements metadata.References.
func (t references) Referrers(p metadata.ReferrerPage) ([]metadata.Version, error) {
	raw, err := sum(p.Digest)
	if err != nil {
		return nil, err
	}
	there, last := `v.state <> 'deleted'`, `$5`
	args := []any{p.PackageID, raw, p.Kind, p.AfterID}
	if p.AsOf != nil {
		there, last = `v.seq <= $5 AND (v.state <> 'deleted' OR v.ended_seq > $6)`, `$7`
		args = append(args, *p.AsOf, *p.AsOf)
	}
	args = append(args, limit(p.Limit))
	return all(t.Tx, scanVersionCore, `SELECT `+qualified(versionCore, "v")+` FROM reference r CROSS JOIN version v ON v.id = r.version_id
		WHERE r.package_id = $1 AND r.digest = $2 AND r.kind = $3 AND r.version_id > $4 AND `+there+`
		ORDER BY r.version_id LIMIT CAST(`+last+` AS BIGINT)`, args...)
}
