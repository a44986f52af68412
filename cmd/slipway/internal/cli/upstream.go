package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var upstreamColumns = []column[api.Upstream]{
	{"NAME", func(u api.Upstream) any { return u.Name }},
	{"TYPE", func(u api.Upstream) any { return u.Type }},
	{"REPOSITORY", func(u api.Upstream) any { return u.Repository }},
	{"URL", func(u api.Upstream) any { return u.URL }},
	{"FORMATS", func(u api.Upstream) any { return formatsOf(u) }},
	{"ALLOW", func(u api.Upstream) any { return u.Allow }},
	{"DENY", func(u api.Upstream) any { return u.Deny }},
	{"MODE", func(u api.Upstream) any { return u.Mode }},
	{"THROUGH", func(u api.Upstream) any { return yes(u.Through) }},
	{"WRITES", func(u api.Upstream) any {
		if u.Writes && u.WritesVersions != "" {
			return u.WritesVersions
		}
		return yes(u.Writes)
	}},
}

func formatsOf(u api.Upstream) []string {
	if u.Format != "" {
		return []string{u.Format}
	}
	return u.Formats
}

// oneUpstreamColumns also have what only remotes have.
var oneUpstreamColumns = append(slices.Clone(upstreamColumns),
	column[api.Upstream]{"TTL", func(u api.Upstream) any { return u.TTL }},
	column[api.Upstream]{"OFFLINE", func(u api.Upstream) any { return yes(u.Offline) }},
	column[api.Upstream]{"ANONYMOUS FETCH", func(u api.Upstream) any { return yes(u.AnonymousFetch) }},
	column[api.Upstream]{"REDIRECTS", func(u api.Upstream) any { return u.Redirects }},
	column[api.Upstream]{"AUTH", func(u api.Upstream) any { return authText(u.Auth) }},
	column[api.Upstream]{"SETTINGS", func(u api.Upstream) any { return remoteSettings(u) }},
	column[api.Upstream]{"STATE", func(u api.Upstream) any {
		if u.State == nil {
			return ""
		}
		return u.State.Breaker
	}},
	column[api.Upstream]{"LAST ERROR", func(u api.Upstream) any {
		if u.State == nil {
			return ""
		}
		return u.State.LastError
	}})

// authText is "basic ci", "header X-Key" or "bearer", with the file that has the secret.
func authText(a *api.UpstreamAuth) string {
	if a == nil {
		return ""
	}
	text := strings.TrimSpace(a.Type + " " + a.User + a.Header)
	if a.File != "" {
		text += " (file " + a.File + ")"
	}
	return text
}

func (c commands) upstreamCmd() *cobra.Command {
	var f Flags
	g := c.Group("upstream", "Let a repository answer from other repositories, and from registries elsewhere", `  slipway repo create all --upstream team-a --upstream team-b
  slipway upstream add all team-c --upstream-format npm
  slipway upstream add all https://registry.example.com/ --format npm
  slipway upstream ls all`,
		c.upstreamListCmd(&f), c.upstreamAddCmd(&f), c.upstreamShowCmd(&f), c.upstreamSetCmd(&f), c.upstreamRemoveCmd(&f), c.upstreamOrderCmd(&f), c.upstreamCheckCmd(&f))
	f.Add(g)
	return g
}

func (c commands) upstreamListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls REPO", Short: "List the upstreams of a repository, in the order in which they are asked", Example: "  slipway upstream ls all", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(c, cmd, f, upstreamColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Upstream, error] {
				return cl.Upstreams(ctx, args[0])
			})
		},
	}
}

// upstreamFlags are the flags for the settings of an upstream.
type upstreamFlags struct {
	formats, allow, deny []string
	mode                 string
	through, writes      bool
	writesVersions       string

	ttl                                    string
	offline, anonymous, forbidden, library bool
	redirects, namespaces                  []string
	onRemoval, checksum                    string
	owns                                   bool
	onFailure                              string
	auth                                   authFlags
	remote                                 remoteFlags
}

func (u *upstreamFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringSliceVar(&u.formats, "upstream-format", nil, "ask it for packages of this format only; may be given again")
	fs.StringSliceVar(&u.allow, "allow", nil, "ask it only for names that match, such as '@acme/*' or 'com.acme.**'; may be given again")
	fs.StringSliceVar(&u.deny, "deny", nil, "do not ask it for names that match; may be given again")
	fs.StringVar(&u.mode, "mode", "", "of names that several places have: first (the first place alone) or merge (all together); default: as the format does")
	fs.BoolVar(&u.through, "through", false, "let those who may read the repository read the other one through it; you must administer the other one")
	fs.BoolVar(&u.writes, "writes", false, "let the other repository take what is written to this one; callers need the right in both")
	fs.StringVar(&u.writesVersions, "writes-versions", "", "with --writes: releases or snapshots of Maven, where different repositories take them; default: all versions")
	fs.StringVar(&u.ttl, "ttl", "", "of a registry elsewhere: how long a document is taken to be as it was, such as 10m; default: as the format does")
	fs.BoolVar(&u.offline, "offline", false, "of a registry elsewhere: do not ask it; what is cached is served")
	fs.BoolVar(&u.anonymous, "anonymous-fetch", false, "of a registry elsewhere: callers without credentials may cause a fetch")
	fs.StringSliceVar(&u.redirects, "redirects", nil, "of a registry elsewhere: where its redirects and links may lead: public, same-origin, or hosts")
	fs.BoolVar(&u.forbidden, "forbidden-is-missing", false, "of a registry elsewhere: its 403 means that it does not have something")
	fs.BoolVar(&u.library, "library", false, "of a registry of images elsewhere: images whose names have one segment lie in its folder library")
	fs.StringSliceVar(&u.namespaces, "namespace", nil, "of a registry of images elsewhere: name of the host by which clients of a mirror know it, beside that of its address; may be given again")
	fs.StringVar(&u.onRemoval, "on-removal", "", "of a registry elsewhere: what becomes of versions that entered and that it lists no more: block, hide or keep; default: as the format does")
	fs.StringVar(&u.checksum, "checksum", "", "of a registry elsewhere: which checksums of a file it must announce: require, strong or warn; default: as the format does")
	fs.BoolVar(&u.owns, "owns", false, "of a registry elsewhere: names that it has are ours; it is asked first, and others only for what it does not have")
	fs.StringVar(&u.onFailure, "on-failure", "", "while it can't answer: fail (names that it may have are unavailable) or skip (the places behind it answer); default: fail")
	u.auth.add(cmd)
	u.remote.add(cmd)
}

// change has what the command line names; some reports whether it names anything. A list that is given empty is emptied.
func (u *upstreamFlags) change(c commands, cmd *cobra.Command) (change api.UpstreamChange, some bool, err error) {
	if u.auth.passwordStdin && u.remote.proxyStdin || u.auth.tokenStdin && u.remote.proxyStdin {
		return change, false, command.Usagef("only one secret comes from standard input")
	}
	if change.Auth, err = u.auth.read(c, cmd); err != nil {
		return change, false, err
	}
	if some, err = u.remote.change(c, cmd, &change); err != nil {
		return change, false, err
	}
	some = some || change.Auth != nil
	given := func(name string) bool {
		some = some || cmd.Flags().Changed(name)
		return cmd.Flags().Changed(name)
	}
	for name, v := range map[string]struct {
		from *[]string
		to   **[]string
	}{"upstream-format": {&u.formats, &change.Formats}, "allow": {&u.allow, &change.Allow}, "deny": {&u.deny, &change.Deny}, "redirects": {&u.redirects, &change.Redirects},
		"namespace": {&u.namespaces, &change.Namespaces}} {
		if given(name) {
			some := append([]string{}, *v.from...)
			*v.to = &some
		}
	}
	for name, v := range map[string]struct {
		from *string
		to   **string
	}{"mode": {&u.mode, &change.Mode}, "ttl": {&u.ttl, &change.TTL}, "on-removal": {&u.onRemoval, &change.OnRemoval}, "checksum": {&u.checksum, &change.Checksum}, "on-failure": {&u.onFailure, &change.OnFailure}} {
		if given(name) {
			*v.to = v.from
		}
	}
	if given("writes-versions") {
		change.WritesVersions = &u.writesVersions
	}
	for name, v := range map[string]struct {
		from *bool
		to   **bool
	}{"through": {&u.through, &change.Through}, "writes": {&u.writes, &change.Writes}, "offline": {&u.offline, &change.Offline},
		"anonymous-fetch": {&u.anonymous, &change.AnonymousFetch}, "forbidden-is-missing": {&u.forbidden, &change.ForbiddenIsMissing}, "library": {&u.library, &change.Library}, "owns": {&u.owns, &change.Owns}} {
		if given(name) {
			*v.to = v.from
		}
	}
	return change, some, nil
}

func (c commands) upstreamAddCmd(f *Flags) *cobra.Command {
	var u upstreamFlags
	var name, format string
	cmd := &cobra.Command{
		Use: "add REPO OTHER", Short: "Let a repository answer from another one, or from a URL elsewhere, after those that it has", Args: command.Exactly(2),
		Example: `  slipway upstream add all team-c
  slipway upstream add all team-c --upstream-format npm --allow '@acme/*' --through
  slipway upstream add all https://registry.example.com/simple/ --format pypi --name pypi --ttl 10m
  slipway upstream add all https://registry.example.com/npm/ --format npm --token-stdin < token`,
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := upstreamOf(args[1], format)
			if err != nil {
				return err
			}
			n.Name = cmp.Or(name, n.Name)
			settings, _, err := u.change(c, cmd)
			if err != nil {
				return err
			}
			raw, err := json.Marshal(settings)
			if err == nil {
				err = json.Unmarshal(raw, &n) // the fields have the same names
			}
			if err != nil {
				return err
			}
			return show(c, cmd, f, oneUpstreamColumns, func(ctx context.Context, cl *client.Client) (api.Upstream, error) {
				return cl.AddUpstream(ctx, args[0], n)
			})
		},
	}
	u.add(cmd)
	cmd.Flags().StringVar(&name, "name", "", "its name in the repository (default: that of the other one, or of the format)")
	cmd.Flags().StringVar(&format, "format", "", "format of the registry at the URL: npm, pypi, maven, oci or raw")
	return cmd
}

func (c commands) upstreamShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show REPO UPSTREAM", Short: "Show one upstream", Example: "  slipway upstream show all team-a", Args: command.Exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, oneUpstreamColumns, func(ctx context.Context, cl *client.Client) (api.Upstream, error) {
				return cl.Upstream(ctx, args[0], args[1])
			})
		},
	}
}

func (c commands) upstreamSetCmd(f *Flags) *cobra.Command {
	var u upstreamFlags
	var url string
	cmd := &cobra.Command{
		Use: "set REPO UPSTREAM", Short: "Change an upstream; what is not named stays", Args: command.Exactly(2),
		Example: `  slipway upstream set all team-a --deny '@secret/*'
  slipway upstream set all team-a --deny ''
  slipway upstream set mirror npm --user ci --password-stdin < password
  slipway upstream set mirror npm --url https://registry.example.com/ --no-auth
  slipway upstream set mirror npm --tls-ca ca.pem --tls-certificate me.pem --tls-key me-key.pem
  slipway upstream set mirror npm --rate 5 --timeout document=5s,idle=1m --max-file 1GiB`,
		RunE: func(cmd *cobra.Command, args []string) error {
			change, some, err := u.change(c, cmd)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("url") {
				change.URL = &url
			}
			if !some && change.URL == nil {
				return command.Usagef("there is nothing to change: see '%s --help'", cmd.CommandPath())
			}
			return show(c, cmd, f, oneUpstreamColumns, func(ctx context.Context, cl *client.Client) (api.Upstream, error) {
				return cl.ChangeUpstream(ctx, args[0], args[1], change)
			})
		},
	}
	u.add(cmd)
	cmd.Flags().StringVar(&url, "url", "", "of a registry elsewhere: another address; where the host is another, give its credentials too, or --no-auth")
	return cmd
}

func (c commands) upstreamRemoveCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rm REPO UPSTREAM", Short: "Stop answering from an upstream; the other repository stays", Example: "  slipway upstream rm all team-a", Args: command.Exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, "Removed upstream "+args[1]+" of repository "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.RemoveUpstream(ctx, args[0], args[1])
			})
		},
	}
}

func (c commands) upstreamOrderCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "order REPO UPSTREAM...", Short: "Set the order in which upstreams are asked", Example: "  slipway upstream order all team-b team-a",
		Args: atLeast(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, "Repository "+args[0]+" asks "+strings.Join(args[1:], ", "), func(ctx context.Context, cl *client.Client) error {
				_, err := cl.OrderUpstreams(ctx, args[0], args[1:])
				return err
			})
		},
	}
}
