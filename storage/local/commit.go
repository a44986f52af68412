package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/fsync"
	"slipway/storage"
)

// place is where a blob is, or would be.
type place struct {
	digest digest.Digest
	path   string
	dir    string
	shard  *shard
}

// place returns the place of a digest; false when it is no sha256 digest and so cannot be here.
func (s *Store) place(d digest.Digest) (place, bool) {
	name, ok := storage.Hex(d)
	if !ok {
		return place{}, false
	}
	dir := filepath.Join(s.blobs, name[:2])
	return place{d, filepath.Join(dir, name), dir, s.shard(name[:2])}, true
}

// commit makes f, which holds size bytes, the durable and visible blob at p. moved is false when f keeps its name: after an
// error, or because the blob is there already. A caller that tries Store.again first saves the flush of bytes that are
// there.
//
// A reader that sees a blob relies on it, so the blob's name is durable before any reader sees it: commits of one digest
// run one after the other, and readers wait while a commit is between rename and flush.
func (s *Store) commit(f *os.File, p place, size int64) (b storage.Blob, moved bool, err error) {
	dir, err := p.shard.open(p.dir) // early: no error of open(2) may come between rename and flush
	if err != nil {
		return storage.Blob{}, false, err
	}
	defer dir.Close()
	if err := fsync.Data(f); err != nil { // slow, so it runs before the commit lock is taken
		return storage.Blob{}, false, err
	}
	if err := s.settle(p.shard, p.dir); err != nil { // after fsync.Data: a journal wrote a new directory along
		return storage.Blob{}, false, err
	}

	c := s.commits.lock(p.digest)
	defer s.commits.unlock(p.digest, c)
	if b, found, err := s.refresh(p, size); found || err != nil {
		return b, false, err
	}
	fi, err := f.Stat()
	if err != nil {
		return storage.Blob{}, false, err
	}
	s.commits.renamed(c)
	if err := os.Rename(f.Name(), p.path); err != nil {
		return storage.Blob{}, false, err
	}
	if err := p.shard.flushes.join(func() error { return s.syncDir(dir) }); err != nil {
		return storage.Blob{}, false, errors.Join(err, os.Rename(p.path, f.Name()))
	}
	return storage.Blob{Digest: p.digest, Size: size, Modified: fi.ModTime()}, true, nil
}

// again renews a blob that the store has already: its time moves to now.
func (s *Store) again(ctx context.Context, p place, size int64) (b storage.Blob, found bool, err error) {
	if b, found, err := s.touchPacked(ctx, p, size); found || err != nil {
		return b, found, err
	}
	return s.againFile(p, size)
}

// againFile does the same for a blob that has a file of its own.
func (s *Store) againFile(p place, size int64) (b storage.Blob, found bool, err error) {
	c := s.commits.lock(p.digest)
	defer s.commits.unlock(p.digest, c)
	return s.refresh(p, size)
}

// refresh moves the time of a blob that is there to now; Delete may remove the blob at any moment. A file of another size,
// and a file of another owner whose time can't be moved, count as not found, so the caller replaces them. The caller holds
// the commit lock, so a blob that is found is durable.
func (s *Store) refresh(p place, size int64) (b storage.Blob, found bool, err error) {
	if os.Chtimes(p.path, time.Time{}, s.now()) != nil {
		return storage.Blob{}, false, nil
	}
	b, err = s.statBlob(context.Background(), p)
	if errors.Is(err, fs.ErrNotExist) || err == nil && b.Size != size {
		return storage.Blob{}, false, nil
	}
	return b, err == nil, err
}

// commits tells which digests are being committed now.
type commits struct {
	mu sync.Mutex
	m  map[digest.Digest]*commit
}

type commit struct {
	sync.Mutex
	users  int  // callers that hold or want the lock; guarded by commits.mu
	unsafe bool // renamed, not flushed; guarded by commits.mu
}

func (cs *commits) lock(d digest.Digest) *commit {
	cs.mu.Lock()
	if cs.m == nil {
		cs.m = make(map[digest.Digest]*commit)
	}
	c := cs.m[d]
	if c == nil {
		c = new(commit)
		cs.m[d] = c
	}
	c.users++
	cs.mu.Unlock()
	c.Lock()
	return c
}

func (cs *commits) renamed(c *commit) {
	cs.mu.Lock()
	c.unsafe = true
	cs.mu.Unlock()
}

func (cs *commits) unlock(d digest.Digest, c *commit) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.unsafe = false
	if c.users--; c.users == 0 {
		delete(cs.m, d)
	}
	c.Unlock()
}

// wait waits for a commit of d that is between rename and flush. It reports whether there was such a commit: the blob that
// the caller saw before may be gone again.
func (cs *commits) wait(d digest.Digest) bool {
	cs.mu.Lock()
	c := cs.m[d]
	if c == nil || !c.unsafe {
		cs.mu.Unlock()
		return false
	}
	c.users++
	cs.mu.Unlock()
	c.Lock()
	cs.unlock(d, c)
	return true
}
