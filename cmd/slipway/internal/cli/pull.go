package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

// pulling is one run of "pull".
type pulling struct {
	c       *client.Client
	at      client.Package
	version string
	digest  string // digest that the content must have; "" is any
	match   string // glob of the files' last elements; "" is all
	dir     string
	stall   time.Duration // longest time without a byte from the server
	bar     *transfer
}

const stallTimeout = time.Minute

// pulledFile describes a file that was written.
type pulledFile struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	Digest string `json:"digest"`
}

func (c commands) pullCmd() *cobra.Command {
	var f Flags
	var tag, asOf string
	p := &pulling{stall: stallTimeout}
	cmd := &cobra.Command{
		Use: "pull REPO FORMAT PACKAGE [VERSION]", Short: "Fetch and verify the files of a version, or of a tag, now or as it was",
		Long: `Fetch the files of one version into a directory: VERSION, or what --tag names, now or --as-of a moment.

Every file is checked against its sha256 before it gets its name, and all of them together against the version's digest. With
--digest, which events carry, the content must be just that. Images are fetched with docker, crane or skopeo.

What a pull that was cut off has fetched stays in NAME.<digits>.part; the same command goes on from there. A file that is
there already with the right content is not fetched again.`,
		Example: `  slipway pull main npm @acme/web --tag production
  slipway pull main raw tool --tag production --as-of 2026-01-31T12:00:00Z --dir /srv/tool
  slipway pull main maven com.acme:lib 1.0 --digest "$SLIPWAY_EVENT_DIGEST" --file '*.jar'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 3 && len(args) != 4 || (len(args) == 4) == (tag != "") {
				return command.Usagef("%s takes REPO FORMAT PACKAGE and either VERSION or --tag", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.pull(cmd, p, f, tag, asOf, args) },
	}
	f.Add(cmd)
	fs := cmd.Flags()
	fs.StringVar(&tag, "tag", "", "the version that this tag names")
	fs.StringVar(&asOf, "as-of", "", "with --tag, as it was: "+asOfHelp)
	fs.StringVar(&p.digest, "digest", "", "what the version's content must be: sha256:<hex>")
	fs.StringVar(&p.match, "file", "", "only files whose last element matches this glob")
	fs.StringVar(&p.dir, "dir", ".", "where to put the files")
	return cmd
}

// pull fetches the version that the arguments name, or that a tag names.
func (c commands) pull(cmd *cobra.Command, p *pulling, f Flags, tag, asOf string, args []string) error {
	if _, err := path.Match(p.match, ""); err != nil {
		return command.Usagef("--file: %v", err)
	}
	cl, err := f.Connect(c.Program)
	if err != nil {
		return err
	}
	p.c, p.at = cl.Client, packageOf(args)
	if tag == "" {
		p.version = args[3]
	} else {
		named, err := p.c.Tag(cmd.Context(), p.at, tag, asOf)
		if err != nil {
			return err
		}
		p.version = named.Version
	}
	if args[1] == imageFormat {
		return imageHint(cmd.Context(), cl, p.at, p.version)
	}
	p.bar = newTransfer(c.Progress("pull"))
	ctx, stop := command.UntilSignal(cmd.Context())
	defer stop()
	files, err := p.run(ctx)
	p.bar.end()
	if err != nil && ctx.Err() != nil && cmd.Context().Err() == nil {
		return fmt.Errorf("%w; the same command goes on where it stopped", command.ErrInterrupted)
	}
	if err != nil {
		return err
	}
	return p.print(c.Stdout, f.output, files)
}

// imageHint is the error that says how to fetch an image, by its digest.
func imageHint(ctx context.Context, cl *Remote, at client.Package, version string) error {
	digest, err := resolve(ctx, cl.Client, at, version)
	if err != nil {
		return err
	}
	host := cl.Server()[strings.Index(cl.Server(), "://")+3:]
	return command.Usagef("an image is fetched by its own clients: docker pull %s/%s/%s@%s (or crane, skopeo)", host, at.Repository, at.Name, digest)
}

// print prints which files were written.
func (p *pulling) print(w io.Writer, output string, files []pulledFile) error {
	if output == command.JSON {
		return command.PrintJSON(w, files)
	}
	for _, file := range files {
		if _, err := fmt.Fprintln(w, command.Clean(filepath.Join(p.dir, filepath.FromSlash(file.Path)))); err != nil {
			return err
		}
	}
	return nil
}

// run fetches the version's files and returns those that it wrote.
func (p *pulling) run(ctx context.Context) ([]pulledFile, error) {
	v, err := p.c.Version(ctx, p.at, p.version)
	if err != nil {
		return nil, err
	}
	if v.State == "deleted" {
		return nil, fmt.Errorf("version %s was deleted", command.Clean(v.Version))
	}
	if err := p.check(v.Digest, v.Files); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.dir, 0o777); err != nil {
		return nil, err
	}
	// No name sent by the server can make the program write elsewhere.
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	written, wanted := []pulledFile{}, p.wanted(v.Files)
	for _, file := range wanted {
		p.bar.total += file.Size
	}
	for _, file := range wanted {
		if err := p.fetch(ctx, root, file); err != nil {
			return nil, fmt.Errorf("%s: %w", command.Clean(file.Path), err)
		}
		written = append(written, pulledFile{file.Path, file.Size, file.Digest})
	}
	if len(written) == 0 {
		return nil, errors.New("the version has no such file")
	}
	return written, nil
}

// wanted are the files that are asked for.
func (p *pulling) wanted(files []api.File) (out []api.File) {
	for _, file := range files {
		if match, _ := path.Match(p.match, path.Base(file.Path)); p.match == "" || match { // the pattern was tried before
			out = append(out, file)
		}
	}
	return out
}

// check compares the description of the files with the version's digest, and that digest with the wanted digest.
func (p *pulling) check(said api.Digest, files []api.File) error {
	got, err := client.ContentDigest(files)
	if err != nil {
		return fmt.Errorf("the answer is not what a Slipway server sends: %w", err)
	}
	if got != said {
		return fmt.Errorf("the files make %s, but the server says %s", got, command.Clean(string(said)))
	}
	if p.digest != "" && p.digest != string(said) {
		return fmt.Errorf("the version's content is %s, not %s", said, command.Clean(p.digest))
	}
	return nil
}
