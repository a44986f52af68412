//go:build linux

package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/storage/s3/s3test"
)

// relay passes connections on to the socket of the database that a URL names, until the test ends.
func relay(t *testing.T, addr string, database *url.URL) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	socket := filepath.Join(database.Query().Get("host"), ".s.PGSQL.5432")
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", socket)
			if err != nil {
				_ = client.Close()
				continue
			}
			for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
				go func() {
					_, _ = io.Copy(to, from) // either end may close
					_ = to.Close()
				}()
			}
		}
	}()
}

// TestStartWithoutDatabase: servers that start while the database is down wait for it, and serve when it comes; when it does not, they
// end with exit code 1 and one line.
func TestStartWithoutDatabase(t *testing.T) {
	t.Parallel() // it waits more than it works
	c := newReplicas(t, 3)
	database, err := url.Parse(c.all[0].Args[1])
	if err != nil {
		t.Fatal(err)
	}
	addr, err := s3test.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.all {
		s.Args[1] = "postgres://slipway@" + addr + database.Path + "?sslmode=disable"
	}
	s := c.all[0]
	out := s.Run(1, append([]string{"serve", "--data", s.Data, "--listen", "127.0.0.1:0", "--start-timeout", "1s"}, s.Args...)...)
	said := slices.DeleteFunc(slices.Collect(strings.Lines(out)), func(line string) bool { return strings.HasPrefix(line, "slipway: note: ") }) // of the tests' own variables
	if len(said) != 1 || !strings.Contains(out, "--metadata: ") || !strings.Contains(out, "does not answer") {
		t.Errorf("without a database: %q", out)
	}
	started := make(chan struct{})
	go func() {
		c.start()
		close(started)
	}()
	select {
	case <-started:
		t.Error("ready without a database")
	case <-time.After(2 * time.Second):
	}
	relay(t, addr, database)
	<-started
	c.token = s.Token("*", "read,publish")
	for i, s := range c.all {
		if code, body := s.Put(c.token, "/raw/main/tool/1/"+string(rune('a'+i)), []byte("x")); code != http.StatusCreated {
			t.Errorf("publish at r%d: %d %s", i, code, body)
		}
		s.Terminate()
	}
}
