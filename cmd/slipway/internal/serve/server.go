package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
	"slipway/formats"
	"slipway/integration"
	sinks "slipway/integration/all"
	"slipway/internal/httpserver"
	"slipway/internal/origin"
	"slipway/internal/outbound"
	"slipway/registry/duty"
	"slipway/registry/instance"
	"slipway/web/api"
	"slipway/web/ui"
)

// Server is a whole Slipway, assembled and ready to answer.
type Server struct {
	stores  *installation.Stores
	core    *instance.Instance
	http    *httpserver.Server
	delay   time.Duration // from the end of the context to that of the listener
	duties  *duty.Runner
	sinks   integration.Sinks
	handler http.Handler
	logger  *slog.Logger
	reserve *installation.Reserve
	reports sync.WaitGroup
	stop    func() // ends reports
	// Password is the password of the user admin if this is the first start and none was given; to be shown once.
	Password string
}

// Assemble opens the stores and puts the server together: stores, core, formats, API, dispatcher. The caller closes it.
func Assemble(ctx context.Context, p *command.Program, c *installation.Config, logger *slog.Logger) (_ *Server, err error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s := &Server{logger: logger, delay: c.DrainDelay}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.reserve, err = installation.OpenReserve(c, logger); err != nil {
		return nil, err
	}
	version, commit := p.Version()
	c.Version = version
	if s.stores, err = installation.Join(ctx, c, newBatchMetrics(reg).observe); err != nil {
		return nil, c.InUse(err)
	}
	allow, err := outbound.ParseAllow(c.WebhookAllow)
	if err != nil {
		return nil, command.Usagef("--webhook-allow: %w", err)
	}
	s.sinks = sinks.Sinks(outbound.Options{Allow: allow}, version)
	network, err := upstreamNetwork(c, version)
	if err != nil {
		return nil, err
	}
	if s.core, err = s.stores.ServerCore(ctx, c, s.sinks, network, reg, logger); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, c); err != nil {
		return nil, err
	}
	var redirect int64
	if c.Redirect {
		redirect = redirectBytes
	}
	s.http, err = httpserver.New(httpserver.Options{
		Instance: s.core.Core.Identity().ID, URL: c.URL, TrustedProxies: c.TrustedProxies, Metrics: reg, Logger: logger, Version: version, Commit: commit, RedirectBytes: redirect,
		Authenticate: s.core.Accounts.Authenticate, Sync: s.core.Core.Store.Sync, Ready: s.core.Core.Ready, Writable: s.core.Core.Writable, Full: s.full, MetricsAudit: c.MetricsAccess == "auth",
		DocumentCacheBytes: int64(c.Memory) / 3, MemoryBytes: int64(c.Memory) / 3 * 2,
	})
	if err != nil {
		return nil, err
	}
	s.handler = httpserver.NewHandler(s.http, mounts(s.http, s.core, c, api.Options{Version: version, Commit: commit, Configuration: c.InForce, LastBackup: c.LastBackup})...)
	if err := s.startDuties(ctx, c, reg); err != nil {
		return nil, err
	}
	s.report()
	return s, nil
}

// handOver is how long messages that are being sent may take while other processes wait for the work.
const handOver = 500 * time.Millisecond

// startDuties starts the work in the background.
func (s *Server) startDuties(ctx context.Context, c *installation.Config, reg prometheus.Registerer) (err error) {
	options := integration.Options{Metrics: reg, Logger: s.logger}
	if !s.stores.Meta.Exclusive() {
		options.Grace = handOver
	}
	// Before the first request is answered: until the collection that a crash cut off is finished, its bytes can't be published.
	duties := append(s.core.Duties(), duty.Duty{Name: "deliver", Do: func(ctx context.Context) error {
		return integration.Deliver(ctx, s.core.Subscriptions.Outbox(), options)
	}})
	s.duties, err = duty.Start(ctx, s.core.Core, duties, duty.Options{Name: c.ReplicaName()})
	return err
}

// prepare looks at the clock, and makes the first user.
func (s *Server) prepare(ctx context.Context, c *installation.Config) (err error) {
	if c.AcceptClock {
		if err := s.core.Core.AcceptClock(ctx); err != nil {
			return err
		}
	}
	if err := s.core.Core.Clock(); err != nil {
		s.logger.WarnContext(ctx, "reads are answered, changes are refused", "error", err)
	}
	s.Password, err = s.core.Accounts.EnsureAdmin(ctx, c.AdminPassword)
	return err
}

// upstreamNetwork is how remote registries are reached. A proxy gets every name, so the addresses of all remotes inherit it.
func upstreamNetwork(c *installation.Config, version string) (origin.Environment, error) {
	env := origin.Environment{Version: version, Offline: c.Offline}
	allow, err := outbound.ParseAllow(c.UpstreamAllow)
	if err != nil {
		return env, command.Usagef("--upstream-allow: %w", err)
	}
	env.Outbound = outbound.Options{Allow: allow, Setting: "--upstream-allow"}
	if c.UpstreamProxy != "" {
		if env.Proxy, err = outbound.ParseProxy(c.UpstreamProxy); err != nil {
			return env, command.Usagef("--upstream-proxy: %w", err)
		}
	}
	return env, nil
}

// full is why no change is to be begun: the disk is full, or the clock has jumped.
func (s *Server) full() error {
	if err := s.reserve.Full(); err != nil {
		return err
	}
	return s.core.Core.Clock()
}

// redirectBytes is the size from which a redirect pays off: for smaller downloads, the second request costs more than the
// bytes.
const redirectBytes = 256 << 10

// mounts are all front-ends.
func mounts(server *httpserver.Server, core *instance.Instance, c *installation.Config, o api.Options) []httpserver.Mounter {
	a, list := api.New(o), c.AllFormats()
	a.Over(core)
	pages := ui.New(o.Version, a.Direct(), formats.Sections(list)...)
	pages.Over(core)
	pages.ShowPictures(c.ReadmePictures)
	out := []httpserver.Mounter{a, pages}
	site := &formats.Site{Server: server, Parts: &formats.Parts{Core: core.Core, Accounts: core.Accounts, Catalog: core.Reader, Pulls: core.Pulls,
		Content: core.Content, Publisher: core.Publisher, Staging: core.Staging}}
	for _, f := range list {
		out = append(out, site.Mounter(f))
	}
	return out
}

// Serve answers on ln until ctx has ended and running requests have finished. When ctx ends, the server is not ready, and gives its
// duties to other processes that may have them; the delay of the configuration later it accepts nothing more.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	go func() {
		defer end()
		select {
		case <-ctx.Done():
		case <-serving.Done():
			return
		}
		s.http.Drain()
		if !s.stores.Meta.Exclusive() { // else nobody waits for the work, and requests may leave some
			go s.duties.Close()
		}
		time.Sleep(s.delay)
	}()
	return httpserver.Serve(serving, ln, s.handler, httpserver.ServeOptions{Logger: s.logger})
}

// report writes what this process alone counts, until Close.
func (s *Server) report() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.reports.Go(func() { s.reserve.Keep(ctx) })
	s.reports.Go(func() { s.core.Accounts.ReportFailedLogins(ctx) })
	s.reports.Go(func() { s.core.Accounts.ReportUses(ctx) })
	s.reports.Go(func() { s.core.Pulls.WriteEvery(ctx) })
}

// Close ends the background work, of which transfers from upstreams leave nothing half, writes what the core still remembers, and closes the stores.
func (s *Server) Close() error {
	var errs []error
	if s.stop != nil {
		s.stop()
		s.reports.Wait()
	}
	if s.duties != nil {
		s.duties.Close()
	}
	if s.core != nil {
		errs = append(errs, s.core.Close())
	}
	errs = append(errs, s.sinks.Close())
	if s.stores != nil {
		errs = append(errs, s.stores.Close())
	}
	return errors.Join(errs...)
}
