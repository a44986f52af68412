package admin

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
)

func (c commands) keyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "The key that signs the log: make one for a server that is to be given it, show its public half",
		Long: `The key of a server signs the checkpoints of its log, and seals the secrets that it keeps. With a data directory the server makes
the key itself at its first start. A server whose metadata is in PostgreSQL is given it: serve --log-key FILE. Keep a copy apart: a
log that goes on with another key looks forged to everybody who verified it before.`,
		Example: `  slipway key generate /etc/slipway/log.key
  slipway key show /etc/slipway/log.key`,
	}
	cmd.AddCommand(c.keyGenerateCmd(), c.keyShowCmd())
	return cmd
}

func (c commands) keyGenerateCmd() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "generate FILE",
		Short: "Write a new key to a file that does not exist yet, and print its public half",
		Example: `  slipway key generate /etc/slipway/log.key
  slipway key generate --keep /etc/slipway/log.key    # in a script that runs at each start`,
		Args: command.Exactly(1),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			path := args[0]
			skey, err := installation.NewLogKey()
			if err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, os.ErrExist) {
				if keep {
					return c.showKeyOf(path)
				}
				return command.Usagef("FILE: %s exists already", path)
			}
			if err != nil {
				return err
			}
			_, err = f.WriteString(skey)
			if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
				return errors.Join(err, os.Remove(path))
			}
			return c.showKey(path, skey)
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "where the file exists, print the public half of the key that it has")
	return cmd
}

func (c commands) keyShowCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "show FILE",
		Short:   "Print the public half of a key, by which auditors verify the log",
		Example: `  slipway key show /etc/slipway/log.key`,
		Args:    command.Exactly(1),
		RunE:    func(_ *cobra.Command, args []string) error { return c.showKeyOf(args[0]) },
	}
}

func (c commands) showKeyOf(path string) error {
	skey, err := os.ReadFile(path)
	if err != nil {
		return command.Usagef("FILE: %w", err)
	}
	return c.showKey(path, string(skey))
}

func (c commands) showKey(path, skey string) error {
	keys, err := installation.ParseLogKey(path, strings.TrimSpace(skey))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.Stdout, keys.Verifier)
	return err
}
