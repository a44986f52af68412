package metadata

import "time"

// Discarded is what a deleted version was before its deletion. The version can be restored while this is kept.
type Discarded struct {
	VersionID int64
	State     State  // before the deletion
	Reason    string // of that state
	At        time.Time
}

// Trash keeps the files of deleted versions for a time, so that the versions can be restored. Nothing else finds these files; their
// blobs are not collected.
type Trash interface {
	// Discard takes all files away from a version that is being deleted and keeps them, with the state that the version had; At is
	// filled. The blobs are marked released now.
	Discard(d Discarded) error
	Discarded(versionID int64) (Discarded, error)      // ErrNotExist
	DiscardedFiles(versionID int64) ([]File, error)    // ascending by path
	Recover(versionID int64, deleted, seq int64) error // gives the files back; the log entries are those of deletion and restoration
	Absent(versionID, deleted, seq int64) error        // notes when a version was not there whose files come again by themselves
	Forget(versionID int64) error                      // drops what is kept, if anything is; files that came from a remote count as evicted then
	// DiscardedBefore lists versions that were discarded before the given time, longest ago first.
	DiscardedBefore(t time.Time, limit int) ([]int64, error)
}
