package staging

import (
	"sync"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/lookup"
)

// Bounds of areaCache.
const (
	knownSetBytes  = 4 << 20
	knownSetMemory = time.Minute // after the last file
)

// areaCache keeps, for a short time, the areas that this process has seen from their first file on: clients send up to four
// checksums after each file, to be compared with it. Revisions without a gap prove that no file is missing.
type areaCache struct {
	versioned metadata.Versioned // nil: the store can't tell when another process writes, so nothing is kept

	mu    sync.Mutex
	bytes int
	sets  map[string]*cachedArea // by row
}

type cachedArea struct {
	set   registry.Staging // behind its last file
	at    time.Time
	bytes int
	since uint64 // no other process has written since before its first file, as long as areaCache.since returns this
	files map[stagedPath]registry.StagedFile
}

type stagedPath struct{ format, pkg, version, path string }

func pathOf(f registry.StagedFile, path string) stagedPath {
	return stagedPath{f.Format, f.Package, f.Version, path}
}

func newAreaCache(store metadata.Store) *areaCache {
	versioned, _ := store.(metadata.Versioned)
	return &areaCache{versioned: versioned, sets: map[string]*cachedArea{}}
}

// since returns what to pass to added. The caller reads it before the update that adds the file.
func (k *areaCache) since() uint64 {
	if k.versioned == nil {
		return 0
	}
	return k.versioned.GenerationOf(metadata.Elsewhere)
}

// added adds a committed file. When requests overlap, so that their order is unknown here, it drops the area.
func (k *areaCache) added(set registry.Staging, f registry.StagedFile, now time.Time, since uint64) {
	if k.versioned == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	known := k.sets[set.ID]
	switch {
	case set.Revision == 1 && (known == nil || known.set.CreatedAt.Before(set.CreatedAt)):
		k.drop(set.ID)
		known = &cachedArea{since: since, files: map[stagedPath]registry.StagedFile{}}
		k.sets[set.ID] = known
	case known != nil && set.Revision == known.set.Revision+1 && set.CreatedAt.Equal(known.set.CreatedAt):
	default:
		k.drop(set.ID)
		return
	}
	size := lookup.RecordBytes + len(f.Attributes)
	if k.bytes+size > knownSetBytes {
		clear(k.sets)
		k.bytes = 0
		return
	}
	known.set, known.at = set, now
	known.files[pathOf(f, f.Path)] = f
	known.bytes += size
	k.bytes += size
}

// forget drops an area that has ended.
func (k *areaCache) forget(row string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop(row)
}

// forgetAll drops all areas, for when areas were dropped without naming their rows.
func (k *areaCache) forgetAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.sets)
	k.bytes = 0
}

func (k *areaCache) drop(row string) {
	if known := k.sets[row]; known != nil {
		k.bytes -= known.bytes
		delete(k.sets, row)
	}
}

// find returns the files of an area at those of the paths that it holds for the version of at. false: the area is not cached.
func (k *areaCache) find(repositoryID int64, at registry.StagedFile, paths []string, now time.Time) (files []registry.StagedFile, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known := k.sets[at.StagingID]
	if known == nil || known.since != k.since() || known.set.RepositoryID != repositoryID || now.Sub(known.at) > knownSetMemory {
		return nil, false
	}
	for _, path := range paths {
		if f, ok := known.files[pathOf(at, path)]; ok {
			files = append(files, f)
		}
	}
	return files, true
}

// Forget is to be called after another part of the core dropped areas.
func (s *Areas) Forget() { s.cache.forgetAll() }
