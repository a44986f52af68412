// Package fsync makes files and directories durable: flushed data is still there after a power failure.
package fsync

import (
	"errors"
	"os"
)

// Dir flushes the names in a directory: files made, renamed or removed there before.
func Dir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
