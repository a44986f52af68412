package installation

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"slipway/api"
)

// TestInForce: every setting is listed with the place that it comes from, and none shows a secret.
func TestInForce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "slipway.yaml")
	if err := os.WriteFile(file, []byte("gc_interval: 2h\nwebhook_allow: [a.example.com, b.example.com]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var c Config
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.Flags(fs)
	if err := fs.Parse([]string{"--listen", "127.0.0.1:9", "--config", file, "--url", "https://jane:secret-1@slipway.example.com"}); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"SLIPWAY_UPSTREAM_PROXY": "http://jane:secret-2@proxy.example.com?token=secret-3", "SLIPWAY_ADMIN_PASSWORD": "secret-4", "SLIPWAY_GC_INTERVAL": ""}
	if err := c.Resolve(fs, func(name string) string { return env[name] }); err != nil {
		t.Fatal(err)
	}
	got := map[string]api.ConfigurationSetting{}
	for _, s := range c.InForce {
		got[s.Name] = s
		if strings.Contains(s.Value, "secret") {
			t.Errorf("%s shows %s", s.Name, s.Value)
		}
	}
	for name, want := range map[string]api.ConfigurationSetting{
		"listen":         {Value: "127.0.0.1:9", Source: "flag"},
		"config":         {Value: file, Source: "flag"},
		"url":            {Value: "https://jane:…@slipway.example.com", Source: "flag", Masked: true},
		"gc-interval":    {Value: "2h0m0s", Source: "file", From: file},
		"webhook-allow":  {Value: "a.example.com,b.example.com", Source: "file", From: file},
		"upstream-proxy": {Value: "http://jane:…@proxy.example.com?token=…", Source: "environment", From: "SLIPWAY_UPSTREAM_PROXY", Masked: true},
		"admin-password": {Source: "environment", From: "SLIPWAY_ADMIN_PASSWORD", Masked: true},
		"log-level":      {Value: "info", Source: "default"},
	} {
		s := got[name]
		if s.About == "" {
			t.Errorf("%s: no meaning", name)
		}
		if want.Name = name; s.Value != want.Value || s.Source != want.Source || s.From != want.From || s.Masked != want.Masked {
			t.Errorf("%+v, want %+v", s, want)
		}
	}
	for _, key := range knownKeys() {
		if _, there := got[key]; !there {
			t.Errorf("%s is not listed", key)
		}
	}
}

// TestLastBackup: what the last backup did is kept beside the database, and its absence is no error.
func TestLastBackup(t *testing.T) {
	c := Config{Data: t.TempDir()}
	if _, there, err := c.LastBackup(); there || err != nil {
		t.Error(there, err)
	}
	for _, name := range []string{"a", "b"} {
		if err := c.KeepBackup(api.MaintenanceRun{Kind: "backup", Backup: &api.BackupReport{Snapshot: name}}); err != nil {
			t.Fatal(err)
		}
		if r, there, err := c.LastBackup(); !there || err != nil || r.Backup.Snapshot != name {
			t.Errorf("%+v, %v", r, err)
		}
	}
}
