package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
)

// giveBack gives what root has restored to the user that runs the server, as far as the folders around it show who that is:
// a server that can't read its own files does not start.
func (c commands) giveBack(cfg *installation.Config) error {
	if os.Geteuid() != 0 {
		return nil
	}
	paths, err := cfg.Paths()
	if err != nil {
		return err
	}
	for _, path := range paths {
		uid, gid, err := ownerAround(path)
		if err != nil {
			return err
		}
		if uid == 0 {
			fmt.Fprintf(c.Stderr, "slipway: note: %s belongs to root; if the server runs as another user: chown -R USER %s\n", command.Clean(path), command.Clean(path))
			continue
		}
		if err := give(path, uid, gid); err != nil {
			return fmt.Errorf("the restored files could not be given to user %d: %w", uid, err)
		}
		fmt.Fprintf(c.Stderr, "slipway: note: %s was given to user %d, group %d\n", command.Clean(path), uid, gid)
	}
	return nil
}

// give changes the owner of a file, or of a directory and all in it that is root's.
func give(path string, uid, gid int) error {
	return filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		owner, _, err := ownerOf(path)
		if err == nil && owner == 0 {
			err = os.Lchown(path, uid, gid)
		}
		return err
	})
}

// ownerAround returns the owner of a file or directory, or of the folder that it is in where root owns it.
func ownerAround(path string) (uid, gid int, err error) {
	if uid, gid, err = ownerOf(path); err != nil || uid != 0 {
		return uid, gid, err
	}
	return ownerOf(filepath.Dir(filepath.Clean(path)))
}

func ownerOf(path string) (uid, gid int, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, errors.New("the system does not say who owns a file")
	}
	return int(st.Uid), int(st.Gid), nil
}
