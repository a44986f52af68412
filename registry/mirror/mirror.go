// Package mirror fills repositories for places without a network: what lists of package URLs name is fetched ahead of time.
package mirror

import (
	"context"

	"slipway/registry"
	"slipway/registry/upstreams"
)

// Mirror runs jobs that fetch.
type Mirror struct {
	core    *registry.Core
	reader  *upstreams.Reader
	sources map[string]upstreams.Source
	slots   chan struct{} // one for each item that is being fetched
	jobs    jobs
}

// atOnce is how many items are fetched at once, of all jobs: clients who wait for a file have the rest of each upstream's connections.
const atOnce = 8

// New makes the part. sources are those of the formats that have remotes.
func New(core *registry.Core, reader *upstreams.Reader, sources map[string]upstreams.Source) *Mirror {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &Mirror{core: core, reader: reader, sources: sources, slots: make(chan struct{}, atOnce), jobs: jobs{ctx: ctx, cancel: cancel}}
}

// Close ends the jobs that run, and waits for them.
func (m *Mirror) Close() { m.jobs.close() }
