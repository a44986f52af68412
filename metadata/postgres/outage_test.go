package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/metadata/postgres"
	"slipway/metadata/postgres/postgrestest"
)

// note is an update that leaves an entry and a setting of a name, which must not be there yet.
func note(name string) func(tx metadata.Tx) error {
	return func(tx metadata.Tx) error {
		if _, err := tx.Settings().Setting(name); !errors.Is(err, metadata.ErrNotExist) {
			return fmt.Errorf("setting %s is there already: %w", name, err)
		}
		if err := tx.Settings().PutSetting(name, "x"); err != nil {
			return err
		}
		_, err := tx.Log().Append(metadata.Entry{Type: "test", Subject: name, Data: []byte(`{}`)})
		return err
	}
}

// subjects counts the entries of each name.
func subjects(t *testing.T, s metadata.Store) map[string]int {
	t.Helper()
	out := map[string]int{}
	err := s.View(t.Context(), func(tx metadata.Tx) error {
		list, err := tx.Log().Entries(metadata.EntryQuery{After: -1})
		for i, e := range list {
			if e.Seq != int64(i) {
				t.Errorf("entry %d has the number %d", i, e.Seq)
			}
			out[e.Subject]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func administrator(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// TestTerminated: sessions that are ended at random moments of a load cost time, but no update fails, and each is made once.
func TestTerminated(t *testing.T) {
	url := postgrestest.URL(t)
	s, admin := open(t, url), administrator(t, url)
	const writers, enough = 8, 10
	var clients sync.WaitGroup
	var made, ended atomic.Int64
	for w := range writers {
		clients.Go(func() {
			for n := 0; ended.Load() < enough && !t.Failed(); n++ {
				if err := s.Update(t.Context(), note(fmt.Sprint(w, ".", n))); err != nil {
					t.Errorf("update %d.%d: %v", w, n, err)
				}
				made.Add(1)
			}
		})
	}
	for ended.Load() < enough && !t.Failed() { // a session that is between two transactions is left alone
		time.Sleep(20 * time.Millisecond)
		tag, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`)
		if err != nil {
			t.Fatal(err)
		}
		ended.Add(tag.RowsAffected())
	}
	clients.Wait()
	found := subjects(t, s)
	for name, n := range found {
		if n != 1 {
			t.Errorf("%s was made %d times", name, n)
		}
	}
	if len(found) != int(made.Load()) {
		t.Errorf("%d of %d updates", len(found), made.Load())
	}
	metadatatest.CheckLog(t, s)
}

// cutter is a server's socket that cuts a connection at its next COMMIT, once it is armed.
type cutter struct {
	dir   string
	to    string
	armed atomic.Pointer[string] // when: before, after
	cuts  atomic.Int64
}

func newCutter(t *testing.T, server string) (*cutter, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "cut") // a short path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	q := u.Query()
	c := &cutter{dir: dir, to: filepath.Join(q.Get("host"), ".s.PGSQL.5432")}
	ln, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go c.serve(conn)
		}
	}()
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	return c, u.String()
}

func (c *cutter) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", c.to)
	if err != nil {
		return
	}
	defer server.Close()
	var silent atomic.Bool
	go func() {
		defer client.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := server.Read(buf)
			if err != nil || silent.Load() {
				return // the answer to COMMIT is lost
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if when := c.armed.Load(); when != nil && bytes.HasSuffix(buf[:n], []byte("COMMIT\x00")) && buf[0] == 'Q' {
			c.armed.Store(nil)
			c.cuts.Add(1)
			if *when == "before" {
				return
			}
			silent.Store(true)
		}
		if _, err := server.Write(buf[:n]); err != nil && !errors.Is(err, io.EOF) {
			return
		}
	}
}

// TestLostCommit: where the connection breaks at COMMIT, before the server has it or behind it, the update is made, once.
func TestLostCommit(t *testing.T) {
	c, url := newCutter(t, postgrestest.URL(t))
	s := open(t, url)
	for i, when := range []string{"before", "after", "after", "before", "after"} {
		c.armed.Store(&when)
		if err := s.Update(t.Context(), note(fmt.Sprint(when, i))); err != nil {
			t.Errorf("cut %s: %v", when, err)
		}
		if c.armed.Swap(nil) != nil {
			t.Errorf("update %d was not cut", i)
		}
	}
	if err := s.Update(t.Context(), note("last")); err != nil {
		t.Error(err)
	}
	found := subjects(t, s)
	if len(found) != 6 || c.cuts.Load() != 5 {
		t.Errorf("%d entries, %d cuts: %v", len(found), c.cuts.Load(), found)
	}
	for name, n := range found {
		if n != 1 {
			t.Errorf("%s was made %d times", name, n)
		}
	}
	metadatatest.CheckLog(t, s)
}

// TestUnreplicated: a commit whose wait for a standby is cancelled is not acknowledged, although the server says that it succeeded.
func TestUnreplicated(t *testing.T) {
	url := postgrestest.Alone(t)
	var noticed atomic.Int64
	s, admin := open(t, url, postgres.WithObserver(func(b metadata.Batch) {
		if errors.Is(b.Err, metadata.ErrUnreplicated) {
			noticed.Add(1)
		}
	})), administrator(t, url)
	do := func(texts ...string) {
		t.Helper()
		for _, text := range texts {
			if _, err := admin.Exec(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
	}
	do(`SET synchronous_commit = local`, `ALTER SYSTEM SET synchronous_standby_names = 'nobody'`, `SELECT pg_reload_conf()`)
	answer := make(chan error, 1)
	go func() { // the server takes a moment to wait for the standby
		var err error
		for n, end := 0, time.Now().Add(time.Minute); err == nil && time.Now().Before(end); n++ {
			err = s.Update(t.Context(), note(fmt.Sprint("alone ", n)))
		}
		answer <- err
	}()
	for cancelled := false; ; {
		select {
		case err := <-answer:
			if !errors.Is(err, metadata.ErrUnavailable) || !errors.Is(err, metadata.ErrUnreplicated) || noticed.Load() != 1 {
				t.Errorf("the update: %v; %d commits were reported", err, noticed.Load())
			}
			if !cancelled {
				t.Error("the update did not wait for a standby")
			}
		case <-time.After(20 * time.Millisecond):
			var n int
			if err := admin.QueryRow(t.Context(), `SELECT COUNT(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			cancelled = cancelled || n > 0
			continue
		}
		break
	}
	do(`ALTER SYSTEM RESET synchronous_standby_names`, `SELECT pg_reload_conf()`)
	if err := s.Update(t.Context(), note("again")); err != nil {
		t.Error(err)
	}
	metadatatest.CheckLog(t, s)
}

// TestInUse: one process has the database. Another waits for one that does not say that it lives, and takes its row: the first one
// then writes nothing more.
func TestInUse(t *testing.T) {
	url := postgrestest.URL(t)
	s := open(t, url, postgres.WithName("the first"))
	if other, err := postgres.Open(t.Context(), url); !errors.Is(err, metadata.ErrInUse) || !strings.Contains(err.Error(), "the first") {
		t.Errorf("a second one: %v", err)
		if err == nil {
			_ = other.Close()
		}
	}
	if err := s.Update(t.Context(), note("a")); err != nil {
		t.Error(err)
	}
	admin := administrator(t, url)
	if _, err := admin.Exec(t.Context(), `UPDATE member SET until = 0, boot = 'gone'`); err != nil { // as if it had stood still
		t.Fatal(err)
	}
	heir := open(t, url)
	if err := s.Update(t.Context(), note("b")); !errors.Is(err, metadata.ErrInUse) {
		t.Errorf("an update of the one that stood still: %v", err)
	}
	if err := heir.Update(t.Context(), note("c")); err != nil {
		t.Error(err)
	}
	if found := subjects(t, heir); len(found) != 2 {
		t.Errorf("entries: %v", found)
	}
}

// TestLateServer: Open waits for a server that does not answer yet, as long as it may.
func TestLateServer(t *testing.T) {
	u, err := url.Parse(postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "late") // a short path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const socket = ".s.PGSQL.5432"
	q := u.Query()
	to := filepath.Join(q.Get("host"), socket)
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	if s, err := postgres.Open(t.Context(), u.String(), postgres.WithPatience(200*time.Millisecond)); !errors.Is(err, metadata.ErrUnavailable) {
		t.Fatalf("without a server: %v, %v", s, err)
	}
	time.AfterFunc(300*time.Millisecond, func() {
		if err := os.Symlink(to, filepath.Join(dir, socket)); err != nil {
			t.Error(err)
		}
	})
	s := open(t, u.String())
	if err := s.Update(t.Context(), note("a")); err != nil {
		t.Error(err)
	}
}

// TestTakeover: a process that is alone looks for what others have written only while one may have taken the database. It writes again
// once it is alone again.
func TestTakeover(t *testing.T) {
	url := postgrestest.URL(t)
	s := open(t, url, postgres.WithTerm(600*time.Millisecond))
	looks := func() bool {
		before := s.Looks()
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.Looks() > before
	}
	if err := s.Update(t.Context(), note("a")); err != nil || looks() {
		t.Fatalf("%v; it looks beside nobody", err)
	}
	becomes := func(what string, want bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); looks() != want; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: looks: %t", what, !want)
			}
		}
	}
	admin := administrator(t, url)
	tx, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `LOCK TABLE member IN EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	becomes("it can't say that it lives", true)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	becomes("it has said so", false)
	if _, err := admin.Exec(t.Context(), `UPDATE member SET boot = 'another', name = 'another', until = until + 1000000000`); err != nil {
		t.Fatal(err)
	}
	becomes("its row is another's", true)
	if err := s.Update(t.Context(), note("b")); !errors.Is(err, metadata.ErrInUse) || !strings.Contains(err.Error(), `"another"`) {
		t.Errorf("an update: %v", err)
	}
	if _, err := admin.Exec(t.Context(), `DELETE FROM member`); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), note("b")); err != nil {
		t.Errorf("an update after the other has gone: %v", err)
	}
	becomes("it is alone again", false)
}

// TestRefused: URLs that can't be used are refused without showing their password.
func TestRefused(t *testing.T) {
	for _, text := range []string{"mysql://u:secret@h/d", "postgres://u:secret@h/d?pool=0", "postgres://u:secret@h/d?statement_cache=perhaps",
		"postgres://u:secret@h:port/d", "postgres://u:secret@h/d?schema=", "postgres://u:secret@h/d?sslmode=perhaps"} {
		if err := postgres.CheckURL(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
