package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// How "events tail" follows.
const (
	tailWait     = 50 * time.Second // how long the server holds a request without events
	tailLimit    = 500
	retryFirst   = time.Second
	retryLongest = 30 * time.Second
)

// follower is one run of "events tail".
type follower struct {
	c        *client.Client
	stdout   io.Writer
	stderr   io.Writer
	types    []string
	filter   client.EventFilter
	after    int64
	once     bool
	consumer string // name of the consumer, whose position the server keeps; "" is none
	acked    int64  // position of the consumer
	handle   func(ctx context.Context, e *client.Event) error
}

func (c commands) eventsCmd() *cobra.Command {
	var f Flags
	g := c.Group("events", "Look at what happened, and follow what happens", `  slipway events ls --since 2026-01-31 --actor ci
  slipway events tail
  slipway events tail --consumer prod-web --types 'tag.*' --exec ./deploy.sh`, c.eventsTailCmd(&f), c.eventsListCmd(&f), c.eventsShowCmd(&f), c.consumerCmd(&f))
	f.Add(g)
	return g
}

func (c commands) eventsTailCmd(f *Flags) *cobra.Command {
	var after, script, consumer string
	var o filterFlags
	var once bool
	cmd := &cobra.Command{
		Use: "tail", Short: "Print events as they happen, or run a command for each", Args: command.Exactly(0),
		Long: `Print the events that you may see, oldest first, and wait for more. It starts with new events, with --once
at the start of the log; --after N starts behind the event of that sequence number, --after start at the first.

--exec CMD runs CMD with sh for each event, one after the other: the CloudEvent as JSON on its standard input, and
SLIPWAY_EVENT_SEQ, _ID, _TYPE, _SUBJECT, _TIME, _REPOSITORY, _FORMAT, _PACKAGE, _VERSION, _PURL, _DIGEST, _TAG and _ACTOR
in its environment. When a command fails, tail stops with exit code 1 and names the sequence number to go on behind; an
event can come twice, but none is left out.

--consumer NAME keeps the position on the server, under a name of your own: tail continues behind the last event that was
handled, on whatever machine it is started; a new consumer starts as tail does without the flag. An event is handled when its
command has succeeded. A command that fails runs again after 1 s, then after pauses that double up to 30 s, until it succeeds: nothing is
skipped and nothing overtakes (with --once, tail stops instead). SIGTERM and SIGINT let the running command end. Run one
tail for a consumer: two would both run each event.

Types may be globs, and "dev.slipway." and ".v1" may be left out: artifact.published, 'tag.*'.`,
		Example: `  slipway events tail
  slipway events tail --once --types artifact.published --output json
  slipway events tail --after 1042 --types tag.set --exec ./deploy.sh
  slipway events tail --consumer prod-web --types tag.set --exec ./deploy.sh`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			t := &follower{c: cl.Client, stdout: c.Stdout, stderr: c.Stderr, types: o.types, filter: o.EventFilter, once: once, consumer: consumer, handle: c.printEvent(f)}
			if script != "" {
				t.handle = c.execEvent(script)
			}
			if cmd.Flags().Changed("consumer") {
				return t.consume(cmd.Context(), after)
			}
			if t.after, err = t.start(cmd.Context(), after); err != nil {
				return err
			}
			return t.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&after, "after", "", "sequence number to start behind, or start (default: now; with --once: start)")
	o.add(c, cmd)
	cmd.Flags().BoolVar(&once, "once", false, "end when there is nothing more")
	cmd.Flags().StringVar(&script, "exec", "", "command to run with sh for each event")
	cmd.Flags().StringVar(&consumer, "consumer", "", "name under which the server keeps the position; --after says where a new consumer starts")
	return cmd
}

// start is the sequence number to begin behind.
func (t *follower) start(ctx context.Context, after string) (int64, error) {
	switch {
	case after == "start" || after == "" && t.once:
		return -1, nil
	case after == "":
		return t.now(ctx)
	}
	n, err := strconv.ParseInt(after, 10, 64)
	if err != nil || n < -1 {
		return 0, command.Usagef("--after: %q is neither a sequence number nor start", after)
	}
	return n, nil
}

// now is the newest sequence number that is signed; events of the last second may be newer.
func (t *follower) now(ctx context.Context) (int64, error) {
	raw, err := t.c.Checkpoint(ctx)
	if err != nil {
		return 0, err
	}
	_, size, _, err := parseCheckpoint(string(raw))
	return size - 1, err
}

// run follows until the context ends, or with once until there is nothing more.
func (t *follower) run(ctx context.Context) error {
	for {
		var batch client.EventBatch
		err := t.persist(ctx, temporary, func() (err error) {
			batch, err = t.fetch(ctx)
			return err
		})
		if err != nil {
			return err
		}
		for i := range batch.Events {
			if err := t.one(ctx, &batch.Events[i]); err != nil {
				return err
			}
		}
		if t.once && batch.Next <= t.after {
			return nil
		}
		t.after = max(t.after, batch.Next)
		if err := t.ack(ctx, t.after); err != nil { // also past events that were not asked for
			return err
		}
	}
}

// persist repeats a call until it succeeds, with growing pauses. An error ends it when again reports false for the error,
// and always with once.
func (t *follower) persist(ctx context.Context, again func(error) bool, do func() error) error {
	for pause := retryFirst; ; pause = min(2*pause, retryLongest) {
		err := do()
		if err == nil || t.once || ctx.Err() != nil || !again(err) {
			return err
		}
		fmt.Fprintf(t.stderr, "slipway: %v; trying again in %s\n", err, pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// one handles an event, and then moves behind it.
func (t *follower) one(ctx context.Context, e *client.Event) error {
	seq, err := e.Seq()
	if err != nil {
		return err
	}
	if t.consumer != "" {
		return t.settle(ctx, seq, e)
	}
	if err := t.handle(ctx, e); err != nil {
		return fmt.Errorf("event %d: %w; go on with --after %d", seq, err, seq-1)
	}
	t.after = seq
	return nil
}

// fetch asks for the next events.
func (t *follower) fetch(ctx context.Context) (client.EventBatch, error) {
	q := client.EventQuery{After: t.after, Limit: tailLimit, Types: t.types, EventFilter: t.filter}
	if !t.once {
		q.Wait = tailWait
	}
	return t.c.Events(ctx, q)
}

// temporary reports whether trying again may help: there was no answer, or the answer says so.
func temporary(err error) bool {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Status >= 500 || e.Status == http.StatusTooManyRequests
	}
	var u *url.Error
	return errors.As(err, &u) || errors.Is(err, io.ErrUnexpectedEOF)
}

// printEvent prints a line for each event, cut to the screen.
func printEvent(w io.Writer, screen command.Screen, output string) func(context.Context, *client.Event) error {
	return func(_ context.Context, e *client.Event) error {
		if output == command.JSON {
			_, err := fmt.Fprintf(w, "%s\n", e.Raw)
			return err
		}
		seq, err := e.Seq()
		if err != nil {
			return err
		}
		d, err := e.Content()
		if err != nil {
			return err
		}
		at := command.Clean(e.Time)
		if t, err := time.Parse(time.RFC3339Nano, e.Time); err == nil && screen.Columns > 0 {
			at = t.UTC().Format(time.DateTime)
		}
		line := fmt.Sprintf("%d  %s  %s  %s  %s", seq, at, command.Clean(shortType(e.Type)),
			command.Clean(cmp.Or(d.Actor, e.AuthID)), command.Clean(about(e.Subject, &d)))
		if short := []rune(line); screen.Columns > 0 && len(short) > screen.Columns {
			line = string(short[:screen.Columns-1]) + "…"
		}
		_, err = fmt.Fprintln(w, line)
		return err
	}
}

// about describes an event in a few words.
func about(subject string, d *api.EventData) string {
	what := cmp.Or(subject, d.Repository, d.Name, "-")
	switch {
	case d.Service != "":
		return d.Service + " in " + d.Environment + ": " + what
	case d.Environment != "" && d.Tag != "":
		return d.Environment + " (tag " + d.Tag + ")"
	case d.Environment != "":
		return d.Environment
	case d.Tag != "":
		return d.Tag + " → " + what
	default:
		return what
	}
}
