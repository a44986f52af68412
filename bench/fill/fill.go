package fill

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/content"
	"slipway/registry/instance"
	"slipway/registry/publish"
	"slipway/registry/staging"
)

// Options say how to fill.
type Options struct {
	Workers  int                                           // publishes at a time; 0 is 64
	Progress func(versions, of int, elapsed time.Duration) // called every 200 ms, from another goroutine; nil: no progress
}

// Summary is the result of a fill.
type Summary struct {
	Packages int           `json:"packages"`
	Versions int           `json:"versions"`
	New      int           `json:"new"` // new versions; the others were there already
	Files    int           `json:"files"`
	Tags     int           `json:"tags"`
	Elapsed  time.Duration `json:"-"`
}

const defaultWorkers = 64

// Run publishes a plan, in the formats that are served, as the caller in ctx. It stops at the first error.
func Run(ctx context.Context, core *instance.Instance, served []formats.Format, p Plan, o Options) (Summary, error) {
	if err := p.Check(); err != nil {
		return Summary{}, err
	}
	if o.Workers < 1 {
		o.Workers = defaultWorkers
	}
	start := time.Now()
	repo, err := core.Core.Repository(ctx, p.Repository)
	if err != nil {
		return Summary{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f := &filling{core: core, rules: map[string]registry.Rules{}, assemblers: map[string]staging.Assembler{}, plan: p, repo: repo, pool: newPool(p.Seed)}
	for _, s := range served {
		f.rules[s.Name()] = s.Rules()
		if a, ok := s.(staging.Assembler); ok {
			f.assemblers[s.Name()] = a
		}
	}
	list := p.List()
	ended := f.watch(o, start)
	var workers sync.WaitGroup
	for i := range o.Workers {
		workers.Go(func() {
			if err := f.work(ctx, order(list, i, o.Workers, p.Seed)); err != nil {
				cancel(err)
			}
		})
	}
	workers.Wait()
	ended()
	return Summary{
		Packages: p.Packages, Versions: int(f.versions.Load()), New: int(f.fresh.Load()), Files: int(f.files.Load()), Tags: int(f.tags.Load()),
		Elapsed: time.Since(start),
	}, context.Cause(ctx)
}

// filling is a fill under way.
type filling struct {
	core       *instance.Instance
	rules      map[string]registry.Rules
	assemblers map[string]staging.Assembler
	plan       Plan
	repo       registry.Repository
	pool       [][]byte

	versions, fresh, files, tags atomic.Int64
}

func (f *filling) watch(o Options, start time.Time) (end func()) {
	if o.Progress == nil {
		return func() {}
	}
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				o.Progress(int(f.versions.Load()), f.plan.Versions, time.Since(start))
			case <-stop:
				return
			}
		}
	})
	return func() {
		close(stop)
		done.Wait()
	}
}

// work publishes the versions of a worker's packages, one after the other.
func (f *filling) work(ctx context.Context, todo []*Package) error {
	next := map[*Package]int{}
	for _, pkg := range todo {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		i := next[pkg]
		next[pkg]++
		if err := f.publish(ctx, pkg, i); err != nil {
			return err
		}
		if i+1 < pkg.Versions {
			continue
		}
		if err := f.tag(ctx, pkg); err != nil {
			return err
		}
		delete(next, pkg)
	}
	return nil
}

// publish makes one version.
func (f *filling) publish(ctx context.Context, pkg *Package, i int) error {
	one := coming{filling: f, Package: pkg, i: i, version: pkg.version(i)}
	var err error
	if one.at, err = f.core.Core.Rules.NameOf(f.plan.Repository, pkg.Format, pkg.name()); err != nil {
		return err
	}
	if one.pub, err = f.core.Publisher.Begin(ctx, one.at); err != nil {
		return err
	}
	defer one.pub.Abort()
	rel, err := releases[pkg.Format](ctx, &one)
	if err != nil {
		return err
	}
	res, err := one.pub.Commit(ctx, rel)
	if err != nil {
		return err
	}
	f.versions.Add(1)
	f.files.Add(int64(one.staged))
	if res.Created {
		f.fresh.Add(1)
	}
	return nil
}

// tag sets the plan's tags of a package, to versions of it from the newest down.
func (f *filling) tag(ctx context.Context, pkg *Package) error {
	if f.plan.Tags == 0 {
		return nil
	}
	at, err := f.core.Core.Rules.NameOf(f.plan.Repository, pkg.Format, pkg.name())
	if err != nil {
		return err
	}
	versions, err := f.core.Catalog.Versions(ctx, at, catalog.VersionQuery{Limit: min(pkg.Versions, f.plan.Tags)})
	if err != nil {
		return err
	}
	return f.core.Publisher.Edit(ctx, at, publish.Rights{access.Tag}, func(e *publish.Edit) error {
		for i := range f.plan.Tags {
			if _, err := e.SetTag(tagName(i), versions[i%len(versions)].Name, "filled"); err != nil {
				return err
			}
		}
		f.tags.Add(int64(f.plan.Tags))
		return nil
	})
}

// poolSize is how many different contents there are: few, since a fill does not test the store's disk.
const poolSize = 256

func newPool(seed uint64) [][]byte {
	pool := make([][]byte, poolSize)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range pool {
		pool[i] = make([]byte, 256+r.IntN(1024))
		for j := range pool[i] {
			pool[i][j] = byte(r.Uint32())
		}
	}
	return pool
}

// stage puts content of the pool under a path.
func (c *coming) stage(ctx context.Context, path, mediaType string, sums content.SumSet) (publish.Staged, error) {
	body := c.pool[(c.Number*31+c.i*7+c.staged)%len(c.pool)]
	c.staged++
	return c.pub.Stage(ctx, content.StageFile{Path: path, MediaType: mediaType, Sums: sums}, bytes.NewReader(body))
}
