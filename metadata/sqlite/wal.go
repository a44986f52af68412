package sqlite

import (
	"fmt"
	"os"
	"time"
)

// walLimits bound the write-ahead log. SQLite itself moves it into the database every checkpointPages and then restarts it,
// but only at a moment when no view reads from it: overlapping views could let it grow for ever.
type walLimits struct {
	high   int64         // size in bytes from which it is emptied, with a wait for views to end
	max    int64         // size in bytes from which views that last too long are ended
	wait   time.Duration // for views, while no update runs
	every  time.Duration // between two such waits
	rare   time.Duration // longest pause between waits while another process reads from the log
	maxAge time.Duration // of a view, beyond max
}

var defaultWAL = walLimits{high: 64 << 20, max: 512 << 20, wait: 100 * time.Millisecond, every: time.Second, rare: time.Minute, maxAge: time.Minute}

// walKeeper watches the write-ahead log; it runs between groups.
type walKeeper struct {
	writer *writer
	path   string
	limits walLimits
	tried  time.Time     // last wait
	pause  time.Duration // from then to the next
	moved  bool          // nothing was written since the log was moved into the database

	foreign bool  // another process, such as a backup, keeps the log
	from    int64 // the frame from which that process keeps it
}

// size is the size of the file, which is at least the part in use.
func (k *walKeeper) size() int64 {
	info, err := os.Stat(k.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// check follows a group.
func (k *walKeeper) check() {
	k.moved = false
	n := k.size()
	if n < k.limits.high || time.Since(k.tried) < k.pause {
		return
	}
	readers := k.writer.store.readers
	if k.empty() || n < k.limits.max || k.foreign || !readers.older(k.limits.maxAge) {
		return
	}
	readers.endOlder(k.limits.maxAge,
		fmt.Errorf("metadata: view ended after %v: it kept the write-ahead log from being emptied", k.limits.maxAge))
	k.empty()
}

// empty is truncate with a wait. When it fails although no view of this process began before, another process reads: then
// waits become rare, and ending views is useless until that process has gone, which shows when more of the log can be
// moved.
func (k *walKeeper) empty() bool {
	k.tried = time.Now()
	done, moved := k.truncate(k.limits.wait)
	switch {
	case done:
	case !k.writer.store.readers.older(k.limits.wait):
		k.foreign, k.from = true, moved
		k.pause = min(2*k.pause, k.limits.rare)
	case moved != k.from:
		k.foreign, k.pause = false, k.limits.every
	}
	return done
}

// idle moves the log into the database, so that a start after a crash has little to do, and frees what exceeds the size
// that SQLite would keep anyway. true: call it again later.
func (k *walKeeper) idle() bool {
	if k.moved {
		return false
	}
	if k.size() > keptWALBytes {
		k.moved, _ = k.truncate(0)
	} else {
		k.moved, _ = k.checkpoint(`PRAGMA wal_checkpoint(PASSIVE)`)
	}
	return !k.moved
}

// truncate empties the log, waiting for views that read from it. New views read the database instead. It reports how many
// frames were moved.
func (k *walKeeper) truncate(wait time.Duration) (done bool, moved int64) {
	w := k.writer
	if w.session == nil || w.session.Do(fmt.Sprintf(`PRAGMA busy_timeout = %d`, wait.Milliseconds())) != nil {
		return false, 0
	}
	if done, moved = k.checkpoint(`PRAGMA wal_checkpoint(TRUNCATE)`); done {
		k.foreign, k.pause = false, k.limits.every
	}
	return w.session.Do(fmt.Sprintf(`PRAGMA busy_timeout = %d`, busyMillis)) == nil && done, moved
}

// checkpoint reports whether the whole log has been moved, and how many frames of it. An error is not reported here: the
// next COMMIT meets it too.
func (k *walKeeper) checkpoint(text string) (whole bool, moved int64) {
	if k.writer.session == nil {
		return false, 0
	}
	var busy, frames int64
	err := k.writer.session.Row(text, &busy, &frames, &moved)
	return err == nil && busy == 0 && frames == moved, moved
}
