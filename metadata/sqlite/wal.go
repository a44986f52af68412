package sqlite

import (
	"fmt"
	"os"
	"time"
)

// walLimits bound the write-ahead log. SQLite itself moves it into the database every checkpointPages and then starts it
// anew, but only at a moment when no view reads from it: overlapping views could let it grow for ever.
type walLimits struct {
	high   int64         // bytes from which on it is emptied, with a wait for views to end
	max    int64         // bytes from which on views that last too long are ended
	wait   time.Duration // for views, while no update runs
	every  time.Duration // between two such waits
	maxAge time.Duration // of a view, beyond max
}

var defaultWAL = walLimits{high: 64 << 20, max: 512 << 20, wait: 100 * time.Millisecond, every: time.Second, maxAge: time.Minute}

// walKeeper watches the write-ahead log; it runs between groups.
type walKeeper struct {
	writer *writer
	path   string
	limits walLimits
	tried  time.Time // last wait
	moved  bool      // nothing was written since the log was moved into the database
}

// size is the size of the file, which is not less than what is in use.
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
	if n < k.limits.high || time.Since(k.tried) < k.limits.every {
		return
	}
	k.tried = time.Now()
	if k.truncate(k.limits.wait) || n < k.limits.max {
		return
	}
	k.writer.store.readers.endOlder(k.limits.maxAge,
		fmt.Errorf("metadata: view ended after %v: it kept the write-ahead log from being emptied", k.limits.maxAge))
	k.truncate(k.limits.wait)
}

// idle moves the log into the database, so that a start after a crash has little to do, and frees what is more than
// SQLite would keep anyway. true: it must be tried again.
func (k *walKeeper) idle() bool {
	if k.moved {
		return false
	}
	if k.size() > keptWALBytes {
		k.moved = k.truncate(0)
	} else {
		k.moved = k.checkpoint(`PRAGMA wal_checkpoint(PASSIVE)`)
	}
	return !k.moved
}

// truncate empties the log, waiting for views that read from it. New ones do not: they read the database.
func (k *walKeeper) truncate(wait time.Duration) bool {
	w := k.writer
	if w.session == nil || w.session.Do(fmt.Sprintf(`PRAGMA busy_timeout = %d`, wait.Milliseconds())) != nil {
		return false
	}
	done := k.checkpoint(`PRAGMA wal_checkpoint(TRUNCATE)`)
	return w.session.Do(fmt.Sprintf(`PRAGMA busy_timeout = %d`, busyMillis)) == nil && done
}

// checkpoint reports whether the whole log has been moved. An error is no one's yet: the next COMMIT meets it too.
func (k *walKeeper) checkpoint(text string) bool {
	if k.writer.session == nil {
		return false
	}
	var busy, frames, moved int64
	err := k.writer.session.Row(text, &busy, &frames, &moved)
	return err == nil && busy == 0 && frames == moved
}
