package installation

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"slipway/registry"
)

const (
	reserveName  = "reserve"
	reserveBytes = 4 << 20 // or a sixteenth of a small disk
	reserveSteps = 8       // starts on a full disk that it is enough for
	reserveLook  = time.Second
)

// Reserve is a file on each disk of an installation that only takes up room. A server that starts on a full disk cuts a part of
// it off, since even opening a database for reading needs a few blocks, and then takes no changes until the room is back:
// otherwise they would use it up, and the next start would have none.
type Reserve struct {
	dirs []string
	full atomic.Bool
	log  *slog.Logger
}

// disk is a directory that has a reserve.
type disk struct {
	path        string // of the reserve
	size        int64
	free, total int64
}

// OpenReserve makes room on the disks that have none. It comes before the stores are opened, and makes nothing.
func OpenReserve(c *Config, log *slog.Logger) (*Reserve, error) {
	db, err := c.database()
	if err != nil {
		return nil, err
	}
	target, err := c.blobTarget()
	if err != nil {
		return nil, err
	}
	r := &Reserve{log: log, dirs: []string{c.Data, db.dir(), target.dir}}
	disks, err := r.disks()
	if err != nil {
		return nil, err
	}
	for _, d := range disks {
		step := d.size / reserveSteps
		if d.free >= step {
			continue
		}
		r.full.Store(true)
		info, err := os.Stat(d.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.Truncate(d.path, max(0, info.Size()-step))
		}
		if err != nil {
			return nil, err
		}
	}
	if r.full.Load() {
		log.Warn("the disk is full: reads are answered, changes are refused until there is room")
	}
	return r, nil
}

// disks returns the directories that exist, one for each disk. A directory that is not there yet is made where there is room.
func (r *Reserve) disks() ([]disk, error) {
	var out []disk
	seen := map[any]bool{}
	for _, dir := range r.dirs {
		info, err := os.Stat(dir)
		if dir == "" || errors.Is(err, fs.ErrNotExist) {
			continue // a bucket, or a first start
		}
		if err != nil {
			return nil, err
		}
		if on, ok := info.Sys().(*syscall.Stat_t); ok {
			if seen[on.Dev] {
				continue
			}
			seen[on.Dev] = true
		}
		d := disk{path: filepath.Join(dir, reserveName)}
		if d.free, d.total, err = room(dir); err != nil {
			return nil, err
		}
		d.size = min(reserveBytes, d.total/16)
		out = append(out, d)
	}
	return out, nil
}

// room returns the free bytes of the disk that dir is on, and all its bytes.
func room(dir string) (free, total int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize), nil //nolint:gosec,unconvert // sizes of disks
}

// Full says that changes are refused since the server has started on a full disk. NoSpace.
func (r *Reserve) Full() error {
	if r == nil || !r.full.Load() {
		return nil
	}
	return &registry.Error{Kind: registry.NoSpace, Subject: registry.AboutInstance, RetryAfter: 30 * time.Second,
		Detail: "the server's disk is full: until there is room, it only reads"}
}

// Keep makes the missing files, as large as there is room for, until they are whole or ctx ends. Changes are taken again when
// a quarter is there, and as much room beside it.
func (r *Reserve) Keep(ctx context.Context) {
	for r.fill(ctx) {
		select {
		case <-time.After(reserveLook):
		case <-ctx.Done():
			return
		}
	}
}

// fill makes what is missing, as far as there is room, and reports whether something still is.
func (r *Reserve) fill(ctx context.Context) (missing bool) {
	disks, err := r.disks()
	if err != nil {
		r.log.WarnContext(ctx, "the room on the disk is not known", "error", err)
		return true
	}
	enough := true
	for _, d := range disks {
		var has int64
		if info, err := os.Stat(d.path); err == nil {
			has = info.Size()
		}
		spare := d.size / 4 // for the changes
		if more := min(d.size-has, d.free-spare); more > 0 && grow(d.path, has, has+more) == nil {
			has += more
			d.free -= more
		}
		missing = missing || has < d.size
		enough = enough && has >= spare && d.free >= spare
	}
	if enough && r.full.Swap(false) {
		r.log.InfoContext(ctx, "there is room on the disk: changes are taken again")
	}
	return missing
}

// grow writes a file from one size to another; if it can't, the file stays as it was.
func grow(path string, from, to int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(make([]byte, to-from), from); err != nil {
		err = errors.Join(err, f.Truncate(from))
	}
	return errors.Join(err, f.Close())
}
