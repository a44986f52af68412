package pgserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestReach: root's PostgreSQL runs as an ordinary user, also where its programs are in a folder that only root can reach.
func TestReach(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("others run PostgreSQL as themselves")
	}
	parent, err := os.MkdirTemp("/tmp", "slipway-pgserver-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(parent); err != nil {
			t.Error(err)
		}
	})
	hidden, dir := filepath.Join(parent, "hidden"), filepath.Join(parent, "server")
	for _, folder := range []string{filepath.Join(hidden, "bin"), dir} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := []byte("#!/bin/sh\nid -u\ncat \"$(dirname \"$0\")/../share\"\n")
	for path, text := range map[string][]byte{"bin/postgres": script, "share": []byte("shared")} {
		if err := os.WriteFile(filepath.Join(hidden, path), text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(hidden, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv(Programs, filepath.Join(hidden, "bin"))
	for range 2 { // what was copied is used again
		s, err := New(dir)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(s.Program("postgres"))
		cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: s.As()}
		out, err := cmd.CombinedOutput()
		if uid, text, _ := strings.Cut(string(out), "\n"); err != nil || uid == "0" || text != "shared" {
			t.Errorf("%v, %s", err, out)
		}
	}
}
