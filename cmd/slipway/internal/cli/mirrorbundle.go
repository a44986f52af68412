package cli

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/lockfiles"

	"github.com/spf13/cobra"
)

func (c commands) mirrorExportCmd(f *Flags) *cobra.Command {
	var filter lockfiles.Filter
	var file string
	var since, most int64
	cmd := &cobra.Command{
		Use: "export REPO [FILE...]", Short: "Write what is in a repository into a bundle, to be carried to another server", Args: atLeast(1),
		Long: `Write versions of a repository, and of those that it answers from, into a tar archive: files, facts, and the proofs that the server's log has
them, signed with the log's key. With files, only what they name, which must be there: 'slipway mirror fetch' brings it. With --since, only
what entered the log after an entry. 'slipway mirror import' takes the bundle in elsewhere, with the key that 'slipway log key' prints here.

` + kindsOfFiles,
		Example: `  slipway mirror export npm-mirror --file bundle.tar
  slipway mirror export everything package-lock.json uv.lock --file bundle.tar --max-part 4000000000
  slipway mirror export everything --since 1042 --file news.tar`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return command.Usagef("--file: say where to write the bundle")
			}
			var items []api.PrefetchItem
			if len(args) > 1 {
				var err error
				if items, err = c.readLists(args[1:], filter); err != nil {
					return err
				}
			}
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			in, err := cl.Export(cmd.Context(), args[0], items, since)
			if err != nil {
				return err
			}
			defer in.Close()
			names, err := writeParts(file, most, in)
			if err != nil {
				return fmt.Errorf("the bundle is not whole: %w", err)
			}
			for _, name := range names {
				if _, err := fmt.Fprintln(c.Stdout, name); err != nil {
					return err
				}
			}
			return nil
		},
	}
	wheelFlags(cmd, &filter)
	cmd.Flags().StringVar(&file, "file", "", "where to write the bundle")
	cmd.Flags().Int64Var(&since, "since", -1, "only versions of which something entered the log after this entry")
	cmd.Flags().Int64Var(&most, "max-part", 0, "split the bundle into files of at most so many bytes, with .001, .002 … at the ends of their names")
	return cmd
}

// writeParts writes a stream into one file, or into several of at most so many bytes, and returns their names. Until the stream has ended
// well, they have names of their own.
func writeParts(name string, most int64, in io.Reader) (names []string, err error) {
	const unfinished = ".part"
	defer func() {
		for _, n := range names {
			if err != nil {
				_ = os.Remove(n + unfinished)
			}
		}
	}()
	for more := true; more; {
		part := name
		if most > 0 {
			part = fmt.Sprintf("%s.%03d", name, len(names)+1)
		}
		out, err := os.Create(part + unfinished)
		if err != nil {
			return names, err
		}
		names = append(names, part)
		if most > 0 {
			_, err = io.CopyN(out, in, most)
		} else if _, err = io.Copy(out, in); err == nil {
			err = io.EOF
		}
		if more = err == nil; errors.Is(err, io.EOF) {
			err = nil
		}
		if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
			return names, err
		}
	}
	for _, n := range names {
		if err := os.Rename(n+unfinished, n); err != nil {
			return names, err
		}
	}
	return names, nil
}

func (c commands) mirrorImportCmd(f *Flags) *cobra.Command {
	var to, trust string
	cmd := &cobra.Command{
		Use: "import FILE...", Short: "Take a bundle into a repository", Args: atLeast(1),
		Long: `Take a bundle of 'slipway mirror export' into a repository that you administer. The files are the bundle, or its parts in their order.
The server checks the signature with the key that you trust, every digest while it stores, and every name by its own rules. A version is made
whole or not at all. Repeat an import that was cut off: what the server has is not sent again. The exit code is 1 when something was not taken.`,
		Example: `  slipway mirror import bundle.tar --to npm-mirror --trust "$(cat slipway.vkey)"
  slipway mirror import bundle.tar.001 bundle.tar.002 --to everything --trust slipway-9f86d081+1a2b3c4d+AbCd…`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" || trust == "" {
				return command.Usagef("--to and --trust are needed: the repository, and the key of the log that signed the bundle")
			}
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			report, err := importBundle(cmd.Context(), cl.Client, to, trust, args)
			if err != nil {
				return err
			}
			if f.output == command.JSON {
				err = command.PrintJSON(c.Stdout, report)
			} else {
				err = printItem(c.Stdout, c.Screen(f.wide), report, importColumns)
			}
			for _, r := range report.Refused {
				fmt.Fprintf(c.Stderr, "slipway: %s was not taken: %s\n", command.Clean(r.PURL), command.Clean(r.Reason))
			}
			if err == nil && len(report.Missing)+len(report.Refused) > 0 {
				err = fmt.Errorf("%d contents are missing, and %d versions were not taken", len(report.Missing), len(report.Refused))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the repository")
	cmd.Flags().StringVar(&trust, "trust", "", "key of the log that must have signed the bundle, as 'slipway log key' prints it there")
	return cmd
}

var importColumns = []column[api.ImportReport]{
	{"FROM", func(r api.ImportReport) any { return r.From }},
	{"NEW VERSIONS", func(r api.ImportReport) any { return r.Versions }},
	{"PRESENT", func(r api.ImportReport) any { return r.Present }},
	{"MISSING", func(r api.ImportReport) any { return len(r.Missing) }},
	{"REFUSED", func(r api.ImportReport) any { return len(r.Refused) }},
}

// importBundle sends what a bundle says, and then the contents that the server does not have.
func importBundle(ctx context.Context, cl *client.Client, to, trust string, files []string) (api.ImportReport, error) {
	first, err := sendBundle(ctx, cl, to, trust, files, nil)
	if err != nil || len(first.Missing) == 0 {
		return first, err
	}
	missing := map[string]bool{}
	for _, d := range first.Missing {
		missing[strings.TrimPrefix(d, "sha256:")] = true
	}
	report, err := sendBundle(ctx, cl, to, trust, files, missing)
	report.Present -= first.Versions
	report.Versions += first.Versions
	return report, err
}

// sendBundle sends a bundle with those contents only that are wanted.
func sendBundle(ctx context.Context, cl *client.Client, to, trust string, files []string, wanted map[string]bool) (api.ImportReport, error) {
	var readers []io.Reader
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return api.ImportReport{}, err
		}
		defer f.Close()
		readers = append(readers, f)
	}
	body, send := io.Pipe()
	defer body.Close()
	go func() { send.CloseWithError(copyBundle(send, io.MultiReader(readers...), wanted)) }()
	return cl.Import(ctx, to, trust, body)
}

// copyBundle copies a bundle without the contents that are not wanted. Names are only compared.
func copyBundle(w io.Writer, r io.Reader, wanted map[string]bool) error {
	const blobs = "blobs/sha256/"
	in, out := tar.NewReader(r), tar.NewWriter(w)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return fmt.Errorf("the bundle ends early, or is no bundle: %w", err)
		}
		if digits, ok := strings.CutPrefix(h.Name, blobs); ok && !wanted[digits] {
			if len(wanted) == 0 {
				return out.Close() // only contents follow
			}
			continue
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
	}
}
