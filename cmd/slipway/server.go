package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"slipway/formats"
	"slipway/formats/all"
	"slipway/integration"
	"slipway/integration/outbound"
	"slipway/integration/webhook"
	"slipway/metadata/sqlite"
	"slipway/registry"
	"slipway/web"
)

// server is a whole Slipway, assembled and ready to answer.
type server struct {
	stores  *stores
	core    *registry.Service
	sender  *integration.Dispatcher
	sink    *webhook.Sink
	site    *formats.Site
	handler http.Handler
	logger  *slog.Logger
	// password is that of the user admin if this is the first start and none was given; to be shown once.
	password string
}

// assemble opens the stores and puts the server together: stores, core, formats, API, dispatcher. The caller closes it.
func assemble(ctx context.Context, c *config, logger *slog.Logger) (_ *server, err error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s := &server{logger: logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.stores, err = openStores(ctx, c, sqlite.WithObserver(newBatchMetrics(reg).observe)); err != nil {
		return nil, inUse(err)
	}
	if s.core, err = s.stores.core(ctx, c, reg, logger, true); err != nil {
		return nil, err
	}
	if s.password, err = s.core.EnsureAdmin(ctx, c.adminPassword); err != nil {
		return nil, err
	}
	version, commit := programVersion()
	var redirect int64
	if c.redirect {
		redirect = redirectBytes
	}
	s.site, err = formats.NewSite(s.core, formats.Options{
		URL: c.url, TrustedProxies: c.trustedProxies, Metrics: reg, Logger: logger, Version: version, Commit: commit, RedirectBytes: redirect,
	})
	if err != nil {
		return nil, err
	}
	s.handler = formats.NewHandler(s.site, mounts(version)...)
	allow, err := outbound.ParseAllow(c.webhookAllow)
	if err != nil {
		return nil, usagef("--webhook-allow: %w", err)
	}
	s.sink = webhook.New(outbound.Options{Allow: allow}, version)
	s.sender = integration.Start(s.core.Outbox(), s.sink, integration.Options{Metrics: reg, Logger: logger})
	return s, nil
}

// mounts are all front-ends.
func mounts(version string) []formats.Mounter {
	out := []formats.Mounter{web.New(web.Options{}), web.NewPage(version)}
	for _, f := range all.All() {
		out = append(out, f)
	}
	return out
}

// serve answers on ln until ctx ends and what runs then has finished.
func (s *server) serve(ctx context.Context, ln net.Listener) error {
	return formats.Serve(ctx, ln, s.handler, formats.ServeOptions{Logger: s.logger})
}

// close ends the background work, then the stores.
func (s *server) close() error {
	var errs []error
	if s.sender != nil {
		errs = append(errs, s.sender.Close())
		s.sink.Close()
	}
	if s.core != nil {
		errs = append(errs, s.core.Close())
	}
	if s.stores != nil {
		errs = append(errs, s.stores.close())
	}
	return errors.Join(errs...)
}
