package lookup

import (
	"sync"

	"slipway/metadata"
)

// cacheBytes bounds what one recall holds.
const cacheBytes = 8 << 20

// Cache remembers the records that look-ups found, for as long as nothing that they depend on is written: clients ask for the
// same few things thousands of times between two publishes of a package. The store counts its updates before it answers them,
// so nobody who knows of a change is told what was before it. Records are shared: their readers change nothing in them.
type Cache[K comparable, V any] struct {
	store metadata.Versioned // nil: the store may be written by others too, and nothing is remembered
	bytes func(V) int
	// since is the generation of the last update that may have changed what is remembered of a record.
	since func(metadata.Versioned, V) uint64

	mu    sync.Mutex
	used  int
	found map[K]remembered[V]
}

type remembered[V any] struct {
	value V
	at    uint64 // generation before it was looked up
}

func New[K comparable, V any](store metadata.Store, bytes func(V) int, since func(metadata.Versioned, V) uint64) *Cache[K, V] {
	r := &Cache[K, V]{bytes: bytes, since: since, found: map[K]remembered[V]{}}
	r.store, _ = store.(metadata.Versioned)
	return r
}

// Get returns what look finds, or has found. Errors are not remembered.
func (r *Cache[K, V]) Get(key K, look func() (V, error)) (V, error) {
	if r.store == nil {
		return look()
	}
	r.mu.Lock()
	known, ok := r.found[key]
	r.mu.Unlock()
	if ok && r.since(r.store, known.value) <= known.at {
		return known.value, nil
	}
	at := r.store.Generation() // before the look: what it finds is not older
	v, err := look()
	if err != nil {
		return v, err
	}
	r.put(key, remembered[V]{v, at})
	return v, nil
}

func (r *Cache[K, V]) put(key K, v remembered[V]) {
	size := r.bytes(v.value)
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.found[key]; ok {
		if old.at > v.at {
			return
		}
		r.used -= r.bytes(old.value)
		delete(r.found, key)
	}
	if size > cacheBytes {
		return
	}
	if r.used+size > cacheBytes {
		r.forget()
	}
	r.found[key] = v
	r.used += size
}

func (r *Cache[K, V]) forget() {
	clear(r.found)
	r.used = 0
}

// RecordBytes is what a record takes beside its descriptor, roughly.
const RecordBytes = 512
