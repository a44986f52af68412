package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"slipway/registry"
	"slipway/registry/registrytest"
)

// resolved is a configuration from a command line, an environment and a file.
func resolved(t *testing.T, args []string, env map[string]string, file string) (*config, error) {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "slipway.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	var c config
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	c.flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	err := c.resolve(fs, func(key string) string { return env[key] })
	return &c, err
}

func TestPrecedence(t *testing.T) {
	file := "listen: file:1\ndata: /file\nurl: https://file.example.com\ngc_interval: 3m\nanonymous-read: true\ntrusted-proxies: [10.0.0.0/8, 192.0.2.1]\n"
	env := map[string]string{"SLIPWAY_LISTEN": "env:2", "SLIPWAY_DATA": "/env", "SLIPWAY_ADMIN_PASSWORD": "from the environment"}
	c, err := resolved(t, []string{"--listen", "flag:3"}, env, file)
	if err != nil {
		t.Fatal(err)
	}
	if c.listen != "flag:3" || c.data != "/env" || c.url != "https://file.example.com" || c.gcInterval != 3*time.Minute || !c.anonymousRead ||
		c.gcGrace != 24*time.Hour || c.adminPassword != "from the environment" || c.trustedProxies.String() != "10.0.0.0/8,192.0.2.1/32" {
		t.Errorf("%+v", c)
	}
	// A flag wins also where it says what the default says.
	if c, err = resolved(t, []string{"--anonymous-read=false"}, map[string]string{"SLIPWAY_ANONYMOUS_READ": "true"}, file); err != nil || c.anonymousRead {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = resolved(t, nil, nil, "")
	if err != nil || c.listen != "127.0.0.1:8080" || c.data != "./slipway-data" || c.anonymousRead || c.logLevel != "info" {
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
	if c, err := resolved(t, nil, nil, "# nothing\n"); err != nil || c.listen != "127.0.0.1:8080" {
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
		{args: []string{"--metadata", "postgres://user:" + secret + "@db/slipway"}, want: "--metadata: postgres is not supported by this version"},
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
		code, stdout, stderr := command(t.Context(), "", c.env, args...)
		if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
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

// TestListenInUse: an address that is taken may be free later, so this is a failure and not wrong usage.
func TestListenInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	data := filepath.Join(t.TempDir(), "data")
	code, _, stderr := command(t.Context(), "", nil, "serve", "--listen", ln.Addr().String(), "--data", data)
	if code != exitFailed || !strings.Contains(stderr, "--listen") || !strings.Contains(stderr, "in use") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Error("the data directory was made")
	}
}

// TestPasswordBounds: what check accepts the core accepts, and the other way round.
func TestPasswordBounds(t *testing.T) {
	e := registrytest.New(t)
	for n, ok := range map[int]bool{minPasswordBytes - 1: false, minPasswordBytes: true, maxPasswordBytes: true, maxPasswordBytes + 1: false} {
		password := strings.Repeat("x", n)
		cfg := config{data: t.TempDir(), logLevel: "info", adminPassword: password}
		_, err := e.UpdateUser(e.Admin, registry.AdminUser, registry.UserChange{Password: &password})
		if checked := cfg.check() == nil; checked != ok || (err == nil) != ok {
			t.Errorf("%d bytes: check says %v, the core %v", n, checked, err)
		}
	}
}

// TestStoreURLs: database and blobs can live elsewhere.
func TestStoreURLs(t *testing.T) {
	dir := t.TempDir()
	c := config{data: filepath.Join(dir, "data"), metadata: "sqlite://" + dir + "/db/x.db", blobs: "file://" + dir + "/bytes"}
	if err := c.checkStores(); err != nil {
		t.Fatal(err)
	}
	s, err := openStores(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"db/x.db", "bytes/blobs", "data/keys/log.key"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
	if err := c.mustExist(); err != nil {
		t.Error(err)
	}
}

// TestLostLogKey: going on with another key would look like a forged log, so that needs a word of the operator.
func TestLostLogKey(t *testing.T) {
	c := config{data: filepath.Join(t.TempDir(), "data")}
	open := func() error {
		s, err := openStores(t.Context(), &c)
		if err != nil {
			return err
		}
		return s.close()
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.logKeyPath()); err != nil {
		t.Fatal(err)
	}
	if err := open(); err == nil || !strings.Contains(err.Error(), "--new-log-key") {
		t.Errorf("without the key: %v", err)
	}
	c.newLogKey = true
	if err := open(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(c.logKeyPath(), []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(); err == nil || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("with a broken key: %v", err)
	}
}
