package formatstest

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/internal/outbound"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/catalog"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
	"slipway/registry/upstreams"
	"slipway/storage/local"
)

// OtherRepository is a second repository beside registry.DefaultRepository.
const OtherRepository = "other"

// Options of NewServer; zero values are sensible.
type Options struct {
	Site  httpserver.Options
	Serve httpserver.ServeOptions
	Core  []registrytest.Option
	// Local keeps the bytes in files instead of memory.
	Local bool
	// Listener wraps the listener.
	Listener func(net.Listener) net.Listener
	// Wrap is put around the handler.
	Wrap func(http.Handler) http.Handler
	// Reader puts another one before the catalog that front-ends read; nil: none.
	Reader func(catalog.Reader) catalog.Reader
	// AnonymousRead lets everybody read.
	AnonymousRead bool
	// After is a server that serves no more: this one is over its stores, as after a restart. nil: over empty ones.
	After *Server
}

// Server is a site on 127.0.0.1 over a core of its own, with a repository "main", another "other", and a user "admin".
// It ends with the test.
type Server struct {
	*registrytest.Env
	Site    *formats.Site
	Router  *mux.Router
	URL     string // without trailing slash
	Addr    string
	Metrics *prometheus.Registry

	t     testing.TB
	admin string // a token that may do everything; a password would cost every test its slow hash
	log   *logBuffer
	stop  func()
}

// Mounter is a formats.FrontEnd, such as a format, or an httpserver.Mounter, such as the JSON API.
type Mounter any

// loopback opens this machine to remotes.
func loopback(t testing.TB) outbound.Allow {
	t.Helper()
	allow, err := outbound.ParseAllow([]string{"127.0.0.1", "::1", "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	return allow
}

// NewServer serves the mounts. One that is neither of the two fails the test.
func NewServer(t testing.TB, o Options, mounts ...Mounter) *Server {
	t.Helper()
	s := &Server{t: t, log: &logBuffer{}, Metrics: prometheus.NewRegistry()}
	logger := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	core := append([]registrytest.Option{registrytest.With(func(c *instance.Config) {
		c.Logger = logger
		c.AnonymousRead = o.AnonymousRead
		c.Metrics = s.Metrics
		c.RequestID = httpserver.RequestID
		c.Upstreams.Network.Outbound = outbound.Options{Allow: loopback(t), Setting: "--upstream-allow"}
		for _, m := range mounts {
			if f, ok := m.(formats.Format); ok {
				c.Rules[f.Name()] = f.Rules()
			}
			if s, ok := m.(upstreams.Source); ok {
				if c.Upstreams.Sources == nil {
					c.Upstreams.Sources = map[string]upstreams.Source{}
				}
				c.Upstreams.Sources[m.(formats.Format).Name()] = s
			}
			if a, ok := m.(staging.Assembler); ok {
				c.Assemblers[m.(formats.Format).Name()] = a
			}
		}
	})}, o.Core...)
	if o.Local {
		blobs, err := local.New(t.TempDir())
		s.must(err)
		t.Cleanup(func() { _ = blobs.Close() })
		core = append(core, registrytest.WithBlobs(blobs))
	}
	if o.After != nil {
		o.After.Upstreams.Close()
		core = append(core, registrytest.Restarted(o.After.Env))
	}
	s.Env = registrytest.New(t, core...)
	if o.After == nil {
		_, err := s.Core.CreateRepository(s.Admin, OtherRepository, registry.RepositoryChange{})
		s.must(err)
	}
	s.admin = s.Token("*", access.Admin)
	if o.Site.Logger == nil {
		o.Site.Logger = logger
	}
	if o.Site.Metrics == nil {
		o.Site.Metrics = s.Metrics
	}
	o.Serve.Logger = o.Site.Logger
	o.Site.Instance = s.Core.Identity().ID
	o.Site.Authenticate, o.Site.Sync, o.Site.Ready = s.Accounts.Authenticate, s.Core.Store.Sync, s.Core.Ready
	server, err := httpserver.New(o.Site)
	s.must(err)
	server.ShowErrors(s.noPerson)
	var reader catalog.Reader = s.Reader
	if o.Reader != nil {
		reader = o.Reader(reader)
	}
	s.Site = &formats.Site{Server: server, Parts: &formats.Parts{Core: s.Core, Accounts: s.Accounts, Catalog: reader, Pulls: s.Pulls,
		Content: s.Content, Publisher: s.Publisher, Staging: s.Staging}}
	all := s.mountable(mounts)
	s.Router = httpserver.NewRouter(server, all...)
	s.serve(o, httpserver.NewHandler(server, all...))
	return s
}

// noPerson is the page of an error on a server without pages: clients of formats never see one.
func (s *Server) noPerson(w http.ResponseWriter, r *http.Request, e *registry.Error, _ int) {
	s.t.Errorf("%s asks as a person's browser does: Accept: %s", r.UserAgent(), r.Header.Get("Accept"))
	httpserver.Problem(w, r, e)
}

// mountable puts the mounts over the core.
func (s *Server) mountable(mounts []Mounter) []httpserver.Mounter {
	s.t.Helper()
	out := make([]httpserver.Mounter, len(mounts))
	for i, m := range mounts {
		if a, ok := m.(interface{ Over(*instance.Instance) }); ok {
			a.Over(s.Instance)
		}
		switch m := m.(type) {
		case formats.FrontEnd:
			out[i] = s.Site.Mounter(m)
		case httpserver.Mounter:
			out[i] = m
		default:
			s.t.Fatalf("%T has no routes", m)
		}
	}
	return out
}

func (s *Server) serve(o Options, h http.Handler) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.Addr = ln.Addr().String()
	s.URL = "http://" + s.Addr
	if o.Listener != nil {
		ln = o.Listener(ln)
	}
	if o.Wrap != nil {
		h = o.Wrap(h)
	}
	if o.Serve.ShutdownTimeout == 0 {
		o.Serve.ShutdownTimeout = 5 * time.Second
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- httpserver.Serve(ctx, ln, h, o.Serve) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("serve: %v", err)
		}
	})
	s.t.Cleanup(s.stop)
}

// Stop shuts the server down and waits for it.
func (s *Server) Stop() { s.stop() }

// Log returns what was logged so far, at every level.
func (s *Server) Log() string { return s.log.String() }

// ReadToken returns a token that may read a repository and nothing else.
func (s *Server) ReadToken(repository string) string { return s.Token(repository, access.Read) }

// UserToken makes a user and returns a token with all of its rights; expires 0: the token does not end.
func (s *Server) UserToken(name string, expires time.Duration, grants ...access.Grant) As {
	s.t.Helper()
	password := "password of " + name
	_, err := s.Accounts.CreateUser(s.Admin, name, accounts.UserChange{Password: &password, Grants: grants})
	s.must(err)
	// The user does not make it, as logging in by password is slow by design, and has its own tests.
	secret, _, err := s.Accounts.CreateToken(s.Admin, accounts.TokenRequest{Name: name, User: name, Grants: grants, ExpiresIn: expires})
	s.must(err)
	return As(secret)
}

// Set sets settings of "main" by name.
func (s *Server) Set(settings map[string]any) {
	s.t.Helper()
	_, err := s.Core.UpdateRepository(s.Admin, registry.DefaultRepository, registry.RepositoryChange{Settings: settings})
	s.must(err)
}

func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Writer is a token that may read, publish, tag and delete in "main" and in "all".
func (s *Server) Writer() string {
	s.t.Helper()
	return string(s.UserToken("writer", 0, grants([]access.Action{access.Read, access.Publish, access.Tag, access.Delete}, "main", allRepository)...))
}
