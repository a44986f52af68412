package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
	"slipway/internal/httpserver"
	"slipway/registry/accounts"
)

func (c commands) serveCmd() *cobra.Command {
	var cfg installation.Config
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server: every protocol, the API, metrics and health on one listener, with everything kept in one directory.

With no flag it runs at once on its defaults. The first start makes the repository "main" and the user "admin", whose
password is SLIPWAY_ADMIN_PASSWORD, or a random one that is printed once.

Every flag can also be set by an environment variable (--gc-interval is SLIPWAY_GC_INTERVAL) or as a key of the YAML file
that --config names; a flag wins over the environment, that over the file.

SIGTERM and SIGINT stop it: /readyz is not ready at once, the work in the background goes to other replicas, after
--drain-delay it accepts nothing more, finishes what runs within 30 s, and exits with 0. A second signal ends it at once. SIGHUP changes nothing: restart the server to change its settings.`,
		Example: `  slipway serve
  slipway serve --listen 0.0.0.0:8080 --data /var/lib/slipway --url https://slipway.example.com
  SLIPWAY_ANONYMOUS_READ=true slipway serve --config /etc/slipway.yaml`,
		Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.Resolve(cmd.Flags(), c.Env); err != nil {
				return err
			}
			for _, note := range installation.UnknownVariables(c.Environ) {
				fmt.Fprintf(c.Stderr, "slipway: note: %s\n", note)
			}
			if err := cfg.Check(); err != nil {
				return cfg.Named(err)
			}
			return cfg.Named(c.serve(cmd.Context(), &cfg))
		},
	}
	cfg.Flags(cmd.Flags())
	return cmd
}

// serve runs until ctx or a signal ends it.
func (c commands) serve(ctx context.Context, cfg *installation.Config) (err error) {
	start := time.Now()
	logger := slog.New(httpserver.LogHandler(logHandler(c.Stderr, cfg)))
	ctx, stop := c.signalled(ctx, logger)
	defer stop()
	ln, err := listen("--listen", cfg.Listen) // before anything is created
	if err != nil {
		return err
	}
	defer ln.Close()
	debug, err := openDebug(ctx, cfg.DebugListen, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, debug.close()) }()
	s, err := Assemble(ctx, c.Program, cfg, logger)
	if err != nil {
		return err
	}
	manageMemory(ctx, c.Env)
	if s.Password != "" {
		fmt.Fprintf(c.Stderr, "\nFirst start: the password of the user %q is %s (it is not shown again)\n\n", accounts.AdminUser, s.Password)
	}
	url := cfg.URL
	if url == "" {
		url = "http://" + reachable(ln.Addr())
	}
	version, commit := c.Version()
	fmt.Fprintf(c.Stdout, "Slipway %s serves %s\n", version, url)
	logger.LogAttrs(ctx, slog.LevelInfo, "ready", slog.String("version", version), slog.String("commit", commit),
		slog.String("listen", ln.Addr().String()), slog.String("url", url), slog.String("data", cfg.Data),
		slog.Duration("after", time.Since(start)))
	go warnOfPassword(ctx, s, cfg, logger)
	err = errors.Join(s.Serve(ctx, ln), s.Close())
	logger.LogAttrs(context.WithoutCancel(ctx), slog.LevelInfo, "stopped")
	return err
}

// signalled returns a context that the first SIGTERM or SIGINT ends; the second ends the process.
func (c commands) signalled(ctx context.Context, logger *slog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // a terminal that closes must not end the server
	go func() {
		for {
			select {
			case <-hangups:
				logger.LogAttrs(ctx, slog.LevelWarn, "SIGHUP changes nothing: restart the server to change its settings")
			case <-ctx.Done():
				return
			}
		}
	}()
	go func() {
		select {
		case s := <-signals:
			logger.LogAttrs(ctx, slog.LevelInfo, "stopping; a second signal ends at once", slog.String("signal", s.String()))
			cancel()
		case <-ctx.Done():
			return
		}
		<-signals
		os.Exit(command.Failed)
	}()
	return ctx, func() {
		signal.Stop(signals)
		signal.Stop(hangups)
		cancel()
	}
}

// warnOfPassword says when SLIPWAY_ADMIN_PASSWORD is not the password of the first user: after the first start it changes nothing.
func warnOfPassword(ctx context.Context, s *Server, cfg *installation.Config, logger *slog.Logger) {
	if cfg.AdminPassword == "" {
		return
	}
	same, err := s.core.Accounts.AdminPasswordIs(ctx, cfg.AdminPassword)
	if err == nil && !same {
		logger.LogAttrs(ctx, slog.LevelWarn, "SLIPWAY_ADMIN_PASSWORD is not the password of the user admin, and does not change it: use 'slipway user passwd admin'")
	}
}

// listen opens the listener that a setting names. An invalid address is wrong configuration; an address that is in use may
// be free later.
func listen(setting, address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err == nil {
		return ln, nil
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return nil, command.Usagef("%s: %w", setting, err)
}

// reachable is an address that a client on this machine can use.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
