package sqlstore

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"slipway/metadata"
)

const (
	deploymentColumns = `d.id, d.environment_id, e.name, d.service, d.external_id, d.repository_id, r.name, d.package_id, p.format,
		p.name, d.version_id, d.version, d.purl, d.digest, d.status, d.reason, d.event_id, d.url, d.created_at, d.created_by, d.updated_at,
		d.updated_by, d.finished_at, d.seq, d.last_seq`
	deploymentNames = ` JOIN environment e ON e.id = d.environment_id JOIN repository r ON r.id = d.repository_id
		JOIN package p ON p.id = d.package_id `
	selectDeployment = `SELECT ` + deploymentColumns + ` FROM deployment d` + deploymentNames
)

func scanDeployment(r row) (metadata.Deployment, error) {
	var v metadata.Deployment
	var raw []byte
	var status string
	var created, updated, finished int64
	err := r.Scan(&v.ID, &v.EnvironmentID, &v.Environment, &v.Service, &v.ExternalID, &v.RepositoryID, &v.Repository, &v.PackageID,
		&v.Format, &v.Package, &v.VersionID, &v.Version, &v.PURL, &raw, &status, &v.Reason, &v.EventID, &v.URL, &created, &v.CreatedBy,
		&updated, &v.UpdatedBy, &finished, &v.Seq, &v.LastSeq)
	v.Digest, v.Status = digestOf(raw), metadata.DeploymentStatus(status)
	v.CreatedAt, v.UpdatedAt, v.FinishedAt = fromMicros(created), fromMicros(updated), fromMicros(finished)
	return v, err
}

// CreateDeployment implements metadata.Deployments.
func (t deployments) CreateDeployment(v metadata.Deployment) (metadata.Deployment, error) {
	raw, err := sum(v.Digest)
	if err != nil {
		return v, err
	}
	v.CreatedAt, v.CreatedBy = t.Now(), v.UpdatedBy
	v.ID, err = t.insertRow(`INSERT INTO deployment (environment_id, service, external_id, repository_id, package_id, version_id,
			version, purl, digest, status, event_id, url, created_at, created_by, updated_at, updated_by, finished_at, seq, last_seq, id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $13, $14, 0, 0, 0, $15)
		ON CONFLICT (environment_id, service, external_id) WHERE external_id <> '' DO NOTHING RETURNING id`,
		v.EnvironmentID, v.Service, v.ExternalID, v.RepositoryID, v.PackageID, v.VersionID, v.Version, v.PURL, raw, string(v.Status),
		v.EventID, v.URL, micros(v.CreatedAt), v.CreatedBy, t.newID())
	if err != nil {
		return v, err
	}
	err = t.write(nil, `INSERT INTO environment_service (environment_id, name, user_id) VALUES ($1, $2, $3)
		ON CONFLICT (environment_id, name) DO NOTHING`, v.EnvironmentID, v.Service, v.ReporterID)
	v.ReporterID = 0
	return v, err
}

// UpdateDeployment implements metadata.Deployments.
func (t deployments) UpdateDeployment(v metadata.Deployment) (metadata.Deployment, error) {
	v.UpdatedAt = t.Now()
	v.FinishedAt = v.UpdatedAt
	if v.Status == metadata.DeploymentQueued || v.Status == metadata.DeploymentRunning {
		v.FinishedAt = fromMicros(0)
	}
	if err := t.must(`UPDATE deployment SET status = $1, event_id = $2, url = $3, updated_at = $4, updated_by = $5, finished_at = $6,
			seq = $7, last_seq = $8, reason = $9 WHERE id = $10`,
		string(v.Status), v.EventID, v.URL, micros(v.UpdatedAt), v.UpdatedBy, micros(v.FinishedAt), v.Seq, v.LastSeq, v.Reason, v.ID); err != nil {
		return v, err
	}
	err := t.write(nil, `INSERT INTO deployment_report (environment_id, service, seq, deployment_id, status, at, reported_by, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		v.EnvironmentID, v.Service, v.LastSeq, v.ID, string(v.Status), micros(v.UpdatedAt), v.UpdatedBy, v.Reason)
	if err != nil {
		return v, err
	}
	return t.Deployment(v.ID)
}

// Deployment implements metadata.Deployments.
func (t deployments) Deployment(id int64) (metadata.Deployment, error) {
	return one(t.Tx, scanDeployment, selectDeployment+`WHERE d.id = $1`, id)
}

// DeploymentByExternalID implements metadata.Deployments.
func (t deployments) DeploymentByExternalID(environmentID int64, service, externalID string) (metadata.Deployment, error) {
	return one(t.Tx, scanDeployment, selectDeployment+`WHERE d.environment_id = $1 AND d.service = $2 AND d.external_id = $3
		AND d.external_id <> ''`, environmentID, service, externalID)
}

// OpenDeployments implements metadata.Deployments.
func (t deployments) OpenDeployments(versionID int64, since time.Time, n int) ([]metadata.Deployment, error) {
	return all(t.Tx, scanDeployment, selectDeployment+`WHERE d.version_id = $1 AND d.status IN ('queued', 'running') AND d.updated_at >= $2
		ORDER BY d.id LIMIT CAST($3 AS BIGINT)`, versionID, micros(since), limit(n))
}

// OpenIn implements metadata.Deployments.
func (t deployments) OpenIn(environmentID int64, n int) ([]metadata.Deployment, error) {
	return all(t.Tx, scanDeployment, selectDeployment+`WHERE d.environment_id = $1 AND d.status IN ('queued', 'running')
		ORDER BY d.id LIMIT CAST($2 AS BIGINT)`, environmentID, limit(n))
}

// Deployments implements metadata.Deployments.
func (t deployments) Deployments(q metadata.DeploymentQuery) ([]metadata.Deployment, error) {
	before := q.BeforeID
	if before <= 0 {
		before = math.MaxInt64
	}
	w := &where{dialect: t.d}
	w.and(`d.id < `, before)
	if !q.Since.IsZero() {
		first, err := t.firstSince(q.Since)
		if err != nil {
			return nil, err
		}
		w.and(`d.id >= `, first)
	}
	if q.EnvironmentID != 0 {
		w.and(`d.environment_id = `, q.EnvironmentID)
	}
	if q.Service != "" {
		w.and(`d.service = `, q.Service)
	}
	if q.Status != "" {
		w.and(`d.status = `, string(q.Status))
	}
	if q.PURL != "" {
		w.and(`d.purl = `, q.PURL)
	}
	if q.Digest != "" {
		raw, err := sum(q.Digest)
		if err != nil {
			return nil, err
		}
		w.and(`d.digest = `, raw)
	}
	// The plus keeps deployment_repository out of the plan: with a list of repositories, its rows would have to be sorted.
	if q.Repositories != nil && !w.in(`+d.repository_id`, q.Repositories) {
		return nil, nil
	}
	return all(t.Tx, scanDeployment, selectDeployment+w.text.String()+` ORDER BY d.id DESC`+most(w.arg(limit(q.Limit))), w.args...)
}

// firstSince returns the least id that a deployment made at a time or later can have. Times ascend with ids, so halving needs no index.
func (t deployments) firstSince(since time.Time) (int64, error) {
	last, err := one(t.Tx, scanInt, `SELECT id FROM deployment WHERE id < $1 ORDER BY id DESC LIMIT 1`, math.MaxInt64)
	if errors.Is(err, metadata.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	first, end := int64(1), last+1
	for first < end {
		middle := first + (end-first)/2
		type made struct{ id, at int64 }
		d, err := one(t.Tx, func(r row) (m made, err error) { return m, r.Scan(&m.id, &m.at) },
			`SELECT id, created_at FROM deployment WHERE id >= $1 ORDER BY id LIMIT 1`, middle)
		if err != nil {
			return 0, err
		}
		if d.at < micros(since) {
			first = d.id + 1
		} else {
			end = middle
		}
	}
	return first, nil
}

// Reports implements metadata.Deployments.
func (t deployments) Reports(d metadata.Deployment) ([]metadata.Report, error) {
	return all(t.Tx, func(r row) (metadata.Report, error) {
		var v metadata.Report
		var status string
		var at int64
		err := r.Scan(&v.Seq, &status, &v.Reason, &at, &v.By)
		v.Status, v.At = metadata.DeploymentStatus(status), fromMicros(at)
		return v, err
	}, `SELECT seq, status, reason, at, reported_by FROM deployment_report
		WHERE environment_id = $1 AND service = $2 AND seq BETWEEN $3 AND $4 AND deployment_id = $5 ORDER BY seq`,
		d.EnvironmentID, d.Service, d.Seq, d.LastSeq, d.ID)
}

// CameFrom implements metadata.Deployments.
func (t deployments) CameFrom(environmentID, repositoryID int64) (bool, error) {
	return one(t.Tx, func(r row) (found bool, err error) { return found, r.Scan(&found) },
		`SELECT EXISTS (SELECT 1 FROM deployment WHERE environment_id = $1 AND repository_id = $2)`, environmentID, repositoryID)
}

// Reported implements metadata.Deployments.
func (t deployments) Reported(environmentID, seq int64) ([]metadata.Deployment, error) {
	return all(t.Tx, func(r row) (metadata.Deployment, error) {
		var status, reason, by string
		var at, last int64
		v, err := scanDeployment(extended{r, []any{&status, &reason, &at, &by, &last}})
		v.Status, v.Reason, v.UpdatedAt, v.UpdatedBy, v.LastSeq = metadata.DeploymentStatus(status), reason, fromMicros(at), by, last
		return v, err
	}, `SELECT `+deploymentColumns+`, t.status, t.reason, t.at, t.reported_by, t.seq
		FROM environment_service s JOIN deployment_report t ON t.environment_id = s.environment_id AND t.service = s.name
		JOIN deployment d ON d.id = t.deployment_id`+deploymentNames+`WHERE s.environment_id = $1 AND t.seq =
			(SELECT MAX(x.seq) FROM deployment_report x WHERE x.environment_id = s.environment_id AND x.service = s.name AND x.seq <= $2)
		ORDER BY s.name`, environmentID, seq)
}

// where is a condition that grows; every value is a bound parameter.
type where struct {
	dialect *Dialect
	text    strings.Builder
	args    []any
}

func (w *where) arg(v any) string {
	w.args = append(w.args, v)
	return `$` + strconv.Itoa(len(w.args))
}

func (w *where) and(test string, v any) {
	word := ` AND `
	if len(w.args) == 0 {
		word = `WHERE `
	}
	w.text.WriteString(word + test + w.arg(v))
}

// in requires the column to be one of a list; false: the list is empty, so nothing is found. The + keeps the planner from
// reading the table once per list item instead of in the wanted order.
func (w *where) in(column string, list []int64) bool {
	if len(list) == 0 {
		return false
	}
	w.text.WriteString(` AND +` + column + ` IN (` + w.dialect.among(list, w.arg) + `)`)
	return true
}
