package sqlstore

import (
	"math"

	"slipway/metadata"
)

const (
	runColumns = deploymentColumns + `, n.since, n.until, n.seq_from, COALESCE(n.seq_to, 0), COALESCE(b.reason, ''), COALESCE(b.reported_by, '')`
	runNames   = deploymentNames + `LEFT JOIN deployment_report b ON b.environment_id = n.environment_id AND b.service = n.service AND b.seq = n.seq_from `
	selectRun  = `SELECT ` + runColumns + ` FROM run n JOIN deployment d ON d.id = n.deployment_id` + runNames
)

func scanRun(r row) (metadata.Run, error) {
	var v metadata.Run
	var since, until int64
	var err error
	v.Deployment, err = scanDeployment(extended{r, []any{&since, &until, &v.SeqFrom, &v.SeqTo, &v.Reason, &v.By}})
	v.Since, v.Until = fromMicros(since), fromMicros(until)
	return v, err
}

// Running implements metadata.Runs.
func (t runs) Running(environmentID int64, service string) (metadata.Run, error) {
	return one(t.Tx, scanRun, selectRun+`WHERE n.environment_id = $1 AND n.service = $2 AND n.seq_to IS NULL`, environmentID, service)
}

// RunsAt implements metadata.Runs. Intervals do not overlap, so only the last run that began by then can hold.
func (t runs) RunsAt(environmentID, seq int64) ([]metadata.Run, error) {
	return all(t.Tx, scanRun, `SELECT `+runColumns+`
		FROM environment_service s JOIN run n ON n.environment_id = s.environment_id AND n.service = s.name
		JOIN deployment d ON d.id = n.deployment_id`+runNames+`WHERE s.environment_id = $1 AND n.seq_from =
			(SELECT MAX(x.seq_from) FROM run x WHERE x.environment_id = s.environment_id AND x.service = s.name AND x.seq_from <= $2)
		AND (n.seq_to IS NULL OR n.seq_to > $2)
		ORDER BY s.name`, environmentID, seq)
}

// Former implements metadata.Runs.
func (t runs) Former(environmentID, seq int64) ([]metadata.Run, error) {
	return all(t.Tx, scanRun, `SELECT `+runColumns+`
		FROM environment_service s JOIN run n ON n.environment_id = s.environment_id AND n.service = s.name
		JOIN deployment d ON d.id = n.deployment_id`+runNames+`WHERE s.environment_id = $1 AND n.seq_from =
			(SELECT MAX(x.seq_from) FROM run x WHERE x.environment_id = s.environment_id AND x.service = s.name AND x.seq_to <= $2)
		ORDER BY s.name`, environmentID, seq)
}

// RunsOfVersion implements metadata.Runs.
func (t runs) RunsOfVersion(versionID int64, n int) ([]metadata.Run, error) {
	return all(t.Tx, scanRun, selectRun+`WHERE n.version_id = $1 AND n.seq_to IS NULL ORDER BY n.environment_id, n.service LIMIT CAST($2 AS BIGINT)`, versionID, limit(n))
}

// Runs implements metadata.Runs.
func (t runs) Runs(q metadata.RunQuery) ([]metadata.Run, error) {
	before := q.BeforeSeq
	if before <= 0 {
		before = math.MaxInt64
	}
	w := &where{dialect: t.d}
	w.and(`n.environment_id = `, q.EnvironmentID)
	if q.Service != "" {
		w.and(`n.service = `, q.Service)
	}
	w.and(`n.seq_from < `, before)
	if q.Repositories != nil && !w.in(`d.repository_id`, q.Repositories) {
		return nil, nil
	}
	return all(t.Tx, scanRun, selectRun+w.text.String()+` ORDER BY n.seq_from DESC`+most(w.arg(limit(q.Limit))), w.args...)
}

// StartRun implements metadata.Runs.
func (t runs) StartRun(d metadata.Deployment, seq int64) error {
	if _, err := t.endRun(d.EnvironmentID, d.Service, seq); err != nil {
		return err
	}
	err := t.write(nil, `INSERT INTO run (environment_id, service, seq_from, deployment_id, version_id, since, until)
		VALUES ($1, $2, $3, $4, $5, $6, 0)`, d.EnvironmentID, d.Service, seq, d.ID, d.VersionID, t.micros())
	return err
}

// EndRun implements metadata.Runs.
func (t runs) EndRun(environmentID int64, service string, seq int64) error {
	n, err := t.endRun(environmentID, service, seq)
	if err == nil && n == 0 {
		return metadata.ErrNotExist
	}
	return err
}

func (t *Tx) endRun(environmentID int64, service string, seq int64) (int64, error) {
	return t.exec(`UPDATE run SET seq_to = $1, until = $2 WHERE environment_id = $3 AND service = $4 AND seq_to IS NULL`,
		seq, t.micros(), environmentID, service)
}
