package registry

import (
	"sync"

	"slipway/metadata"
)

// recallBytes bounds what one recall holds.
const recallBytes = 8 << 20

// recall remembers the records that look-ups found, for as long as nothing that they depend on is written: clients ask for the
// same few things thousands of times between two publishes of a package. The store counts its updates before it answers them,
// so nobody who knows of a change is told what was before it. Records are shared: their readers change nothing in them.
type recall[K comparable, V any] struct {
	store metadata.Versioned // nil: the store may be written by others too, and nothing is remembered
	bytes func(V) int
	// since is the generation of the last update that may have changed what is remembered of a record.
	since func(metadata.Versioned, V) uint64

	mu    sync.Mutex
	used  int
	found map[K]recalled[V]
}

type recalled[V any] struct {
	value V
	at    uint64 // generation before it was looked up
}

func newRecall[K comparable, V any](store metadata.Store, bytes func(V) int, since func(metadata.Versioned, V) uint64) *recall[K, V] {
	r := &recall[K, V]{bytes: bytes, since: since, found: map[K]recalled[V]{}}
	r.store, _ = store.(metadata.Versioned)
	return r
}

// get returns what look finds, or has found. Errors are not remembered.
func (r *recall[K, V]) get(key K, look func() (V, error)) (V, error) {
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
	r.put(key, recalled[V]{v, at})
	return v, nil
}

func (r *recall[K, V]) put(key K, v recalled[V]) {
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
	if size > recallBytes {
		return
	}
	if r.used+size > recallBytes {
		r.forget()
	}
	r.found[key] = v
	r.used += size
}

func (r *recall[K, V]) forget() {
	clear(r.found)
	r.used = 0
}

// recordBytes is what a record takes beside its descriptor, roughly.
const recordBytes = 512

type packageKey struct{ repository, format, key string }

func packageBytes(p Package) int { return recordBytes + len(p.Descriptor) }

func packageSince(m metadata.Versioned, p Package) uint64 { return belowSince(m, p.ID) }

// belowSince is of what is in a package.
func belowSince(m metadata.Versioned, packageID int64) uint64 {
	return max(m.GenerationOf(metadata.RepositoryRows), m.GenerationOf(metadata.Part(packageID)))
}

func repositoryBytes(r Repository) int { return recordBytes + len(r.Settings) }

func repositorySince(m metadata.Versioned, _ Repository) uint64 {
	return m.GenerationOf(metadata.RepositoryRows)
}

type prefixKey struct {
	packageKey
	prefix string
}

type packageAndMore struct {
	pkg  Package
	more bool
}

func (p packageAndMore) bytes() int { return packageBytes(p.pkg) }

func (p packageAndMore) since(m metadata.Versioned) uint64 {
	last := max(m.GenerationOf(metadata.RepositoryRows), m.GenerationOf(metadata.PackageNames))
	if p.pkg.ID == 0 {
		return last
	}
	return max(last, m.GenerationOf(metadata.Part(p.pkg.ID)))
}

type taggedKey struct{ repository, format, key, tag string }

func versionBytes(v Version) int { return recordBytes + len(v.Descriptor) }

func versionSince(m metadata.Versioned, v Version) uint64 { return belowSince(m, v.PackageID) }
