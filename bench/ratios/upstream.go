package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"slipway/bench/load"
)

// upstream is a registry elsewhere and a server in front of it: far holds what is published, line is the network to it, and near is
// measured.
type upstream struct {
	far, line, near *process
}

// network is what a line is like.
type network struct {
	delay time.Duration
	rate  float64 // bytes per second; 0: no bound
}

// The network of the cases that ask for something which near does not have yet.
const (
	coldDelay = 20 * time.Millisecond
	gigabit   = 125_000_000 // bytes per second
)

// mirror names the repository of near that asks far for a format.
func mirror(format string) string { return format + "-mirror" }

// upstream starts the three processes; near has a repository for each format.
func (b *bench) upstream(ctx context.Context, n network, formats ...string) (u *upstream, err error) {
	u = &upstream{}
	defer func() {
		if err != nil {
			err = errors.Join(err, u.stop())
		}
	}()
	if u.far, err = b.server(ctx, "", nil); err != nil {
		return u, err
	}
	self, err := os.Executable()
	if err != nil {
		return u, err
	}
	if u.line, err = start(ctx, countPath, func(address string) *exec.Cmd {
		cmd := exec.Command(self, floorCommand, "-listen", address, "-line", u.far.url, "-delay", n.delay.String(), "-rate", fmt.Sprint(n.rate))
		cmd.Env = append(os.Environ(), lineToken+"="+u.far.token)
		return cmd
	}); err != nil {
		return u, err
	}
	if u.near, err = b.server(ctx, "", nil, "--upstream-allow", "127.0.0.0/8"); err != nil {
		return u, err
	}
	roots := map[string]string{"npm": "/npm/main/", "pypi": "/pypi/main/simple/", "raw": "/raw/main/"}
	for _, format := range formats {
		err := u.near.api(ctx, http.MethodPost, "/repositories", map[string]any{"name": mirror(format),
			"upstreams": []any{map[string]any{"name": "far", "url": u.line.url + roots[format], "format": format}}})
		if err != nil {
			return u, err
		}
	}
	return u, nil
}

func (u *upstream) stop() (err error) {
	for _, p := range []*process{u.near, u.line, u.far} {
		if p != nil {
			err = errors.Join(err, p.stop())
		}
	}
	return err
}

// requests counts what far was asked for.
func (u *upstream) requests() (int64, error) {
	resp, err := http.Get(u.line.url + countPath)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}

// api changes something by the API of a server.
func (p *process) api(ctx context.Context, method, path string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	rq, err := http.NewRequestWithContext(ctx, method, p.url+"/api/v1"+path, strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	rq.Header.Set("Authorization", "Bearer "+p.token)
	rq.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("%s %s: %s %s", method, path, resp.Status, text)
	}
	return nil
}

// publish runs a unit n times with serial numbers from 1, by 8 clients.
func (p *process) publish(ctx context.Context, n int64, do func(context.Context, *load.Worker) (int64, error)) error {
	if err := p.aim(); err != nil {
		return err
	}
	_, err := p.load(ctx, load.Unit{Name: "publish", Do: do}, load.Options{Clients: 8, Units: n})
	return err
}

// once is a unit that reads each of n paths once, by the serial number of the unit.
func once(path func(serial uint64) string) load.Unit {
	return load.Unit{Name: "get", Do: func(ctx context.Context, w *load.Worker) (int64, error) {
		a, err := w.Do(ctx, load.Request{Method: http.MethodGet, Path: path(w.Serial())})
		return a.Bytes, err
	}}
}

// files are paths of what load.Raw.Put has stored, by its serial number.
func files(repository, pkg string) func(uint64) string {
	return func(n uint64) string { return fmt.Sprintf("/raw/%s/%s/1.0.%d/file.bin", repository, pkg, n) }
}

// firstByte: files of 4 MiB that near does not have: how much later than far's the first byte comes (U-1).
func firstByte(ctx context.Context, b *bench) error {
	u, err := b.upstream(ctx, network{delay: 50 * time.Millisecond}, "raw")
	if err != nil {
		return err
	}
	defer u.stop()
	const n = 30
	raw := load.Raw{Repository: "main", Package: "cold", Bytes: 4 << 20}
	if err := u.far.publish(ctx, n, raw.Put); err != nil {
		return err
	}
	var direct, through []float64
	for i := uint64(1); i <= n; i++ {
		for _, side := range []struct {
			list       *[]float64
			p          *process
			repository string
		}{{&direct, u.line, "main"}, {&through, u.near, mirror("raw")}} {
			took, err := side.p.untilFirstByte(ctx, files(side.repository, "cold")(i))
			if err != nil {
				return err
			}
			*side.list = append(*side.list, took)
		}
	}
	b.note("upstream: first byte of a cold file of 4 MiB", fmt.Sprintf("+%.1f ms of %.1f ms", median(through)-median(direct), median(direct)), "≤ +5 ms")
	return nil
}

// untilFirstByte reads a file and returns after how many ms its first byte came.
func (p *process) untilFirstByte(ctx context.Context, path string) (float64, error) {
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		return 0, err
	}
	rq.Header.Set("Authorization", "Bearer "+p.token)
	begin := time.Now()
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.ReadFull(resp.Body, make([]byte, 1))
	took := time.Since(begin)
	if err != nil || resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: %s %w", path, resp.Status, err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return took.Seconds() * 1000, err
}

// coldFiles: a file of 200 MB at 1 Gbit/s by one client (U-2), and tarballs of 20 KiB by 16 clients (U-3), beside reading them over the
// same line without a server between.
func coldFiles(ctx context.Context, b *bench) error {
	u, err := b.upstream(ctx, network{delay: coldDelay, rate: gigabit}, "raw", "npm")
	if err != nil {
		return err
	}
	defer u.stop()
	raw := load.Raw{Repository: "main", Package: "large", Bytes: 200_000_000}
	if err := u.far.publish(ctx, int64(b.rounds), raw.Put); err != nil {
		return err
	}
	if err := u.cold(ctx, b, "upstream: cold 200 MB at 1 Gbit/s, 1 client", 0.97, 1, 1, func(mirrored bool) func(uint64) string {
		if mirrored {
			return files(mirror("raw"), "large")
		}
		return files("main", "large")
	}); err != nil {
		return err
	}
	const tarballs = 800
	npm := load.Npm{Repository: "main", Package: "cold", Packages: 1, Bytes: 20 << 10}
	if err := u.far.publish(ctx, int64(b.rounds)*tarballs, npm.Publish); err != nil {
		return err
	}
	return u.cold(ctx, b, "upstream: cold tarballs of 20 KiB, 16 clients", 0.8, 16, tarballs, func(mirrored bool) func(uint64) string {
		repository := "main"
		if mirrored {
			repository = mirror("npm")
		}
		return func(n uint64) string { return fmt.Sprintf("/npm/%s/cold-0/-/cold-0-1.0.%d.tgz", repository, n) }
	})
}

// cold compares near with the line; a round reads units files that no round before it has read.
func (u *upstream) cold(ctx context.Context, b *bench, name string, wanted float64, clients int, units int64, path func(mirrored bool) func(uint64) string) error {
	for _, p := range []*process{u.near, u.line} {
		if err := p.aim(); err != nil { // serial numbers from 1
			return err
		}
	}
	reads := func(name string, p *process, mirrored bool) side {
		return side{name, func(ctx context.Context) (result, error) {
			return p.load(ctx, once(path(mirrored)), load.Options{Clients: clients, Units: units})
		}}
	}
	return contest{name: name, unit: "/s", wanted: wanted, server: reads("server", u.near, true), floors: []side{reads("direct", u.line, false)}}.run(ctx, b)
}
