package upstreams

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"slipway/internal/lazyregexp"
	"slipway/metadata"
	"slipway/registry"
)

// Modes say how a name that several places have is answered.
const (
	First = "first" // the first place that has the name answers for it alone
	Merge = "merge" // the versions of all places together, each version from the first place that has it
)

// Versions that an upstream may take.
const (
	Releases  = "releases"  // whose bytes never change
	Snapshots = "snapshots" // of Maven, whose bytes may
)

// Settings are what an administrator can say about an upstream, beside its name and what it names.
type Settings struct {
	// Formats narrow an upstream that is a repository. Empty: every format.
	Formats []string `json:"formats,omitempty"`
	// Allow and Deny are globs over package names. Deny wins; where Allow is not empty, no other name is asked for.
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
	// Mode is First or Merge; "" is that of the format.
	Mode string `json:"mode,omitempty"`
	// Through: the right to read the repository is enough to read this upstream through it. Else the caller needs the right to read
	// both.
	Through bool `json:"through,omitempty"`
	// Writes: the other repository takes what is written to this one.
	Writes bool `json:"writes,omitempty"`
	// WritesVersions narrows Writes to Releases or to Snapshots; "" is every version.
	WritesVersions string `json:"writes_versions,omitempty"`

	// OnFailure is what becomes of names that the upstream may have while it can't answer: FailureFail, "" too, or FailureSkip.
	OnFailure string `json:"on_failure,omitempty"`

	// The following are of remotes.

	// TTL is how long a document, or a file whose bytes may change, is taken to be as it was, at most; nil is as the format says.
	TTL *Duration `json:"ttl,omitempty"`
	// Owns: names that the remote has count as ours. It is asked first, and others only for what it does not have.
	Owns bool `json:"owns,omitempty"`
	// Offline: the remote is not asked; what is cached is served.
	Offline bool `json:"offline,omitempty"`
	// AnonymousFetch: a caller without credentials may cause a fetch. Without it, such a caller reads what is cached.
	AnonymousFetch bool `json:"anonymous_fetch,omitempty"`
	// Redirects are the hosts that redirects and links of documents may lead to: "public", the default, "same-origin", or hosts.
	Redirects []string `json:"redirects,omitempty"`
	// OnRemoval is what becomes of versions that entered and that the remote lists no more: RemovalBlock, RemovalHide or RemovalKeep; "" is
	// as the format says.
	OnRemoval string `json:"on_removal,omitempty"`
	// Checksum is which sums of a file the remote must announce: ChecksumRequire, ChecksumStrong or ChecksumWarn; "" is as the format says.
	Checksum string `json:"checksum,omitempty"`
	// ForbiddenIsMissing: 403 means 404, as at indexes on object stores.
	ForbiddenIsMissing bool `json:"forbidden_is_missing,omitempty"`
	// Library: images whose names have one segment lie in the folder library there. A registry that says in its challenge that it is of
	// that kind needs no setting.
	Library bool `json:"library,omitempty"`
	// Namespaces are the names of hosts by which clients know a registry of images, beside that of its address. Where an upstream of a
	// repository has some, a client that says which registry it wants gets images of that one alone.
	Namespaces []string `json:"namespaces,omitempty"`
	// Cooldown is how old a version must be before it is shown and served; nil: there is no minimum age. UnknownAge is UnknownBlock where
	// what has no known age is not served either; "": it is.
	Cooldown   *Duration `json:"cooldown,omitempty"`
	UnknownAge string    `json:"unknown_age,omitempty"`
	// Auth are the credentials.
	Auth Auth `json:"auth,omitzero"`

	// Keep says which files go again.
	Keep Keep `json:"keep,omitzero"`

	// NegativeTTL is how long what the remote proved to be absent is taken to be so; nil is defaultNegativeTTL.
	NegativeTTL *Duration `json:"negative_ttl,omitempty"`
	// StaleWhileRevalidate is how long a document that has expired is served at once, while it is asked for anew; nil is defaultStaleWhile.
	StaleWhileRevalidate *Duration `json:"stale_while_revalidate,omitempty"`
	// StaleIfError is how long a document that has expired is served while the remote can't be asked; nil is defaultStaleIfError.
	StaleIfError *Duration `json:"stale_if_error,omitempty"`
	Timeouts     Timeouts  `json:"timeouts,omitzero"`
	Concurrency  int       `json:"concurrency,omitempty"` // requests at once and origin; 0 is the default of origin.Settings
	Rate         float64   `json:"rate,omitempty"`        // requests per second and origin; 0: no bound
	MaxDocument  int64     `json:"max_document,omitempty"`
	MaxFile      int64     `json:"max_file,omitempty"` // both in bytes; 0 is the default of origin.Settings
	UserAgent    string    `json:"user_agent,omitempty"`
	TLS          TLS       `json:"tls,omitzero"`
	// Proxy is "direct", the URL of a proxy without credentials, or "inherit" or "": the proxy of the server's setting.
	Proxy     string    `json:"proxy,omitempty"`
	ProxyAuth ProxyAuth `json:"proxy_auth,omitzero"`
}

// Timeouts of a remote; 0 is the default of origin.Timeouts, and of StaleAfter defaultStaleAfter.
type Timeouts struct {
	Connect    Duration `json:"connect,omitzero"`
	Document   Duration `json:"document,omitzero"` // until the header of a document
	File       Duration `json:"file,omitzero"`     // until the header of a file
	Idle       Duration `json:"idle,omitzero"`
	StaleAfter Duration `json:"stale_after,omitzero"` // a copy that is being refreshed is served after this long
}

// Keep bounds the files of a remote that are here: those that were not used for longest go first.
type Keep struct {
	// Unused is how long a file stays after its last use; 0: as long as there is room; nil is defaultUnused.
	Unused *Duration `json:"unused,omitempty"`
	Bytes  int64     `json:"bytes,omitempty"` // of all; 0: no bound
}

// TLS of a remote: further authorities beside those of the system, and a certificate of this server's, in PEM.
type TLS struct {
	CA          string `json:"ca,omitempty"`
	Certificate string `json:"certificate,omitempty"`
	Key         Secret `json:"key,omitzero"` // of Certificate
}

// ProxyAuth are the credentials for a proxy.
type ProxyAuth struct {
	User   string `json:"user,omitempty"`
	Secret Secret `json:"secret,omitzero"`
}

// UnmarshalJSON implements json.Unmarshaler: credentials are given as a whole. Invalid.
func (a *ProxyAuth) UnmarshalJSON(raw []byte) error {
	type plain ProxyAuth
	return unmarshalWhole(raw, (*plain)(a))
}

// What becomes of versions without a known age where an upstream has a minimum age.
const (
	UnknownAllow = "allow"
	UnknownBlock = "block"
)

// connection are the settings of a remote that say where the server connects to, and what it shows there: administrators of the server
// set them, and those of the repository see them.
type connection struct {
	Redirects []string
	Auth      Auth
	TLS       TLS
	Proxy     string
	ProxyAuth ProxyAuth
}

func (v Settings) connection() connection {
	return connection{Redirects: v.Redirects, Auth: v.Auth, TLS: v.TLS, Proxy: v.Proxy, ProxyAuth: v.ProxyAuth}
}

// withoutConnection are settings as those see them who do not administer the repository.
func (v Settings) withoutConnection() Settings {
	v.Redirects, v.Auth, v.TLS, v.Proxy, v.ProxyAuth, v.UserAgent = nil, Auth{}, TLS{}, "", ProxyAuth{}, ""
	return v
}

// ofRemotes are the settings that a repository can't have.
func (v Settings) ofRemotes() Settings {
	v.Formats, v.Allow, v.Deny, v.Mode, v.Through, v.Writes, v.WritesVersions, v.OnFailure = nil, nil, nil, "", false, false, "", ""
	return v
}

// keepConnection takes from former what a list leaves out of the connection of a remote: it can't have the secrets.
func (v *Settings) keepConnection(former Settings) {
	if v.Auth == (Auth{}) {
		v.Auth = former.Auth
	}
	if v.TLS == (TLS{}) {
		v.TLS = former.TLS
	}
	if v.Proxy == "" && v.ProxyAuth == (ProxyAuth{}) {
		v.Proxy, v.ProxyAuth = former.Proxy, former.ProxyAuth
	}
}

// Durations are the settings that are a time or, nil, a default, by their names in JSON.
func (v *Settings) Durations() map[string]**Duration {
	return map[string]**Duration{"ttl": &v.TTL, "negative_ttl": &v.NegativeTTL, "stale_while_revalidate": &v.StaleWhileRevalidate, "stale_if_error": &v.StaleIfError,
		"cooldown": &v.Cooldown}
}

// Duration is a time in settings: "90s", "15m", "72h".
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler. Invalid.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return invalid("%q is no duration such as 90s, 15m or 72h", registry.Clip(string(text)))
	}
	*d = Duration(v)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

const (
	maxUpstreams = 25 // places that one repository reaches
	maxDepth     = 8
	maxPatterns  = 200
	maxPattern   = 256
)

var upstreamName = lazyregexp.New(`^[a-z0-9][a-z0-9-]{0,62}$`)

// ParseSettings reads settings from JSON over those that hold, so that what the JSON does not name stays. Invalid.
func (s *Upstreams) ParseSettings(now Settings, raw json.RawMessage) (Settings, error) {
	if len(raw) == 0 {
		return now, nil
	}
	var given struct{ Keep json.RawMessage }
	if json.Unmarshal(raw, &given) == nil && given.Keep != nil {
		now.Keep = Keep{} // it is given as a whole
	}
	// The decoder writes into lists and times that are there, and those are the caller's.
	for _, list := range []*[]string{&now.Formats, &now.Allow, &now.Deny, &now.Redirects, &now.Namespaces} {
		*list = slices.Clone(*list)
	}
	for _, d := range append(slices.Collect(maps.Values(now.Durations())), &now.Keep.Unused) {
		if *d != nil {
			own := **d
			*d = &own
		}
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&now); err != nil {
		var known *registry.Error
		if errors.As(err, &known) {
			return now, known
		}
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return now, invalid("the field %q of an upstream can't be a %s", kind.Field, kind.Value)
		}
		return now, invalid("the upstream can't be read: %v", err)
	}
	return now, s.check(now)
}

func (s *Upstreams) check(v Settings) error {
	for _, f := range v.Formats {
		if _, known := s.core.Rules[f]; !known {
			return invalid("formats: there is no format %q", registry.Clip(f))
		}
	}
	if v.UnknownAge != "" && v.UnknownAge != UnknownAllow && v.UnknownAge != UnknownBlock {
		return invalid("unknown_age is %q or %q, not %q", UnknownAllow, UnknownBlock, registry.Clip(v.UnknownAge))
	}
	if v.UnknownAge != "" && v.Cooldown == nil {
		return invalid("unknown_age has no effect without cooldown")
	}
	if v.Mode != "" && v.Mode != First && v.Mode != Merge {
		return invalid("mode is %q or %q, not %q", First, Merge, registry.Clip(v.Mode))
	}
	switch {
	case v.WritesVersions != "" && v.WritesVersions != Releases && v.WritesVersions != Snapshots:
		return invalid("writes_versions is %q or %q, not %q", Releases, Snapshots, registry.Clip(v.WritesVersions))
	case v.WritesVersions != "" && !v.Writes:
		return invalid("writes_versions is of an upstream that takes writes")
	case v.OnRemoval != "" && !slices.Contains([]string{RemovalBlock, RemovalHide, RemovalKeep}, v.OnRemoval):
		return invalid("on_removal is %q, %q or %q, not %q", RemovalBlock, RemovalHide, RemovalKeep, registry.Clip(v.OnRemoval))
	case v.Checksum != "" && !slices.Contains([]string{ChecksumRequire, ChecksumStrong, ChecksumWarn}, v.Checksum):
		return invalid("checksum is %q, %q or %q, not %q", ChecksumRequire, ChecksumStrong, ChecksumWarn, registry.Clip(v.Checksum))
	}
	if v.OnFailure != "" && v.OnFailure != FailureFail && v.OnFailure != FailureSkip {
		return invalid("on_failure is %q or %q, not %q", FailureFail, FailureSkip, registry.Clip(v.OnFailure))
	}
	if v.Owns && v.OnFailure == FailureSkip {
		return invalid("an upstream that owns names can't be skipped: while it does not answer, any name may be its own")
	}
	for _, list := range [][]string{v.Allow, v.Deny} {
		if len(list) > maxPatterns {
			return invalid("an upstream has at most %d patterns, not %d", maxPatterns, len(list))
		}
		for _, p := range list {
			if err := checkPattern(p); err != nil {
				return err
			}
		}
	}
	if err := checkNamespaces(v.Namespaces); err != nil {
		return err
	}
	return v.checkLimits()
}

// Bounds of limits: what is above has no effect, as other bounds end requests before.
const (
	maxAnswer      = 12 * time.Second // until a document, and of all that comes before
	maxFileTimeout = 10 * time.Minute
	maxConcurrency = 1000
	maxRate        = 10_000
	maxPEM         = 64 << 10
	maxUserAgent   = 200
)

func (v Settings) checkLimits() error {
	for name, t := range map[string]struct {
		have Duration
		most time.Duration
	}{"connect": {v.Timeouts.Connect, maxAnswer}, "document": {v.Timeouts.Document, maxAnswer}, "stale_after": {v.Timeouts.StaleAfter, maxAnswer},
		"file": {v.Timeouts.File, maxFileTimeout}, "idle": {v.Timeouts.Idle, maxFileTimeout}} {
		if time.Duration(t.have) > t.most {
			return invalid("timeouts: %s is at most %v", name, t.most)
		}
	}
	switch {
	case v.Concurrency < 0 || v.Concurrency > maxConcurrency:
		return invalid("concurrency is 1 to %d, or 0 for the default", maxConcurrency)
	case v.Keep.Bytes < 0:
		return invalid("keep: bytes is a number of bytes, or 0 for no bound")
	case v.Rate < 0 || v.Rate > maxRate:
		return invalid("rate is at most %d requests a second, or 0 for no bound", maxRate)
	case len(v.TLS.CA) > maxPEM || len(v.TLS.Certificate) > maxPEM || len(v.TLS.Key.value) > maxPEM:
		return invalid("tls: its parts have at most %d bytes each", maxPEM)
	case len(v.UserAgent) > maxUserAgent:
		return invalid("user_agent has at most %d characters", maxUserAgent)
	}
	return nil
}

func checkPattern(p string) error {
	if p == "" || len(p) > maxPattern || !registry.IsLine(p) {
		return invalid("%q is no pattern over names: one line of at most %d bytes", registry.Clip(p), maxPattern)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutUpstream, format, args...)
}

// read returns the settings in a row.
func read(raw []byte) (v Settings, err error) {
	if len(raw) > 0 {
		err = json.Unmarshal(raw, &v)
	}
	return v, err
}

// admits reports whether names of a format may be asked of an upstream.
func (l *Upstream) admits(at registry.Name) bool {
	v := l.Settings
	if l.Type == metadata.UpstreamRemote && l.Format != at.Format {
		return false
	}
	if !v.speaks(at.Format) {
		return false
	}
	return !anyMatches(v.Deny, at.Package) && (len(v.Allow) == 0 || anyMatches(v.Allow, at.Package))
}

// speaks reports whether an upstream has packages of a format.
func (v Settings) speaks(format string) bool {
	return len(v.Formats) == 0 || slices.Contains(v.Formats, format)
}

func anyMatches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return MatchName(p, name) })
}
