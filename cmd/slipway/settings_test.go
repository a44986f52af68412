//go:build linux

package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
)

// said waits until a server has said something.
func said(t *testing.T, p *commandtest.Process, words string) {
	t.Helper()
	for end := time.Now().Add(commandtest.Patience); !strings.Contains(p.Stderr.String(), words); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the server does not say %q: %s", words, p.Stderr)
		}
	}
}

// TestN18: SIGHUP does not end the server; a password in the environment that is not that of admin, and variables that are no
// settings, are said; errors of settings name the file and the key.
func TestN18(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := commandtest.ServeProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + commandtest.Password, "SLIPWAY_LISTN=0.0.0.0:80"}, "--data", data)
	said(t, p, "there is no setting SLIPWAY_LISTN; did you mean SLIPWAY_LISTEN?")
	p.Signal(syscall.SIGHUP)
	said(t, p, "SIGHUP changes nothing")
	if res, err := http.Get(p.URL + "/readyz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("after SIGHUP: %v, %v", res, err)
	} else {
		_ = res.Body.Close()
	}
	if strings.Contains(p.Stderr.String(), "is not the password") {
		t.Errorf("the right password is warned of: %s", p.Stderr)
	}
	p.Signal(syscall.SIGTERM)
	if code := p.End(); code != command.Done {
		t.Errorf("exit code %d\n%s", code, p.Stderr)
	}
	p = commandtest.ServeProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=another password"}, "--data", data)
	said(t, p, "SLIPWAY_ADMIN_PASSWORD is not the password of the user admin")
	p.Signal(syscall.SIGTERM)
	p.End()

	file := filepath.Join(t.TempDir(), "slipway.yaml")
	for text, want := range map[string]string{
		"log_level: verbose": file + `: log-level: "verbose" is not one of debug, info, warn, error`,
		"gc-grace: 1d":       file + `: gc-grace: "1d" is not a duration`,
		"listn: 0.0.0.0:80":  `unknown key "listn" (line 1); did you mean "listen"`,
		"url: nonsense":      file + ": url: it must be of the form",
	} {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, errs := commandtest.Command(t.Context(), "", nil, "serve", "--config", file, "--data", data)
		if code != command.Usage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %s, want %s", text, code, errs, want)
		}
	}
	code, _, errs := commandtest.Command(t.Context(), "", map[string]string{"SLIPWAY_LOG_LEVEL": "verbose"}, "serve", "--data", data)
	if code != command.Usage || !strings.HasPrefix(errs, "slipway: SLIPWAY_LOG_LEVEL:") {
		t.Errorf("a wrong variable: %d %s", code, errs)
	}
}

// TestN18Restore: what root restores belongs to the owner of the folder around it, who runs the server.
func TestN18Restore(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	s := commandtest.NewServer(t)
	s.Start()
	token := s.Token("*", "admin")
	s.MustPut(token, "/raw/main/app/1/f", "content")
	backup := filepath.Join(t.TempDir(), "backup")
	s.Run(0, "backup", backup, "--data", s.Data)
	s.Terminate()
	const user = 65532
	home := filepath.Join(t.TempDir(), "srv")
	if err := os.Mkdir(home, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, user, user); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(home, "data")
	if out := s.Run(0, "restore", backup, "--data", data); !strings.Contains(out, "was given to user 65532") {
		t.Errorf("restore: %s", out)
	}
	if out, err := exec.Command("find", data, "!", "-uid", "65532").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("still of root: %s, %v", out, err)
	}
	if out := s.Run(0, "restore", backup, "--data", filepath.Join(t.TempDir(), "data")); !strings.Contains(out, "belongs to root; if the server runs as another user: chown -R USER") {
		t.Errorf("restore in root's folder: %s", out)
	}
}
