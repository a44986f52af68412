package sqlstore

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"slipway/metadata"
)

// PutDependencies implements metadata.Dependencies.
func (t dependencies) PutDependencies(versionID int64, list []metadata.Dependency) error {
	if err := t.write(nil, `DELETE FROM dependency WHERE version_id = $1`, versionID); err != nil {
		return err
	}
	for _, d := range list {
		if err := t.write(nil, `INSERT INTO dependency (format, name, package_id, version_id, scope, requirement) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (format, name, package_id, version_id, scope) DO NOTHING`, d.Format, d.Name, d.PackageID, versionID, d.Scope, d.Requirement); err != nil {
			return err
		}
	}
	return nil
}

// Dependents implements metadata.Dependencies.
func (t dependencies) Dependents(p metadata.DependentPage) ([]metadata.Dependency, error) {
	if len(p.Repositories) == 0 {
		return nil, t.Failed()
	}
	args := []any{p.Format, p.Name, p.AfterPackageID}
	param := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	among := t.d.among(p.Repositories, param)
	bound := most(param(limit(p.Limit)))
	statement := `SELECT d.package_id, d.version_id, d.scope, d.requirement FROM (
			SELECT o.package_id AS package_id, MAX(o.version_id) AS version_id FROM dependency o
			CROSS JOIN package p ON p.id = o.package_id CROSS JOIN version v ON v.id = o.version_id
			WHERE o.format = $1 AND o.name = $2 AND o.package_id > $3 AND +p.repository_id IN (` + among + `) AND v.state <> 'deleted'
			GROUP BY o.package_id ORDER BY o.package_id` + bound + `) m
		CROSS JOIN dependency d ON d.format = ` + param(p.Format) + ` AND d.name = ` + param(p.Name) + ` AND d.package_id = m.package_id AND d.version_id = m.version_id`
	rows, err := all(t.Tx, func(r row) (metadata.Dependency, error) {
		v := metadata.Dependency{Format: p.Format, Name: p.Name}
		return v, r.Scan(&v.PackageID, &v.VersionID, &v.Scope, &v.Requirement)
	}, statement, args...)
	slices.SortFunc(rows, func(a, b metadata.Dependency) int {
		return cmp.Or(cmp.Compare(a.PackageID, b.PackageID), strings.Compare(a.Scope, b.Scope))
	})
	var out []metadata.Dependency
	for _, v := range rows {
		if len(out) == 0 || out[len(out)-1].PackageID != v.PackageID { // the others are of the same version, for other uses
			out = append(out, v)
		}
	}
	return out, err
}
