package packs

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync makes the bytes of f durable, and of its metadata what is needed to read them.
func datasync(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
