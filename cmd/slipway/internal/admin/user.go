package admin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
	"slipway/registry/accounts"
	"slipway/registry/instance"
)

// Users changes users in the stores, of a server that does not run or of servers that share them: the part of "slipway user" that needs no login.
type Users struct {
	c   commands
	cfg installation.Config
}

// NewUsers returns Users for one command.
func NewUsers(p *command.Program) *Users { return &Users{c: commands{p}} }

// AddFlags adds the flags that say where the stores are.
func (u *Users) AddFlags(fs *pflag.FlagSet) { u.cfg.StoreFlags(fs) }

// Chosen reports whether the flags ask to work on the stores directly.
func (u *Users) Chosen(fs *pflag.FlagSet) bool { return fs.Changed("data") || fs.Changed("metadata") }

// SetPassword sets a user's password and prints that it did.
func (u *Users) SetPassword(cmd *cobra.Command, name, password string) error {
	return u.change(cmd, name, accounts.UserChange{Password: &password}, "Set the password of "+name)
}

// Enable enables a disabled user and prints that it did.
func (u *Users) Enable(cmd *cobra.Command, name string) error {
	disabled := false
	return u.change(cmd, name, accounts.UserChange{Disabled: &disabled}, "Enabled "+name)
}

func (u *Users) change(cmd *cobra.Command, name string, change accounts.UserChange, done string) error {
	return u.c.onStores(cmd, &u.cfg, func(ctx context.Context, core *instance.Instance) error {
		if _, err := core.Accounts.UpdateUser(ctx, name, change); err != nil {
			return err
		}
		_, err := fmt.Fprintln(u.c.Stdout, command.Clean(done))
		return err
	})
}
