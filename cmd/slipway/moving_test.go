package main

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/metadata/postgres/postgrestest"
	"slipway/storage/s3/s3test"
)

// sharedServer returns a server over PostgreSQL and a bucket, which does not run yet. key is the log's key, which may come later.
func sharedServer(t *testing.T, key string) *commandtest.Server {
	url, env := s3test.New(t)
	s := commandtest.NewServer(t, "--metadata", postgrestest.Blank(t), "--blobs", url, "--log-key", key)
	s.Env = env
	return s
}

// TestRestoreElsewhere: what clients of every format have published with a server over SQLite and a directory is the same with one over
// PostgreSQL and a bucket that a backup was restored to, and goes on there beside a backup; and then with one over SQLite again.
func TestRestoreElsewhere(t *testing.T) {
	first := commandtest.NewServer(t)
	l := newLedger(t, first, uint64(time.Now().UnixNano()))
	first.Start()
	l.token, l.reader = first.Token("main", "read,publish,tag,delete,audit"), first.Token("main", "read")
	servers := []*commandtest.Server{sharedServer(t, filepath.Join(t.TempDir(), "keys", "log.key")), commandtest.NewServer(t)}
	for n, next := range servers {
		l.load(time.Second)
		l.server.Start()
		l.verify(true)
		l.finish()
		l.verify(true)
		backup := filepath.Join(t.TempDir(), fmt.Sprint("backup", n))
		args := func(s *commandtest.Server, command string) []string {
			return append([]string{command, backup, "--data", s.Data}, s.Args...)
		}
		l.server.Run(0, args(l.server, "backup")...)
		l.server.Terminate()
		restored := next.Run(0, args(next, "restore")...)
		t.Log(commandtest.Tail(restored, 300))
		next.Run(1, args(next, "restore")...)
		l.server = next
		next.Start()
		l.verify(true)
	}
	l.server.Run(0, "log", "verify", "--server", l.server.URL, "--token", l.server.Token("*", "admin"))
	l.verifyEvents()
	l.server.Terminate()
	l.server.Fsck()
}
