package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"slipway/storage/s3"

	"slipway/formats"
	"slipway/integration/outbound"
)

// The bounds of the core on passwords: asked here too, so that a bad one is refused before anything is created.
const minPasswordBytes, maxPasswordBytes = 8, 1024

// config is the configuration of the server.
type config struct {
	listen         string
	data           string
	url            string
	metadata       string
	blobs          string
	file           string // --config
	anonymousRead  bool
	redirect       bool
	trustedProxies prefixes
	webhookAllow   []string
	logFormat      string
	logLevel       string
	debugListen    string
	gcInterval     time.Duration
	gcGrace        time.Duration
	newLogKey      bool

	adminPassword string // environment only: a command line is visible to other users of the machine
}

// storeFlags are those that say where the stores are.
func (c *config) storeFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.data, "data", "./slipway-data", "directory for database, blobs and keys; made with mode 0700")
	fs.StringVar(&c.metadata, "metadata", "", "database: sqlite:///path.db (default: in the data directory)")
	fs.StringVar(&c.blobs, "blobs", "", "blob store: file:///path or s3://bucket/prefix?endpoint=URL&region=R&path_style=true (default: in the data directory)")
	fs.StringVar(&c.file, "config", "", "YAML file with the same keys; a flag wins over the environment, that over the file")
}

// flags are all of the server's.
func (c *config) flags(fs *pflag.FlagSet) {
	fs.StringVar(&c.listen, "listen", "127.0.0.1:8080", "address of the one HTTP listener")
	c.storeFlags(fs)
	fs.StringVar(&c.url, "url", "", "public base URL put into generated links (default: from the request)")
	fs.BoolVar(&c.anonymousRead, "anonymous-read", false, "allow reading without credentials")
	fs.BoolVar(&c.redirect, "redirect-downloads", false, "send clients of large files to the S3 server itself, which they must reach")
	fs.Var(&c.trustedProxies, "trusted-proxies", "comma-separated CIDRs whose Forwarded and X-Forwarded-* headers are believed")
	fs.StringSliceVar(&c.webhookAllow, "webhook-allow", nil, "comma-separated hosts or CIDRs that outbound requests may reach although they are private or loopback")
	fs.StringVar(&c.logFormat, "log-format", "", "text or json (default: text on a terminal, else json)")
	fs.StringVar(&c.logLevel, "log-level", "info", "debug, info, warn or error")
	fs.StringVar(&c.debugListen, "debug-listen", "", "address of a second listener with profiles of the program, such as 127.0.0.1:6060; it asks for no credentials (default: none)")
	fs.DurationVar(&c.gcInterval, "gc-interval", time.Hour, "how often unused blobs are collected; 0 never")
	fs.DurationVar(&c.gcGrace, "gc-grace", 24*time.Hour, "how long a blob stays after its last use ended")
	fs.BoolVar(&c.newLogKey, "new-log-key", false, "make a new key for the log although the old one is missing; auditors will notice")
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return "SLIPWAY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// resolve fills the flags that the command line does not set: from the environment, then from the file.
func (c *config) resolve(fs *pflag.FlagSet, env func(string) string) error {
	if !fs.Changed("config") {
		c.file = env(envName("config"))
	}
	file := map[string]string{}
	if c.file != "" {
		var err error
		if file, err = readConfig(c.file); err != nil {
			return usagef("--config: %w", err)
		}
	}
	keys := append(knownKeys(), "new-log-key")
	var err error
	fs.VisitAll(func(f *pflag.Flag) {
		if err != nil || f.Changed || !slices.Contains(keys, f.Name) {
			return
		}
		source, value := envName(f.Name), env(envName(f.Name))
		if value == "" {
			var ok bool
			if value, ok = file[f.Name]; !ok {
				return
			}
			source = f.Name + " in " + c.file
		}
		if e := f.Value.Set(value); e != nil {
			err = usagef("%s: %w", source, valueError(f, value, e))
		}
	})
	c.adminPassword = env("SLIPWAY_ADMIN_PASSWORD")
	return err
}

// knownKeys are the settings that a file may have: the flags of serve.
func knownKeys() []string {
	var c config
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.flags(fs)
	var keys []string
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Name != "config" && f.Name != "new-log-key" {
			keys = append(keys, f.Name)
		}
	})
	return keys
}

// check refuses what can't work, before anything is created. The message names the setting.
func (c *config) check() error {
	if c.url != "" {
		if _, err := formats.NewSite(nil, formats.Options{URL: c.url}); err != nil {
			return usagef("--url: it must be of the form https://host[:port][/prefix]") // it may hold a password: not repeated
		}
	}
	switch {
	case !slices.Contains([]string{"", "text", "json"}, c.logFormat):
		return usagef("--log-format: %q is neither text nor json", c.logFormat)
	case !slices.Contains([]string{"debug", "info", "warn", "error"}, c.logLevel):
		return usagef("--log-level: %q is not one of debug, info, warn, error", c.logLevel)
	case c.gcInterval < 0:
		return usagef("--gc-interval: can't be negative")
	case c.gcGrace < 0:
		return usagef("--gc-grace: can't be negative")
	}
	if n := len(c.adminPassword); n > 0 && (n < minPasswordBytes || n > maxPasswordBytes) {
		return usagef("SLIPWAY_ADMIN_PASSWORD: a password has %d to %d bytes", minPasswordBytes, maxPasswordBytes)
	}
	if _, err := outbound.ParseAllow(c.webhookAllow); err != nil {
		return usagef("--webhook-allow: %w", err)
	}
	if blobs, err := c.blobTarget(); err == nil && blobs.s3 == nil && c.redirect {
		return usagef("--redirect-downloads: only an S3 server can answer clients itself: see --blobs")
	}
	return c.checkStores()
}

// redirectBytes is the size of the downloads that a redirect is worth: below it, the second request costs more than the
// bytes do.
const redirectBytes = 256 << 10

// checkStores checks where the stores are to be.
func (c *config) checkStores() error {
	if c.data == "" {
		return usagef("--data: the data directory has no name")
	}
	db, err := c.databasePath()
	if err != nil {
		return err
	}
	blobs, err := c.blobTarget()
	if err != nil {
		return err
	}
	for _, dir := range []struct{ setting, path string }{
		{"--data", c.data}, {"--metadata", filepath.Dir(db)}, {"--blobs", blobs.dir},
	} {
		if dir.path == "" {
			continue // a bucket
		}
		if err := canMake(dir.path); err != nil {
			return usagef("%s: %w", dir.setting, err)
		}
	}
	if info, err := os.Stat(db); err == nil && !info.Mode().IsRegular() {
		return usagef("--metadata: %s is not a file", db)
	}
	return nil
}

// databasePath is the file of the SQLite database.
func (c *config) databasePath() (string, error) {
	if c.metadata == "" || c.metadata == "sqlite" {
		return filepath.Join(c.data, "slipway.db"), nil
	}
	u, err := url.Parse(c.metadata)
	switch {
	case err != nil:
		return "", usagef("--metadata: it can't be read as a URL") // it may hold a password: not repeated
	case u.Scheme == "postgres" || u.Scheme == "postgresql":
		return "", usagef("--metadata: %s is not supported by this version of Slipway; use sqlite:///path.db", u.Scheme)
	case u.Scheme != "sqlite" || u.Host != "" || u.RawQuery != "" || len(u.Path) < 2:
		return "", usagef("--metadata: it must be of the form sqlite:///path.db")
	}
	return u.Path, nil
}

// blobTarget is where blobs go: a directory, which holds the folders blobs, uploads and tmp, or a bucket.
type blobTarget struct {
	dir string
	s3  *s3.Options
}

func (c *config) blobTarget() (blobTarget, error) {
	if c.blobs == "" {
		return blobTarget{dir: c.data}, nil
	}
	u, err := url.Parse(c.blobs)
	switch {
	case err != nil:
		return blobTarget{}, usagef("--blobs: it can't be read as a URL") // it may hold a secret: not repeated
	case u.Scheme == "s3":
		o, err := s3.Parse(c.blobs)
		if err != nil {
			return blobTarget{}, usagef("--blobs: %w", err)
		}
		if o.Spool == "" { // never the system's folder for temporary files: an image from scratch has none
			o.Spool = filepath.Join(c.data, "spool")
		}
		return blobTarget{s3: &o}, nil
	case u.Scheme != "file" || u.Host != "" || u.RawQuery != "" || len(u.Path) < 2:
		return blobTarget{}, usagef("--blobs: it must be of the form file:///path or s3://bucket/prefix?endpoint=…")
	}
	return blobTarget{dir: u.Path}, nil
}

// textLogs reports whether logs are for people.
func (c *config) textLogs(stderr any) bool {
	if c.logFormat != "" {
		return c.logFormat == "text"
	}
	f, ok := stderr.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// prefixes is a flag of comma-separated CIDRs; an address alone is a CIDR of one.
type prefixes []netip.Prefix

func (p *prefixes) Type() string { return "CIDRs" }

func (p *prefixes) String() string {
	parts := make([]string, len(*p))
	for i, prefix := range *p {
		parts[i] = prefix.String()
	}
	return strings.Join(parts, ",")
}

// Set implements pflag.Value.
func (p *prefixes) Set(s string) error {
	*p = nil
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			addr, aerr := netip.ParseAddr(part)
			if aerr != nil {
				return fmt.Errorf("%q is neither a CIDR nor an address", part)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		*p = append(*p, prefix.Masked())
	}
	return nil
}
