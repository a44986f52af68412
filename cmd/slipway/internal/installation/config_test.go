package installation

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
)

// resolved is a configuration from a command line, an environment and a file.
func resolved(t *testing.T, args []string, env map[string]string, file string) (*Config, error) {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "slipway.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	var c Config
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	c.Flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	err := c.Resolve(fs, func(key string) string { return env[key] })
	return &c, err
}

func TestPrecedence(t *testing.T) {
	file := "listen: file:1\ndata: /file\nurl: https://file.example.com\ngc_interval: 3m\nanonymous-read: true\ntrusted-proxies: [10.0.0.0/8, 192.0.2.1]\n"
	env := map[string]string{"SLIPWAY_LISTEN": "env:2", "SLIPWAY_DATA": "/env", "SLIPWAY_ADMIN_PASSWORD": "from the environment"}
	c, err := resolved(t, []string{"--listen", "flag:3"}, env, file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "flag:3" || c.Data != "/env" || c.URL != "https://file.example.com" || c.GCInterval != 3*time.Minute || !c.AnonymousRead ||
		c.GCGrace != 24*time.Hour || c.AdminPassword != "from the environment" || c.TrustedProxies.String() != "10.0.0.0/8,192.0.2.1/32" {
		t.Errorf("%+v", c)
	}
	// A flag wins also when its value is the default.
	if c, err = resolved(t, []string{"--anonymous-read=false"}, map[string]string{"SLIPWAY_ANONYMOUS_READ": "true"}, file); err != nil || c.AnonymousRead {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = resolved(t, nil, nil, "")
	if err != nil || c.Listen != "127.0.0.1:8080" || c.Data != "./slipway-data" || c.AnonymousRead || c.LogLevel != "info" {
		t.Errorf("defaults: %+v, %v", c, err)
	}
}

func TestConfigFile(t *testing.T) {
	for file, want := range map[string]string{
		"listne: x\n":                   `unknown key "listne"`,
		"config: x\n":                   `unknown key "config"`,
		"admin-password: x\n":           `unknown key "admin-password"`,
		"gc-interval: soon\n":           "gc-interval",
		"listen: {a: b}\n":              "plain value",
		"listen: [[a]]\n":               "plain values",
		"listen:\n":                     "plain value",
		"listen: a\nlisten: b\n":        "already defined",
		"gc-grace: 1h\ngc_grace: 2h\n":  "twice",
		"- listen\n":                    "--config",
		"listen: 'x\n":                  "--config",
		"trusted-proxies: 10.0.0.0/8,x": "neither a CIDR",
		"anonymous-read: perhaps\n":     "anonymous-read",
	} {
		if _, err := resolved(t, nil, nil, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", file, err, want)
		}
	}
	if c, err := resolved(t, nil, nil, "# nothing\n"); err != nil || c.Listen != "127.0.0.1:8080" {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := resolved(t, []string{"--config", "/nonexistent.yaml"}, nil, ""); err == nil {
		t.Error("a file that is not there")
	}
}

// FuzzConfigFile: no file makes the parser panic, and what it accepts are known keys.
func FuzzConfigFile(f *testing.F) {
	for _, s := range []string{"listen: x\n", "a: &a [*a]\n", "trusted-proxies: [1, 2]\n", "? {}\n", "<<: {listen: x}\n", "listen: !!binary aGk=\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := parseConfig([]byte(raw))
		if err != nil {
			return
		}
		for key := range values {
			if strings.Contains(key, "_") || key == "config" {
				t.Fatalf("%q was accepted in %q", key, raw)
			}
		}
	})
}

// TestPasswordBounds: check accepts the first passwords that the core accepts.
func TestPasswordBounds(t *testing.T) {
	e := registrytest.New(t)
	good, token := "a good password", access.TokenPrefix+"looks like a token"
	if _, err := e.Accounts.CreateUser(e.Admin, "ann", accounts.UserChange{Password: &good}); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Data: t.TempDir(), LogLevel: "info", MetricsAccess: "open", Memory: DefaultMemory, AdminPassword: token}
	if _, err := e.Accounts.UpdateUser(e.Admin, "ann", accounts.UserChange{Password: &token}); err == nil || cfg.Check() == nil {
		t.Error("a password that is taken for a token is accepted")
	}
	for n, ok := range map[int]bool{minPasswordBytes - 1: false, minPasswordBytes: true, maxPasswordBytes: true, maxPasswordBytes + 1: false} {
		password := strings.Repeat("xy", n)[:n]
		cfg := Config{Data: t.TempDir(), LogLevel: "info", MetricsAccess: "open", Memory: DefaultMemory, AdminPassword: password}
		_, err := e.Accounts.UpdateUser(e.Admin, "ann", accounts.UserChange{Password: &password})
		if checked := cfg.Check() == nil; checked != ok || (err == nil) != ok {
			t.Errorf("%d bytes: check says %v, the core %v", n, checked, err)
		}
	}
}

// TestStoreURLs: database and blobs can live elsewhere.
func TestStoreURLs(t *testing.T) {
	dir := t.TempDir()
	c := Config{Data: filepath.Join(dir, "data"), Metadata: "sqlite://" + dir + "/db/x.db", Blobs: "file://" + dir + "/bytes"}
	if err := c.CheckStores(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), &c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"db/x.db", "bytes/blobs", "data/keys/log.key"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
	if err := c.MustExist(); err != nil {
		t.Error(err)
	}
}

// TestLostLogKey: continuing with another key would look like a forged log, so the operator must ask for it.
func TestLostLogKey(t *testing.T) {
	c := Config{Data: filepath.Join(t.TempDir(), "data")}
	open := func() error {
		s, err := Open(t.Context(), &c, nil)
		if err != nil {
			return err
		}
		return s.Close()
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.LogKeyPath()); err != nil {
		t.Fatal(err)
	}
	if err := open(); err == nil || !strings.Contains(err.Error(), "--new-log-key") {
		t.Errorf("without the key: %v", err)
	}
	c.NewLogKey = true
	if err := open(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(c.LogKeyPath(), []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(); err == nil || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("with a broken key: %v", err)
	}
}
