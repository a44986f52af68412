package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"slipway/api"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"

	"github.com/spf13/cobra"
)

// remoteFlags are the flags for how a registry elsewhere is asked.
type remoteFlags struct {
	negativeTTL, staleWhile, staleIfError string
	timeouts, keep                        map[string]string
	concurrency                           int
	rate                                  float64
	maxDocument, maxFile                  installation.Bytes
	userAgent, cooldown, unknownAge       string
	ca, certificate, key                  string // files
	proxy, proxyUser                      string
	proxyStdin                            bool
}

func (r *remoteFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&r.negativeTTL, "negative-ttl", "", "of a registry elsewhere: how long something is taken to be absent after it said so; default: 60s")
	fs.StringVar(&r.cooldown, "cooldown", "", "of a registry elsewhere: how old a version must be before it is shown and served, such as 72h; '' any age")
	fs.StringVar(&r.unknownAge, "unknown-age", "", "with --cooldown: allow or block what has no known age; default: allow")
	fs.StringVar(&r.staleWhile, "stale-while-revalidate", "", "of a registry elsewhere: how long a document that has expired is served at once, and asked for anew behind; default: 1h")
	fs.StringVar(&r.staleIfError, "stale-if-error", "", "of a registry elsewhere: how long a document that has expired is served while it can't be asked; default: 720h")
	fs.StringToStringVar(&r.timeouts, "timeout", nil, "of a registry elsewhere: connect=3s, document=10s, file=30s (to the header), idle=30s, stale_after=2s (a copy is served meanwhile); may be given again")
	fs.StringToStringVar(&r.keep, "keep", nil, "of a registry elsewhere: unused=2160h (a file goes so long after its last use; 0s: never), bytes=100GiB (the least used files go; 0: no bound); may be given again")
	fs.IntVar(&r.concurrency, "concurrency", 0, "of a registry elsewhere: requests at once at one host, at most; default: 64, and 50 without HTTP/2")
	fs.Float64Var(&r.rate, "rate", 0, "of a registry elsewhere: requests in a second at one host, at most; default: no bound")
	fs.Var(&r.maxDocument, "max-document", "of a registry elsewhere: size of a document, inflated, at most; default: 256MiB")
	fs.Var(&r.maxFile, "max-file", "of a registry elsewhere: size of a file, at most; default: 20GiB")
	fs.StringVar(&r.userAgent, "user-agent", "", "of a registry elsewhere: what is added to the server's own User-Agent")
	fs.StringVar(&r.ca, "tls-ca", "", "of a registry elsewhere: file here with authorities that are trusted beside those of the system, in PEM; '' none")
	fs.StringVar(&r.certificate, "tls-certificate", "", "of a registry elsewhere: file here with a client certificate, in PEM; '' none")
	fs.StringVar(&r.key, "tls-key", "", "file here with the key of --tls-certificate, in PEM; '' none")
	fs.StringVar(&r.proxy, "proxy", "", "of a registry elsewhere: direct, inherit (--upstream-proxy of the server), or the URL of an http, https or socks5 proxy")
	fs.StringVar(&r.proxyUser, "proxy-user", "", "user name at --proxy, with --proxy-password-stdin; '' none")
	fs.BoolVar(&r.proxyStdin, "proxy-password-stdin", false, "read the password of --proxy-user from standard input")
}

// change puts what the command line names into a change; some reports whether it names anything.
func (r *remoteFlags) change(c commands, cmd *cobra.Command, to *api.UpstreamChange) (some bool, err error) {
	given := func(name string) bool {
		some = some || cmd.Flags().Changed(name)
		return cmd.Flags().Changed(name)
	}
	for name, v := range map[string]struct {
		from *string
		to   **string
	}{"cooldown": {&r.cooldown, &to.Cooldown}, "unknown-age": {&r.unknownAge, &to.UnknownAge}, "negative-ttl": {&r.negativeTTL, &to.NegativeTTL}, "stale-while-revalidate": {&r.staleWhile, &to.StaleWhileRevalidate}, "stale-if-error": {&r.staleIfError, &to.StaleIfError},
		"user-agent": {&r.userAgent, &to.UserAgent}, "proxy": {&r.proxy, &to.Proxy}} {
		if given(name) {
			*v.to = v.from
		}
	}
	for name, v := range map[string]struct {
		from *installation.Bytes
		to   **int64
	}{"max-document": {&r.maxDocument, &to.MaxDocument}, "max-file": {&r.maxFile, &to.MaxFile}} {
		if given(name) {
			*v.to = (*int64)(v.from)
		}
	}
	if given("concurrency") {
		to.Concurrency = &r.concurrency
	}
	if given("rate") {
		to.Rate = &r.rate
	}
	if given("timeout") {
		if to.Timeouts, err = timeoutsOf(r.timeouts); err != nil {
			return some, err
		}
	}
	if given("keep") {
		if to.Keep, err = keepOf(r.keep); err != nil {
			return some, err
		}
	}
	if given("proxy-user") || r.proxyStdin {
		if to.ProxyAuth, err = r.proxyAuth(c); err != nil {
			return true, err
		}
	}
	if given("tls-ca") || given("tls-certificate") || given("tls-key") {
		to.TLS, err = r.tls(cmd)
	}
	return some, err
}

func timeoutsOf(given map[string]string) (*api.UpstreamTimeouts, error) {
	out := &api.UpstreamTimeouts{}
	to := map[string]*string{"connect": &out.Connect, "document": &out.Document, "file": &out.File, "idle": &out.Idle, "stale_after": &out.StaleAfter}
	for name, value := range given {
		if to[name] == nil {
			return nil, command.Usagef("--timeout: it is connect, document, file, idle or stale_after, not %q", command.Clean(name))
		}
		*to[name] = value
	}
	return out, nil
}

func keepOf(given map[string]string) (*api.UpstreamKeep, error) {
	out := &api.UpstreamKeep{}
	for name, value := range given {
		switch name {
		case "unused":
			out.Unused = value
		case "bytes":
			if err := (*installation.Bytes)(&out.Bytes).Set(value); err != nil {
				return nil, command.Usagef("--keep: bytes: %w", err)
			}
		default:
			return nil, command.Usagef("--keep: it is unused or bytes, not %q", command.Clean(name))
		}
	}
	return out, nil
}

func (r *remoteFlags) proxyAuth(c commands) (*api.NewUpstreamProxyAuth, error) {
	if (r.proxyUser != "") != r.proxyStdin {
		return nil, command.Usagef("--proxy-user goes with --proxy-password-stdin")
	}
	if r.proxyUser == "" {
		return &api.NewUpstreamProxyAuth{}, nil
	}
	secret, err := c.secretLine()
	return &api.NewUpstreamProxyAuth{User: r.proxyUser, Secret: secret}, err
}

func (r *remoteFlags) tls(cmd *cobra.Command) (*api.NewUpstreamTLS, error) {
	out := &api.NewUpstreamTLS{}
	for name, v := range map[string]struct {
		path string
		to   **string
	}{"tls-ca": {r.ca, &out.CA}, "tls-certificate": {r.certificate, &out.Certificate}, "tls-key": {r.key, &out.Key}} {
		if !cmd.Flags().Changed(name) {
			continue
		}
		var text string
		if v.path != "" {
			raw, err := os.ReadFile(v.path)
			if err != nil {
				return nil, fmt.Errorf("--%s: %w", name, err)
			}
			text = string(raw)
		}
		*v.to = &text
	}
	return out, nil
}

// remoteSettings lists the settings of how a remote is asked that are not the default: "rate=5", "timeouts={…}".
func remoteSettings(u api.Upstream) (out []string) {
	u.Name, u.Type, u.Repository, u.Format, u.URL, u.TTL, u.Mode = "", "", "", "", "", "", ""
	u.Formats, u.Allow, u.Deny, u.Redirects, u.State, u.Auth = nil, nil, nil, nil, nil, nil
	u.Through, u.Writes, u.Offline, u.AnonymousFetch, u.WritesVersions = false, false, false, false, ""
	if u.TLS != nil {
		u.TLS = &api.UpstreamTLS{Key: u.TLS.Key, CA: mark(u.TLS.CA), Certificate: mark(u.TLS.Certificate)}
	}
	raw, err := json.Marshal(u)
	var fields map[string]json.RawMessage
	if err != nil || json.Unmarshal(raw, &fields) != nil {
		return nil
	}
	for name, value := range fields {
		if text := strings.Trim(string(value), `"`); text != "" && text != "false" {
			out = append(out, name+"="+text)
		}
	}
	slices.Sort(out)
	return out
}

func mark(pem string) string {
	if pem == "" {
		return ""
	}
	return "PEM"
}
