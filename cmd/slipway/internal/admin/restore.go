package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"slipway/backup"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
	"slipway/metadata"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/maintain"
)

func (c commands) restoreCmd() *cobra.Command {
	var cfg installation.Config
	var at, output string
	var list bool
	cmd := &cobra.Command{
		Use:   "restore DIR",
		Short: "Make an installation of a snapshot in a backup directory",
		Long: `Make an installation of a snapshot that "slipway backup" took, where none is: the newest one, or the newest by the time --at.
The snapshot is checked before anything is written, every byte against its digest on the way, and the whole of it at the end. A
restore that was cut off is done by the same command again; until it is whole, no server starts on it. Snapshots of SQLite and of
PostgreSQL are of one kind: either goes into a data directory, or into a PostgreSQL database or schema without tables.

What happened after the snapshot was taken is gone: versions that were published since, but also the revocations of tokens and
changed passwords. The log says that it was restored; an auditor who verified it further will be told that it differs. The exit
code is 1 when something is missing or wrong; the last line is a summary.

Restored by root, the files are given to the owner of the folder that the data directory is in, or that it was before: the user
that runs the server.`,
		Example: `  slipway restore /mnt/backup/slipway --data /var/lib/slipway
  slipway restore /mnt/backup/slipway --list
  slipway restore /mnt/backup/slipway --at 2026-11-20T12:00:00Z --data /tmp/yesterday`,
		Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if list && at != "" {
				return command.Usagef("--list: it shows all snapshots; leave out --at")
			}
			if list {
				return c.listSnapshots(args[0], output)
			}
			var moment time.Time
			if at != "" {
				var err error
				if moment, err = command.Moment(at, true); err != nil {
					return command.Usagef("--at: %q is neither a time like 2026-11-20T12:00:00Z nor a day like 2026-11-20", at)
				}
			}
			return c.restore(cmd, &cfg, args[0], moment, output)
		},
	}
	cfg.StoreFlags(cmd.Flags())
	cmd.Flags().StringVar(&at, "at", "", "take the newest snapshot by this time (RFC 3339), or by the end of a day (2026-11-20, in UTC)")
	cmd.Flags().BoolVar(&list, "list", false, "only list the snapshots")
	command.OutputFlag(cmd, cmd.Flags(), &output, "table, or json: a line for what was restored, one for each finding, and one for the summary")
	return cmd
}

// moments are times as --at takes them, exact enough for two snapshots of one second.
const moments = "2006-01-02T15:04:05.000Z07:00"

func (c commands) listSnapshots(dir, output string) error {
	list, err := backup.List(dir)
	if err == nil && len(list) == 0 {
		_, err = backup.Find(dir, time.Time{}) // says so
	}
	if err != nil {
		return err
	}
	items := []listedSnapshot{}
	for _, s := range list {
		info, known, err := s.Info()
		if err != nil {
			return err
		}
		item := listedSnapshot{Snapshot: s}
		if known {
			item.Info = &info
		}
		items = append(items, item)
	}
	if output == command.JSON {
		return json.NewEncoder(c.Stdout).Encode(struct {
			Items []listedSnapshot `json:"items"`
		}{items})
	}
	t := tabwriter.NewWriter(c.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "TAKEN\tVERSIONS\tBLOBS\tBYTES\tSTATE\tVERIFIED")
	for _, item := range items {
		fmt.Fprintln(t, item.line())
	}
	return t.Flush()
}

// listedSnapshot is a snapshot in a list. Info is null for one of a version of Slipway that did not describe it.
type listedSnapshot struct {
	backup.Snapshot
	Info *backup.Info `json:"info"`
}

func (s listedSnapshot) line() string {
	taken := s.Taken.Format(moments)
	if s.Info == nil {
		return taken + "\t-\t-\t-\tunknown\t-"
	}
	state, verified := "complete", "new bytes"
	switch {
	case s.Info.Lost > 0:
		state = fmt.Sprintf("%d blobs lost", s.Info.Lost)
	case !s.Info.WithBlobs:
		state, verified = "without bytes", "-"
	case s.Info.WithoutCached:
		state = "without cached bytes"
	}
	if s.Info.AllVerified {
		verified = "all bytes"
	}
	return fmt.Sprintf("%s\t%d\t%d\t%d\t%s\t%s", taken, s.Info.Versions, s.Info.Blobs, s.Info.Bytes, state, verified)
}

func (c commands) restore(cmd *cobra.Command, cfg *installation.Config, dir string, at time.Time, output string) error {
	if err := cfg.Resolve(cmd.Flags(), c.Env); err != nil {
		return err
	}
	if err := cfg.CheckStores(); err != nil {
		return cfg.Named(err)
	}
	if err := cfg.Apart(dir); err != nil {
		return err
	}
	s, err := backup.Find(dir, at)
	if err != nil {
		return err
	}
	sum, err := c.bring(cmd.Context(), cfg, s)
	if err != nil {
		return err
	}
	return errors.Join(c.settleIn(cmd, cfg, s, sum, output), c.giveBack(cfg))
}

// bring checks the snapshot and restores it.
func (c commands) bring(ctx context.Context, cfg *installation.Config, s backup.Snapshot) (sum backup.Restored, err error) {
	key, err := os.ReadFile(s.Key())
	if err != nil {
		return sum, fmt.Errorf("backup: %w", err)
	}
	keys, err := installation.ParseLogKey(s.Key(), strings.TrimSpace(string(key)))
	if err != nil {
		return sum, err
	}
	place := backup.Place{Key: cfg.LogKeyPath()}
	if cfg.LogKeyText != "" {
		place.Key, place.KeyText = "", []byte(cfg.LogKeyText)
	}
	if place.Database, err = cfg.Place(c.note); err != nil {
		return sum, err
	}
	if err := s.Check(ctx, place.Database, keys.Verifier); err != nil {
		return sum, err
	}
	if err := place.MustBeVacant(s); err != nil {
		return sum, err
	}
	if err := cfg.MakeDirs(); err != nil {
		return sum, err
	}
	blobs, err := cfg.OpenBlobs(ctx, false)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	bar := c.Progress("restore")
	defer bar.End()
	place.Blobs, place.Progress = blobs, bar.Of
	place.Before = func(ctx context.Context, db metadata.Store) (err error) {
		core, err := (&installation.Stores{Meta: db, Blobs: blobs, Keys: keys}).Core(ctx, cfg, slog.New(slog.NewTextHandler(c.Stderr, nil)))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, core.Close()) }()
		return core.Ledger.LogRestore(access.With(ctx, access.System()), s.Taken)
	}
	sum, err = s.Restore(ctx, place)
	return sum, cfg.InUse(err)
}

// settleIn prints what was restored and checks it: it reads bytes that were not copied, and so not compared.
func (c commands) settleIn(cmd *cobra.Command, cfg *installation.Config, s backup.Snapshot, sum backup.Restored, output string) error {
	return cfg.OnMachine(cmd, c.Program, (*installation.Config).MustExist, func(ctx context.Context, core *instance.Instance) error {
		if output == command.JSON {
			if err := json.NewEncoder(c.Stdout).Encode(sum); err != nil {
				return err
			}
		} else if _, err := fmt.Fprintf(c.Stdout, "restore: snapshot %s, %d blobs (%d bytes), %d of them copied%s; what was done since is undone, revoked tokens and changed passwords too\n",
			s.Name, sum.Blobs, sum.Bytes, sum.Copied, leftOut(sum)); err != nil {
			return err
		}
		return c.fsck(ctx, core, maintain.FsckOptions{Quick: sum.Copied == sum.Blobs-sum.LeftOut}, output)
	})
}

// leftOut says what comes again from registries elsewhere, if anything does.
func leftOut(sum backup.Restored) string {
	if sum.LeftOut == 0 {
		return ""
	}
	return fmt.Sprintf(", %d (%d bytes) left to be fetched again from registries elsewhere", sum.LeftOut, sum.LeftBytes)
}
