package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"slipway/bench/load"
	"slipway/cmd/slipway/internal/cli"
	"slipway/cmd/slipway/internal/command"
)

// benchRun is the flags of "bench run".
type benchRun struct {
	repository string
	mix        string
	clients    int
	duration   time.Duration
	units      int64
	seed       uint64
	sizes      load.Sizes
}

func (c commands) benchRunCmd() *cobra.Command {
	var f cli.Flags
	var b benchRun
	units := strings.Join(load.NewSuite(load.Sizes{}).Units(), ", ")
	cmd := &cobra.Command{
		Use: "run", Short: "Put a running server under load and tell how fast it answers",
		Long: `Put a running server under load: clients that each have one unit of work after the other under way, in a mix of protocols.
A unit is what a client of the protocol does: an image with three layers is one, a manifest is HEAD and GET. Only units that
succeed are timed. The exit code is 1 when any failed. Ctrl-C ends the run early, with the report of what was measured and
exit code 1.

Everything is published into one repository, under names of this run alone; nothing is deleted. Make a repository for it
("slipway repo create bench"), and delete that afterwards. The token needs the rights read, publish and tag there.

Units: ` + units + `.
A mix names units with weights (npm.publish=1,npm.packument=9), or protocols (npm,oci).`,
		Example: `  slipway bench run --repository bench --duration 1m --clients 16
  slipway bench run --repository bench --mix oci.push --clients 8 -n 500 --layer-bytes 1048576 --output json`,
		Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := b.check(); err != nil {
				return err
			}
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			return c.benchRun(cmd.Context(), cl, &b)
		},
	}
	f.Add(cmd)
	fs := cmd.Flags()
	fs.StringVar(&b.repository, "repository", "main", "where to publish")
	fs.StringVar(&b.mix, "mix", "", "units or protocols, with weights (default: all, as a team uses them)")
	fs.IntVar(&b.clients, "clients", 8, "how many at once")
	fs.DurationVar(&b.duration, "duration", 30*time.Second, "how long; 0 is until -n")
	fs.Int64VarP(&b.units, "units", "n", 0, "end after this many units; 0 is when the time is over")
	fs.Uint64Var(&b.seed, "seed", 1, "decides which unit follows which")
	fs.IntVar(&b.sizes.Versions, "versions", 100, "versions, files or tags of what is read")
	fs.IntVar(&b.sizes.Packages, "packages", 1000, "packages that the publishes of each format are spread over")
	fs.IntVar(&b.sizes.SmallBytes, "bytes", 20<<10, "size of a tarball, wheel, jar or file")
	fs.IntVar(&b.sizes.LayerBytes, "layer-bytes", 1<<20, "size of one of the three layers of an image")
	return cmd
}

func (b *benchRun) check() error {
	switch {
	case b.duration <= 0 && b.units <= 0:
		return command.Usagef("--duration and -n: one of them has to end the run")
	case b.clients < 1 || b.clients > 10_000:
		return command.Usagef("--clients: 1 to 10000")
	case b.sizes.Versions < 1 || b.sizes.Packages < 1:
		return command.Usagef("--versions and --packages: at least 1")
	case b.sizes.SmallBytes < 8 || b.sizes.LayerBytes < 8:
		return command.Usagef("--bytes and --layer-bytes: at least 8, as contents must differ")
	}
	return nil
}

func (c commands) benchRun(ctx context.Context, cl *cli.Remote, b *benchRun) error {
	ctx, stop := command.UntilSignal(ctx)
	defer stop()
	b.sizes.Repository = b.repository
	b.sizes.Names = "bench" + strings.ToLower(rand.Text()[:8])
	mix, err := load.NewSuite(b.sizes).Mix(b.mix)
	if err != nil {
		return command.Usagef("--mix: %w", err)
	}
	target, err := load.NewTarget(cl.Server(), cl.Token)
	if err != nil {
		return command.Usagef("--server: %w", err)
	}
	if _, err := cl.Repository(ctx, b.repository); err != nil {
		return err // clearer than a protocol's answer
	}
	d := load.NewDriver(target, b.seed)
	bar := c.Progress("bench")
	bar.Show(0, "publishing what is read")
	if err := d.Prepare(ctx, mix); err != nil {
		bar.End()
		if ctx.Err() != nil {
			return errors.New("stopped before anything was measured")
		}
		return err
	}
	report, err := d.Run(ctx, mix.Shares(), load.Options{
		Clients: b.clients, Duration: b.duration, Units: b.units, Progress: func(done int64, elapsed time.Duration) {
			share := 0.0
			if b.units > 0 {
				share = float64(done) / float64(b.units)
			}
			if b.duration > 0 {
				share = max(share, elapsed.Seconds()/b.duration.Seconds())
			}
			bar.Show(share, fmt.Sprintf("%d units, %.0f/s", done, float64(done)/elapsed.Seconds()))
		},
	})
	bar.End()
	if ctx.Err() != nil {
		err = fmt.Errorf("stopped after %s", report.Elapsed.Round(time.Millisecond))
	} else if err != nil {
		return err
	}
	return errors.Join(c.printReport(cl.Output, report), err)
}

// benchResult is a line of the report.
type benchResult struct {
	Unit      string  `json:"unit"`
	Count     uint64  `json:"count"`
	Errors    int64   `json:"errors"`
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	Bytes     int64   `json:"bytes"`
	Error     string  `json:"first_error,omitempty"`
}

func (c commands) printReport(output string, r *load.Report) error {
	lines := make([]benchResult, len(r.Results))
	failed := int64(0)
	for i := range r.Results {
		u := &r.Results[i]
		lines[i] = benchResult{
			Unit: u.Unit, Count: u.Times.Count(), Errors: u.Errors, PerSecond: r.Rate(i), Bytes: u.Bytes,
			P50: millis(u.Times.Quantile(0.5)), P99: millis(u.Times.Quantile(0.99)), Max: millis(u.Times.Max()),
		}
		if u.FirstFail != nil {
			lines[i].Error = u.FirstFail.Error()
		}
		failed += u.Errors
	}
	var err error
	if output == command.JSON {
		err = command.PrintJSON(c.Stdout, struct {
			Seconds float64       `json:"seconds"`
			Units   []benchResult `json:"units"`
		}{r.Elapsed.Seconds(), lines})
	} else {
		err = printUnits(c.Stdout, lines)
	}
	if err == nil && failed > 0 {
		return fmt.Errorf("%d units failed", failed)
	}
	return err
}

func printUnits(w io.Writer, lines []benchResult) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "unit\tcount\tper second\tMiB/s\tp50 ms\tp99 ms\tmax ms\terrors\t")
	for _, l := range lines {
		if l.Count == 0 { // no unit was timed
			fmt.Fprintf(t, "%s\t0\t-\t-\t-\t-\t-\t%d\t\n", l.Unit, l.Errors)
			continue
		}
		mib := float64(l.Bytes) / float64(l.Count) * l.PerSecond / (1 << 20)
		fmt.Fprintf(t, "%s\t%d\t%.1f\t%.1f\t%.2f\t%.2f\t%.2f\t%d\t\n", l.Unit, l.Count, l.PerSecond, mib, l.P50, l.P99, l.Max, l.Errors)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, l := range lines {
		if l.Error != "" {
			if _, err := fmt.Fprintf(w, "%s failed first with: %s\n", l.Unit, command.Clean(l.Error)); err != nil {
				return err
			}
		}
	}
	return nil
}

// millis is a duration as reports show it.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
