package fsync

import (
	"os"
	"syscall"
)

// Data makes the bytes of f durable, and of its metadata only what is needed to read them: less to write than with f.Sync.
func Data(f *os.File) error {
	return control(f, "fdatasync", syscall.Fdatasync)
}

// WriteBack lets the kernel begin to write length bytes from offset, so that the flush at the end finds little to do. It
// does not wait, and nothing is durable by it.
func WriteBack(f *os.File, offset, length int64) {
	const syncFileRangeWrite = 2 // SYNC_FILE_RANGE_WRITE, sync_file_range(2)
	_ = control(f, "sync_file_range", func(fd int) error {
		return syscall.SyncFileRange(fd, offset, length, syncFileRangeWrite)
	})
}

func control(f *os.File, name string, call func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	err = raw.Control(func(fd uintptr) {
		for {
			callErr = call(int(fd))
			if callErr != syscall.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError(name, callErr)
}
