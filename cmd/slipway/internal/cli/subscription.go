package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var subscriptionColumns = []column[api.Subscription]{
	{"ID", func(s api.Subscription) any { return s.ID }},
	{"NAME", func(s api.Subscription) any { return s.Name }},
	{"URL", func(s api.Subscription) any { return s.URL }},
	{onlyWide("SINK"), func(s api.Subscription) any { return s.Sink }},
	{onlyWide("PRESET"), func(s api.Subscription) any { return s.Preset }},
	{"TYPES", func(s api.Subscription) any { return s.Types }},
	{"REPOSITORIES", func(s api.Subscription) any { return s.Repositories }},
	{onlyWide("PACKAGES"), func(s api.Subscription) any { return s.Packages }},
	{onlyWide("TAGS"), func(s api.Subscription) any { return s.Tags }},
	{"ENABLED", func(s api.Subscription) any { return s.Enabled }},
	{"FAILING SINCE", func(s api.Subscription) any { return whenever(s.FailingSince) }},
}

// changedColumns are the columns of a subscription that was changed.
var changedColumns = of(subscriptionColumns, func(s api.ChangedSubscription) api.Subscription { return s.Subscription })

// subscriptionDetail are the columns of one subscription.
var subscriptionDetail = append(of(subscriptionColumns, func(s api.SubscriptionDetail) api.Subscription { return s.Subscription }), []column[api.SubscriptionDetail]{
	{"DISABLED AT", func(s api.SubscriptionDetail) any { return whenever(s.DisabledAt) }},
	{"REASON", func(s api.SubscriptionDetail) any { return s.DisabledReason }},
	{"FAILS BY", func(s api.SubscriptionDetail) any { return s.FailingReason }},
	{"LAG", func(s api.SubscriptionDetail) any {
		if s.Lag == nil {
			return ""
		}
		return *s.Lag
	}},
	{"PENDING", func(s api.SubscriptionDetail) any { return s.Pending }},
	{"OLDEST PENDING", func(s api.SubscriptionDetail) any { return whenever(s.OldestPending) }},
	{"GIVEN UP", func(s api.SubscriptionDetail) any { return s.Dead }},
	{"CREATED", func(s api.SubscriptionDetail) any { return when(s.CreatedAt) }},
	{"BY", func(s api.SubscriptionDetail) any { return s.CreatedBy }},
}...)

func (c commands) subscriptionCmd() *cobra.Command {
	var f Flags
	g := c.Group("subscription", "Send events to other systems, by webhook or through message brokers", `  slipway subscription create deploys --url https://ci.example.com/hook --repository main --type tag.set --tag production
  slipway subscription ping 3
  slipway subscription deliveries 3 --state dead
  slipway subscription redeliver 1207`,
		c.subscriptionCreateCmd(&f), c.subscriptionSetCmd(&f), c.subscriptionListCmd(&f), c.subscriptionShowCmd(&f), c.subscriptionPauseCmd(&f), c.subscriptionResumeCmd(&f),
		c.subscriptionRotateCmd(&f), c.subscriptionRemoveCmd(&f), c.subscriptionPingCmd(&f), c.subscriptionDeliveriesCmd(&f), c.subscriptionDeliveryCmd(&f),
		c.subscriptionRedeliverCmd(&f))
	f.Add(g)
	return g
}

// maxSecretInput bounds what is read of a secret.
const maxSecretInput = 1 << 10

func (c commands) subscriptionCreateCmd(f *Flags) *cobra.Command {
	var url, preset, sink, credentials string
	var types, repositories, packages, tags []string
	var secretStdin bool
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Send the events of some repositories to a URL, and print the secret that signs them, this once", Args: command.Exactly(1),
		Long: `Send the events that happen from now on to a URL, signed (Standard Webhooks), with retries for three days. Without --repository
it sends the events of all repositories and those of the server itself, such as changes of users. Each filter may be given
again, and takes globs; an event must match one of each kind that is given.

The secret is kept sealed and can't be shown again; it is printed to standard output alone.

With --sink nats, kafka or amqp the events go to a stream of NATS JetStream, a topic of Kafka or an exchange of RabbitMQ, in order for each package, for as long as it takes. A broker gets no
signature; --credentials names a JSON file with what it knows Slipway by, such as {"username":"slipway","password":"…"}.`,
		Example: `  slipway subscription create deploys --url https://ci.example.com/hook --repository main --type tag.set --tag production
  slipway subscription create images --url https://argocd.example.com/webhook --preset harbor --repository main
  slipway subscription create bus --sink nats --url 'nats://nats.example.com?stream=SLIPWAY&create=true' --credentials nats.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if url == "" {
				return command.Usagef("--url: a subscription needs to know where to send to")
			}
			made := api.NewSubscription{Name: &args[0], Sink: &sink, URL: &url, Types: given(types), Repositories: given(repositories),
				Packages: given(packages), Tags: given(tags)}
			if preset != "" {
				made.Preset = &preset
			}
			var err error
			if made.Credentials, err = c.credentials(credentials); err != nil {
				return err
			}
			if secretStdin {
				raw, err := io.ReadAll(io.LimitReader(c.Stdin, maxSecretInput))
				if err != nil {
					return err
				}
				secret := strings.TrimRight(string(raw), "\r\n")
				made.Secret = &secret
			}
			return c.withSecret(cmd, f, func(ctx context.Context, cl *client.Client) (api.ChangedSubscription, error) {
				return cl.CreateSubscription(ctx, made)
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&url, "url", "", "where to send to (required)")
	command.EnumFlag(cmd, fs, &sink, "sink", "", "webhook", "how to send: "+strings.Join(sinkNames, ", "), sinkNames...)
	credentialsFlag(cmd, &credentials)
	command.EnumFlag(cmd, fs, &preset, "preset", "", "", "shape of the requests: "+strings.Join(presets, ", ")+" (default: cloudevents, for brokers cloudevents-binary)", presets...)
	fs.StringArrayVar(&repositories, "repository", nil, "only this repository, or glob")
	fs.StringArrayVar(&types, "type", nil, "only this type of event, or glob, such as tag.set or 'artifact.*'")
	c.completeTypes(cmd, "type")
	fs.StringArrayVar(&packages, "package", nil, "only packages of this name, or glob")
	fs.StringArrayVar(&tags, "tag", nil, "only events about this tag, or glob")
	fs.BoolVar(&secretStdin, "secret-stdin", false, "read the secret from standard input instead of having one made")
	return cmd
}

func (c commands) subscriptionSetCmd(f *Flags) *cobra.Command {
	var name, url, preset, credentials string
	var types, repositories, packages, tags []string
	cmd := &cobra.Command{
		Use: "set ID", Short: "Change a subscription; what is not named stays", Args: command.Exactly(1),
		Long: `Change a subscription; what is not named stays. A filter that is given takes the place of the former one; an empty one ('')
selects everything. What was selected before and still waits is sent as it was selected.`,
		Example: `  slipway subscription set 3 --url https://ci.example.com/hooks/2
  slipway subscription set 3 --type tag.set --type tag.removed --tag ''`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var change api.SubscriptionChange
			some := false
			for flag, to := range map[string]struct {
				text  *string
				field **string
			}{"name": {&name, &change.Name}, "url": {&url, &change.URL}, "preset": {&preset, &change.Preset}} {
				if cmd.Flags().Changed(flag) {
					*to.field, some = to.text, true
				}
			}
			for flag, to := range map[string]struct {
				list  []string
				field **[]string
			}{"type": {types, &change.Types}, "repository": {repositories, &change.Repositories}, "package": {packages, &change.Packages}, "tag": {tags, &change.Tags}} {
				if cmd.Flags().Changed(flag) {
					filter := slices.DeleteFunc(append([]string{}, to.list...), func(s string) bool { return s == "" })
					*to.field, some = &filter, true
				}
			}
			var err error
			if change.Credentials, err = c.credentials(credentials); err != nil {
				return err
			}
			if !some && change.Credentials == nil {
				return command.Usagef("there is nothing to change: see '%s --help'", cmd.CommandPath())
			}
			return show(c, cmd, f, changedColumns, changeSubscription(args[0], change))
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&name, "name", "", "its name")
	fs.StringVar(&url, "url", "", "where to send to")
	credentialsFlag(cmd, &credentials)
	command.EnumFlag(cmd, fs, &preset, "preset", "", "", "shape of the requests: "+strings.Join(presets, ", "), presets...)
	fs.StringArrayVar(&repositories, "repository", nil, "only this repository, or glob")
	fs.StringArrayVar(&types, "type", nil, "only this type of event, or glob")
	c.completeTypes(cmd, "type")
	fs.StringArrayVar(&packages, "package", nil, "only packages of this name, or glob")
	fs.StringArrayVar(&tags, "tag", nil, "only events about this tag, or glob")
	return cmd
}

// presets are the shapes of requests.
var presets = []string{"cloudevents", "cloudevents-binary", "harbor"}

// sinkNames are the ways to send.
var sinkNames = []string{"webhook", "nats", "kafka", "amqp"}

func credentialsFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "credentials", "", "JSON file with the credentials for a message broker: username, password, token, creds, client_cert, client_key, ca; - is standard input")
}

// maxCredentials bounds a file of credentials.
const maxCredentials = 64 << 10

// credentials reads a file of credentials; nil for "".
func (c commands) credentials(path string) (*api.Credentials, error) {
	if path == "" {
		return nil, nil
	}
	from := c.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // it is only read
		from = f
	}
	var out api.Credentials
	d := json.NewDecoder(io.LimitReader(from, maxCredentials))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil {
		return nil, command.Usagef("--credentials: it is no JSON object with username, password, token, creds, client_cert, client_key, ca")
	}
	return &out, nil
}

// given returns a filter; nil when its flag was not given.
func given(list []string) *[]string {
	if len(list) == 0 {
		return nil
	}
	return &list
}

// withSecret makes a call that returns a subscription with a new secret.
func (c commands) withSecret(cmd *cobra.Command, f *Flags, call func(context.Context, *client.Client) (api.ChangedSubscription, error)) error {
	return ask(c, cmd, f, call, func(s api.ChangedSubscription) error {
		if s.Secret == "" { // a message broker's
			_, err := fmt.Fprintf(c.Stderr, "Subscription %s\n", command.Clean(s.ID))
			return err
		}
		fmt.Fprintf(c.Stderr, "Subscription %s; its secret is not shown again:\n", command.Clean(s.ID))
		_, err := fmt.Fprintln(c.Stdout, command.Clean(s.Secret))
		return err
	})
}

func (c commands) subscriptionListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the subscriptions whose repositories you administer", Example: "  slipway subscription ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, subscriptionColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Subscription, error] {
				return cl.Subscriptions(ctx)
			})
		},
	}
}

func (c commands) subscriptionShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one subscription, and what it has to send", Example: "  slipway subscription show 3", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, subscriptionDetail, func(ctx context.Context, cl *client.Client) (api.SubscriptionDetail, error) {
				return cl.Subscription(ctx, args[0])
			})
		},
	}
}

func (c commands) subscriptionPauseCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "pause ID", Short: "Send nothing until it is resumed", Example: "  slipway subscription pause 3", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			enabled := false
			return show(c, cmd, f, changedColumns, changeSubscription(args[0], api.SubscriptionChange{Enabled: &enabled}))
		},
	}
}

// changeSubscription is the call that changes a subscription.
func changeSubscription(id string, change api.SubscriptionChange) func(context.Context, *client.Client) (api.ChangedSubscription, error) {
	return func(ctx context.Context, cl *client.Client) (api.ChangedSubscription, error) {
		return cl.ChangeSubscription(ctx, id, change)
	}
}

func (c commands) subscriptionResumeCmd(f *Flags) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use: "resume ID", Short: "Go on sending, also where the server gave up", Args: command.Exactly(1),
		Long: `Continue sending where it stopped: events that happened meanwhile are sent too. With --from now neither they nor deliveries that still wait are sent.`,
		Example: `  slipway subscription resume 3
  slipway subscription resume 3 --from now`,
		RunE: func(cmd *cobra.Command, args []string) error {
			enabled := true
			return show(c, cmd, f, changedColumns, changeSubscription(args[0], api.SubscriptionChange{Enabled: &enabled, From: from}))
		},
	}
	command.EnumFlag(cmd, cmd.Flags(), &from, "from", "", "cursor", "cursor, where it stopped, or now", "cursor", "now")
	return cmd
}

func (c commands) subscriptionRotateCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rotate ID", Short: "Make a new secret and print it, this once; for a day the old one signs too", Example: "  slipway subscription rotate 3", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withSecret(cmd, f, changeSubscription(args[0], api.SubscriptionChange{RotateSecret: true}))
		},
	}
}

func (c commands) subscriptionRemoveCmd(f *Flags) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm ID", Short: "Remove a subscription with its deliveries", Example: "  slipway subscription rm 3", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.Confirm(yes, "Remove subscription "+args[0]+" with its deliveries"); err != nil {
				return err
			}
			return c.do(cmd, f, "Removed subscription "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.DeleteSubscription(ctx, args[0])
			})
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}
