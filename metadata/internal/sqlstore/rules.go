package sqlstore

import (
	"time"

	"slipway/metadata"
)

func scanRule(r row) (metadata.Rule, error) {
	var v metadata.Rule
	var position, age, expires, expired, created int64
	err := r.Scan(&v.ID, &v.RepositoryID, &position, &v.Action, &v.Match, &age, &v.Reason, &v.Mode, &expires, &expired, &v.CreatedBy, &created)
	v.Position, v.MinAge, v.Expired = int(position), time.Duration(age)*time.Microsecond, expired != 0
	v.ExpiresAt, v.CreatedAt = fromMicros(expires), fromMicros(created)
	return v, err
}

// CreateRule implements metadata.Policies.
func (t policies) CreateRule(r metadata.Rule) (metadata.Rule, error) {
	r.CreatedAt = t.Now()
	var err error
	r.ID, err = t.insertRow(`INSERT INTO rule (repository_id, position, action, pattern, min_age, reason, mode, expires_at, expired, created_by, created_at, id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id`,
		r.RepositoryID, r.Position, r.Action, r.Match, r.MinAge.Microseconds(), r.Reason, r.Mode, micros(r.ExpiresAt), flag(r.Expired), r.CreatedBy, micros(r.CreatedAt), t.newID())
	return r, err
}

// Rules implements metadata.Policies.
func (t policies) Rules() ([]metadata.Rule, error) {
	return all(t.Tx, scanRule, `SELECT id, repository_id, position, action, pattern, min_age, reason, mode, expires_at, expired, created_by, created_at
		FROM rule ORDER BY repository_id, position, id`)
}

// UpdateRule implements metadata.Policies.
func (t policies) UpdateRule(r metadata.Rule) error {
	return t.must(`UPDATE rule SET expired = $1 WHERE id = $2`, flag(r.Expired), r.ID)
}

// DeleteRule implements metadata.Policies.
func (t policies) DeleteRule(id int64) error { return t.must(`DELETE FROM rule WHERE id = $1`, id) }

func scanRefusal(r row) (metadata.Refusal, error) {
	var v metadata.Refusal
	var at, until int64
	err := r.Scan(&v.RequestID, &at, &v.RuleID, &v.RepositoryID, &v.Subject, &v.Caller, &v.Outcome, &v.Mode, &v.Reason, &until)
	v.At, v.Until = fromMicros(at), fromMicros(until)
	return v, err
}

const selectRefusal = `SELECT request_id, at, rule_id, repository_id, subject, caller, outcome, mode, reason, until FROM refusal `

// PutRefusal implements metadata.Policies. The numbers of refusals have no gaps, so they bound how many there are.
func (t policies) PutRefusal(r metadata.Refusal) error {
	id, err := insert(t.Tx, scanInt, `INSERT INTO refusal (request_id, at, rule_id, repository_id, subject, caller, outcome, mode, reason, until, id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, (SELECT COALESCE(MAX(id), 0) + 1 FROM refusal)) RETURNING id`,
		r.RequestID, micros(r.At), r.RuleID, r.RepositoryID, r.Subject, r.Caller, r.Outcome, r.Mode, r.Reason, micros(r.Until))
	if err == nil && id > metadata.MaxRefusals {
		err = t.write(nil, `DELETE FROM refusal WHERE id <= $1`, id-metadata.MaxRefusals)
	}
	return err
}

// Refusal implements metadata.Policies.
func (t policies) Refusal(requestID string) (metadata.Refusal, error) {
	return one(t.Tx, scanRefusal, selectRefusal+`WHERE request_id = $1 ORDER BY id LIMIT 1`, requestID)
}

// RefusedSince implements metadata.Policies.
func (t policies) RefusedSince(ruleID int64, subject string, since time.Time) (bool, error) {
	n, err := one(t.Tx, scanInt, `SELECT COUNT(*) FROM (SELECT 1 FROM refusal WHERE rule_id = $1 AND subject = $2 AND at >= $3 LIMIT 1) found`,
		ruleID, subject, micros(since))
	return n > 0, err
}
