package sqlstore

import "slipway/metadata"

const consumerColumns = `owner_id, name, token_id, acked, created_at, updated_at`

func scanConsumer(r row) (metadata.Consumer, error) {
	var v metadata.Consumer
	var created, updated int64
	err := r.Scan(&v.OwnerID, &v.Name, &v.TokenID, &v.Acked, &created, &updated)
	v.CreatedAt, v.UpdatedAt = fromMicros(created), fromMicros(updated)
	return v, err
}

// Consumer implements metadata.Consumers.
func (t consumers) Consumer(ownerID, name string) (metadata.Consumer, error) {
	return one(t.Tx, scanConsumer, `SELECT `+consumerColumns+` FROM consumer WHERE owner_id = $1 AND name = $2`, ownerID, name)
}

// Consumers implements metadata.Consumers.
func (t consumers) Consumers(ownerID string, p metadata.Page) ([]metadata.Consumer, error) {
	return all(t.Tx, scanConsumer, `SELECT `+consumerColumns+` FROM consumer WHERE owner_id = $1 AND name > $2 ORDER BY name LIMIT CAST($3 AS BIGINT)`,
		ownerID, p.After, limit(p.Limit))
}

// PutConsumer implements metadata.Consumers.
func (t consumers) PutConsumer(v metadata.Consumer) (metadata.Consumer, error) {
	return insert(t.Tx, scanConsumer, `INSERT INTO consumer (`+consumerColumns+`) VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (owner_id, name) DO UPDATE SET token_id = excluded.token_id, acked = excluded.acked, updated_at = excluded.updated_at
		RETURNING `+consumerColumns, v.OwnerID, v.Name, v.TokenID, v.Acked, t.micros())
}

// DeleteConsumer implements metadata.Consumers.
func (t consumers) DeleteConsumer(ownerID, name string) error {
	return t.must(`DELETE FROM consumer WHERE owner_id = $1 AND name = $2`, ownerID, name)
}
