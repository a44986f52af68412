package serve_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
)

// TestServeInProcess: serve prints the URL and, the first time only, the password.
func TestServeInProcess(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	once := func() (stdout, stderr string) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		out, errs := &cancelling{cancel: cancel}, &strings.Builder{}
		code := commandtest.Run(ctx, "", out, errs, nil, "serve", "--data", data, "--listen", "127.0.0.1:0")
		if code != command.Done || !strings.Contains(out.String(), "http://127.0.0.1:") {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
		return out.String(), errs.String()
	}
	password := regexp.MustCompile(`the password of the user "admin" is (\S{24}) `)
	_, first := once()
	m := password.FindStringSubmatch(first)
	if m == nil {
		t.Fatalf("no password: %s", first)
	}
	stdout, second := once()
	if strings.Contains(second, "password") || strings.Contains(stdout+second, m[1]) {
		t.Errorf("the password was shown again: %s", second)
	}
	info, err := os.Stat(data)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data directory: %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Join(data, "keys", "log.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log key: %v, %v", info.Mode(), err)
	}
}

// cancelling ends a context at the first line: serve prints one when it is ready.
type cancelling struct {
	strings.Builder
	cancel func()
}

func (c *cancelling) Write(p []byte) (int, error) {
	c.cancel()
	return c.Builder.Write(p)
}

// TestUnusableConfiguration: one line that names the setting, exit code 2, nothing created.
func TestUnusableConfiguration(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	secret := "s3cr3t-in-url"
	for _, c := range []struct {
		args []string
		env  map[string]string
		want string
	}{
		{args: []string{"--listen", "nonsense"}, want: "--listen"},
		{args: []string{"--listen", "127.0.0.1:99999"}, want: "--listen"},
		{args: []string{"--listen", "192.0.2.1:0"}, want: "--listen"},
		{args: []string{"--data", filepath.Join(plain, "x")}, want: "--data"},
		{args: []string{"--data", plain}, want: "--data"},
		{args: []string{"--data", ""}, want: "--data"},
		{args: []string{"--metadata", "postgres://user:" + secret + "@db/slipway"}, want: "--log-key: with PostgreSQL the key is given"},
		{args: []string{"--metadata", "mysql://x"}, want: "--metadata"},
		{args: []string{"--metadata", "sqlite://" + filepath.Join(plain, "x.db")}, want: "--metadata"},
		{args: []string{"--metadata", "sqlite://" + dir}, want: "--metadata"},
		{args: []string{"--metadata", "sqlite:///"}, want: "--metadata"},
		{args: []string{"--blobs", "s3://bucket/prefix?secret=" + secret}, want: "--blobs: unknown parameter \"secret\""},
		{args: []string{"--blobs", "ftp://x"}, want: "--blobs"},
		{args: []string{"--blobs", "file://" + plain}, want: "--blobs"},
		{args: []string{"--url", "https://user:" + secret + "@host"}, want: "--url"},
		{args: []string{"--url", "host.example.com"}, want: "--url"},
		{args: []string{"--webhook-allow", "10.0.0.0/8,http://host"}, want: "--webhook-allow"},
		{args: []string{"--trusted-proxies", "everyone"}, want: "trusted-proxies"},
		{args: []string{"--log-format", "xml"}, want: "--log-format"},
		{args: []string{"--log-level", "loud"}, want: "--log-level"},
		{args: []string{"--gc-interval", "-1s"}, want: "--gc-interval"},
		{args: []string{"--gc-grace", "-1s"}, want: "--gc-grace"},
		{env: map[string]string{"SLIPWAY_GC_GRACE": "x"}, want: "SLIPWAY_GC_GRACE"},
		{env: map[string]string{"SLIPWAY_ANONYMOUS_READ": "perhaps"}, want: "SLIPWAY_ANONYMOUS_READ"},
		{env: map[string]string{"SLIPWAY_ADMIN_PASSWORD": "short"}, want: "SLIPWAY_ADMIN_PASSWORD"},
		{env: map[string]string{"SLIPWAY_CONFIG": plain + ".yaml"}, want: "--config"},
	} {
		args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data}, c.args...)
		code, stdout, stderr := commandtest.Command(t.Context(), "", c.env, args...)
		if code != command.Usage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v %v: exit code %d: %s%s", c.args, c.env, code, stdout, stderr)
		}
		if strings.Contains(stderr, secret) {
			t.Errorf("%v: the secret is repeated: %s", c.args, stderr)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("something was created: %v, %v", entries, err)
	}
}

// TestListenInUse: an address that is in use may be free later, so this is a failure and not wrong usage.
func TestListenInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	data := filepath.Join(t.TempDir(), "data")
	code, _, stderr := commandtest.Command(t.Context(), "", nil, "serve", "--listen", ln.Addr().String(), "--data", data)
	if code != command.Failed || !strings.Contains(stderr, "--listen") || !strings.Contains(stderr, "in use") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Error("the data directory was made")
	}
}
