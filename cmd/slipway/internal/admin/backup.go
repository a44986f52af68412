package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/backup"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
	"slipway/formats"
	"slipway/metadata"
)

func (c commands) backupCmd() *cobra.Command {
	var cfg installation.Config
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

With --without-cached, bytes are left out that registries elsewhere have, so that the backup has what was made here: published and
promoted versions, what is deployed, tagged or pinned, and what can't be fetched now because the server or its upstream is offline, the
upstream was removed, or it has other bytes. Where they are restored from such a snapshot, files are fetched when they are asked for, with the digests that the log has
or not at all; what a registry has removed meanwhile is gone.

The exit code is 1 when the installation has lost bytes that its database names: the snapshot is made of the rest, and nothing
older is removed.`,
		Example: `  slipway backup /mnt/backup/slipway --data /var/lib/slipway
  slipway backup /mnt/backup/slipway --keep 30
  slipway backup /mnt/backup/slipway --without-cached
  slipway backup /mnt/backup/slipway --metadata postgres://slipway@standby.example.com/slipway --log-key /etc/slipway/log.key --blobs s3://packages
  slipway backup /mnt/backup/slipway --blobs 's3://bucket?endpoint=https://s3.example.com' --without-blobs`,
		Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.WithoutCached && withoutBlobs {
				return command.Usagef("--without-cached: with --without-blobs no bytes are copied at all")
			}
			if o.Keep < 0 {
				return command.Usagef("--keep: can't be negative")
			}
			return c.backup(cmd, &cfg, args[0], o, withoutBlobs, output)
		},
	}
	cfg.StoreFlags(cmd.Flags())
	cmd.Flags().BoolVar(&cfg.Offline, "offline", false, "the server asks no remote registry, so that --without-cached leaves nothing out")
	cmd.Flags().IntVar(&o.Keep, "keep", 7, "how many snapshots stay, with this one; 0 is all")
	cmd.Flags().BoolVar(&withoutBlobs, "without-blobs", false, "leave the bytes to another backup, such as that of the bucket")
	cmd.Flags().BoolVar(&o.WithoutCached, "without-cached", false, "leave out bytes that can be fetched again from registries elsewhere")
	cmd.Flags().BoolVar(&o.Verify, "verify", false, "also read the bytes that the directory has already, and copy damaged ones again")
	command.OutputFlag(cmd, cmd.Flags(), &output, "table or json")
	return cmd
}

func (c commands) backup(cmd *cobra.Command, cfg *installation.Config, dir string, o backup.Options, withoutBlobs bool, output string) (err error) {
	if err := cfg.Resolve(cmd.Flags(), c.Env); err != nil {
		return err
	}
	if err := cfg.MustExist(); err != nil {
		return err
	}
	if o.Database, err = cfg.Place(c.note); err != nil {
		return err
	}
	if o.Key, err = cfg.LogKeyBytes(); err != nil {
		return err
	}
	if err := cfg.Apart(dir); err != nil {
		return err
	}
	beside, unlock, err := lock(cfg, o.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if !withoutBlobs {
		blobs, err := cfg.OpenBlobs(cmd.Context(), beside)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, blobs.Close()) }()
		o.Blobs = blobs
	}
	if o.WithoutCached = o.WithoutCached && !cfg.Offline; o.WithoutCached {
		o.Stays = stays(formats.Rules(cfg.AllFormats()))
	}
	bar := c.Progress("backup")
	o.Progress = bar.Of
	began := time.Now()
	sum, err := backup.Run(cmd.Context(), dir, o)
	bar.End()
	c.keepBackup(cfg, dir, began, sum, err)
	if err != nil {
		return err
	}
	return c.reportBackup(dir, sum, withoutBlobs, output)
}

// note prints what is no error.
func (c commands) note(text string) {
	fmt.Fprintf(c.Stderr, "slipway: note: %s\n", command.Clean(text))
}

// lock keeps servers from starting while none runs, as the packs may need recovery; when one runs, the packs are its own to write. Stores
// that servers share need no lock.
func lock(cfg *installation.Config, db metadata.Snapshotter) (beside bool, unlock func() error, err error) {
	free := func() error { return nil }
	if shared, err := cfg.Shared(); err != nil || shared {
		return true, free, err
	}
	held, err := db.Lock()
	if errors.Is(err, metadata.ErrInUse) {
		return true, free, nil
	}
	if err != nil {
		return false, free, err
	}
	return false, held.Close, nil
}

// keepBackup notes in the data directory what a backup did, for the server to tell.
func (c commands) keepBackup(cfg *installation.Config, dir string, began time.Time, sum backup.Summary, failed error) {
	text := func(t time.Time) *string {
		s := t.UTC().Format(time.RFC3339)
		return &s
	}
	run := api.MaintenanceRun{Kind: "backup", State: "finished", StartedAt: text(began), EndedAt: text(time.Now())}
	if failed != nil {
		run.State, run.Error = "failed", failed.Error()
	} else {
		run.Backup = &api.BackupReport{Snapshot: sum.Name, Directory: dir, Blobs: sum.Blobs, Bytes: sum.Bytes, Copied: sum.Copied, CopiedBytes: sum.CopiedBytes, Lost: int64(len(sum.Lost))}
	}
	if err := cfg.KeepBackup(run); err != nil {
		c.note("the server can't tell of this backup: " + err.Error())
	}
}

func (c commands) reportBackup(dir string, sum backup.Summary, withoutBlobs bool, output string) error {
	if output == command.JSON {
		if err := json.NewEncoder(c.Stdout).Encode(sum); err != nil {
			return err
		}
	} else {
		for _, d := range sum.Lost {
			fmt.Fprintf(c.Stdout, "lost: %s is not among the blobs; \"slipway fsck\" says which versions need it\n", d)
		}
		what := fmt.Sprintf("%d blobs (%d bytes), %d of them new (%d bytes)", sum.Blobs, sum.Bytes, sum.Copied, sum.CopiedBytes)
		if withoutBlobs {
			what = fmt.Sprintf("without its %d blobs (%d bytes)", sum.Blobs, sum.Bytes)
		}
		if sum.LeftOut > 0 {
			what += fmt.Sprintf(", %d left out (%d bytes)", sum.LeftOut, sum.LeftBytes)
		}
		if _, err := fmt.Fprintf(c.Stdout, "backup: snapshot %s in %s, %s; removed %d snapshots and %d blobs\n",
			sum.Name, dir, what, sum.Removed, sum.Freed); err != nil {
			return err
		}
	}
	if len(sum.Lost) > 0 {
		return command.ErrReported
	}
	return nil
}
