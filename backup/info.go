package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"slipway/metadata"
)

const infoName = "snapshot.json"

// Info describes a snapshot, as it was when it was taken.
type Info struct {
	DatabaseBytes int64 `json:"database_bytes"`
	Versions      int64 `json:"versions"`   // of all packages, without deleted ones
	Blobs         int64 `json:"blobs"`      // that the snapshot names
	Bytes         int64 `json:"bytes"`      // of them
	WithBlobs     bool  `json:"with_blobs"` // the bytes are in this directory
	LeftOut       int64 `json:"left_out"`   // blobs that registries elsewhere have, and that are not in this directory for this snapshot
	WithoutCached bool  `json:"without_cached"`
	Lost          int   `json:"lost"`         // blobs that the installation itself did not have
	AllVerified   bool  `json:"all_verified"` // bytes of earlier snapshots were read again; new ones always are
}

// Info returns the description; ok is false for a snapshot of a version of Slipway that wrote none, of which only the size is known.
func (s Snapshot) Info() (info Info, ok bool, err error) {
	raw, err := os.ReadFile(filepath.Join(s.path(), infoName))
	if errors.Is(err, fs.ErrNotExist) {
		st, err := os.Stat(s.Database())
		if err != nil {
			return info, false, fmt.Errorf("backup: %w", err)
		}
		return Info{DatabaseBytes: st.Size()}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &info)
	}
	if err != nil {
		return info, false, fmt.Errorf("backup: %s: %w", s.Name, err)
	}
	return info, true, nil
}

// describe writes the description of a snapshot that is being made.
func (sum Summary) describe(ctx context.Context, db viewer, o Options) error {
	st, err := os.Stat(sum.Database())
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	info := Info{DatabaseBytes: st.Size(), Blobs: sum.Blobs, Bytes: sum.Bytes, WithBlobs: o.Blobs != nil, LeftOut: sum.LeftOut, WithoutCached: o.WithoutCached, Lost: len(sum.Lost), AllVerified: o.Verify && o.Blobs != nil}
	if info.Versions, err = versions(ctx, db); err != nil {
		return err
	}
	raw, err := json.Marshal(info)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(sum.path(), infoName), append(raw, '\n'))
}

// writeFile writes a file durably; its directory is flushed by finish.
func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// versions counts the versions of all packages.
func versions(ctx context.Context, db viewer) (n int64, err error) {
	err = db.View(ctx, func(tx metadata.Tx) error {
		for after := ""; ; {
			repos, err := tx.Repositories().Repositories(metadata.Page{After: after, Limit: pageOfBlobs})
			if err != nil {
				return err
			}
			for _, r := range repos {
				after = r.Name
				some, err := versionsIn(tx, r)
				if err != nil {
					return err
				}
				n += some
			}
			if len(repos) < pageOfBlobs {
				return nil
			}
		}
	})
	return n, err
}

func versionsIn(tx metadata.Tx, r metadata.Repository) (n int64, err error) {
	for q := (metadata.PackageQuery{RepositoryID: r.ID, Limit: pageOfBlobs}); ; {
		page, err := tx.Packages().Packages(q)
		if err != nil {
			return n, err
		}
		for _, p := range page {
			n += p.VersionCount
			q.AfterFormat, q.AfterKey = p.Format, p.Key
		}
		if len(page) < pageOfBlobs {
			return n, nil
		}
	}
}
