package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"slipway/metadata"
)

// lockFile keeps other processes from the database. The kernel drops the lock when the process ends in any way; the file
// stays, because removing it would let two processes lock two files.
type lockFile struct{ f *os.File }

// inUse is the error that names the process that has the database.
type inUse struct {
	path string
	pid  int // 0: unknown
}

func (e *inUse) Error() string {
	if e.pid == 0 {
		return fmt.Sprintf("metadata: %s is in use by another process", e.path)
	}
	return fmt.Sprintf("metadata: %s is in use by process %d", e.path, e.pid)
}

func (e *inUse) Unwrap() error { return metadata.ErrInUse }

// lock takes <path>.lock and writes the process id into it.
func lock(path string) (*lockFile, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("metadata: lock of the database: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = &inUse{path: path, pid: owner(f)}
	} else if err == nil {
		err = stamp(f, strconv.Itoa(os.Getpid())+"\n")
	}
	if err != nil {
		_ = f.Close() // the error that counts is err
		if !errors.Is(err, metadata.ErrInUse) {
			err = fmt.Errorf("metadata: lock of the database: %w", err)
		}
		return nil, err
	}
	return &lockFile{f}, nil
}

func (l *lockFile) unlock() error {
	// An empty file names no process; closing must work on a full disk.
	_ = l.f.Truncate(0)
	return l.f.Close()
}

func stamp(f *os.File, text string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(text), 0)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return nil // the lock holds without its text, and reading works on a full disk
	}
	return err
}

func owner(f *os.File) int {
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid < 1 {
		return 0
	}
	return pid
}
