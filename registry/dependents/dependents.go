// Package dependents keeps which packages need which, by what their versions declare, so that a package can name who needs it. What is declared is
// read out of the stored versions behind the log, by a duty: a publish does nothing for it.
package dependents

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

const (
	indexEvery = time.Minute
	// window is how many entries of the log one step looks through, and batch how many versions it stores in one transaction: other changes wait
	// for that.
	window = 1000
	batch  = 50
	// pause is how long the duty rests after a full step, so that the first walk over a long log is one load among others.
	pause = 200 * time.Millisecond
	// cursorKey is the setting with the number of entries that were looked through.
	cursorKey = "dependents.entries"
	// maxCatchUp is how many entries a question makes up for before it is answered.
	maxCatchUp = 200
)

// Dependents answers who needs a package.
type Dependents struct {
	core    *registry.Core
	catalog *catalog.Catalog
}

// New makes the part over the core. c reads the versions of each repository itself.
func New(core *registry.Core, c *catalog.Catalog) *Dependents { return &Dependents{core, c} }

// Dependent is a package that needs another one: the version of it that was published last among those that do.
type Dependent struct {
	Package     registry.Package
	Version     registry.Version
	Scope       string // as of registry.Dependency
	Requirement string
}

// IndexEvery reads what came into the log, once a minute until ctx ends, the first time after one.
func (s *Dependents) IndexEvery(ctx context.Context) {
	tick := time.NewTicker(indexEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.Index(ctx); err != nil && ctx.Err() == nil {
			s.core.Log.LogAttrs(ctx, slog.LevelWarn, "what versions need could not be read", slog.String("error", err.Error()))
		}
	}
}

// Index reads what came into the log since it ran last.
func (s *Dependents) Index(ctx context.Context) error {
	ctx = access.With(ctx, access.System())
	for {
		more, err := s.step(ctx, window)
		if err != nil || !more {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// indexed are the types of entries after which a version may need other packages than before.
var indexed = []string{registry.EventArtifactPublished.String(), registry.EventArtifactFilesAdded.String(), registry.EventArtifactFilesReplaced.String(),
	registry.EventArtifactFilesRemoved.String(), registry.EventCacheEntered.String()}

// needs is what a version needs.
type needs struct {
	versionID int64
	list      []metadata.Dependency
}

// step looks through at most limit entries. more: there are others behind them.
func (s *Dependents) step(ctx context.Context, limit int64) (more bool, err error) {
	var done, size int64
	var entries []registry.Entry
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if done, err = cursor(tx.Settings()); err != nil {
			return err
		}
		if size, err = tx.Log().LogSize(); err != nil || done >= size {
			return err
		}
		entries, err = tx.Log().Entries(metadata.EntryQuery{After: done - 1, Before: min(done+limit, size), Types: indexed})
		return err
	})
	if err != nil || done >= size {
		return false, err
	}
	until := min(done+limit, size)
	for len(entries) > 0 {
		some := entries[:min(len(entries), batch)]
		if entries = entries[len(some):]; len(entries) > 0 {
			err = s.read(ctx, some, entries[0].Seq)
		} else {
			err = s.read(ctx, some, until)
		}
		if err != nil {
			return false, err
		}
	}
	return until < size, s.store(ctx, nil, until)
}

// read stores what the versions of some entries need, and that the entries before done were looked through.
func (s *Dependents) read(ctx context.Context, entries []registry.Entry, done int64) error {
	var found []needs
	seen := map[registry.Coordinate]bool{}
	for _, e := range entries {
		at, ok := s.coordinate(e)
		if !ok || seen[at] {
			continue
		}
		seen[at] = true
		n, err := s.needs(ctx, at, e.PackageID)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			s.core.Log.LogAttrs(ctx, slog.LevelWarn, "what a version needs could not be read", slog.String("package", at.Package), slog.String("version", at.Version), slog.String("error", err.Error()))
			continue // one version that can't be read does not keep the others back
		}
		if n != nil {
			found = append(found, *n)
		}
	}
	return s.store(ctx, found, done)
}

// coordinate is the version that an entry is about, of a format whose versions need others by name.
func (s *Dependents) coordinate(e registry.Entry) (at registry.Coordinate, ok bool) {
	var said registry.EventData
	if len(e.Data) == 0 || json.Unmarshal(e.Data, &said) != nil {
		return at, false // it was erased
	}
	rules, known := s.core.Rules[said.Format]
	if !known || rules.Describe == nil || rules.Images || e.PackageID == 0 || said.Version == "" {
		return at, false
	}
	name, err := s.core.Rules.NameOf(said.Repository, said.Format, said.Package)
	return name.At(said.Version), err == nil
}

// needs reads what a version needs; nil: it is not there any more.
func (s *Dependents) needs(ctx context.Context, at registry.Coordinate, packageID int64) (*needs, error) {
	d, err := s.catalog.VersionDetail(ctx, at)
	if err != nil && registry.KindOf(err) == registry.NotFound {
		return nil, nil //nolint:nilnil // it went with its repository
	}
	if err != nil {
		return nil, err
	}
	if d.Package.ID != packageID || d.Version.State == registry.Deleted {
		return nil, nil //nolint:nilnil // a repository of the same name has another one
	}
	rules := s.core.Rules[at.Format]
	said, err := rules.Describe(ctx, registry.Describing{Package: d.Package, Version: d.Version, Files: d.Files, Facts: d.Facts, Here: here{s, at.Name}})
	if err != nil {
		return nil, err
	}
	said.Bound()
	n := &needs{versionID: d.Version.ID}
	for _, dep := range said.Dependencies {
		key, err := rules.Normalize(dep.Name)
		if err != nil {
			continue // no package has such a name
		}
		n.list = append(n.list, metadata.Dependency{Format: at.Format, Name: key, PackageID: d.Package.ID, VersionID: d.Version.ID, Scope: dep.Scope, Requirement: dep.Requirement})
	}
	return n, nil
}

// store keeps what versions need, and that the entries before done were looked through. A process that was slower takes nothing back.
func (s *Dependents) store(ctx context.Context, found []needs, done int64) error {
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		for _, n := range found {
			if err := tx.Dependencies().PutDependencies(n.versionID, n.list); err != nil {
				return err
			}
		}
		now, err := cursor(tx.Settings())
		if err != nil || now >= done {
			return err
		}
		return tx.Settings().PutSetting(cursorKey, strconv.FormatInt(done, 10))
	})
}

// cursor is how many entries of the log were looked through.
func cursor(settings metadata.Settings) (int64, error) {
	text, err := settings.Setting(cursorKey)
	if errors.Is(err, metadata.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// here is the registry.Here of a package in its own repository.
type here struct {
	s  *Dependents
	at registry.Name
}

// Open implements registry.Here.
func (h here) Open(ctx context.Context, version, path string, limit int64) (io.ReadCloser, error) {
	f, err := h.s.catalog.File(ctx, h.at.At(version), path)
	if err != nil && registry.KindOf(err) == registry.NotFound || f.Blob.ID == 0 && err == nil {
		return nil, nil //nolint:nilnil // it is not here
	}
	if err != nil {
		return nil, err
	}
	return h.s.catalog.Open(ctx, f, 0, min(limit, f.Blob.Size))
}

// Has implements registry.Here.
func (h here) Has(ctx context.Context, version string) (bool, error) {
	_, err := h.s.catalog.Resolve(ctx, h.at, catalog.Ref{Version: version})
	if err != nil && registry.KindOf(err) == registry.NotFound {
		return false, nil
	}
	return err == nil, err
}

// Of lists the packages that need one, in all repositories that the caller may read, ascending by ID, after one. What was published a moment ago
// is among them, unless so much was that the duty has to read it. NotFound: about the repository.
func (s *Dependents) Of(ctx context.Context, at registry.Name, after int64, limit int) (out []Dependent, err error) {
	actor, err := s.core.Authorize(ctx, access.Read, at.Repository)
	if err != nil {
		return nil, err
	}
	if _, err := s.core.RepositoryRow(ctx, at.Repository); err != nil {
		return nil, err
	}
	s.catchUp(ctx)
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		out = nil
		all, err := registry.AllRepositories(tx.Repositories())
		if err != nil {
			return err
		}
		var readable []int64
		for _, r := range all {
			if access.Decide(actor, access.Read, r.Name) == access.Allow {
				readable = append(readable, r.ID)
			}
		}
		list, err := tx.Dependencies().Dependents(metadata.DependentPage{Format: at.Format, Name: at.Package, Repositories: readable, AfterPackageID: after, Limit: registry.Bound(limit)})
		if err != nil {
			return err
		}
		for _, d := range list {
			item := Dependent{Scope: d.Scope, Requirement: d.Requirement}
			if item.Package, err = tx.Packages().PackageByID(d.PackageID); err != nil {
				return err
			}
			if item.Version, err = tx.Versions().VersionByID(d.VersionID); err != nil {
				return err
			}
			out = append(out, item)
		}
		return nil
	})
	return out, err
}

// catchUp reads the newest entries of the log where they are few. Where they can't be noted, as while the disk is full, the answer is that of
// before.
func (s *Dependents) catchUp(ctx context.Context) {
	var waiting int64
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		done, err := cursor(tx.Settings())
		if err != nil {
			return err
		}
		size, err := tx.Log().LogSize()
		waiting = size - done
		return err
	})
	if err == nil && waiting > 0 && waiting <= maxCatchUp {
		_, err = s.step(access.With(ctx, access.System()), maxCatchUp)
	}
	if err != nil && ctx.Err() == nil {
		s.core.Log.LogAttrs(ctx, slog.LevelWarn, "what the newest versions need is not known yet", slog.String("error", err.Error()))
	}
}
