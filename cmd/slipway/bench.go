package main

import (
	"github.com/spf13/cobra"
)

func (c *cli) benchCmd() *cobra.Command {
	return c.group("bench", "Fill a data directory, or put a server under load, to size a machine",
		`  slipway bench fill --data /srv/try --packages 200000 --versions 1000000
  slipway bench run --duration 1m --clients 8`,
		c.benchFillCmd(), c.benchRunCmd())
}
