package registry

import (
	"sync"

	"slipway/metadata"
)

// recallBytes bounds what one recall holds.
const recallBytes = 16 << 20

// recall remembers the records that look-ups found, for as long as nothing at all is written: clients ask for the same few
// things thousands of times between two publishes. The store counts its updates before it answers them, so nobody who knows
// of a change is told what was before it. Records are shared: their readers change nothing in them.
type recall[K comparable, V any] struct {
	generation func() uint64 // nil: the store may be written by others too, and nothing is remembered
	bytes      func(V) int

	mu    sync.Mutex
	at    uint64 // generation of what is remembered
	used  int
	found map[K]V
}

func newRecall[K comparable, V any](store metadata.Store, bytes func(V) int) *recall[K, V] {
	r := &recall[K, V]{bytes: bytes, found: map[K]V{}}
	if v, ok := store.(metadata.Versioned); ok {
		r.generation = v.Generation
	}
	return r
}

// get returns what look finds, or has found. Errors are not remembered.
func (r *recall[K, V]) get(key K, look func() (V, error)) (V, error) {
	if r.generation == nil {
		return look()
	}
	now := r.generation() // before the look: what it finds is not older
	r.mu.Lock()
	r.advance(now)
	v, ok := r.found[key]
	ok = ok && r.at == now
	r.mu.Unlock()
	if ok {
		return v, nil
	}
	v, err := look()
	if err != nil {
		return v, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	size := r.bytes(v)
	if r.at != now || size > recallBytes {
		return v, nil
	}
	if r.used+size > recallBytes {
		r.forget()
	}
	r.found[key] = v
	r.used += size
	return v, nil
}

// advance forgets what was found before now.
func (r *recall[K, V]) advance(now uint64) {
	if now > r.at {
		r.at = now
		r.forget()
	}
}

func (r *recall[K, V]) forget() {
	clear(r.found)
	r.used = 0
}

// recordBytes is what a record takes beside its descriptor, roughly.
const recordBytes = 512

type packageKey struct{ repository, format, key string }

func packageBytes(p Package) int { return recordBytes + len(p.Descriptor) }

type prefixKey struct {
	packageKey
	prefix string
}

type packageAndMore struct {
	pkg  Package
	more bool
}

func (p packageAndMore) bytes() int { return packageBytes(p.pkg) }

type taggedKey struct{ repository, format, key, tag string }

func versionBytes(v Version) int { return recordBytes + len(v.Descriptor) }
