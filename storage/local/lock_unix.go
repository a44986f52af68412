//go:build unix

package local

import (
	"errors"
	"os"
	"syscall"
)

// tryLockAlone reports whether no other Store has the directory open.
func tryLockAlone(f *os.File) bool {
	return flock(f, syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// lockShared waits while another process clears the directory.
func lockShared(f *os.File) error {
	err := flock(f, syscall.LOCK_SH)
	if errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOLCK) {
		return nil // a file system without locks: tryLockAlone failed as well, so nothing is ever cleared
	}
	return err
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if err != syscall.EINTR {
			return os.NewSyscallError("flock", err)
		}
	}
}
