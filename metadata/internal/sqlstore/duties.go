package sqlstore

import (
	"errors"
	"time"

	"slipway/metadata"
)

const dutyColumns = `name, holder, epoch, until`

func scanDuty(r row) (metadata.Duty, error) {
	var v metadata.Duty
	var until int64
	err := r.Scan(&v.Name, &v.Holder, &v.Epoch, &until)
	v.Until = fromMicros(until)
	return v, err
}

// Duty implements metadata.Duties.
func (t duties) Duty(name string) (metadata.Duty, error) {
	return one(t.Tx, scanDuty, `SELECT `+dutyColumns+` FROM duty WHERE name = $1`, name)
}

// Duties implements metadata.Duties.
func (t duties) Duties() ([]metadata.Duty, error) {
	return all(t.Tx, scanDuty, `SELECT `+dutyColumns+` FROM duty ORDER BY name`)
}

const dutyTake = `INSERT INTO duty (` + dutyColumns + `) VALUES ($1, $2, 1, $3)
	ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, epoch = duty.epoch + 1, until = excluded.until`

// TakeDuty implements metadata.Duties.
func (t duties) TakeDuty(d metadata.Duty) (metadata.Duty, error) {
	return insert(t.Tx, scanDuty, dutyTake+` WHERE duty.holder = '' OR duty.until <> 0 AND duty.until <= $4 RETURNING `+dutyColumns,
		d.Name, d.Holder, micros(d.Until), t.micros())
}

// SeizeDuty implements metadata.Duties.
func (t duties) SeizeDuty(d metadata.Duty) (metadata.Duty, error) {
	return insert(t.Tx, scanDuty, dutyTake+` RETURNING `+dutyColumns, d.Name, d.Holder, micros(d.Until))
}

// RenewDuty implements metadata.Duties.
func (t duties) RenewDuty(name string, epoch int64, until time.Time) error {
	return lost(t.must(`UPDATE duty SET until = $1 WHERE name = $2 AND epoch = $3 AND holder <> ''`, micros(until), name, epoch))
}

// CheckDuty implements metadata.Duties.
func (t duties) CheckDuty(name string, epoch int64) error {
	_, err := one(t.Tx, scanInt, `SELECT epoch FROM duty WHERE name = $1 AND epoch = $2 AND holder <> ''`, name, epoch)
	return lost(err)
}

// ReleaseDuty implements metadata.Duties.
func (t duties) ReleaseDuty(name string, epoch int64) error {
	return lost(t.must(`UPDATE duty SET holder = '', until = 0 WHERE name = $1 AND epoch = $2 AND holder <> ''`, name, epoch))
}

// lost turns the error of a missing row into ErrDutyLost.
func lost(err error) error {
	if errors.Is(err, metadata.ErrNotExist) {
		return metadata.ErrDutyLost
	}
	return err
}
