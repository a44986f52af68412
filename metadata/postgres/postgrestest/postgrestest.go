// Package postgrestest runs a PostgreSQL server for the tests of a package: Debian's, in a folder of its own, reached by a socket.
// It ends with the test process, however that ends.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"slipway/metadata/postgres"
	"slipway/metadata/postgres/pgserver"
)

// Required makes a missing server a failure instead of a reason to skip a test.
const Required = "SLIPWAY_REQUIRE_CLIENTS"

// startTime is how long a server may take until it answers.
const startTime = time.Minute

// server is the one of this process.
type server struct {
	dir    string // its socket is here
	number atomic.Int64
	err    error
	// template is a database with the whole schema and nothing else, of which others are copies.
	template func() error
	copying  sync.Mutex
	strategy string // of copying databases; PostgreSQL 14 knows only this one and no word for it
}

var shared = sync.OnceValue(start)

// URL is an empty database with the whole schema, which goes with the test. Without PostgreSQL the test is skipped.
func URL(t testing.TB) string {
	t.Helper()
	s := shared()
	if errors.Is(s.err, pgserver.ErrMissing) && os.Getenv(Required) == "" {
		t.Skip(s.err)
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	if err := s.template(); err != nil {
		t.Fatal(err)
	}
	return s.copy(t, templateName)
}

// Alone is a database, without tables, of a server that the test has for itself, and may change the settings of.
func Alone(t testing.TB) string {
	t.Helper()
	URL(t) // skips where there is no server
	s := start()
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.url("postgres")
}

// Blank is a database without tables.
func Blank(t testing.TB) string {
	t.Helper()
	URL(t) // for the server
	return shared().copy(t, "template0")
}

const templateName = "slipway"

func (s *server) url(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {s.dir}, "user": {pgserver.Superuser}}.Encode()
}

// do runs statements as the server's administrator.
func (s *server) do(texts ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, text := range texts {
		if _, err := conn.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// version is the number before the first dot.
func (s *server) version() (n int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	return n, conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int / 10000`).Scan(&n)
}

func (s *server) copy(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprint("test", s.number.Add(1))
	s.copying.Lock() // a template is copied once at a time
	err := s.do(`CREATE DATABASE ` + name + ` TEMPLATE ` + template + s.strategy)
	s.copying.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.do(`DROP DATABASE ` + name + ` WITH (FORCE)`); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

// migrate makes the template.
func (s *server) migrate() error {
	if err := s.do(`CREATE DATABASE ` + templateName); err != nil {
		return err
	}
	store, err := postgres.Open(context.Background(), s.url(templateName))
	if err != nil {
		return err
	}
	return store.Close()
}

// start starts the server.
func start() *server {
	s := &server{}
	s.template = sync.OnceValue(s.migrate)
	s.err = s.start()
	return s
}

func (s *server) start() error {
	parent := os.TempDir()
	if _, err := os.Stat("/dev/shm"); err == nil {
		parent = "/dev/shm" // a short path, in memory: what a flush costs is no subject of these tests
	}
	var err error
	if s.dir, err = os.MkdirTemp(parent, "slipway-pg-"); err != nil {
		return err
	}
	pg, err := pgserver.New(s.dir)
	if err != nil {
		return errors.Join(err, os.RemoveAll(s.dir))
	}
	if err := pg.Init(); err != nil {
		return err
	}
	if err := s.run(pg.Program("postgres"), pg.As()); err != nil {
		return err
	}
	for end := time.Now().Add(startTime); ; time.Sleep(20 * time.Millisecond) {
		if err = s.do(`SELECT 1`); err == nil || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		return err
	}
	if version, err := s.version(); err != nil || version < 15 {
		return err
	}
	s.strategy = " STRATEGY file_copy"
	return nil
}

// supervise runs a server until its own parent ends or tells it to, then stops the server at once and removes its folder.
const supervise = `"$0" -D "$1/data" -k "$1" -c listen_addresses= -c max_connections=1000 -c shared_buffers=32MB -c max_wal_size=256MB >"$1/log" 2>&1 &
pid=$!
trap 'kill -QUIT $pid' TERM
wait $pid
wait $pid
cd / && rm -rf "$1"`

// run runs the server under a shell that outlives this process by as much as it takes to remove the server's folder.
func (s *server) run(program string, as *syscall.Credential) error {
	cmd := exec.Command("/bin/sh", "-c", supervise, program, s.dir)
	cmd.Dir = s.dir
	// A process group of its own: an interrupt from the keyboard is for the tests.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGTERM, Setpgid: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the signal comes when the thread that started the process ends
		started <- cmd.Start()
		_ = cmd.Wait() // it ends after us
	}()
	return <-started
}
