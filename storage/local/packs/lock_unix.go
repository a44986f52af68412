//go:build unix

package packs

import (
	"errors"
	"os"
	"syscall"
)

// tryLock returns the file that holds the lock of the writing process, nil when another process has it. On a file system
// without locks no packs are written: a process could not tell whether it is the only writer.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOLCK):
		return nil, f.Close()
	}
	return nil, errors.Join(os.NewSyscallError("flock", err), f.Close())
}
