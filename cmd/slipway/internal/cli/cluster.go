package cli

import (
	"cmp"
	"context"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var clusterColumns = []column[api.ClusterMember]{
	{"SERVER", func(m api.ClusterMember) any {
		if m.Self {
			return cmp.Or(m.Name, "this one") + " (has answered)"
		}
		return m.Name
	}},
	{"VERSION", func(m api.ClusterMember) any { return m.Version }},
	{"SINCE", func(m api.ClusterMember) any { return whenever(m.Since) }},
	{"DUTIES", func(m api.ClusterMember) any { return strings.Join(m.Duties, " ") }},
	{onlyWide("UNTIL"), func(m api.ClusterMember) any { return whenever(m.Until) }},
}

func (c commands) clusterCmd() *cobra.Command {
	var f Flags
	g := c.Group("cluster", "Show the servers that answer as one", "  slipway cluster status", c.clusterStatusCmd(&f))
	f.Add(g)
	return g
}

func (c commands) clusterStatusCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "List the servers, since when each serves, and the background work that it does for all", Args: command.Exactly(0), Example: "  slipway cluster status",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(c, cmd, f, func(ctx context.Context, cl *client.Client) (api.Cluster, error) { return cl.Cluster(ctx) }, func(o api.Cluster) error {
				return printList(c.Stdout, c.Screen(f.wide), o.Members, clusterColumns)
			})
		},
	}
}
