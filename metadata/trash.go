package metadata

import "time"

// Discarded is what a deleted version was before its deletion. The version can be restored while this is kept.
type Discarded struct {
	VersionID int64
	State     State  // before the deletion
	Reason    string // of that state
	At        time.Time
	// Moving: the version has so many files that they are taken away by MoveFiles, later than the version itself.
	Moving bool
}

// Trash keeps the files of deleted versions for a time, so that the versions can be restored. Nothing else finds these files; their
// blobs are not collected.
type Trash interface {
	// Discard takes all files away from a version that is being deleted and keeps them, with the state that the version had; At is
	// filled. The blobs are marked released now. A Moving version keeps its files until MoveFiles takes them.
	Discard(d Discarded) error
	// MoveFiles takes some files, in the order of their paths, away from a version that is Moving, and returns their number. When it
	// takes fewer than asked for, the version moves no more.
	MoveFiles(versionID int64, limit int) (int64, error)
	MovingVersions(limit int) ([]int64, error)
	Discarded(versionID int64) (Discarded, error) // ErrNotExist: nothing is kept of the version, or some of it is forgotten
	// DiscardedFiles lists kept files, ascending by path; limit 0 is all.
	DiscardedFiles(versionID int64, limit int) ([]File, error)
	// ReturnFiles gives some kept files, in the order of their paths, back to a version that stays deleted and is Moving from then on,
	// and returns their number: so begins a restoration of many. ErrNotExist as Discarded.
	ReturnFiles(versionID int64, limit int) (int64, error)
	// Recover gives all files back; the log entries are those of deletion and restoration. ErrNotExist as Discarded.
	Recover(versionID int64, deleted, seq int64) error
	Absent(versionID, deleted, seq int64) error // notes when a version was not there whose files come again by themselves
	Forget(versionID int64) error               // drops what is kept, if anything is; files that came from a remote count as evicted then
	// ForgetFiles is Forget for some of the kept files of a version that is not Moving, and returns their number. What is left, when it
	// is as many as asked for, can't be recovered, and was discarded before all others.
	ForgetFiles(versionID int64, limit int) (int64, error)
	// DiscardedBefore lists versions that were discarded before the given time, longest ago first.
	DiscardedBefore(t time.Time, limit int) ([]int64, error)
}
