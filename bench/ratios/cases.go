package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"slipway/bench/load"
)

// cases are the measured cases, in the order of the report.
var cases = []struct {
	name string
	run  func(ctx context.Context, b *bench) error
}{
	{"start", startCase},
	{"npm.publish", npmPublish},
	{"npm.packument", documentCase("npm.packument 100", func(ctx context.Context, s *process) (load.Unit, load.Request, error) {
		p := load.Npm{Repository: "main", Package: "ratio", Bytes: 1 << 10, Versions: 100}
		return load.Unit{Name: "npm.packument", Do: p.Packument}, p.PackumentRequest(), prepare(ctx, s, p.Prepare)
	})},
	{"pypi.simple", documentCase("pypi.simple 1000", func(ctx context.Context, s *process) (load.Unit, load.Request, error) {
		p := load.PyPI{Repository: "main", Project: "ratio", Bytes: 1 << 10, Files: 1000}
		return load.Unit{Name: "pypi.simple", Do: p.Simple}, p.SimpleRequest(), prepare(ctx, s, p.Prepare)
	})},
	{"maven.metadata", documentCase("maven.metadata 1000", func(ctx context.Context, s *process) (load.Unit, load.Request, error) {
		p := load.Maven{Repository: "main", Group: "com.example", Artifact: "ratio", Bytes: 1 << 10, Versions: 1000}
		return load.Unit{Name: "maven.metadata", Do: p.Metadata}, p.MetadataRequest(), prepare(ctx, s, p.Prepare)
	})},
	{"blob.get", blobGet},
	{"raw.put", rawPut},
	{"memory", putMemory},
	{"oci.push", ociPush},
	{"oci.manifest", ociManifest},
	{"s3", overS3},
	{"upstream.first_byte", firstByte},
	{"upstream.cold", coldFiles},
	{"upstream.joined", joined},
	{"upstream.warm", warm},
	{"upstream.refresh", refreshed},
	{"upstream.away", away},
	{"upstream.log", entered},
	{"pages", pages},
}

func prepare(ctx context.Context, p *process, fn func(context.Context, *load.Worker) error) error {
	w := p.driver.Worker()
	defer w.Close()
	return fn(ctx, w)
}

// under is a side: clients that run one unit against p for the span of the bench.
func (b *bench) under(name string, p *process, clients int, u load.Unit) side {
	return side{name, func(ctx context.Context) (result, error) {
		return p.load(ctx, u, load.Options{Clients: clients, Duration: b.span})
	}}
}

// load runs one unit against p.
func (p *process) load(ctx context.Context, u load.Unit, o load.Options) (result, error) {
	before, err := p.cpu()
	if err != nil {
		return result{}, err
	}
	r, err := p.driver.Run(ctx, []load.Share{{Unit: u, Weight: 1}}, o)
	if err == nil {
		err = r.Results[0].FirstFail
	}
	if err != nil {
		return result{}, err
	}
	after, err := p.cpu()
	return result{rate: r.Rate(0), cpu: (after - before).Seconds() * 1000 / float64(r.Results[0].Times.Count())}, err
}

// startCase is the time from exec to the first answer, and the memory of an idle server.
func startCase(ctx context.Context, b *bench) error {
	dir := filepath.Join(b.dir, "start")
	first, later, idle := 0.0, math.Inf(1), 0.0
	for i := range 2 + b.rounds {
		p, err := b.server(ctx, dir, nil)
		if err != nil {
			return err
		}
		if i == 0 {
			first = p.ready.Seconds()
		} else {
			later = min(later, p.ready.Seconds())
		}
		if idle, err = p.memory("VmRSS"); err != nil {
			return errors.Join(err, p.stop())
		}
		if err := p.stop(); err != nil {
			return err
		}
	}
	b.note("start to ready, first", fmt.Sprintf("%.0f ms", first*1000), "≤ 300 ms")
	b.note("start to ready, later", fmt.Sprintf("%.0f ms", later*1000), "≤ 300 ms")
	b.note("idle memory", fmt.Sprintf("%.0f MiB", idle), "≤ 40 MiB")
	return nil
}

// npmPublish: publishes of 20 KiB by 8 clients, compared with the rate that one flush per publish would allow, and with the
// rate of a handler that only hashes and appends the bodies, with the same clients on this machine's processors.
func npmPublish(ctx context.Context, b *bench) error {
	p, err := b.server(ctx, "", nil)
	if err != nil {
		return err
	}
	defer p.stop()
	npm := load.Npm{Repository: "main", Package: "ratio", Packages: 1000, Bytes: 20 << 10}
	loops, err := newLoops(b.dir)
	if err != nil {
		return err
	}
	bare, err := b.floor(ctx, "-log", filepath.Join(b.dir, "bodies"))
	if err != nil {
		return err
	}
	defer bare.stop()
	publish := load.Unit{Name: "npm.publish", Do: npm.Publish}
	return contest{
		name: "npm.publish 20 KiB, 8 clients", unit: "/s", wanted: 3,
		server: b.under("server", p, 8, publish),
		floors: []side{loops.flushes(b.span), loops.publishes(b.span), b.under("bare handler: hash, append, shared flush", bare, 8, publish)},
	}.run(ctx, b)
}

// documentCase compares a document that is served from the cache with a bare handler that writes the same bytes.
func documentCase(name string, make func(ctx context.Context, s *process) (load.Unit, load.Request, error)) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		p, err := b.server(ctx, "", nil)
		if err != nil {
			return err
		}
		defer p.stop()
		unit, rq, err := make(ctx, p)
		if err != nil {
			return err
		}
		bare, err := b.bareCopy(ctx, p, rq)
		if err != nil {
			return err
		}
		defer bare.stop()
		return contest{
			name: name + ", 16 clients", unit: "/s", wanted: 0.5,
			server: b.under("server", p, 16, unit), floors: []side{b.under("bare handler", bare, 16, get("/"))},
		}.run(ctx, b)
	}
}

// bareCopy starts a bare handler that writes the bytes which rq is answered with.
func (b *bench) bareCopy(ctx context.Context, p *process, rq load.Request) (*process, error) {
	var body []byte
	rq.Keep = true
	if err := prepare(ctx, p, func(ctx context.Context, w *load.Worker) error {
		a, err := w.Do(ctx, rq)
		body = a.Body
		return err
	}); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(b.dir, "body-")
	if err != nil {
		return nil, err
	}
	_, err = f.Write(body)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return b.floor(ctx, "-bytes", f.Name())
}

// ociPush: images of three layers of 1 MiB by 8 clients, beside a bare handler that hashes, writes and flushes them.
func ociPush(ctx context.Context, b *bench) error {
	p, err := b.server(ctx, "", nil)
	if err != nil {
		return err
	}
	defer p.stop()
	dir, err := os.MkdirTemp(b.dir, "images-")
	if err != nil {
		return err
	}
	bare, err := b.floor(ctx, "-images", dir)
	if err != nil {
		return err
	}
	defer bare.stop()
	oci := image()
	push := load.Unit{Name: "oci.push", Do: oci.Push}
	docker := oci
	docker.Chunked = true
	if err := (contest{
		name: "oci.push 3 × 1 MiB, 8 clients", unit: "/s", wanted: 0.7,
		server: b.under("server", p, 8, push), floors: []side{b.under("bare handler", bare, 8, push)},
	}.run(ctx, b)); err != nil {
		return err
	}
	return contest{
		name: "… as docker does", unit: "/s", wanted: 0.7,
		server: b.under("server", p, 8, load.Unit{Name: "oci.push_chunked", Do: docker.Push}), floors: []side{b.under("bare handler", bare, 8, push)},
	}.run(ctx, b)
}

func image() load.OCI {
	return load.OCI{Repository: "main", Image: "ratio", Layers: 3, Bytes: 1 << 20}
}

// ociManifest: HEAD and GET by tag, of images with few tags and with many.
func ociManifest(ctx context.Context, b *bench) error {
	p, err := b.server(ctx, "", nil)
	if err != nil {
		return err
	}
	defer p.stop()
	few, many := image(), image()
	few.Image, few.Tags = "few", 10
	many.Image, many.Tags = "many", 10_000
	for _, oci := range []load.OCI{few, many} {
		if err := prepare(ctx, p, oci.Prepare); err != nil {
			return err
		}
	}
	bare, err := b.bareCopy(ctx, p, few.ManifestRequest(0))
	if err != nil {
		return err
	}
	defer bare.stop()
	pair := load.Unit{Name: "pair", Do: func(ctx context.Context, w *load.Worker) (int64, error) {
		if _, err := w.Do(ctx, load.Request{Method: "HEAD", Path: "/"}); err != nil {
			return 0, err
		}
		a, err := w.Do(ctx, load.Request{Method: "GET", Path: "/"})
		return a.Bytes, err
	}}
	unit := load.Unit{Name: "oci.manifest", Do: few.Manifest}
	manyUnit := load.Unit{Name: "oci.manifest", Do: many.Manifest}
	if err := (contest{
		name: "oci.manifest HEAD+GET, 10 tags", unit: "pairs/s",
		server: b.under("server", p, 16, unit), floors: []side{b.under("bare handler", bare, 16, pair)},
	}.run(ctx, b)); err != nil {
		return err
	}
	b.note("", "", "≥ 8000/s")
	return contest{
		name: "oci.manifest, 10,000 tags", unit: "pairs/s", wanted: 0.9,
		server: b.under("server", p, 16, manyUnit), floors: []side{b.under("10 tags", p, 16, unit)},
	}.run(ctx, b)
}
