package formats

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options configure a Site; zero values are sensible.
type Options struct {
	// URL is the public base URL, "https://host[:port][/prefix]". "" derives it from each request.
	URL string
	// TrustedProxies are the peers whose Forwarded and X-Forwarded-* headers are believed.
	TrustedProxies []netip.Prefix
	// Metrics takes the collectors of the HTTP side; nil registers none. When it is also a prometheus.Gatherer, as a
	// prometheus.Registry is, /metrics serves it.
	Metrics prometheus.Registerer
	// DocumentCacheBytes bounds the cache of rendered documents; 0 is 64 MiB.
	DocumentCacheBytes int64
	Logger             *slog.Logger // nil: slog.Default
	// IdleTimeout is how long one read of a request's body, or one write of an answer, may stand still; 0 is 60 s.
	IdleTimeout time.Duration
	// RedirectBytes is the size from which downloads are redirected to the store, where that can answer clients and the
	// front-end's clients follow; 0 is never.
	RedirectBytes int64
	// Version and Commit go into the build info metric.
	Version, Commit string
}

// Bounds that hold unless Options say otherwise.
const (
	defaultDocumentCacheBytes = 64 << 20
	defaultIdleTimeout        = 60 * time.Second
)

// Site is what all front-ends share.
type Site struct {
	Parts     *Parts
	Documents *Documents

	base    string // configured URL without trailing slash; "" follows the request
	trusted []netip.Prefix
	idle    time.Duration
	// redirect is Options.RedirectBytes
	redirect int64
	log      *slog.Logger
	metrics  *metrics
	scrape   prometheus.Gatherer // nil: no /metrics
	health   *health

	crossOrigin *http.CrossOriginProtection
}

// NewSite checks the options and makes a Site over the core.
func NewSite(svc *Parts, o Options) (*Site, error) {
	base, err := cleanBase(o.URL)
	if err != nil {
		return nil, err
	}
	s := &Site{
		Parts: svc, base: base, trusted: o.TrustedProxies, idle: o.IdleTimeout, redirect: o.RedirectBytes, log: o.Logger,
		metrics: newMetrics(o.Metrics, o.Version, o.Commit), crossOrigin: http.NewCrossOriginProtection(),
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.log = slog.New(LogHandler(s.log.Handler()))
	if s.idle == 0 {
		s.idle = defaultIdleTimeout
	}
	if o.DocumentCacheBytes == 0 {
		o.DocumentCacheBytes = defaultDocumentCacheBytes
	}
	s.Documents = newDocuments(o.DocumentCacheBytes, s.metrics)
	s.scrape, _ = o.Metrics.(prometheus.Gatherer)
	if svc != nil {
		s.health = newHealth(svc.Core.Ready)
	}
	return s, nil
}

// cleanBase checks a configured base URL and cuts its trailing slash.
func cleanBase(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("the public URL %q is not of the form https://host[:port][/prefix]", raw)
	}
	return strings.TrimRight(raw, "/"), nil
}
