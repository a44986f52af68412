package main

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway/metadata/postgres/pgserver"
	"slipway/storage/s3/s3test"
)

// databases are a PostgreSQL server and one that has each of its commits before they are acknowledged, and takes its place when it is lost.
type databases struct {
	t       *testing.T
	nodes   [2]*database
	primary int // of nodes
}

func newDatabases(t *testing.T) *databases {
	d := &databases{t: t}
	for i := range d.nodes {
		d.nodes[i] = newDatabase(t)
	}
	if err := d.nodes[0].pg.Init(); err != nil {
		t.Fatal(err)
	}
	d.nodes[0].start()
	d.nodes[0].run("psql", d.nodes[0].url(d.nodes[0].addr), "-qc", "ALTER SYSTEM SET synchronous_standby_names = '*'", "-c", "SELECT pg_reload_conf()")
	d.follow(1)
	return d
}

// follow makes a server that has every commit of the primary from now on.
func (d *databases) follow(node int) {
	n := d.nodes[node]
	if err := os.RemoveAll(n.pg.Data()); err != nil {
		d.t.Fatal(err)
	}
	n.run("pg_basebackup", "-d", d.nodes[d.primary].url(d.nodes[d.primary].addr), "-D", n.pg.Data(), "-R", "-X", "stream", "-c", "fast")
	n.start()
}

// again ends the primary and starts it again.
func (d *databases) again(signal syscall.Signal) {
	d.nodes[d.primary].stop(signal)
	d.nodes[d.primary].start()
}

// failover loses the primary. The other server takes its place, and a new one follows it.
func (d *databases) failover() {
	lost := d.primary
	d.nodes[lost].stop(syscall.SIGKILL)
	d.primary = 1 - lost
	n := d.nodes[d.primary]
	n.run("pg_ctl", "promote", "-s", "-w", "-D", n.pg.Data())
	d.follow(lost)
}

// database is a PostgreSQL server that a test stops, kills and starts again.
type database struct {
	t     *testing.T
	pg    *pgserver.Server
	addr  string
	cmd   *exec.Cmd
	out   *bytes.Buffer
	ended chan struct{} // closed at its end
}

// newDatabase is a server without files.
func newDatabase(t *testing.T) *database {
	dir, err := os.MkdirTemp("/dev/shm", "slipway-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	d := &database{t: t}
	if d.pg, err = pgserver.New(dir); err != nil {
		t.Fatal(err)
	}
	if d.addr, err = s3test.FreeAddr(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.cmd != nil {
			d.stop(syscall.SIGQUIT)
		}
	})
	return d
}

// url is the database as it is reached through host:port, of several servers the one that writes.
func (d *database) url(through ...string) string {
	u := url.URL{Scheme: "postgres", User: url.User(pgserver.Superuser), Host: strings.Join(through, ","), Path: "/postgres", RawQuery: "sslmode=disable&target_session_attrs=read-write"}
	return u.String()
}

// run runs one of PostgreSQL's programs.
func (d *database) run(program string, args ...string) {
	cmd := exec.Command(d.pg.Program(program), args...)
	cmd.Dir, cmd.SysProcAttr = d.pg.Dir, &syscall.SysProcAttr{Credential: d.pg.As()}
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// start starts the server and waits until it takes connections. One that follows a killed one is refused until the last process of that ends.
func (d *database) start() {
	host, port, err := net.SplitHostPort(d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		d.out = &bytes.Buffer{}
		d.cmd = exec.Command(d.pg.Program("postgres"), "-D", d.pg.Data(), "-k", d.pg.Dir, "-c", "listen_addresses="+host, "-c", "port="+port, "-c", "max_connections=200")
		d.cmd.Dir, d.cmd.Stdout, d.cmd.Stderr = d.pg.Dir, d.out, d.out
		d.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.pg.As(), Pdeathsig: syscall.SIGQUIT}
		if err := d.cmd.Start(); err != nil {
			d.t.Fatal(err)
		}
		d.ended = make(chan struct{})
		go func(cmd *exec.Cmd, ended chan struct{}) {
			_ = cmd.Wait() // its output says why
			close(ended)
		}(d.cmd, d.ended)
		if d.ready() {
			return
		}
		if time.Now().After(end) {
			d.t.Fatalf("PostgreSQL does not start:\n%s", d.out)
		}
	}
}

// ready waits until the server takes connections; false: it has ended.
func (d *database) ready() bool {
	status := filepath.Join(d.pg.Data(), "postmaster.pid")
	for {
		select {
		case <-d.ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
		if text, err := os.ReadFile(status); err == nil && (strings.Contains(string(text), "ready") || strings.Contains(string(text), "standby")) {
			return true
		}
	}
}

// stop ends the server: SIGINT in good order, SIGQUIT at once, SIGKILL as a crash does.
func (d *database) stop(signal syscall.Signal) {
	if err := d.cmd.Process.Signal(signal); err != nil {
		d.t.Error(err)
	}
	select {
	case <-d.ended:
	case <-time.After(time.Minute):
		d.t.Fatal("PostgreSQL does not end")
	}
	d.cmd = nil
}
