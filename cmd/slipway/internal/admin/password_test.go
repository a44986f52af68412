package admin_test

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
)

// TestLostPassword: a person with access to the machine can log in again.
func TestLostPassword(t *testing.T) {
	s := commandtest.NewServer(t)
	s.Start()
	status := func(password string) int {
		req, err := http.NewRequest(http.MethodGet, s.URL+"/api/v1/whoami", nil)
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
	if got := status(commandtest.Password); got != http.StatusOK {
		t.Fatalf("with the first password: %d", got)
	}
	passwd := func() (string, error) {
		cmd := exec.Command(s.Bin, "user", "passwd", "admin", "--data", s.Data, "--password-stdin")
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir())
		cmd.Stdin = strings.NewReader("a password that is new\n")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := passwd(); err == nil || !strings.Contains(out, "in use") {
		t.Errorf("beside a running server: %v, %s", err, out)
	}
	s.Terminate()
	if out, err := passwd(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.Start()
	if old, now := status(commandtest.Password), status("a password that is new"); old != http.StatusUnauthorized || now != http.StatusOK {
		t.Errorf("the old password: %d, the new one: %d", old, now)
	}
	s.Terminate()
	s.Fsck()
}

// TestDisabledUserOnMachine: a person with access to the machine can enable a user again, also when no administrator can
// log in.
func TestDisabledUserOnMachine(t *testing.T) {
	s := commandtest.Start(t)
	s.Login()
	s.With(commandtest.Password+"\n", nil, 0, "user", "add", "ann", "--allow", "*:admin", "--password-stdin")
	s.CLI(0, "user", "disable", "ann")
	enable := []string{"user", "enable", "ann", "--data", s.Data}
	if out := s.CLI(1, enable...); !strings.Contains(out, "in use") {
		t.Errorf("beside a running server: %s", out)
	}
	s.Stop()
	if out := s.CLI(0, enable...); out != "Enabled ann\n" {
		t.Errorf("printed %q", out)
	}
	if out := s.CLI(1, "user", "enable", "nobody", "--data", s.Data); !strings.Contains(out, `there is no user "nobody"`) {
		t.Errorf("nobody: %s", out)
	}
	again := commandtest.Start(t, func(c *installation.Config) { c.Data = s.Data })
	again.With(commandtest.Password+"\n", nil, 0, "login", "--user", "ann", "--password-stdin")
}

// TestRefusalOnMachine: a refusal of the core reads as it would through the server.
func TestRefusalOnMachine(t *testing.T) {
	r := commandtest.Start(t)
	r.Stop()
	want := "slipway: there is no user \"nobody\"\n"
	if out := r.CLI(1, "user", "enable", "nobody", "--data", r.Data); out != want {
		t.Errorf("printed %q, want %q", out, want)
	}
}
