package installation

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
)

// OnMachine opens an installation if check returns nil, and makes missing parts; it runs fn over its core, as the system. No server uses the
// installation meanwhile.
func (c *Config) OnMachine(cmd *cobra.Command, p *command.Program, check func(*Config) error, fn func(context.Context, *instance.Instance) error) error {
	return c.onMachine(cmd, p, check, Open, fn)
}

// BesideServers is OnMachine beside the servers that use the stores, where those can be shared.
func (c *Config) BesideServers(cmd *cobra.Command, p *command.Program, check func(*Config) error, fn func(context.Context, *instance.Instance) error) error {
	return c.onMachine(cmd, p, check, func(ctx context.Context, c *Config, observe func(metadata.Batch)) (*Stores, error) {
		if shared, err := c.Shared(); err != nil || !shared {
			return Open(ctx, c, observe)
		}
		return Join(ctx, c, observe)
	}, fn)
}

type opener func(ctx context.Context, c *Config, observe func(metadata.Batch)) (*Stores, error)

func (c *Config) onMachine(cmd *cobra.Command, p *command.Program, check func(*Config) error, open opener, fn func(context.Context, *instance.Instance) error) (err error) {
	if err := c.Resolve(cmd.Flags(), p.Env); err != nil {
		return err
	}
	if err := check(c); err != nil {
		return c.Named(err)
	}
	ctx := access.With(cmd.Context(), access.System())
	s, err := open(ctx, c, nil)
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
