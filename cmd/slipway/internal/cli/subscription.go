package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var subscriptionColumns = []column{field("ID", "id"), field("NAME", "name"), field("URL", "url"), field("PRESET", "preset"),
	field("TYPES", "types"), field("REPOSITORIES", "repositories"), field("PACKAGES", "packages"), field("TAGS", "tags"),
	field("ENABLED", "enabled"), field("FAILING SINCE", "failing_since")}

// subscriptionDetail are the columns of one subscription.
var subscriptionDetail = append(subscriptionColumns[:len(subscriptionColumns):len(subscriptionColumns)], field("DISABLED AT", "disabled_at"),
	field("BECAUSE", "disabled_reason"), field("PENDING", "pending"), field("OLDEST PENDING", "oldest_pending_at"), field("DEAD", "dead"),
	field("CREATED", "created_at"), field("BY", "created_by"))

func (c commands) subscriptionCmd() *cobra.Command {
	var f Flags
	g := c.Group("subscription", "Send events to other systems by webhook", `  slipway subscription create deploys --url https://ci.example.com/hook --repository main --type tag.set --tag production
  slipway subscription ping 3
  slipway subscription deliveries 3 --state dead
  slipway subscription redeliver 1207`,
		c.subscriptionCreateCmd(&f), c.subscriptionListCmd(&f), c.subscriptionShowCmd(&f), c.subscriptionPauseCmd(&f), c.subscriptionResumeCmd(&f),
		c.subscriptionRotateCmd(&f), c.subscriptionRemoveCmd(&f), c.subscriptionPingCmd(&f), c.subscriptionDeliveriesCmd(&f), c.subscriptionDeliveryCmd(&f),
		c.subscriptionRedeliverCmd(&f))
	f.Add(g)
	return g
}

// maxSecretInput bounds what is read of a secret.
const maxSecretInput = 1 << 10

func (c commands) subscriptionCreateCmd(f *Flags) *cobra.Command {
	var url, preset string
	var types, repositories, packages, tags []string
	var secretStdin bool
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Send the events of some repositories to a URL, and print the secret that signs them, this once", Args: command.Exactly(1),
		Long: `Send the events that happen from now on to a URL, signed (Standard Webhooks), with retries for three days. Without --repository
it is for every repository and for what concerns the whole server. Each filter may be given again, and takes globs; an event
must match one of each kind that is given.

The secret is kept sealed and can't be shown again; it is printed to standard output alone.`,
		Example: `  slipway subscription create deploys --url https://ci.example.com/hook --repository main --type tag.set --tag production
  slipway subscription create images --url https://argocd.example.com/webhook --preset harbor --repository main`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if url == "" {
				return command.Usagef("--url: a subscription needs to know where to send to")
			}
			body := map[string]any{"name": args[0], "sink": "webhook", "url": url}
			if preset != "" {
				body["preset"] = preset
			}
			for key, list := range map[string][]string{"types": types, "repositories": repositories, "packages": packages, "tags": tags} {
				if len(list) > 0 {
					body[key] = list
				}
			}
			if secretStdin {
				raw, err := io.ReadAll(io.LimitReader(c.Stdin, maxSecretInput))
				if err != nil {
					return err
				}
				body["secret"] = strings.TrimRight(string(raw), "\r\n")
			}
			return c.withSecret(cmd, f, request{method: http.MethodPost, path: "/subscriptions", body: body})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&url, "url", "", "where to send to (required)")
	fs.StringVar(&preset, "preset", "", "shape of what is sent: cloudevents, cloudevents-binary, harbor (default: cloudevents)")
	fs.StringArrayVar(&repositories, "repository", nil, "only this repository, or glob")
	fs.StringArrayVar(&types, "type", nil, "only this type of event, or glob, such as tag.set or 'artifact.*'")
	c.completeTypes(cmd, "type")
	fs.StringArrayVar(&packages, "package", nil, "only packages of this name, or glob")
	fs.StringArrayVar(&tags, "tag", nil, "only what is about this tag, or glob")
	fs.BoolVar(&secretStdin, "secret-stdin", false, "read the secret from standard input instead of having one made")
	return cmd
}

// withSecret makes a call that answers a subscription with a new secret.
func (c commands) withSecret(cmd *cobra.Command, f *Flags, rq request) error {
	cl, err := c.client(f)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := cl.call(cmd.Context(), rq, &raw); err != nil {
		return err
	}
	if f.output == command.JSON {
		return command.PrintJSON(c.Stdout, raw)
	}
	var s struct{ ID, Secret string }
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	fmt.Fprintf(c.Stderr, "Subscription %s; its secret is not shown again:\n", command.Clean(s.ID))
	_, err = fmt.Fprintln(c.Stdout, command.Clean(s.Secret))
	return err
}

func (c commands) subscriptionListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the subscriptions whose repositories you administer", Example: "  slipway subscription ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.list(cmd, f, "/subscriptions", nil, subscriptionColumns...)
		},
	}
}

func (c commands) subscriptionShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one subscription, and what it has to send", Example: "  slipway subscription show 3", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.show(cmd, f, request{method: http.MethodGet, path: segments("subscriptions", args[0])}, subscriptionDetail...)
		},
	}
}

func (c commands) subscriptionPauseCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "pause ID", Short: "Send nothing until it is resumed", Example: "  slipway subscription pause 3", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.show(cmd, f, changeSubscription(args[0], map[string]any{"enabled": false}), subscriptionColumns...)
		},
	}
}

func changeSubscription(id string, body map[string]any) request {
	return request{method: http.MethodPatch, path: segments("subscriptions", id), body: body}
}

func (c commands) subscriptionResumeCmd(f *Flags) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use: "resume ID", Short: "Go on sending, also where the server gave up", Args: command.Exactly(1),
		Long: `Go on sending where it stopped: what happened meanwhile is sent too. With --from now it is not, nor what still waited.`,
		Example: `  slipway subscription resume 3
  slipway subscription resume 3 --from now`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.show(cmd, f, changeSubscription(args[0], map[string]any{"enabled": true, "from": from}), subscriptionColumns...)
		},
	}
	cmd.Flags().StringVar(&from, "from", "cursor", "cursor, where it stopped, or now")
	return cmd
}

func (c commands) subscriptionRotateCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rotate ID", Short: "Make a new secret and print it, this once; for a day the old one signs too", Example: "  slipway subscription rotate 3", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withSecret(cmd, f, changeSubscription(args[0], map[string]any{"rotate_secret": true}))
		},
	}
}

func (c commands) subscriptionRemoveCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rm ID", Short: "Remove a subscription with its deliveries", Example: "  slipway subscription rm 3", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, request{method: http.MethodDelete, path: segments("subscriptions", args[0])}, "Removed subscription "+args[0])
		},
	}
}
