package upstreams

import (
	"context"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

const (
	writeUsedAfter = 5 * time.Minute
	maxRecent      = 50_000 // files; then they are written at once
	usedBatch      = 500
)

// recent remembers which files were used, until it is written: a download writes nothing.
type recent struct {
	mu      sync.Mutex
	at      map[usedKey]time.Time
	waiting bool
}

// usedKey is a file of a version, or a blob of all versions of an image.
type usedKey struct {
	versionID int64 // 0: of the package
	packageID int64
	path      string
}

// use notes that the caller gets a file that came from a remote. A look at it is no use.
func (s *Upstreams) use(ctx context.Context, f registry.File) {
	if catalog.IsLook(ctx) {
		return
	}
	u := &s.recent
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at == nil {
		u.at = map[usedKey]time.Time{}
	}
	key := usedKey{versionID: f.VersionID, path: f.Path}
	if f.VersionID == 0 {
		key.packageID = f.PackageID
	}
	u.at[key] = s.core.Now()
	switch {
	case len(u.at) >= maxRecent:
		s.flights.behind(context.Background(), s.writeUsed)
	case !u.waiting:
		u.waiting = true
		time.AfterFunc(writeUsedAfter, func() { s.flights.behind(context.Background(), s.writeUsed) })
	}
}

// usedBlob notes that the caller gets a blob of an image that came from a remote.
func (s *Upstreams) usedBlob(ctx context.Context, of registry.Package, d digest.Digest) {
	s.use(ctx, registry.File{PackageID: of.ID, Path: d.String()})
	s.note(ctx, of.Format, registry.CacheFile, registry.CacheHit)
}

// take returns what was used since it was called last.
func (u *recent) take() map[usedKey]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	at := u.at
	u.at, u.waiting = nil, false
	return at
}

// writeUsed stores when files were used, in transactions of some hundred files.
func (s *Upstreams) writeUsed(ctx context.Context) {
	var batch []usedKey
	at := s.recent.take()
	write := func() {
		err := s.core.Update(access.With(ctx, access.System()), func(tx metadata.Tx) error {
			for _, k := range batch {
				if err := useFile(tx, k, at[k]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			s.core.Log.WarnContext(ctx, "the last uses of cached files could not be written", "files", len(batch), "error", err.Error())
		}
		batch = batch[:0]
	}
	for k := range at {
		if batch = append(batch, k); len(batch) == usedBatch {
			write()
		}
	}
	if len(batch) > 0 {
		write()
	}
}

func useFile(tx metadata.Tx, k usedKey, at time.Time) error {
	if k.versionID != 0 {
		return tx.Evictions().UseFiles([]metadata.CachedFile{{VersionID: k.versionID, Path: k.path, UsedAt: at}})
	}
	naming, err := tx.References().Referrers(metadata.ReferrerPage{PackageID: k.packageID, Kind: registry.RefBlob, Digest: digest.Digest(k.path)})
	files := make([]metadata.CachedFile, len(naming))
	for i, v := range naming {
		files[i] = metadata.CachedFile{VersionID: v.ID, Path: k.path, UsedAt: at}
	}
	if err == nil {
		err = tx.Evictions().UseFiles(files)
	}
	return err
}
