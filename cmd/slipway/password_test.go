package main

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestLostPassword: who has the machine can get in again.
func TestLostPassword(t *testing.T) {
	s := newTestServer(t)
	s.start()
	status := func(password string) int {
		req, err := http.NewRequest(http.MethodGet, s.url+"/api/v1/whoami", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("admin", password)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if got := status(testPassword); got != http.StatusOK {
		t.Fatalf("with the first password: %d", got)
	}
	passwd := func() (string, error) {
		cmd := exec.Command(s.bin, "user", "passwd", "admin", "--data", s.data, "--password-stdin")
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir())
		cmd.Stdin = strings.NewReader("a password that is new\n")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := passwd(); err == nil || !strings.Contains(out, "in use") {
		t.Errorf("beside a running server: %v, %s", err, out)
	}
	s.terminate()
	if out, err := passwd(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.start()
	if old, now := status(testPassword), status("a password that is new"); old != http.StatusUnauthorized || now != http.StatusOK {
		t.Errorf("the old password: %d, the new one: %d", old, now)
	}
	s.terminate()
	s.fsck()
}

// TestDisabledUserOnMachine: who has the machine can let a user in again, also when nobody may log in who could do it.
func TestDisabledUserOnMachine(t *testing.T) {
	s := startServer(t)
	s.login()
	s.with(testPassword+"\n", nil, 0, "user", "add", "ann", "--allow", "*:admin", "--password-stdin")
	s.cli(0, "user", "disable", "ann")
	enable := []string{"user", "enable", "ann", "--data", s.data}
	if out := s.cli(1, enable...); !strings.Contains(out, "in use") {
		t.Errorf("beside a running server: %s", out)
	}
	s.stop()
	if out := s.cli(0, enable...); out != "Enabled ann\n" {
		t.Errorf("printed %q", out)
	}
	if out := s.cli(1, "user", "enable", "nobody", "--data", s.data); !strings.Contains(out, `there is no user "nobody"`) {
		t.Errorf("nobody: %s", out)
	}
	again := startServer(t, func(c *config) { c.data = s.data })
	again.with(testPassword+"\n", nil, 0, "login", "--user", "ann", "--password-stdin")
}
