// Package mirror fills repositories for places without a network: what lists of package URLs name is fetched ahead of time, and carried
// to other servers in bundles that the log's key signs.
package mirror

import (
	"context"

	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/content"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/upstreams"
)

// Mirror runs jobs that fetch, and writes and takes bundles.
type Mirror struct {
	core      *registry.Core
	reader    Reader
	upstreams *upstreams.Upstreams
	content   *content.Store
	publisher *publish.Publisher
	ledger    *ledger.Ledger
	sources   map[string]upstreams.Source
	slots     chan struct{} // one for each item that is being fetched
	jobs      jobs
}

// Reader is what clients see, and what is here of it.
type Reader interface {
	catalog.Reader
	FileHere(ctx context.Context, at registry.Coordinate, path string) (registry.File, error)
	DetailHere(ctx context.Context, at registry.Coordinate) (catalog.VersionDetail, error)
	CanonicalVersion(ctx context.Context, at registry.Coordinate) (registry.Coordinate, error)
}

// Parts are those of the instance that a Mirror works with.
type Parts struct {
	Core      *registry.Core
	Reader    Reader
	Upstreams *upstreams.Upstreams
	Content   *content.Store
	Publisher *publish.Publisher
	Ledger    *ledger.Ledger
}

// atOnce is how many items are fetched at once, of all jobs: clients who wait for a file have the rest of each upstream's connections.
const atOnce = 8

// New makes the part. sources are those of the formats that have remotes.
func New(p Parts, sources map[string]upstreams.Source) *Mirror {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &Mirror{core: p.Core, reader: p.Reader, upstreams: p.Upstreams, content: p.Content, publisher: p.Publisher, ledger: p.Ledger, sources: sources, slots: make(chan struct{}, atOnce), jobs: jobs{ctx: ctx, cancel: cancel}}
}

// Close ends the jobs that run, and waits for them.
func (m *Mirror) Close() { m.jobs.close() }
