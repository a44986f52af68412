package command

import (
	"errors"
	"os"
	"path/filepath"
)

// DirMode is the mode of directories that hold secrets.
const DirMode = 0o700

const keyMode = 0o600

// WriteSecret replaces a file by one that only its owner can read, durably and whole.
func WriteSecret(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(keyMode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil // the rename happened; a directory that can't be read can't be flushed
	}
	return errors.Join(d.Sync(), d.Close())
}
