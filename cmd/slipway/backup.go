package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"slipway/backup"
	"slipway/metadata"
	"slipway/metadata/sqlite"
)

func (c *cli) backupCmd() *cobra.Command {
	var cfg config
	var o backup.Options
	var withoutBlobs bool
	var output string
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "Add a snapshot to a backup directory, on the machine of a server that may run",
		Long: `Add a snapshot of everything to a backup directory, which is made if it is not there: the database as it is at one moment,
the bytes that it names, and the key of its log. The server may run, and nobody waits for it. Bytes are kept once however many
snapshots name them, so only the first backup takes long. A backup that is cut off leaves the snapshots before it as they were.

The directory holds all secrets that the data directory holds: keep it as safe. "slipway restore" makes an installation of it.

The exit code is 1 when the installation has lost bytes that its database names: the snapshot is made of the rest, and nothing
older is removed.`,
		Example: `  slipway backup /mnt/backup/slipway --data /var/lib/slipway
  slipway backup /mnt/backup/slipway --keep 30
  slipway backup /mnt/backup/slipway --blobs 's3://bucket?endpoint=https://s3.example.com' --without-blobs`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			if o.Keep < 0 {
				return usagef("--keep: can't be negative")
			}
			return c.backup(cmd, &cfg, args[0], o, withoutBlobs, output)
		},
	}
	cfg.storeFlags(cmd.Flags())
	cmd.Flags().IntVar(&o.Keep, "keep", 7, "how many snapshots stay, with this one; 0 is all")
	cmd.Flags().BoolVar(&withoutBlobs, "without-blobs", false, "leave the bytes to another backup, such as that of the bucket")
	cmd.Flags().BoolVar(&o.Verify, "verify", false, "also read the bytes that the directory has already, and bring anew what is damaged there")
	cmd.Flags().StringVar(&output, "output", outputTable, "table or json")
	return cmd
}

func (c *cli) backup(cmd *cobra.Command, cfg *config, dir string, o backup.Options, withoutBlobs bool, output string) (err error) {
	if err := cfg.resolve(cmd.Flags(), c.env); err != nil {
		return err
	}
	if err := cfg.mustExist(); err != nil {
		return err
	}
	if o.Database, err = cfg.databasePath(); err != nil {
		return err
	}
	o.Key = cfg.logKeyPath()
	if err := cfg.apart(dir); err != nil {
		return err
	}
	// Where no server runs, none may start meanwhile, and packs may want mending; beside one, they are its own.
	lock, err := sqlite.Lock(o.Database)
	beside := errors.Is(err, metadata.ErrInUse)
	if err != nil && !beside {
		return err
	}
	if lock != nil {
		defer func() { err = errors.Join(err, lock.Close()) }()
	}
	if !withoutBlobs {
		blobs, err := cfg.openBlobs(cmd.Context(), beside)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, blobs.Close()) }()
		o.Blobs = blobs
	}
	bar := c.progress("backup")
	o.Progress = bar.of
	sum, err := backup.Run(cmd.Context(), dir, o)
	bar.end()
	if err != nil {
		return err
	}
	return c.reportBackup(dir, sum, withoutBlobs, output)
}

func (c *cli) reportBackup(dir string, sum backup.Summary, withoutBlobs bool, output string) error {
	if output == outputJSON {
		if err := json.NewEncoder(c.stdout).Encode(sum); err != nil {
			return err
		}
	} else {
		for _, d := range sum.Lost {
			fmt.Fprintf(c.stdout, "lost: %s is not among the blobs; \"slipway fsck\" says which versions need it\n", d)
		}
		what := fmt.Sprintf("%d blobs (%d bytes), %d of them new (%d bytes)", sum.Blobs, sum.Bytes, sum.Copied, sum.CopiedBytes)
		if withoutBlobs {
			what = fmt.Sprintf("without its %d blobs (%d bytes)", sum.Blobs, sum.Bytes)
		}
		if _, err := fmt.Fprintf(c.stdout, "backup: snapshot %s in %s, %s; removed %d snapshots and %d blobs\n",
			sum.Name, dir, what, sum.Removed, sum.Freed); err != nil {
			return err
		}
	}
	if len(sum.Lost) > 0 {
		return errReported
	}
	return nil
}

// apart refuses a backup directory that is one of the installation's: each would take the other's files for its own.
func (c *config) apart(dir string) error {
	db, err := c.databasePath()
	if err != nil {
		return err
	}
	blobs, err := c.blobTarget()
	if err != nil {
		return err
	}
	here, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return usagef("DIR: %w", err)
	}
	for _, own := range []string{c.data, filepath.Dir(db), blobs.dir} {
		if there, err := os.Stat(own); err == nil && os.SameFile(here, there) {
			return usagef("DIR: %s is the installation itself", dir)
		}
	}
	return nil
}

// of shows the progress of a backup or of a restore.
func (p *progress) of(what string, done, total int64) {
	p.show(float64(done)/float64(max(total, 1)), fmt.Sprintf("%d of %d %s", done, total, unitOf(what)))
}

func unitOf(what string) string {
	if what == "database" {
		return "bytes of the database"
	}
	return what
}
