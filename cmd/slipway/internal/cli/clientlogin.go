package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/clientconfig"
	"slipway/cmd/slipway/internal/command"
	"slipway/internal/lazyregexp"

	"github.com/spf13/cobra"
)

// clientLogin is one run of "login npm" and its siblings.
type clientLogin struct {
	client     clientconfig.Client
	repository string
	id         string
	scope      string
	publish    bool
	print      bool
	expires    time.Duration
}

// setUp is the result of "login npm" as JSON.
type setUp struct {
	Client     string      `json:"client"`
	Server     string      `json:"server"`
	Repository string      `json:"repository"`
	TokenID    string      `json:"token_id"`
	ExpiresAt  *string     `json:"expires_at"`
	Files      []setUpFile `json:"files"`
}

// setUpFile is a file that was written; Backup is what was there before, "" if nothing was.
type setUpFile struct {
	Path   string `json:"path"`
	Backup string `json:"backup,omitempty"`
}

// clientLoginCmds are the commands that set up package managers.
func (c commands) clientLoginCmds(f *Flags) []*cobra.Command {
	var out []*cobra.Command
	for _, known := range clientconfig.Clients() {
		l := &clientLogin{client: known}
		cmd := &cobra.Command{
			Use: known.Name, Short: "Set up " + known.Short, Args: command.Exactly(0),
			Long: fmt.Sprintf(`Set up %s. A token is made that may read one repository, with --publish also publish there, and is
written with the repository's address into the client's own files, in your home. Everything else in these files stays; a file
that changes is copied first, to a name that ends with .before-slipway and the time.

The token is one of the token that you are logged in with, and ends with that one. The token that a former run made for the
same client and repository is revoked. With --print nothing is made or written: the lines are shown.`, known.Short),
			Example: fmt.Sprintf("  slipway login %[1]s\n  slipway login %[1]s --repository team-a --publish\n  slipway login %[1]s --print", known.Name),
			RunE:    func(cmd *cobra.Command, _ []string) error { return c.setUp(cmd.Context(), f, l) },
		}
		fs := cmd.Flags()
		fs.StringVar(&l.repository, "repository", "main", "repository to read from and publish to")
		fs.BoolVar(&l.publish, "publish", false, "also allow publishing")
		fs.BoolVar(&l.print, "print", false, "only show the lines, with slp_… for the token")
		fs.StringVar(&l.id, "id", "", "name of the registry in files that name registries (default: slipway, for other repositories than main slipway-REPOSITORY)")
		fs.DurationVar(&l.expires, "expires-in", 0, "how long the token is valid, such as 720h (default: as long as the token that you are logged in with)")
		if known.Scoped {
			fs.StringVar(&l.scope, "scope", "", "only packages of this scope come from here, such as @acme")
		}
		out = append(out, cmd)
	}
	return out
}

// plainID is a name that needs no quotes in any client's file.
var plainID = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_-]*$`)

func (l *clientLogin) check() error {
	if l.id == "" {
		l.id = "slipway"
		if l.repository != "main" {
			l.id += "-" + strings.ReplaceAll(l.repository, ".", "-")
		}
	}
	switch {
	case !plainID.MatchString(l.id):
		return command.Usagef("--id: a name has letters, digits, - and _, and begins with a letter")
	case l.scope != "" && !regexp.MustCompile(`^@[a-z0-9][a-z0-9._-]*$`).MatchString(l.scope):
		return command.Usagef("--scope: it is of the form @acme")
	case l.expires < 0:
		return command.Usagef("--expires-in: can't be negative")
	}
	return nil
}

func (c commands) setUp(ctx context.Context, f *Flags, l *clientLogin) error {
	if err := l.check(); err != nil {
		return err
	}
	cl, err := f.Connect(c.Program)
	if err != nil {
		return err
	}
	t := clientconfig.Target{Server: cl.Server(), Repository: l.repository, Token: "slp_…", ID: l.id, Scope: l.scope, Env: c.Env}
	if l.print {
		return c.printSetUp(l, t)
	}
	if c.Env("HOME") == "" {
		return errors.New("HOME is not set, so the client's files have no place; --print shows the lines")
	}
	if err := mustBeThere(ctx, cl.Client, l.repository); err != nil {
		return err
	}
	if _, err := mergeAll(l.client.Files(t)); err != nil { // before a token is made: a file that can't be read stops here
		return err
	}
	tok, err := cl.CreateToken(ctx, l.tokenRequest())
	if err != nil {
		return err
	}
	t.Token = tok.Secret
	files, err := mergeAll(l.client.Files(t))
	if err != nil {
		return err
	}
	result := setUp{Client: l.client.Name, Server: cl.Server(), Repository: l.repository, TokenID: tok.ID, ExpiresAt: tok.ExpiresAt}
	for _, file := range files {
		backup, err := file.write()
		if err != nil {
			return fmt.Errorf("%w; the token %s was made: revoke it with 'slipway token rm %s'", err, tok.ID, tok.ID)
		}
		result.Files = append(result.Files, setUpFile{file.path, backup})
	}
	if err := c.replaceToken(ctx, cl, l, tok.ID); err != nil {
		return err
	}
	return c.reportSetUp(f, l, t, result)
}

// tokenRequest asks for a token with the least rights that the client needs.
func (l *clientLogin) tokenRequest() api.TokenRequest {
	actions := []api.Action{api.ActionRead}
	if l.publish {
		actions = append(actions, api.ActionPublish)
	}
	name := l.client.Name + strings.TrimPrefix(defaultTokenName(), "login")
	return tokenRequest(name, []api.Permission{{Repository: l.repository, Actions: actions}}, l.expires)
}

// mustBeThere refuses a repository that the caller can't see, and names the nearest one.
func mustBeThere(ctx context.Context, cl *client.Client, repository string) error {
	_, err := cl.Repository(ctx, repository)
	if !client.IsStatus(err, 404) {
		return err
	}
	var names []string
	for r, listErr := range cl.Repositories(ctx) {
		if listErr != nil {
			return err
		}
		names = append(names, r.Name)
	}
	return fmt.Errorf("%w%s", err, command.DidYouMean(repository, names))
}

// printSetUp shows the lines that a client without files would get.
func (c commands) printSetUp(l *clientLogin, t clientconfig.Target) error {
	for _, file := range l.client.Files(t) {
		text, err := file.Merge("")
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.Stdout, "# %s\n%s\n", file.Path, strings.TrimRight(text, "\n")+"\n"); err != nil {
			return err
		}
	}
	for _, line := range l.client.Use(t) {
		fmt.Fprintln(c.Stderr, line)
	}
	return nil
}

func (c commands) reportSetUp(f *Flags, l *clientLogin, t clientconfig.Target, result setUp) error {
	if f.output == command.JSON {
		return command.PrintJSON(c.Stdout, result)
	}
	rights := "read"
	if l.publish {
		rights = "read and publish"
	}
	out := fmt.Sprintf("%s can %s in %s of %s, with token %s%s\n", l.client.Name, rights, l.repository, t.Server, result.TokenID, until(result.ExpiresAt))
	for _, file := range result.Files {
		out += "  wrote " + file.Path
		if file.Backup != "" {
			out += " (before: " + filepath.Base(file.Backup) + ")"
		}
		out += "\n"
	}
	for _, line := range l.client.Use(t) {
		out += "  " + line + "\n"
	}
	_, err := fmt.Fprint(c.Stdout, out)
	return err
}

// replaceToken remembers the client's token, and revokes the one that it replaces, which nothing uses any more.
func (c commands) replaceToken(ctx context.Context, cl *Remote, l *clientLogin, id string) error {
	former := ""
	err := store(c.Program, func(all *logins) {
		key := strings.Join([]string{l.client.Name, cl.Server(), l.repository, l.scope, l.id}, " ")
		if all.Clients == nil {
			all.Clients = map[string]string{}
		}
		former = all.Clients[key]
		all.Clients[key] = id
	})
	if err != nil {
		return err
	}
	if former == "" {
		return nil
	}
	err = cl.RevokeToken(ctx, former)
	if err != nil && !client.IsStatus(err, 404) && !client.IsStatus(err, 403) {
		return fmt.Errorf("the former token %s was not revoked: %w", former, err)
	}
	return nil
}

// mergedFile is a client's file as it is and as it will be.
type mergedFile struct {
	path     string
	old, new string
	exists   bool
}

func mergeAll(files []clientconfig.File) ([]mergedFile, error) {
	var out []mergedFile
	for _, file := range files {
		m := mergedFile{path: file.Path}
		if target, err := filepath.EvalSymlinks(file.Path); err == nil {
			m.path = target // the link stays
		}
		raw, err := os.ReadFile(m.path)
		m.exists = err == nil
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		m.old = string(raw)
		if m.new, err = file.Merge(m.old); err != nil {
			return nil, fmt.Errorf("%s: %w", m.path, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// write replaces the file, and returns where the former one is; "" if there was none.
func (m mergedFile) write() (backup string, err error) {
	if m.exists && m.old == m.new {
		return "", nil
	}
	if err := os.MkdirAll(filepath.Dir(m.path), command.DirMode); err != nil {
		return "", err
	}
	if m.exists {
		backup = m.path + ".before-slipway-" + time.Now().UTC().Format("20060102T150405.000")
		if err := command.WriteSecret(backup, []byte(m.old)); err != nil {
			return "", err
		}
	}
	return backup, command.WriteSecret(m.path, []byte(m.new))
}
