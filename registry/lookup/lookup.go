package lookup

import (
	"sync"

	"slipway/metadata"
)

// cacheBytes bounds the records of one Cache.
const cacheBytes = 8 << 20

// Cache keeps the records that look-ups found until a row that they depend on is written: clients ask for the same few records
// thousands of times between two publishes of a package. The store counts an update before it answers it, so a caller who
// knows of a change never gets the record from before it. Records are shared, so readers must not change them.
type Cache[K comparable, V any] struct {
	store metadata.Versioned // nil: other processes may write the store too, so nothing is cached
	bytes func(V) int
	// since returns the generation of the last update that may have changed a cached record.
	since func(metadata.Versioned, V) uint64

	mu    sync.Mutex
	used  int
	found map[K]remembered[V]
}

type remembered[V any] struct {
	value V
	at    uint64 // the store's generation before the look-up
}

func New[K comparable, V any](store metadata.Store, bytes func(V) int, since func(metadata.Versioned, V) uint64) *Cache[K, V] {
	r := &Cache[K, V]{bytes: bytes, since: since, found: map[K]remembered[V]{}}
	r.store, _ = store.(metadata.Versioned)
	return r
}

// Get returns the cached record of a key, or calls look for it. Errors are not cached.
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
	at := r.store.Generation() // before look runs, so that the record found is not older
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

// RecordBytes is roughly the memory of a record without its descriptor.
const RecordBytes = 512
