package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// eventColumns are the columns of one event.
var eventColumns = []column[eventDetail]{
	{"LOG ENTRY", func(e eventDetail) any { return e.seq }},
	{"ID", func(e eventDetail) any { return e.ID }},
	{"TIME", func(e eventDetail) any { return when(e.Time) }},
	{"TYPE", func(e eventDetail) any { return shortType(e.Type) }},
	{"SUBJECT", func(e eventDetail) any { return e.Subject }},
	{"ACTOR", func(e eventDetail) any { return e.actor }},
	{"ACTOR ID", func(e eventDetail) any { return e.AuthID }},
	{"DATA", func(e eventDetail) any { return e.data() }},
}

// eventDetail is an event with what its columns show of its data.
type eventDetail struct {
	client.Event
	seq   int64
	actor string
}

// data are the members of the event's data, one on a line.
func (e eventDetail) data() any {
	var members map[string]json.RawMessage
	if json.Unmarshal(e.Data, &members) != nil {
		return nil // erased
	}
	var out []string
	for _, name := range sortedKeys(members) {
		text := string(members[name])
		var s string
		if json.Unmarshal(members[name], &s) == nil {
			text = s
		}
		out = append(out, cell(name)+": "+cell(text))
	}
	return lines(out, func(s string) string { return s })
}

func (c commands) eventsShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show LOG-ENTRY", Short: "Show one event", Args: command.Exactly(1),
		Example: `  slipway events show 1042
  slipway events show 1042 -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, err := parseSeq(args[0])
			if err != nil {
				return err
			}
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			batch, err := cl.Events(cmd.Context(), client.EventQuery{After: seq - 1, Limit: 1})
			if err != nil {
				return err
			}
			if len(batch.Events) == 0 {
				return fmt.Errorf("there is no log entry %d, or none that you may see", seq)
			}
			e := batch.Events[0]
			if got, err := e.Seq(); err != nil || got != seq {
				return fmt.Errorf("there is no log entry %d, or none that you may see", seq)
			}
			if f.output == command.JSON {
				return command.PrintJSON(c.Stdout, e.Raw)
			}
			said, err := e.Content()
			if err != nil {
				return err
			}
			return printItem(c.Stdout, c.Screen(f.wide), eventDetail{e, seq, said.Actor}, eventColumns)
		},
	}
}

// parseSeq reads the sequence number of a log entry.
func parseSeq(s string) (int64, error) {
	seq, err := strconv.ParseInt(s, 10, 64)
	if err != nil || seq < 0 {
		return 0, command.Usagef("%q is not the sequence number of a log entry", s)
	}
	return seq, nil
}

// filterFlags are the flags that select events.
type filterFlags struct {
	client.EventFilter
	types []string
}

func (o *filterFlags) add(c commands, cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringSliceVar(&o.types, "types", nil, "only these types; globs, separated by commas")
	c.completeTypes(cmd, "types")
	fs.StringVar(&o.Repository, "repository", "", "only about this repository, or glob")
	fs.StringVar(&o.Format, "format", "", "only about packages of this format, or glob; with --repository and --package it is found at once")
	fs.StringVar(&o.Package, "package", "", "only about packages of this name, or glob")
	fs.StringVar(&o.Actor, "actor", "", "only caused by this user or token, by its name or id, or glob")
	fs.StringVar(&o.Since, "since", "", "only from this time on: RFC 3339, or a day (its start, in UTC)")
	fs.StringVar(&o.Until, "until", "", "only up to this time: RFC 3339, or a day (its end, in UTC)")
}

func (c commands) eventsListCmd(f *Flags) *cobra.Command {
	var o filterFlags
	cmd := &cobra.Command{
		Use: "ls", Short: "List the events that have happened, the oldest first", Args: command.Exactly(0),
		Example: `  slipway events ls --since 2026-01-31 --until 2026-01-31 --types 'tag.*'
  slipway events ls --actor ci --package '@acme/*' -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			t := &follower{c: cl.Client, stdout: c.Stdout, stderr: c.Stderr, types: o.types, filter: o.EventFilter, once: true, after: -1, handle: c.printEvent(f)}
			return t.run(cmd.Context())
		},
	}
	o.add(c, cmd)
	return cmd
}

// printEvent prints each event as --output says.
func (c commands) printEvent(f *Flags) func(context.Context, *client.Event) error {
	return printEvent(c.Stdout, c.Screen(f.wide), f.output)
}
