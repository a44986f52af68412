package sqlstore

import (
	"time"

	"slipway/metadata"
)

const selectSubscription = `SELECT id, name, sink, url, preset, filter, secrets, base_url, owner_id, owner, cursor, replay_to,
	disabled_at, disabled_reason, failing_since, created_at, updated_at, delivered_at, failing_reason FROM subscription `

func scanSubscription(r row) (metadata.Subscription, error) {
	var v metadata.Subscription
	var disabled, failing, created, updated, delivered int64
	err := r.Scan(&v.ID, &v.Name, &v.Sink, &v.URL, &v.Preset, &v.Filter, &v.Secrets, &v.BaseURL, &v.OwnerID, &v.Owner, &v.Cursor,
		&v.ReplayTo, &disabled, &v.DisabledReason, &failing, &created, &updated, &delivered, &v.FailingReason)
	v.Filter, v.Secrets = emptied(v.Filter), emptied(v.Secrets)
	v.DisabledAt, v.FailingSince = fromMicros(disabled), fromMicros(failing)
	v.CreatedAt, v.UpdatedAt, v.DeliveredAt = fromMicros(created), fromMicros(updated), fromMicros(delivered)
	return v, err
}

// CreateSubscription implements metadata.Subscriptions.
func (t subscriptions) CreateSubscription(v metadata.Subscription) (metadata.Subscription, error) {
	v.CreatedAt = t.Now()
	v.UpdatedAt = v.CreatedAt
	var err error
	v.ID, err = t.insertRow(`INSERT INTO subscription (name, sink, url, preset, filter, secrets, base_url, owner_id, owner, cursor,
			replay_to, disabled_at, disabled_reason, failing_since, created_at, updated_at, deleted, id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, 0, $16) RETURNING id`,
		v.Name, v.Sink, v.URL, v.Preset, filled(v.Filter), filled(v.Secrets), v.BaseURL, v.OwnerID, v.Owner, v.Cursor,
		v.ReplayTo, micros(v.DisabledAt), v.DisabledReason, micros(v.FailingSince), micros(v.CreatedAt), t.newID())
	return v, err
}

// Subscription implements metadata.Subscriptions.
func (t subscriptions) Subscription(id int64) (metadata.Subscription, error) {
	return one(t.Tx, scanSubscription, selectSubscription+`WHERE id = $1 AND deleted = 0`, id)
}

// Subscriptions implements metadata.Subscriptions.
func (t subscriptions) Subscriptions(afterID int64, n int) ([]metadata.Subscription, error) {
	return all(t.Tx, scanSubscription, selectSubscription+`WHERE id > $1 AND deleted = 0 ORDER BY id LIMIT CAST($2 AS BIGINT)`, afterID, limit(n))
}

// UpdateSubscription implements metadata.Subscriptions. The time of the change always differs from that of the change
// before, also when the clock was set back and stands still.
func (t subscriptions) UpdateSubscription(v metadata.Subscription) (metadata.Subscription, error) {
	former, err := one(t.Tx, scanInt, `SELECT updated_at FROM subscription WHERE id = $1 AND deleted = 0`, v.ID)
	if err != nil {
		return v, err
	}
	v.UpdatedAt = fromMicros(max(t.micros(), former+1))
	return v, t.must(`UPDATE subscription SET name = $1, sink = $2, url = $3, preset = $4, filter = $5, secrets = $6, base_url = $7,
			cursor = $8, replay_to = $9, disabled_at = $10, disabled_reason = $11, failing_since = $12, failing_reason = $13, updated_at = $14
		WHERE id = $15 AND deleted = 0`,
		v.Name, v.Sink, v.URL, v.Preset, filled(v.Filter), filled(v.Secrets), v.BaseURL,
		v.Cursor, v.ReplayTo, micros(v.DisabledAt), v.DisabledReason, micros(v.FailingSince), v.FailingReason, micros(v.UpdatedAt), v.ID)
}

// MoveCursor implements metadata.Subscriptions.
func (t subscriptions) MoveCursor(id, cursor int64) error {
	return t.must(`UPDATE subscription SET cursor = $1 WHERE id = $2 AND deleted = 0`, cursor, id)
}

// MoveStream implements metadata.Subscriptions.
func (t subscriptions) MoveStream(id, cursor int64, delivered time.Time) error {
	return t.must(`UPDATE subscription SET cursor = $1, delivered_at = CASE WHEN $2 > delivered_at THEN $2 ELSE delivered_at END
		WHERE id = $3 AND deleted = 0`, cursor, micros(delivered), id)
}

// SetFailing implements metadata.Subscriptions.
func (t subscriptions) SetFailing(id int64, since time.Time, reason string) error {
	return t.must(`UPDATE subscription SET failing_since = $1, failing_reason = $2 WHERE id = $3 AND deleted = 0`, micros(since), reason, id)
}

// DeleteSubscription implements metadata.Subscriptions.
func (t subscriptions) DeleteSubscription(id int64) error {
	return t.must(`UPDATE subscription SET deleted = 1 WHERE id = $1 AND deleted = 0`, id)
}

// PurgeSubscriptions implements metadata.Subscriptions.
func (t subscriptions) PurgeSubscriptions(most int) (int64, error) {
	if err := t.writable(); err != nil {
		return 0, err
	}
	ids, err := all(t.Tx, scanInt, `SELECT id FROM subscription WHERE deleted = 1 ORDER BY id LIMIT 1`)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	n, err := t.exec(`DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE subscription_id = $1 ORDER BY id LIMIT CAST($2 AS BIGINT))`,
		ids[0], limit(most))
	if err != nil || n > 0 {
		return n, err
	}
	return t.exec(`DELETE FROM subscription WHERE id = $1`, ids[0])
}
