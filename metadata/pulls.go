package metadata

import "time"

// Pull is a caller who downloaded a version, or a part of it.
type Pull struct {
	VersionID int64
	Caller    string // the actor, as shown
	FirstAt   time.Time
	LastAt    time.Time
}

// Pulls keeps who downloaded which versions.
type Pulls interface {
	// PutPull stores that a caller downloaded a version at LastAt. Of one that is there, FirstAt stays.
	PutPull(p Pull) error
	// Pulls lists who downloaded a version, by caller, after a caller.
	Pulls(versionID int64, page Page) ([]Pull, error)
	// DropPulls removes at most limit of those whose last download was before a time.
	DropPulls(before time.Time, limit int) error
}
