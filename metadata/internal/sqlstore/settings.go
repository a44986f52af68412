package sqlstore

// Setting implements metadata.Settings.
func (t settings) Setting(key string) (string, error) {
	return one(t.Tx, scanText, `SELECT value FROM setting WHERE key = $1`, key)
}

// PutSetting implements metadata.Settings.
func (t settings) PutSetting(key, value string) error {
	err := t.write(nil, `INSERT INTO setting (key, value) VALUES ($1, $2)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}
