package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
)

// shard is one directory of blobs, named by the first two hex characters of their digests.
type shard struct {
	settling sync.Mutex
	settled  atomic.Bool
	flushes  group
}

// shard returns the shard of a name of two lower-case hex characters; nil for another name.
func (s *Store) shard(name string) *shard {
	i, err := strconv.ParseUint(name, 16, 8)
	if err != nil || name != hexPair(byte(i)) {
		return nil
	}
	return &s.shards[i]
}

func hexPair(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}

// open opens the directory of a shard for its flush, and makes it when it is missing. settle makes the directory itself
// durable.
func (sh *shard) open(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	sh.settled.Store(false) // first: a caller that finds the new directory must not take it for a settled one
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.Open(dir)
}

// settle makes the directory of a shard durable, and the names that a killed process may have left in the page cache only.
// It does so once: later names are flushed by the commits that make them.
func (s *Store) settle(sh *shard, dir string) error {
	if sh.settled.Load() {
		return nil
	}
	sh.settling.Lock()
	defer sh.settling.Unlock()
	if sh.settled.Load() {
		return nil
	}
	if err := s.flush(dir); err != nil {
		return err
	}
	if err := s.flush(filepath.Dir(dir)); err != nil {
		return err
	}
	sh.settled.Store(true)
	return nil
}
