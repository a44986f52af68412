package metadata

import "time"

// Duty is background work that one process at a time does for all that share the database. Its row stays when the duty is
// released, so that its epoch never goes back.
type Duty struct {
	Name   string
	Holder string    // "" while there is none
	Epoch  int64     // grows by one each time the duty is taken
	Until  time.Time // when other holders may take it; zero: not before it is released
}

// Duties keeps which process holds which duty. A holder writes only in transactions that call CheckDuty with its epoch, so
// a holder that has lost the duty without knowing it changes nothing.
type Duties interface {
	Duty(name string) (Duty, error)
	Duties() ([]Duty, error) // by name; there are a dozen at most
	// TakeDuty makes d.Holder the holder until d.Until and fills Epoch. ErrExists: a holder, maybe d.Holder itself, has the
	// duty and its time is not over.
	TakeDuty(d Duty) (Duty, error)
	// SeizeDuty is TakeDuty from any holder, for a process that knows that no holder is alive (Store.Exclusive).
	SeizeDuty(d Duty) (Duty, error)
	// RenewDuty moves the end of an epoch. ErrDutyLost.
	RenewDuty(name string, epoch int64, until time.Time) error
	// CheckDuty fails with ErrDutyLost unless the duty is held under this epoch. Its time may be over: as long as no other
	// holder takes the duty, no other holder does its work.
	CheckDuty(name string, epoch int64) error
	// ReleaseDuty lets others take the duty now. ErrDutyLost.
	ReleaseDuty(name string, epoch int64) error
}
