package sqlite

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// Statements around transactions.
const (
	beginRead  = `BEGIN DEFERRED`
	beginWrite = `BEGIN IMMEDIATE`
	commit     = `COMMIT`
	rollback   = `ROLLBACK`
	savepoint  = `SAVEPOINT one`
	release    = `RELEASE one`
	rollbackTo = `ROLLBACK TO one`
	shrink     = `PRAGMA shrink_memory`
)

const (
	busyMillis      = 5000 // waits for other processes, such as a backup
	cacheKiB        = 2048 // of each connection
	writeCacheKiB   = 8192 // of the writing connection, until it is idle
	checkpointPages = 4000 // 16 MiB of write-ahead log, then SQLite moves it into the database, each page once
	keptWALBytes    = checkpointPages * 4096
)

type purpose int

const (
	writing purpose = iota
	reading
	copying  // into a new file, which the caller flushes
	readOnly // a file that no process writes
)

// dsn names the database with the settings that the driver knows. The path is escaped whole, so no character of it
// reads as a parameter.
func dsn(path string, p purpose) string {
	q := url.Values{}
	q.Set("_busy_timeout", fmt.Sprint(busyMillis))
	q.Set("_foreign_keys", "on")
	q.Set("_synchronous", "FULL")
	q.Set("_cache_size", fmt.Sprint(-cacheKiB))
	q.Set("_cslike", "on") // LIKE minds case, as in PostgreSQL
	q.Set("_mutex", "no")  // a session serves one goroutine at a time
	switch p {
	case writing:
		q.Set("_journal_mode", "WAL")
		q.Set("_txlock", "immediate")
		q.Set("_cache_size", fmt.Sprint(-writeCacheKiB))
	case reading:
		q.Set("_query_only", "on")
	case copying:
		q.Set("_journal_mode", "OFF")
		q.Set("_synchronous", "OFF")
	case readOnly:
		q.Set("_query_only", "on")
		q.Set("mode", "ro")
		q.Set("immutable", "1")
	}
	var b strings.Builder
	b.WriteString("file:")
	for i := range len(path) {
		switch c := path[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("/-_.~", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String() + "?" + q.Encode()
}

// settings are the settings that the driver has no parameter for.
func settings(p purpose) []string {
	list := []string{
		`PRAGMA mmap_size = 0`, // an I/O error on a map would be a signal instead of an error
		`PRAGMA temp_store = MEMORY`,
	}
	if p == writing {
		list = append(list,
			fmt.Sprintf(`PRAGMA wal_autocheckpoint = %d`, checkpointPages),
			fmt.Sprintf(`PRAGMA journal_size_limit = %d`, keptWALBytes))
	}
	return list
}

// newDriver makes a driver that opens connections for one purpose.
func newDriver(p purpose) *sqlite3.SQLiteDriver {
	list := settings(p)
	return &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		for _, text := range list {
			if _, err := c.Exec(text, nil); err != nil {
				return fmt.Errorf("%s: %w", text, err)
			}
		}
		return nil
	}}
}

// connect opens one connection.
func connect(path string, p purpose) (*session, error) {
	conn, err := newDriver(p).Open(dsn(path, p))
	if err != nil {
		return nil, classify(err)
	}
	return newSession(conn), nil
}
