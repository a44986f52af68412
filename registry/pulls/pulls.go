// Package pulls keeps who downloaded which versions, so that of bytes that must not run any more the callers who have them can be named.
package pulls

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

const (
	writeEvery = time.Minute
	batch      = 250     // of one transaction: other changes wait for it
	maxKnown   = 100_000 // pairs of version and caller, so that each is written once a day
	maxWaiting = 100_000 // pairs that are not stored yet; beyond them the oldest stay and newer ones are forgotten
	dropped    = 1000    // of those that are too old, with each write
	day        = 24 * time.Hour
)

// Pulls gathers who downloads what and writes it down: a download itself writes nothing. What was noted within the last minute is lost when
// the process is killed.
type Pulls struct {
	core   *registry.Core
	kept   time.Duration
	reader catalog.Reader

	writing sync.Mutex // by one goroutine at a time
	mu      sync.Mutex
	day     time.Time
	known   map[pull]struct{} // of the day
	waiting []metadata.Pull
}

type pull struct {
	versionID int64
	caller    string
}

// New makes the part over the core. reader finds the versions whose downloads are listed; kept is how long a caller's last download of a
// version is remembered, 0: nothing is noted.
func New(core *registry.Core, reader catalog.Reader, kept time.Duration) *Pulls {
	return &Pulls{core: core, reader: reader, kept: kept}
}

// Note notes that the caller gets a version, or a part of it. It is cheap, and does nothing for the ID 0.
func (p *Pulls) Note(ctx context.Context, versionID int64) {
	if versionID <= 0 || p.kept == 0 {
		return
	}
	key, now := pull{versionID, access.From(ctx).Text()}, p.core.Now().UTC()
	today := now.Truncate(day)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || !p.day.Equal(today) || len(p.known) >= maxKnown {
		p.day, p.known = today, map[pull]struct{}{}
	}
	if _, ok := p.known[key]; ok || len(p.waiting) >= maxWaiting {
		return
	}
	p.known[key] = struct{}{}
	p.waiting = append(p.waiting, metadata.Pull{VersionID: versionID, Caller: key.caller, LastAt: now})
}

// Noting returns bytes that are noted when they are opened or linked to.
func (p *Pulls) Noting(of catalog.Bytes) catalog.Bytes {
	if p.kept == 0 {
		return of
	}
	return noting{of, p}
}

type noting struct {
	catalog.Bytes
	pulls *Pulls
}

// Open implements catalog.Bytes.
func (n noting) Open(ctx context.Context, f registry.File, offset, length int64) (io.ReadCloser, error) {
	r, err := n.Bytes.Open(ctx, f, offset, length)
	if err == nil && f.Arriving != nil {
		return arriving{r, ctx, f.Arriving, n.pulls}, nil
	}
	if err == nil {
		n.pulls.Note(ctx, f.VersionID)
	}
	return r, err
}

// Link implements catalog.Bytes.
func (n noting) Link(ctx context.Context, f registry.File, mediaType string) (string, error) {
	link, err := n.Bytes.Link(ctx, f, mediaType)
	if link != "" && err == nil {
		n.pulls.Note(ctx, f.VersionID)
	}
	return link, err
}

// arriving is a file on its way from a registry elsewhere: its version is known once it has entered.
type arriving struct {
	io.ReadCloser
	ctx   context.Context
	file  metadata.Arriving
	pulls *Pulls
}

// Close implements io.Closer.
func (a arriving) Close() error {
	a.pulls.Note(a.ctx, a.file.Entered())
	return a.ReadCloser.Close()
}

// WriteEvery writes what was noted, once a minute until ctx ends, and then once more.
func (p *Pulls) WriteEvery(ctx context.Context) {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		p.Write(context.WithoutCancel(ctx))
	}
}

// Write writes what was noted. What can't be stored waits for the next time.
func (p *Pulls) Write(ctx context.Context) {
	ctx = access.With(ctx, access.System())
	p.writing.Lock()
	defer p.writing.Unlock()
	for {
		p.mu.Lock()
		list := p.waiting[:min(batch, len(p.waiting))]
		p.mu.Unlock()
		if len(list) == 0 {
			return
		}
		if err := p.core.Update(ctx, func(tx metadata.Tx) error { return p.store(tx.Pulls(), list) }); err != nil {
			p.core.Log.LogAttrs(ctx, slog.LevelWarn, "who downloaded what is not stored", slog.String("error", err.Error()))
			return
		}
		p.mu.Lock()
		if p.waiting = p.waiting[len(list):]; len(p.waiting) == 0 {
			p.waiting = nil
		}
		p.mu.Unlock()
	}
}

func (p *Pulls) store(tx metadata.Pulls, list []metadata.Pull) error {
	for _, one := range list {
		if err := tx.PutPull(one); err != nil {
			return err
		}
	}
	return tx.DropPulls(p.core.Now().Add(-p.kept), dropped)
}

// Of lists who downloaded a version as a repository shows it, by caller. The caller must audit the repository, and that which has the version.
// What was just noted is in it. NotFound, Denied, Unauthenticated.
func (p *Pulls) Of(ctx context.Context, at registry.Coordinate, page registry.Page) ([]metadata.Pull, error) {
	if _, err := p.core.Authorize(ctx, access.Audit, at.Repository); err != nil {
		return nil, err
	}
	id, err := p.version(catalog.Look(ctx), at)
	if err != nil || id <= 0 {
		return nil, err
	}
	p.Write(ctx)
	var list []metadata.Pull
	err = p.core.Store.View(ctx, func(tx metadata.Tx) error {
		v, err := tx.Versions().VersionByID(id)
		if err != nil {
			return err
		}
		pkg, err := tx.Packages().PackageByID(v.PackageID)
		if err != nil {
			return err
		}
		if _, err := p.core.Authorize(ctx, access.Audit, pkg.Repository); err != nil {
			return err
		}
		list, err = tx.Pulls().Pulls(id, page)
		return err
	})
	return list, err
}

// version finds the ID of a version. One that a registry elsewhere lists has it by those of its files that are here; 0: there are none.
func (p *Pulls) version(ctx context.Context, at registry.Coordinate) (int64, error) {
	v, err := p.reader.Resolve(ctx, at.Name, catalog.Ref{Version: at.Version})
	if err != nil || v.ID > 0 {
		return v.ID, err
	}
	d, err := p.reader.VersionDetail(ctx, at)
	for _, f := range d.Files {
		if f.VersionID > 0 {
			return f.VersionID, err
		}
	}
	return 0, err
}
