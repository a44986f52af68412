package cli

import (
	"context"
	"errors"
	"time"

	"slipway/api"
	"slipway/api/client"

	"github.com/spf13/cobra"
)

var checkColumns = []column[api.UpstreamCheckStep]{
	{"STEP", func(s api.UpstreamCheckStep) any { return s.Step }},
	{"OK", func(s api.UpstreamCheckStep) any { return yes(s.OK) }},
	{"TOOK", func(s api.UpstreamCheckStep) any {
		return time.Duration(s.Milliseconds * float64(time.Millisecond)).Round(10 * time.Microsecond).String()
	}},
	{"DETAIL", func(s api.UpstreamCheckStep) any { return s.Detail }},
}

func (c commands) upstreamCheckCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "check REPO UPSTREAM [PACKAGE]", Short: "Try whether a registry elsewhere can be asked, step by step", Args: cobra.RangeArgs(2, 3),
		Long: `Try whether a registry elsewhere can be asked: look up its name, connect, agree upon TLS, ask. It is asked for the package or, without one, for
its address alone, which some registries answer with 404. The exit code is 1 where a step failed.`,
		Example: `  slipway upstream check mirror npm left-pad
  slipway upstream check images oci library/alpine`,
		RunE: func(cmd *cobra.Command, args []string) error {
			pkg := ""
			if len(args) > 2 {
				pkg = args[2]
			}
			var out api.UpstreamCheck
			err := ask(c, cmd, f, func(ctx context.Context, cl *client.Client) (_ api.UpstreamCheck, err error) {
				out, err = cl.CheckUpstream(ctx, args[0], args[1], pkg)
				return out, err
			}, func(out api.UpstreamCheck) error {
				return printList(c.Stdout, c.Screen(f.wide), out.Steps, checkColumns)
			})
			if err == nil && !out.OK {
				err = errors.New("the upstream can't be asked")
			}
			return err
		},
	}
}
