package installation

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
)

// OnMachine opens an installation if check returns nil, and makes missing parts; it runs fn over its core, as the system.
func (c *Config) OnMachine(cmd *cobra.Command, p *command.Program, check func(*Config) error, fn func(context.Context, *instance.Instance) error) (err error) {
	if err := c.Resolve(cmd.Flags(), p.Env); err != nil {
		return err
	}
	if err := check(c); err != nil {
		return c.Named(err)
	}
	ctx := access.With(cmd.Context(), access.System())
	s, err := Open(ctx, c, nil)
	if err != nil {
		return c.Named(c.InUse(err))
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	core, err := s.Core(ctx, c, slog.New(slog.NewTextHandler(p.Stderr, nil)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, core.Close()) }()
	return refusal(fn(ctx, core))
}

// refusal turns a refusal by the core into the message that a server would send.
func refusal(err error) error {
	if e, ok := err.(*registry.Error); ok && e.Kind != registry.Internal {
		return errors.New(e.Detail)
	}
	return err
}
