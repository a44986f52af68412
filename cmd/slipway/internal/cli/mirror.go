package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/lockfiles"

	"github.com/spf13/cobra"
)

func (c commands) mirrorCmd() *cobra.Command {
	var f Flags
	g := c.Group("mirror", "Fill a repository ahead of time, and carry it to places without a network", `  slipway mirror plan package-lock.json uv.lock
  slipway mirror fetch npm-mirror package-lock.json
  slipway mirror jobs
  slipway mirror export npm-mirror --file bundle.tar
  slipway mirror import bundle.tar --to npm-mirror --trust "$(cat slipway.vkey)"`,
		c.mirrorPlanCmd(&f), c.mirrorFetchCmd(&f), c.mirrorJobsCmd(&f), c.mirrorExportCmd(&f), c.mirrorImportCmd(&f))
	f.Add(g)
	return g
}

// kindsOfFiles is what mirror commands read.
const kindsOfFiles = `Files are known by their names: package-lock.json, npm-shrinkwrap.json, pnpm-lock.yaml, yarn.lock, bun.lock; requirements*.txt, uv.lock,
poetry.lock, pdm.lock, pylock.toml; *.lockfile and verification-metadata.xml of Gradle; CycloneDX and SPDX bills of materials (*.json). Any
other file, and - for standard input, is a list: one Maven coordinate group:artifact:version, image reference or package URL on each line.
Of what files say, names, versions and digests are used; addresses are not.`

// wheelFlags select among files for different machines.
func wheelFlags(cmd *cobra.Command, f *lockfiles.Filter) {
	cmd.Flags().StringVar(&f.Python, "python", "", "of wheels, only those for this interpreter, such as cp312")
	cmd.Flags().StringVar(&f.Platform, "platform", "", "of wheels, only those for this platform, such as linux/amd64")
}

// readLists reads files; what can't come from a registry is reported.
func (c commands) readLists(names []string, f lockfiles.Filter) ([]api.PrefetchItem, error) {
	var out []api.PrefetchItem
	for _, name := range names {
		data, err := c.readList(name)
		if err != nil {
			return out, err
		}
		l, err := lockfiles.Parse(name, data, f)
		if err != nil {
			return out, fmt.Errorf("%s: %w", name, err)
		}
		for _, s := range l.Skipped {
			fmt.Fprintf(c.Stderr, "slipway: note: %s: %s is left out: %s\n", command.Clean(name), command.Clean(s.What), s.Why)
		}
		for _, it := range l.Items {
			out = append(out, api.PrefetchItem(it))
		}
	}
	if len(out) == 0 {
		return out, errors.New("the files name nothing that a registry has")
	}
	return out, nil
}

func (c commands) readList(name string) ([]byte, error) {
	in := c.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, lockfiles.MaxBytes+1))
}

var plannedColumns = []column[api.PrefetchItem]{
	{"PURL", func(i api.PrefetchItem) any { return packageURL(i.PURL) }},
	{"DIGESTS", func(i api.PrefetchItem) any { return len(i.Digests) }},
}

var jobItemColumns = []column[api.JobItem]{
	{"PURL", func(i api.JobItem) any { return packageURL(i.PURL) }},
	{"STATE", func(i api.JobItem) any { return state(i.State) }},
	{"FILES", func(i api.JobItem) any { return i.Files }},
	{"BYTES", func(i api.JobItem) any { return bytesText(i.Bytes) }},
	{"REASON", func(i api.JobItem) any { return i.Reason }},
}

var jobColumns = []column[api.Job]{
	{"JOB", func(j api.Job) any { return j.ID }},
	{"REPOSITORY", func(j api.Job) any { return j.Repository }},
	{"STATE", func(j api.Job) any { return state(j.State) }},
	{"ITEMS", func(j api.Job) any { return j.Items }},
	{"PRESENT", func(j api.Job) any { return j.Present }},
	{"FETCHED", func(j api.Job) any { return j.Fetched }},
	{"MISSING", func(j api.Job) any { return j.Missing }},
	{"BEGAN", func(j api.Job) any { return when(j.StartedAt) }},
	{onlyWide("BY"), func(j api.Job) any { return j.By }},
}

func (c commands) mirrorJobsCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "jobs", Short: "List the fetches that run in the server, and the last ones that have ended", Args: command.Exactly(0),
		Long: "List your fetches, and those into repositories that you administer; auditors of the server see all. They are forgotten when the server starts.", Example: "  slipway mirror jobs",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, jobColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Job, error] { return cl.Jobs(ctx) })
		},
	}
}

func (c commands) mirrorPlanCmd(f *Flags) *cobra.Command {
	var filter lockfiles.Filter
	var repository string
	cmd := &cobra.Command{
		Use: "plan FILE...", Short: "Show what lock files and lists name, and what of it is here", Args: atLeast(1),
		Long: "Show which versions lock files, bills of materials and lists name. With --repo the server tells which of them are in a repository; nothing is fetched.\n\n" + kindsOfFiles,
		Example: `  slipway mirror plan package-lock.json
  slipway mirror plan --repo everything uv.lock --python cp312 --platform linux/amd64
  echo com.acme:lib:1.0 | slipway mirror plan --repo maven-mirror -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			items, err := c.readLists(args, filter)
			if err != nil {
				return err
			}
			if repository != "" {
				_, err := c.runJobs(cmd, f, repository, items, true)
				return err
			}
			if f.output == command.JSON {
				return command.PrintJSON(c.Stdout, items)
			}
			return printList(c.Stdout, c.Screen(f.wide), items, plannedColumns)
		},
	}
	wheelFlags(cmd, &filter)
	cmd.Flags().StringVar(&repository, "repo", "", "ask the server what of it is in this repository")
	return cmd
}

func (c commands) mirrorFetchCmd(f *Flags) *cobra.Command {
	var filter lockfiles.Filter
	cmd := &cobra.Command{
		Use: "fetch REPO FILE...", Short: "Fetch what lock files and lists name into a repository", Args: atLeast(2),
		Long: `Fetch what lock files, bills of materials and lists name into a repository, from its upstreams, as clients would that ask for each file.
What is there already is not fetched again: a fetch that was cut off goes on when it is repeated. POMs lead to their parents and to the
POMs that they import. The exit code is 1 when something is missing at the end.

` + kindsOfFiles,
		Example: `  slipway mirror fetch npm-mirror package-lock.json
  slipway mirror fetch everything uv.lock poms.txt --python cp312 --platform linux/amd64`,
		RunE: func(cmd *cobra.Command, args []string) error {
			items, err := c.readLists(args[1:], filter)
			if err != nil {
				return err
			}
			missing, err := c.runJobs(cmd, f, args[0], items, false)
			if err == nil && missing > 0 {
				err = fmt.Errorf("%d of %d are missing in repository %s", missing, len(items), args[0])
			}
			return err
		},
	}
	wheelFlags(cmd, &filter)
	return cmd
}

const (
	jobPart    = 10_000 // items of one job
	jobRetries = 5      // of a job that the server forgot, or could not take
	jobPause   = 100 * time.Millisecond
	jobPauses  = 2 * time.Second // at most
)

// runJobs lets the server work a list off, prints what became of each item, and returns how many are missing.
func (c commands) runJobs(cmd *cobra.Command, f *Flags, repository string, items []api.PrefetchItem, look bool) (missing int, err error) {
	cl, err := f.Connect(c.Program)
	if err != nil {
		return 0, err
	}
	bar := c.Progress("fetch")
	report := []api.JobItem{}
	for begin := 0; begin < len(items); begin += jobPart {
		part := items[begin:min(begin+jobPart, len(items))]
		j, err := c.runJob(cmd.Context(), cl.Client, repository, part, look, func(j api.Job) {
			bar.Show(float64(begin+j.Present+j.Fetched+j.Missing)/float64(len(items)), fmt.Sprintf("%d fetched, %d missing", j.Fetched, j.Missing))
		})
		if err != nil {
			bar.End()
			return 0, err
		}
		missing += j.Missing
		for item, err := range cl.JobItems(cmd.Context(), j.ID, "") {
			if err != nil {
				bar.End()
				return 0, err
			}
			report = append(report, item)
		}
	}
	bar.End()
	if f.output == command.JSON {
		return missing, command.PrintJSON(c.Stdout, report)
	}
	return missing, printList(c.Stdout, c.Screen(f.wide), report, jobItemColumns)
}

// runJob runs one job to its end. A server that was restarted meanwhile has forgotten it, and gets the list again: what was fetched stays.
func (c commands) runJob(ctx context.Context, cl *client.Client, repository string, items []api.PrefetchItem, look bool, show func(api.Job)) (api.Job, error) {
	for try := 0; ; try++ {
		j, err := cl.Prefetch(ctx, repository, items, look)
		begun := err == nil
		for pause := jobPause; err == nil && j.State == "running"; pause = min(2*pause, jobPauses) {
			show(j)
			if err = wait(ctx, pause); err == nil {
				j, err = cl.Job(ctx, j.ID)
			}
		}
		var away *client.Unreachable
		switch again := client.IsStatus(err, http.StatusTooManyRequests) || client.IsStatus(err, http.StatusServiceUnavailable) ||
			begun && (client.IsStatus(err, http.StatusNotFound) || errors.As(err, &away)); {
		case err == nil && j.State == "finished":
			return j, nil
		case err == nil:
			return j, errors.New("the server stopped the job: the login may have ended; repeat the command")
		case !again || try == jobRetries:
			return j, err
		}
		if err := wait(ctx, jobPauses); err != nil {
			return j, err
		}
	}
}

// wait returns after a time, or with the cause of the end of ctx.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
