// Command ratios measures a server and floors on the same machine, in turn and in the same run, and prints the ratios:
// machines differ, and a busy machine slows both sides.
//
//	go run ./bench/ratios -slipway ./slipway [-cases npm,oci] [-rounds 3] [-time 2s] [-versions 20000] [-files 2000]
//
// A floor is the same work done by a bare handler, or a loop, without database, rights, log or events. Nothing fails when a
// ratio is low. docs/performance.md has the figures of one machine, and explains each case.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == floorCommand {
		if err := serveFloor(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "floor:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}

// bench is one run of the command.
type bench struct {
	slipway  string // binary
	s3       string // binary of an S3 server; "" for none
	rounds   int
	span     time.Duration
	versions int    // of the store whose pages are measured
	filled   string // the data directory of that store; "": a new one
	files    int    // that enter a mirror
	dir      string
	out      io.Writer
	table    *tabwriter.Writer
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	b := &bench{out: out}
	fs := flag.NewFlagSet("ratios", flag.ExitOnError)
	fs.StringVar(&b.slipway, "slipway", "./slipway", "binary to measure")
	fs.StringVar(&b.s3, "s3", "", "binary of versitygw, for the cases over S3")
	fs.IntVar(&b.rounds, "rounds", 3, "how often each side is measured; medians count")
	fs.DurationVar(&b.span, "time", 2*time.Second, "how long each side runs each time")
	fs.IntVar(&b.versions, "versions", 20_000, "versions of the store whose pages are measured; filling it with a million takes some 12 minutes")
	fs.IntVar(&b.files, "files", 2000, "files that enter a mirror and are then read ten times as often; with 100,000 that takes some 10 minutes")
	fs.StringVar(&b.filled, "filled", "", "a data directory that \"slipway bench fill\" has filled, whose pages are measured in place of a new one's; the password of its admin is \""+adminPassword+"\"")
	only := fs.String("cases", "", "beginnings of the names of cases; all by default")
	dir := fs.String("dir", "", "where to put data, on the disk that is to be measured (default: the system's folder)")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if b.slipway, err = filepath.Abs(b.slipway); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(*dir, "slipway-ratios-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	b.table = tabwriter.NewWriter(out, 12, 4, 2, ' ', 0)
	fmt.Fprintf(b.table, "case\tserver\tfloor\t\tratio\twanted\tCPU ms\tspread\n")
	for _, c := range cases {
		if !selected(c.name, *only) {
			continue
		}
		if err := c.run(ctx, b); errors.Is(err, errSkipped) {
			fmt.Fprintf(b.table, "%s\tskipped: %v\n", c.name, err)
		} else if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if err := b.table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func selected(name, only string) bool {
	for prefix := range strings.SplitSeq(only, ",") {
		if strings.HasPrefix(name, strings.TrimSpace(prefix)) {
			return true
		}
	}
	return false
}

var errSkipped = errors.New("not possible here")
