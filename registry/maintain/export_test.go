package maintain

import "time"

// SetViewTime sets after what time a view of a check ends, until restore.
func SetViewTime(d time.Duration) (restore func()) {
	before := viewTime
	viewTime = d
	return func() { viewTime = before }
}
