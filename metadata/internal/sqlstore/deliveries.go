package sqlstore

import (
	"math"
	"slices"
	"time"

	"slipway/metadata"
)

const (
	deliveryColumns = `d.id, d.subscription_id, d.seq, d.message_id, d.event_type, d.subject, d.state, d.attempts, d.tries, d.next_at,
		d.redelivery, d.created_at, d.done_at, d.status, d.error`
	selectDelivery = `SELECT ` + deliveryColumns + `, d.content_type, d.header, d.body, d.sink, d.lane
		FROM delivery d JOIN subscription s ON s.id = d.subscription_id `
)

func scanDelivery(r row) (metadata.Delivery, error) {
	var v metadata.Delivery
	var state string
	var next, created, done int64
	err := r.Scan(&v.ID, &v.SubscriptionID, &v.Seq, &v.MessageID, &v.EventType, &v.Subject, &state, &v.Attempts, &v.Tries, &next,
		&v.Redelivery, &created, &done, &v.Status, &v.Error)
	v.State = metadata.DeliveryState(state)
	v.NextAt, v.CreatedAt, v.DoneAt = fromMicros(next), fromMicros(created), fromMicros(done)
	return v, err
}

func scanWholeDelivery(r row) (metadata.Delivery, error) {
	var content, sink, lane string
	var header, body []byte
	v, err := scanDelivery(extended{r, []any{&content, &header, &body, &sink, &lane}})
	v.Sink, v.Lane, v.ContentType, v.Header, v.Body = sink, lane, content, emptied(header), emptied(body)
	return v, err
}

// PutDelivery implements metadata.Deliveries. A delivery that was due just now still gets another time, also when the clock
// was set back and stands still, so that a reader of its row sees that it was asked for again.
func (t deliveries) PutDelivery(v metadata.Delivery) (int64, error) {
	type made struct {
		id   int64
		lane string
	}
	put, err := insert(t.Tx, func(r row) (made, error) {
		var m made
		err := r.Scan(&m.id, &m.lane)
		return m, err
	}, `INSERT INTO delivery AS d (subscription_id, seq, message_id, event_type, subject, state, attempts, tries, next_at,
			redelivery, created_at, done_at, status, error, content_type, header, body, sink, lane, waits, id)
		VALUES ($1, $2, $3, $4, $5, 'pending', 0, 0, $6, $7, $6, 0, 0, '', $8, $9, $10, $11, $12, CASE WHEN $12 = '' THEN 0 ELSE 1 END, $13)
		ON CONFLICT (subscription_id, message_id) DO UPDATE
			SET state = 'pending', tries = 0, redelivery = 1, done_at = 0, waits = CASE WHEN d.lane = '' THEN 0 ELSE 1 END,
				next_at = CASE WHEN d.next_at - excluded.next_at BETWEEN 0 AND 999 THEN d.next_at + 1 ELSE excluded.next_at END
		RETURNING id, lane`,
		v.SubscriptionID, v.Seq, v.MessageID, v.EventType, v.Subject, t.micros(), flag(v.Redelivery), v.ContentType, filled(v.Header),
		filled(v.Body), v.Sink, v.Lane, t.newID())
	if err != nil {
		return 0, err
	}
	return put.id, t.order(v.SubscriptionID, put.lane)
}

// order lets the first pending delivery of a lane go, and the second wait. The others wait already: a caller puts one delivery, which
// waits until it is found to be the first, or settles some.
func (t deliveries) order(subscriptionID int64, lane string) error {
	if lane == "" {
		return nil
	}
	type place struct {
		id    int64
		waits bool
	}
	first, err := all(t.Tx, func(r row) (place, error) {
		var p place
		err := r.Scan(&p.id, &p.waits)
		return p, err
	}, `SELECT id, waits FROM delivery WHERE subscription_id = $1 AND lane = $2 AND lane <> '' AND state = 'pending' ORDER BY seq, id LIMIT 2`,
		subscriptionID, lane)
	for i, p := range first {
		if waits := i > 0; p.waits != waits && err == nil {
			err = t.must(`UPDATE delivery SET waits = $1 WHERE id = $2`, flag(waits), p.id)
		}
	}
	return err
}

// Delivery implements metadata.Deliveries.
func (t deliveries) Delivery(id int64) (metadata.Delivery, error) {
	return one(t.Tx, scanWholeDelivery, selectDelivery+`WHERE d.id = $1 AND s.deleted = 0`, id)
}

// Deliveries implements metadata.Deliveries.
func (t deliveries) Deliveries(q metadata.DeliveryQuery) ([]metadata.Delivery, error) {
	before := q.BeforeID
	if before <= 0 {
		before = math.MaxInt64
	}
	w := &where{}
	w.and(`d.subscription_id = `, q.SubscriptionID)
	w.and(`d.id < `, before)
	if q.State != "" {
		w.and(`d.state = `, string(q.State))
	}
	if q.MessageID != "" {
		w.and(`d.message_id = `, q.MessageID)
	}
	return all(t.Tx, scanDelivery, `SELECT `+deliveryColumns+` FROM delivery d `+w.text.String()+
		` ORDER BY d.id DESC`+most(w.arg(limit(q.Limit))), w.args...)
}

// DueDeliveries implements metadata.Deliveries.
func (t deliveries) DueDeliveries(subscriptionID int64, n int) ([]metadata.Due, error) {
	return all(t.Tx, func(r row) (metadata.Due, error) {
		var v metadata.Due
		var at int64
		err := r.Scan(&v.ID, &at)
		v.At = fromMicros(at)
		return v, err
	}, `SELECT id, next_at FROM delivery WHERE subscription_id = $1 AND state = 'pending' AND waits = 0
		ORDER BY next_at, id LIMIT CAST($2 AS BIGINT)`, subscriptionID, limit(n))
}

// UpdateDelivery implements metadata.Deliveries.
func (t deliveries) UpdateDelivery(v metadata.Delivery) error {
	err := t.must(`UPDATE delivery SET state = $1, attempts = $2, tries = $3, next_at = $4, redelivery = $5, done_at = $6, status = $7,
		error = $8 WHERE id = $9`, string(v.State), v.Attempts, v.Tries, micros(v.NextAt), flag(v.Redelivery), micros(v.DoneAt), v.Status,
		v.Error, v.ID)
	if err != nil || v.State == metadata.DeliveryPending {
		return err
	}
	return t.order(v.SubscriptionID, v.Lane)
}

// SkipPending implements metadata.Deliveries.
func (t deliveries) SkipPending(subscriptionID int64, reason string, most int) (int64, error) {
	lanes, err := all(t.Tx, scanText, `SELECT lane FROM delivery WHERE lane <> '' AND id IN
		(SELECT id FROM delivery WHERE subscription_id = $1 AND state = 'pending' ORDER BY id LIMIT CAST($2 AS BIGINT))`, subscriptionID, limit(most))
	if err != nil {
		return 0, err
	}
	n, err := t.exec(`UPDATE delivery SET state = 'dead', done_at = $1, error = $2 WHERE id IN
		(SELECT id FROM delivery WHERE subscription_id = $3 AND state = 'pending' ORDER BY id LIMIT CAST($4 AS BIGINT))`,
		t.micros(), reason, subscriptionID, limit(most))
	if err != nil {
		return 0, err
	}
	slices.Sort(lanes)
	for _, lane := range slices.Compact(lanes) {
		if err := t.order(subscriptionID, lane); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// CountDeliveries implements metadata.Deliveries.
func (t deliveries) CountDeliveries(subscriptionID int64, state metadata.DeliveryState) (int64, time.Time, error) {
	n, err := one(t.Tx, scanInt, `SELECT COUNT(*) FROM delivery WHERE subscription_id = $1 AND state = $2`, subscriptionID, string(state))
	if err != nil || n == 0 {
		return 0, time.Time{}, err
	}
	at, err := one(t.Tx, scanInt, `SELECT created_at FROM delivery WHERE subscription_id = $1 AND state = $2 ORDER BY id LIMIT 1`,
		subscriptionID, string(state))
	return n, fromMicros(at), err
}

// LastDelivered implements metadata.Deliveries.
func (t deliveries) LastDelivered(subscriptionID int64) (time.Time, error) {
	at, err := one(t.Tx, scanInt, `SELECT done_at FROM delivery WHERE subscription_id = $1 AND state = 'delivered' ORDER BY id DESC LIMIT 1`, subscriptionID)
	return fromMicros(at), err
}

// ExpireDeliveries implements metadata.Deliveries.
func (t deliveries) ExpireDeliveries(before time.Time, most int) (int64, error) {
	return t.exec(`DELETE FROM delivery WHERE id IN
		(SELECT id FROM delivery WHERE done_at < $1 AND state <> 'pending' ORDER BY done_at LIMIT CAST($2 AS BIGINT))`, bound(before), limit(most))
}

// AddAttempt implements metadata.Deliveries.
func (t deliveries) AddAttempt(v metadata.Attempt) error {
	err := t.write(nil, `INSERT INTO delivery_attempt (delivery_id, number, at, duration, status, error, answer)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		v.DeliveryID, v.Number, micros(v.At), v.Duration.Microseconds(), v.Status, v.Error, filled(v.Answer))
	return err
}

// Attempts implements metadata.Deliveries.
func (t deliveries) Attempts(deliveryID int64) ([]metadata.Attempt, error) {
	return all(t.Tx, func(r row) (metadata.Attempt, error) {
		var v metadata.Attempt
		var at, duration int64
		err := r.Scan(&v.DeliveryID, &v.Number, &at, &duration, &v.Status, &v.Error, &v.Answer)
		v.At, v.Duration, v.Answer = fromMicros(at), time.Duration(duration)*time.Microsecond, emptied(v.Answer)
		return v, err
	}, `SELECT delivery_id, number, at, duration, status, error, answer FROM delivery_attempt WHERE delivery_id = $1 ORDER BY number`,
		deliveryID)
}
