package backup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrBusy: another backup into the directory, or a restore out of it, is under way.
var ErrBusy = errors.New("backup: the directory is in use")

// lockDir keeps backups out of a directory that is restored from, and all others out of a directory that is backed up into,
// until the returned Closer is closed.
func lockDir(dir string, alone bool) (io.Closer, error) {
	path := filepath.Join(dir, "backup.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil && !alone {
		f, err = os.Open(path) // on a medium that can't be written
		if errors.Is(err, fs.ErrNotExist) {
			return io.NopCloser(nil), nil // no backup can be made there
		}
	}
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	switch err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, errors.Join(fmt.Errorf("%w by another backup or restore: %s", ErrBusy, dir), f.Close())
	default:
		return nil, errors.Join(fmt.Errorf("backup: lock %s: %w", dir, err), f.Close())
	}
}
