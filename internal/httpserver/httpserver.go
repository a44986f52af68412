package httpserver

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
	"slipway/registry/access"
)

// Options configure a Server; zero values are sensible.
type Options struct {
	// URL is the public base URL, "https://host[:port][/prefix]". "" derives it from each request.
	URL string
	// TrustedProxies are the peers whose Forwarded and X-Forwarded-* headers are believed.
	TrustedProxies []netip.Prefix
	// Instance is the id of this server; a request that has passed it before is refused. "" knows only requests that have passed very
	// many servers.
	Instance string
	// Metrics takes the collectors of the HTTP side; nil registers none. When it is also a prometheus.Gatherer, as a
	// prometheus.Registry is, /metrics serves it.
	Metrics prometheus.Registerer
	// MetricsAudit lets only callers read /metrics who may audit the server; otherwise everybody may.
	MetricsAudit bool
	// DocumentCacheBytes bounds the cache of rendered documents; 0 is 64 MiB.
	DocumentCacheBytes int64
	// MemoryBytes bounds what requests hold in memory: parsed bodies, and answers that are no streams; 0 is 128 MiB.
	MemoryBytes int64
	Logger      *slog.Logger // nil: slog.Default
	// IdleTimeout is how long one read of a request's body, or one write of an answer, may stand still; 0 is 60 s.
	IdleTimeout time.Duration
	// RedirectBytes is the size from which downloads are redirected to the store, provided that the store can answer clients
	// and the front-end's clients follow redirects; 0 is never.
	RedirectBytes int64
	// Authenticate returns the caller that credentials belong to, or the anonymous caller for none. Unauthenticated. nil:
	// there are no callers, and only Public routes answer.
	Authenticate func(context.Context, access.Credentials) (access.Actor, error)
	// Sync returns when what any process acknowledged before the call is what this process knows. A request waits for it before anything
	// is looked up for it. nil: no other process changes anything.
	Sync func(context.Context) error
	// Ready returns why the stores don't answer; nil: there is no /readyz.
	Ready func(context.Context) error
	// ReadyGrace is how long /readyz stays 200 after the stores have last answered; 0 is 10 s. /readyz?write=1 has none.
	ReadyGrace time.Duration
	// Writable returns why the stores take no changes, for /readyz?write=1; nil: Ready.
	Writable func(context.Context) error
	// Full returns why no change is to be begun, where that is known before, such as a full disk; nil: always nil.
	Full func() error
	// Version and Commit go into the build info metric.
	Version, Commit string
}

// Bounds that hold unless Options say otherwise.
const (
	defaultDocumentCacheBytes = 64 << 20
	defaultIdleTimeout        = 60 * time.Second
)

// Server is shared by all front-ends: it finds the caller and the public address of a request, answers errors, files and
// documents, and logs and counts requests.
type Server struct {
	Documents *Documents

	instance     string
	base         string // configured URL without trailing slash; "" follows the request
	trusted      []netip.Prefix
	idle         time.Duration
	redirect     int64 // Options.RedirectBytes
	log          *slog.Logger
	metrics      *metrics
	scrape       prometheus.Gatherer // nil: no /metrics
	scrapeAudit  bool                // Options.MetricsAudit
	health       *health             // nil: no /readyz
	writable     *health             // with health
	sync         func(context.Context) error
	full         func() error
	memory       *memory
	bodies       *budget // of requests whose bodies come in
	draining     atomic.Bool
	shared       shared
	authenticate func(context.Context, access.Credentials) (access.Actor, error)
	crossOrigin  *http.CrossOriginProtection
	unrouted     Renderer
	errorPage    ErrorPage // nil: people are told what programs are
	seen         seen
	routes       sync.Map // *routes by *mux.Router
}

// New checks the options and makes a Server. It listens to nothing: see NewHandler and Serve.
func New(o Options) (*Server, error) {
	base, err := cleanBase(o.URL)
	if err != nil {
		return nil, err
	}
	s := &Server{
		instance: o.Instance, base: base, trusted: o.TrustedProxies, idle: o.IdleTimeout, redirect: o.RedirectBytes, log: o.Logger, authenticate: o.Authenticate,
		metrics: newMetrics(o.Metrics, o.Version, o.Commit), crossOrigin: http.NewCrossOriginProtection(), scrapeAudit: o.MetricsAudit,
		unrouted: Problem,
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
	if o.MemoryBytes == 0 {
		o.MemoryBytes = defaultMemoryBytes
	}
	s.memory = newMemory(o.MemoryBytes, o.Metrics)
	s.bodies = newBudget(mostBodies, mostClientBodies)
	s.shared.byKey = map[string]*sharedAnswer{}
	s.Documents = newDocuments(o.DocumentCacheBytes, s.metrics)
	s.scrape, _ = o.Metrics.(prometheus.Gatherer)
	if o.Ready != nil {
		s.health = newHealth(o.Ready, cmp.Or(o.ReadyGrace, readyGrace))
		if o.Writable == nil {
			o.Writable = o.Ready
		}
		s.writable = newHealth(o.Writable, 0)
	}
	if s.sync = o.Sync; s.sync == nil {
		s.sync = func(context.Context) error { return nil }
	}
	if s.full = o.Full; s.full == nil {
		s.full = func() error { return nil }
	}
	if s.authenticate == nil {
		s.authenticate = noCallers
	}
	return s, nil
}

func noCallers(context.Context, access.Credentials) (access.Actor, error) {
	return access.Actor{}, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "there are no callers here")
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
