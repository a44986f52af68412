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
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"slipway/metadata/postgres"
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
}

var shared = sync.OnceValue(start)

// errMissing: PostgreSQL is not installed.
var errMissing = errors.New("PostgreSQL is not installed")

// URL is an empty database with the whole schema, which goes with the test. Without PostgreSQL the test is skipped.
func URL(t testing.TB) string {
	t.Helper()
	s := shared()
	if errors.Is(s.err, errMissing) && os.Getenv(Required) == "" {
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
	return "postgres:///" + database + "?" + url.Values{"host": {s.dir}, "user": {"slipway"}}.Encode()
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

func (s *server) copy(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprint("test", s.number.Add(1))
	s.copying.Lock() // a template is copied once at a time
	err := s.do(`CREATE DATABASE ` + name + ` TEMPLATE ` + template + ` STRATEGY file_copy`)
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
	bin, err := binaries()
	if err != nil {
		return err
	}
	parent := os.TempDir()
	if _, err := os.Stat("/dev/shm"); err == nil {
		parent = "/dev/shm" // a short path, in memory: what a flush costs is no subject of these tests
	}
	if s.dir, err = os.MkdirTemp(parent, "slipway-pg-"); err != nil {
		return err
	}
	as, err := ordinaryUser(s.dir)
	if err != nil {
		return err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(s.dir, "data"), "-U", "slipway", "-A", "trust", "-E", "UTF8",
		"--locale=C.UTF-8", "--no-sync", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := s.run(filepath.Join(bin, "postgres"), as); err != nil {
		return err
	}
	for end := time.Now().Add(startTime); ; time.Sleep(20 * time.Millisecond) {
		if err = s.do(`SELECT 1`); err == nil || time.Now().After(end) {
			return err
		}
	}
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

// binaries is the folder of the newest server that is installed.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("%w: there is no /usr/lib/postgresql/*/bin/postgres", errMissing)
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// ordinaryUser is the user that the server runs as, since it refuses to run as root; it gets the folder.
func ordinaryUser(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}
