package s3

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"slipway/storage"
)

const (
	tailName       = "tail"
	partPrefix     = "part-"
	assemblyPrefix = "assembly-"
	putPrefix      = "put-" // of the ids under which Put notes its assemblies

	maxIndexBytes  = 1 << 20 // 10,000 parts of 62 bytes
	cachedStates   = 1024
	maxCachedParts = 64 // of one state in the cache

	tailMeta  = "Slipway-Tail"   // how many bytes of the tail object are the upload's
	sumMeta   = "Slipway-Sha256" // of the tail, when it is the whole upload
	nonceMeta = "Slipway-Nonce"  // identifies the write
)

// state is what an upload consists of. It lies in the tail object: first the last bytes of the upload, then, when parts
// precede them, the list of parts. So one PUT moves an upload from one state to the next, on the condition that no other
// request has done so, and a small upload is one object that only needs to be copied.
type state struct {
	etag  string // of the tail object
	parts []part
	start int64 // where the tail starts: the sum of the parts
	tail  int64
	sum   string // sha256 of an upload without parts, in hex
}

// part is an object whose bytes never change: its name holds a nonce of the Append that made it.
type part struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

func (st state) size() int64 { return st.start + st.tail }

func (s *Store) uploadKey(id, name string) string { return s.uploadsPrefix() + id + "/" + name }

// load reads the state of an upload: one request, two when there are parts.
func (s *Store) load(ctx context.Context, id string) (state, error) {
	for try := 1; ; try++ {
		st, err := s.loadOnce(ctx, s.uploadKey(id, tailName))
		if !errors.Is(err, errConflict) || try == maxTries {
			return st, err
		}
	}
}

// loadOnce returns errConflict when the state changes in between.
func (s *Store) loadOnce(ctx context.Context, key string) (state, error) {
	info, err := s.head(ctx, key)
	if missing(err) {
		return state{}, storage.ErrNotExist
	}
	if err != nil {
		return state{}, err
	}
	st := state{etag: info.ETag}
	if st.tail, err = strconv.ParseInt(info.UserMetadata[tailMeta], 10, 64); err != nil || st.tail < 0 || st.tail > info.Size {
		return state{}, fmt.Errorf("the object %s is damaged", key)
	}
	if st.tail == info.Size {
		st.sum = info.UserMetadata[sumMeta]
		return st, nil
	}
	err = s.loadParts(ctx, key, &st, info.Size)
	return st, gone(err)
}

func (s *Store) loadParts(ctx context.Context, key string, st *state, size int64) error {
	if size-st.tail > maxIndexBytes {
		return fmt.Errorf("the object %s is damaged", key)
	}
	body, _, err := s.get(ctx, key, st.etag, st.tail, size-1)
	if err != nil {
		return err
	}
	defer body.Close()
	index, err := io.ReadAll(io.LimitReader(body, maxIndexBytes))
	if err != nil {
		return clean(err)
	}
	if err := json.Unmarshal(index, &st.parts); err != nil {
		return fmt.Errorf("the object %s is damaged", key)
	}
	for _, p := range st.parts {
		st.start += p.Size
	}
	return nil
}

// save moves an upload from the state with the ETag before, or from none at all, to one with the given parts and with b as
// its tail, to which it adds the list of parts. errConflict: another request was faster. After any other error it is
// unknown whether the upload has moved.
func (s *Store) save(ctx context.Context, id, before string, parts []part, b *spool) (state, error) {
	st := state{parts: parts, tail: b.size}
	for _, p := range parts {
		st.start += p.Size
	}
	if len(parts) == 0 {
		st.sum = hex.EncodeToString(b.sum.Sum(nil))
	} else {
		index, err := json.Marshal(parts)
		if err == nil {
			err = b.write(index)
		}
		if err != nil {
			return state{}, err
		}
	}
	key, mine := s.uploadKey(id, tailName), nonce()
	meta := map[string]string{tailMeta: strconv.FormatInt(st.tail, 10), nonceMeta: mine}
	if st.sum != "" {
		meta[sumMeta] = st.sum
	}
	var err error
	st.etag, _, err = s.put(ctx, key, b, meta, condition{absent: before == "", etag: before})
	if errors.Is(err, errConflict) { // perhaps a conflict with this same request: minio-go repeats it when an answer got lost
		info, herr := s.head(ctx, key)
		switch {
		case herr == nil && info.UserMetadata[nonceMeta] == mine:
			st.etag, err = info.ETag, nil
		case herr != nil && !missing(herr):
			err = herr
		}
	}
	if err != nil {
		s.states.forget(id)
		return state{}, err
	}
	s.states.keep(id, st)
	return st, nil
}

// state returns the state of an upload that is expected to have the given size. The state that this process saw last is
// used when it fits: if another process has changed the upload since, the condition of the next write fails.
func (s *Store) state(ctx context.Context, id string, size int64) (state, error) {
	if st, ok := s.states.get(id); ok && st.size() == size {
		return st, ctx.Err()
	}
	return s.load(ctx, id)
}

// stateIn returns the state of an upload that is expected to have the given size, or the state that the caller names. ErrMoved.
func (s *Store) stateIn(ctx context.Context, id string, size int64, want *string) (state, error) {
	if !bound(want) {
		return s.state(ctx, id, size)
	}
	if st, ok := s.states.get(id); ok && st.etag == *want {
		return st, ctx.Err()
	}
	st, err := s.load(ctx, id)
	if err == nil && st.etag != *want {
		err = storage.ErrMoved
	}
	return st, err
}

// states remembers the last states of uploads that this process has written. It is bounded; anything may be missing.
type states struct {
	mu   sync.Mutex
	byID map[string]state
}

func (c *states) get(id string) (state, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, ok := c.byID[id]
	return st, ok
}

func (c *states) keep(id string, st state) {
	if len(st.parts) > maxCachedParts {
		c.forget(id)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil {
		c.byID = make(map[string]state)
	}
	if _, ok := c.byID[id]; !ok && len(c.byID) >= cachedStates {
		for other := range c.byID { // any
			delete(c.byID, other)
			break
		}
	}
	c.byID[id] = st
}

func (c *states) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
}
