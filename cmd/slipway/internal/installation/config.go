package installation

import (
	"errors"
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

	"slipway/api"
	"slipway/cmd/slipway/internal/command"
	"slipway/formats"
	"slipway/formats/all"
	"slipway/storage/s3"

	"slipway/internal/httpserver"
	"slipway/internal/outbound"
	"slipway/registry/access"
)

// The core's bounds on passwords, checked here too, so that a bad password is refused before anything is created.
const minPasswordBytes, maxPasswordBytes = 8, 1024

// Config is the configuration of the server; the help of its flags says what each field is. The tools on a data directory use
// the part that StoreFlags sets.
type Config struct {
	// Formats are those that are served, which no flag sets; nil: those of formats/all.
	Formats []formats.Format
	// PasswordCost is that of bcrypt, which no flag sets; 0: access.PasswordCost.
	PasswordCost int

	Listen          string
	Data            string
	URL             string
	Metadata        string
	LogKey          string // --log-key: a file
	Blobs           string
	File            string // --config
	AnonymousRead   bool
	ReadmePictures  bool
	Redirect        bool
	TrustedProxies  Prefixes
	WebhookAllow    []string
	UpstreamAllow   []string
	UpstreamProxy   string
	UpstreamSecrets string
	UpstreamSpool   Bytes // 0: as upstreams.Options.SpoolBytes
	Offline         bool
	LogFormat       string
	LogLevel        string
	DebugListen     string
	MetricsAccess   string
	Memory          Bytes
	GCInterval      time.Duration
	GCGrace         time.Duration
	DeletedGrace    time.Duration
	PullsKept       time.Duration
	StartTimeout    time.Duration // 0: the default
	DrainDelay      time.Duration
	Replica         string // what other processes call this one; "": by host and process
	NewLogKey       bool
	AcceptClock     bool

	sources map[string]string // where settings come from that no flag gives, by flag

	// InForce lists the settings with the place that each comes from, without secrets; by Resolve.
	InForce []api.ConfigurationSetting

	Version string // of the program, for other processes that use the database

	// Environment only: a command line is visible to other users of the machine.
	AdminPassword    string
	LogKeyText       string // the key itself
	MetadataPassword string
}

// AllFormats returns the formats that are served.
func (c *Config) AllFormats() []formats.Format {
	if c.Formats == nil {
		return all.All()
	}
	return c.Formats
}

// StoreFlags adds the flags that say where the stores are.
func (c *Config) StoreFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.Data, "data", "./slipway-data", "directory for database, blobs and keys; made with mode 0700")
	fs.StringVar(&c.Metadata, "metadata", "", "database: sqlite:///path.db, or postgres://user@host/database (default: sqlite in the data directory)")
	fs.StringVar(&c.LogKey, logKeyFlag, "", "file of the key that signs the log and seals secrets; needed with PostgreSQL (default: in the data directory)")
	fs.StringVar(&c.Blobs, "blobs", "", "blob store: file:///path or s3://bucket/prefix?endpoint=URL&region=R&path_style=true (default: in the data directory)")
	fs.StringVar(&c.File, "config", "", "YAML file with the same keys; a flag wins over the environment, that over the file")
}

// acceptClock is a flag that is given once, and so no setting.
const acceptClock = "accept-clock"

// Flags adds all flags of the server.
func (c *Config) Flags(fs *pflag.FlagSet) {
	fs.StringVar(&c.Listen, "listen", "127.0.0.1:8080", "address of the one HTTP listener")
	c.StoreFlags(fs)
	fs.StringVar(&c.URL, "url", "", "public base URL put into generated links (default: from the request)")
	fs.BoolVar(&c.AnonymousRead, "anonymous-read", false, "allow reading without credentials")
	fs.BoolVar(&c.ReadmePictures, "readme-pictures", true, "show the pictures of readmes, which browsers ask other hosts for by https: these see who reads; false shows what they say instead")
	fs.BoolVar(&c.Redirect, "redirect-downloads", false, "send clients of large files to the S3 server itself, which they must reach")
	fs.Var(&c.TrustedProxies, "trusted-proxies", "comma-separated CIDRs whose Forwarded and X-Forwarded-* headers are believed")
	fs.StringSliceVar(&c.WebhookAllow, "webhook-allow", nil, "comma-separated hosts or CIDRs that outbound requests may reach although they are private or loopback")
	fs.StringSliceVar(&c.UpstreamAllow, "upstream-allow", nil, "comma-separated hosts or CIDRs of remote registries that may be asked although they are private or loopback")
	fs.StringVar(&c.UpstreamProxy, "upstream-proxy", "", "URL of an http, https or socks5 proxy for all remote registries (default: none)")
	fs.StringVar(&c.UpstreamSecrets, "upstream-secrets", "", "directory of files with credentials of remote registries, which administrators of the server name in the settings of upstreams (default: none)")
	fs.Var(&c.UpstreamSpool, "upstream-spool", "bound of the files that are on their way from remote registries at once; beyond it no other begins (0: 20GiB, or a quarter of the disk's free space if that is less)")
	fs.BoolVar(&c.Offline, "offline", false, "ask no remote registry: what is cached is served")
	fs.StringVar(&c.LogFormat, "log-format", "", "text or json (default: text on a terminal, else json)")
	fs.StringVar(&c.LogLevel, "log-level", "info", "debug, info, warn or error")
	fs.StringVar(&c.DebugListen, "debug-listen", "", "address of a second listener with profiles of the program, such as 127.0.0.1:6060; it asks for no credentials (default: none)")
	c.Memory = DefaultMemory
	fs.Var(&c.Memory, "memory", "bound of what requests hold in memory (parsed bodies, ready documents); requests beyond it wait, and are then told to try again later")
	fs.StringVar(&c.MetricsAccess, "metrics-access", "open", "who may read /metrics: open (everybody) or auth (callers with the right audit on *)")
	fs.DurationVar(&c.GCInterval, "gc-interval", time.Hour, "how often unused blobs are collected; 0 never")
	fs.DurationVar(&c.GCGrace, "gc-grace", 24*time.Hour, "how long a blob stays after its last use ended")
	fs.DurationVar(&c.DeletedGrace, "deleted-grace", 7*24*time.Hour, "how long a deleted version or repository can be restored")
	fs.DurationVar(&c.PullsKept, "pulls-kept", 365*24*time.Hour, "how long it is known who downloaded a version; 0: that is not noted")
	fs.StringVar(&c.Replica, "replica", "", "what the other replicas on a PostgreSQL database call this one; each needs another name (default: host and process)")
	fs.DurationVar(&c.StartTimeout, "start-timeout", time.Minute, "how long a start waits for a PostgreSQL server that does not answer, and for another Slipway on its database to end")
	fs.DurationVar(&c.DrainDelay, "drain-delay", 0, "how long requests are still taken after SIGTERM while /readyz says that the server is not ready: as long as a balancer needs to notice")
	fs.BoolVar(&c.NewLogKey, "new-log-key", false, "make a new key for the log although the old one is missing; auditors will notice")
	fs.BoolVar(&c.AcceptClock, acceptClock, false, "take the machine's clock for right although it is behind the log or has jumped; give it once")
}

// logKeyFlag names a file, as its variable says; the variable without "_FILE" has the key itself.
const logKeyFlag = "log-key"

// envName is the environment variable of a flag.
func envName(flag string) string {
	if flag == logKeyFlag {
		return logKeyText + "_FILE"
	}
	return "SLIPWAY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Resolve fills the flags that the command line does not set: from the environment, then from the file.
func (c *Config) Resolve(fs *pflag.FlagSet, env func(string) string) error {
	if !fs.Changed("config") {
		c.File = env(envName("config"))
	}
	file := map[string]string{}
	if c.File != "" {
		var err error
		if file, err = readConfig(c.File); err != nil {
			return command.Usagef("--config: %w", err)
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
			source = c.File + ": " + f.Name
		}
		if c.sources == nil {
			c.sources = map[string]string{}
		}
		c.sources[f.Name] = source
		if e := f.Value.Set(value); e != nil {
			err = command.Usagef("%s: %w", source, command.ValueError(f, value, e))
		}
	})
	c.AdminPassword, c.LogKeyText, c.MetadataPassword = env(adminPassword), env(logKeyText), env(metadataPassword)
	if path := env(metadataPassword + "_FILE"); c.MetadataPassword == "" && path != "" && err == nil {
		var text []byte
		if text, err = os.ReadFile(path); err != nil {
			err = command.Usagef("%s_FILE: %w", metadataPassword, err)
		}
		c.MetadataPassword = strings.TrimRight(string(text), "\r\n")
	}
	c.InForce = c.inForce(fs, env)
	return err
}

// Named is an error about a setting, which names the flag, with the place that the setting comes from: the variable, or the file
// and its key.
func (c *Config) Named(err error) error {
	var usage *command.UsageError
	if !errors.As(err, &usage) {
		return err
	}
	text := usage.Error()
	flag, rest, ok := strings.Cut(strings.TrimPrefix(text, "--"), ":")
	if source := c.sources[flag]; ok && source != "" && strings.HasPrefix(text, "--") {
		return command.Usagef("%s:%s", source, rest)
	}
	return err
}

// UnknownVariables says which variables of the environment look like settings and are none.
func UnknownVariables(environ func() []string) (notes []string) {
	if environ == nil {
		return nil
	}
	known := []string{adminPassword, logKeyText, metadataPassword, metadataPassword + "_FILE", "SLIPWAY_SERVER", "SLIPWAY_TOKEN", envName("config")}
	for _, key := range knownKeys() {
		known = append(known, envName(key))
	}
	for _, kv := range environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "SLIPWAY_") || slices.Contains(known, name) || strings.HasPrefix(name, "SLIPWAY_EVENT_") || strings.HasPrefix(name, "SLIPWAY_TEST_") {
			continue
		}
		if near := command.Nearest(name, known); near != "" {
			notes = append(notes, fmt.Sprintf("there is no setting %s; did you mean %s?", name, near))
		} else {
			notes = append(notes, fmt.Sprintf("there is no setting %s; 'slipway serve --help' lists them", name))
		}
	}
	return notes
}

// knownKeys are the settings that a file may have: the flags of serve.
func knownKeys() []string {
	var c Config
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.Flags(fs)
	var keys []string
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Name != "config" && f.Name != "new-log-key" && f.Name != acceptClock {
			keys = append(keys, f.Name)
		}
	})
	return keys
}

// Check refuses settings that can't work, before anything is created. The error names the setting.
func (c *Config) Check() error {
	if c.URL != "" {
		if _, err := httpserver.New(httpserver.Options{URL: c.URL}); err != nil {
			return command.Usagef("--url: it must be of the form https://host[:port][/prefix]") // the value may hold a password, so it is not repeated
		}
	}
	switch {
	case !slices.Contains([]string{"", "text", "json"}, c.LogFormat):
		return command.Usagef("--log-format: %q is neither text nor json", c.LogFormat)
	case !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel):
		return command.Usagef("--log-level: %q is not one of debug, info, warn, error", c.LogLevel)
	case !slices.Contains([]string{"open", "auth"}, c.MetricsAccess):
		return command.Usagef("--metrics-access: %q is neither open nor auth", c.MetricsAccess)
	case c.Memory < minMemory:
		return command.Usagef("--memory: at least %s are needed", Bytes(minMemory).text())
	case c.GCInterval < 0:
		return command.Usagef("--gc-interval: can't be negative")
	case c.GCGrace < 0:
		return command.Usagef("--gc-grace: can't be negative")
	case c.DeletedGrace < 0:
		return command.Usagef("--deleted-grace: can't be negative")
	case c.StartTimeout < 0:
		return command.Usagef("--start-timeout: can't be negative")
	case c.DrainDelay < 0:
		return command.Usagef("--drain-delay: can't be negative")
	case c.PullsKept < 0:
		return command.Usagef("--pulls-kept: can't be negative")
	}
	if n := len(c.AdminPassword); n > 0 && (n < minPasswordBytes || n > maxPasswordBytes) {
		return command.Usagef("SLIPWAY_ADMIN_PASSWORD: a password has %d to %d bytes", minPasswordBytes, maxPasswordBytes)
	}
	if strings.HasPrefix(c.AdminPassword, access.TokenPrefix) {
		return command.Usagef("SLIPWAY_ADMIN_PASSWORD: a password can't begin with %q, as tokens do", access.TokenPrefix)
	}
	if _, err := outbound.ParseAllow(c.WebhookAllow); err != nil {
		return command.Usagef("--webhook-allow: %w", err)
	}
	if _, err := outbound.ParseAllow(c.UpstreamAllow); err != nil {
		return command.Usagef("--upstream-allow: %w", err)
	}
	if c.UpstreamProxy != "" {
		if _, err := outbound.ParseProxy(c.UpstreamProxy); err != nil {
			return command.Usagef("--upstream-proxy: %w", err)
		}
	}
	if blobs, err := c.blobTarget(); err == nil && blobs.s3 == nil && c.Redirect {
		return command.Usagef("--redirect-downloads: only an S3 server can answer clients itself: see --blobs")
	}
	return c.CheckStores()
}

// CheckStores checks the places of the stores.
func (c *Config) CheckStores() error {
	if c.Data == "" {
		return command.Usagef("--data: the data directory has no name")
	}
	db, err := c.database()
	if err != nil {
		return err
	}
	blobs, err := c.blobTarget()
	if err != nil {
		return err
	}
	for _, dir := range []struct{ setting, path string }{
		{"--data", c.Data}, {"--metadata", db.dir()}, {"--blobs", blobs.dir},
	} {
		if dir.path == "" {
			continue // a bucket, a server
		}
		if err := canMake(dir.path); err != nil {
			return command.Usagef("%s: %w", dir.setting, err)
		}
	}
	if db.server != "" {
		return c.checkLogKey()
	}
	if info, err := os.Stat(db.file); err == nil && !info.Mode().IsRegular() {
		return command.Usagef("--metadata: %s is not a file", db.file)
	}
	return nil
}

// blobTarget is where blobs go: a directory, which holds the folders blobs, uploads and tmp, or a bucket.
type blobTarget struct {
	dir string
	s3  *s3.Options
}

func (c *Config) blobTarget() (blobTarget, error) {
	if c.Blobs == "" {
		return blobTarget{dir: c.Data}, nil
	}
	u, err := url.Parse(c.Blobs)
	switch {
	case err != nil:
		return blobTarget{}, command.Usagef("--blobs: it can't be read as a URL") // the value may hold a secret, so it is not repeated
	case u.Scheme == "s3":
		o, err := s3.Parse(c.Blobs)
		if err != nil {
			return blobTarget{}, command.Usagef("--blobs: %w", err)
		}
		if o.Spool == "" { // never the system's folder for temporary files: an image from scratch has none
			o.Spool = filepath.Join(c.Data, "spool")
		}
		return blobTarget{s3: &o}, nil
	case u.Scheme != "file" || u.Host != "" || u.RawQuery != "" || len(u.Path) < 2:
		return blobTarget{}, command.Usagef("--blobs: it must be of the form file:///path or s3://bucket/prefix?endpoint=…")
	}
	return blobTarget{dir: u.Path}, nil
}

// TextLogs reports whether logs are text for people.
func (c *Config) TextLogs(stderr any) bool {
	if c.LogFormat != "" {
		return c.LogFormat == "text"
	}
	f, ok := stderr.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Prefixes is a flag of comma-separated CIDRs; a single address is a CIDR of one address.
type Prefixes []netip.Prefix

// Type implements pflag.Value.
func (p *Prefixes) Type() string { return "CIDRs" }

// String implements pflag.Value.
func (p *Prefixes) String() string {
	parts := make([]string, len(*p))
	for i, prefix := range *p {
		parts[i] = prefix.String()
	}
	return strings.Join(parts, ",")
}

// Set implements pflag.Value.
func (p *Prefixes) Set(s string) error {
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
