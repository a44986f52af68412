package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"slipway/bench/load"
)

const manyClients = 1000

// joined: one file of 100 MiB that near does not have (U-4), and one packument of 3 MB (U-5), each asked for by 1,000 clients at once.
func joined(ctx context.Context, b *bench) error {
	u, err := b.upstream(ctx, network{delay: coldDelay}, "raw", "npm")
	if err != nil {
		return err
	}
	defer u.stop()
	const size = 100 << 20
	raw := load.Raw{Repository: "main", Package: "joined", Bytes: size}
	if err := u.far.publish(ctx, 2, raw.Put); err != nil {
		return err
	}
	npm := load.Npm{Repository: "main", Package: "joined", Packages: 1, Bytes: 64}
	const versions = 2000 // some 3 MB
	if err := u.far.publish(ctx, versions, npm.Publish); err != nil {
		return err
	}
	if _, err := u.together(ctx, 1, files(mirror("raw"), "joined")(2)); err != nil { // buffers and plans that stay are made by the first
		return err
	}
	file, err := u.together(ctx, manyClients, files(mirror("raw"), "joined")(1))
	if err != nil {
		return err
	}
	b.note("upstream: 1,000 clients, one cold file of 100 MiB", fmt.Sprintf("%d requests to it", file.asked), "1")
	warm, err := u.together(ctx, manyClients, files(mirror("raw"), "joined")(1))
	if err != nil {
		return err
	}
	b.note("… all have it, beside the same when it is there", fmt.Sprintf("%.2f", file.took.Seconds()/warm.took.Seconds()), "≤ 1.3")
	b.note("… memory", fmt.Sprintf("+%.0f MiB", file.grown), "≤ 96 MiB")
	b.note("… descriptors for each client", fmt.Sprintf("%.2f", file.descriptors/manyClients), "≤ 2")
	document, err := u.together(ctx, manyClients, "/npm/"+mirror("npm")+"/joined-0")
	if err != nil {
		return err
	}
	b.note("upstream: 1,000 clients, one cold packument of 3 MB", fmt.Sprintf("%d requests to it", document.asked), "1")
	again, err := u.together(ctx, manyClients, "/npm/"+mirror("npm")+"/joined-0")
	if err != nil {
		return err
	}
	b.note("… p99, later than when it is there", fmt.Sprintf("+%.0f ms", (document.p99-again.p99).Seconds()*1000), "≤ far's + 150 ms")
	return nil
}

// crowd is how clients fared that asked for one thing at once.
type crowd struct {
	asked       int64 // requests to far
	took, p99   time.Duration
	grown       float64 // MiB that near's memory grew by at most
	descriptors float64 // that near had open at most, beside those before
}

func (u *upstream) together(ctx context.Context, clients int, path string) (c crowd, err error) {
	before, err := u.requests()
	if err != nil {
		return c, err
	}
	if err := u.near.forgetPeak(); err != nil {
		return c, err
	}
	memory, err := u.near.memory("VmRSS")
	if err != nil {
		return c, err
	}
	open, err := u.near.descriptors()
	if err != nil {
		return c, err
	}
	watched, most := make(chan struct{}), make(chan float64)
	go func() {
		top := open
		for {
			select {
			case <-watched:
				most <- top - open
				return
			case <-time.After(20 * time.Millisecond):
				if n, err := u.near.descriptors(); err == nil {
					top = max(top, n)
				}
			}
		}
	}()
	r, err := u.near.driver.Run(ctx, []load.Share{{Unit: get(path), Weight: 1}}, load.Options{Clients: clients, Units: int64(clients)})
	close(watched)
	c.descriptors = <-most
	if err == nil {
		err = r.Results[0].FirstFail
	}
	if err != nil {
		return c, err
	}
	c.took, c.p99 = r.Elapsed, r.Results[0].Times.Quantile(0.99)
	peak, err := u.near.memory("VmHWM")
	if err != nil {
		return c, err
	}
	c.grown = peak - memory
	after, err := u.requests()
	c.asked = after - before
	return c, err
}

// descriptors counts the files and connections that a server has open.
func (p *process) descriptors() (float64, error) {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	return float64(len(list)), err
}

// warm: documents and files that near has, beside the same published there, from one place and as a part of 10 and 25 (U-6, U-7).
func warm(ctx context.Context, b *bench) error {
	u, err := b.upstream(ctx, network{}, "npm", "pypi", "raw")
	if err != nil {
		return err
	}
	defer u.stop()
	npm := load.Npm{Repository: "main", Package: "ratio", Bytes: 20 << 10, Versions: 100}
	pypi := load.PyPI{Repository: "main", Project: "ratio", Bytes: 1 << 10, Files: 1000}
	for _, p := range []*process{u.far, u.near} {
		if err := errors.Join(prepare(ctx, p, npm.Prepare), prepare(ctx, p, pypi.Prepare)); err != nil {
			return err
		}
	}
	groups, err := u.groups(ctx)
	if err != nil {
		return err
	}
	for _, k := range warmKinds(npm, pypi) {
		if k.prime != nil {
			if err := prepare(ctx, u.near, func(ctx context.Context, w *load.Worker) error { return k.prime(ctx, w, mirror(k.format)) }); err != nil {
				return err
			}
		}
		hosted := b.under("hosted", u.near, 16, k.unit("main"))
		if err := (contest{name: "upstream: warm " + k.name + ", 16 clients", unit: "/s", wanted: 0.95,
			server: b.under("server", u.near, 16, k.unit(mirror(k.format))), floors: []side{hosted}}.run(ctx, b)); err != nil {
			return err
		}
		for _, g := range groups {
			if err := (contest{name: "… through " + g, unit: "/s", wanted: 0.9,
				server: b.under("server", u.near, 16, k.unit(g)), floors: []side{hosted}}.run(ctx, b)); err != nil {
				return err
			}
		}
	}
	return nil
}

// warmKind is a document or file that is read again and again; prime has a mirror fetch it, where preparing it here did not.
type warmKind struct {
	name, format string
	unit         func(repository string) load.Unit
	prime        func(ctx context.Context, w *load.Worker, repository string) error
}

func warmKinds(npm load.Npm, pypi load.PyPI) []warmKind {
	return []warmKind{
		{"packument 100", "npm", func(repository string) load.Unit {
			p := npm
			p.Repository = repository
			return load.Unit{Name: "npm.packument", Do: p.Packument}
		}, nil},
		{"simple page 1000", "pypi", func(repository string) load.Unit {
			p := pypi
			p.Repository = repository
			return load.Unit{Name: "pypi.simple", Do: p.Simple}
		}, nil},
		{"tarball 20 KiB", "npm", func(repository string) load.Unit {
			p := npm
			p.Repository = repository
			return load.Unit{Name: "npm.tarball", Do: p.Tarball}
		}, func(ctx context.Context, w *load.Worker, repository string) error {
			for i := range npm.Versions {
				path := fmt.Sprintf("/npm/%s/ratio-read/-/ratio-read-1.%d.0.tgz", repository, i)
				if _, err := w.Do(ctx, load.Request{Method: http.MethodGet, Path: path}); err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

// groups makes repositories of 10 and 25 places, of which the last is main.
func (u *upstream) groups(ctx context.Context) (names []string, err error) {
	var members []any
	for i := range 23 {
		name := fmt.Sprintf("member-%d", i)
		if err := u.near.api(ctx, http.MethodPost, "/repositories", map[string]any{"name": name}); err != nil {
			return nil, err
		}
		members = append(members, name)
	}
	for _, places := range []int{10, 25} { // itself, members, main
		name := fmt.Sprintf("group-of-%d", places)
		list := append(append([]any{}, members[:places-2]...), "main")
		if err := u.near.api(ctx, http.MethodPost, "/repositories", map[string]any{"name": name, "upstreams": list}); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// refreshed: what it costs to ask whether a packument of 3 MB has changed, and to take one with another version (U-9); and the memory that
// one of 40 MB takes while 50 clients ask for it (U-10).
func refreshed(ctx context.Context, b *bench) error {
	u, err := b.upstream(ctx, network{}, "npm")
	if err != nil {
		return err
	}
	defer u.stop()
	npm := load.Npm{Repository: "main", Package: "big", Packages: 1, Bytes: 64}
	if err := u.far.publish(ctx, 2000, npm.Publish); err != nil {
		return err
	}
	if err := u.near.api(ctx, http.MethodPatch, "/repositories/"+mirror("npm")+"/upstreams/far", map[string]any{"ttl": "0s"}); err != nil {
		return err
	}
	read := load.Unit{Name: "head", Do: func(ctx context.Context, w *load.Worker) (int64, error) {
		a, err := w.Do(ctx, load.Request{Method: http.MethodHead, Path: "/npm/" + mirror("npm") + "/big-0"})
		return a.Bytes, err
	}}
	for _, c := range []struct {
		name, wanted string
		units        int64
		before       func() error
	}{
		{"upstream: processor time of a refresh by 304", "≤ 0.3 ms", 500, func() error { return nil }},
		{"… by 200 of 3 MB with another version", "≤ 120 ms", 1, func() error {
			w := u.far.driver.Worker()
			defer w.Close()
			_, err := npm.Publish(ctx, w)
			return err
		}},
	} {
		if _, err := u.near.load(ctx, read, load.Options{Clients: 1, Units: 1}); err != nil {
			return err
		}
		var cpu []float64
		for range 2*b.rounds + 1 {
			if err := c.before(); err != nil {
				return err
			}
			from, err := u.near.cpu()
			if err != nil {
				return err
			}
			if _, err := u.near.load(ctx, read, load.Options{Clients: 1, Units: c.units}); err != nil {
				return err
			}
			time.Sleep(200 * time.Millisecond) // what is refreshed behind the answer counts too
			to, err := u.near.cpu()
			if err != nil {
				return err
			}
			cpu = append(cpu, (to-from).Seconds()*1000/float64(c.units))
		}
		b.note(c.name, fmt.Sprintf("%.2f ms", median(cpu)), c.wanted)
	}
	return crowded(ctx, b, u)
}

// crowded measures the memory that 50 clients cost which ask for one very large packument at once.
func crowded(ctx context.Context, b *bench, u *upstream) error {
	huge := load.Npm{Repository: "main", Package: "huge", Packages: 1, Bytes: 64}
	const versions = 27_000 // some 40 MB
	if err := u.far.publish(ctx, versions, huge.Publish); err != nil {
		return err
	}
	crowd, err := u.together(ctx, 50, "/npm/"+mirror("npm")+"/huge-0")
	if err != nil {
		return err
	}
	b.note("upstream: memory of a packument of 40 MB, 50 clients", fmt.Sprintf("+%.0f MiB, %d requests to it", crowd.grown, crowd.asked), "≤ 400 MiB, 1")
	return nil
}

// away: far does not answer, and 500 clients, each with a request every 100 ms, get the copies (U-12).
func away(ctx context.Context, b *bench) error {
	u, err := b.upstream(ctx, network{}, "npm")
	if err != nil {
		return err
	}
	defer u.stop()
	npm := load.Npm{Repository: "main", Package: "ratio", Bytes: 1 << 10, Versions: 100}
	if err := prepare(ctx, u.far, npm.Prepare); err != nil {
		return err
	}
	npm.Repository = mirror("npm")
	if err := u.near.api(ctx, http.MethodPatch, "/repositories/"+npm.Repository+"/upstreams/far", map[string]any{"ttl": "0s"}); err != nil {
		return err
	}
	read := func(ctx context.Context, w *load.Worker) error {
		_, err := npm.Packument(ctx, w)
		return err
	}
	if err := prepare(ctx, u.near, read); err != nil {
		return err
	}
	_ = u.line.stop() // it ends by the signal
	u.line = nil
	const clients, pause = 500, 100 * time.Millisecond
	var all load.Histogram
	var mu sync.Mutex
	var failed error
	var wait sync.WaitGroup
	until := time.Now().Add(2 * b.span)
	for i := range clients {
		wait.Go(func() {
			w := u.near.driver.Worker()
			defer w.Close()
			var mine load.Histogram
			time.Sleep(pause * time.Duration(i) / clients)
			var err error
			for err == nil && time.Now().Before(until) {
				begin := time.Now()
				err = read(ctx, w)
				mine.Add(time.Since(begin))
				time.Sleep(pause - min(pause, time.Since(begin)))
			}
			mu.Lock()
			defer mu.Unlock()
			all.Merge(&mine)
			failed = errors.Join(failed, err)
		})
	}
	wait.Wait()
	if failed != nil {
		return failed
	}
	b.note("upstream: away, 500 clients at 5,000/s, p50 and p99", fmt.Sprintf("%.1f ms, %.1f ms", ms(all.Quantile(0.5)), ms(all.Quantile(0.99))), "p99 ≤ 5 ms")
	return nil
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }
