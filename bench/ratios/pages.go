package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

const (
	pageRuns      = 100 // requests of each page, after three that are not measured
	pagesPackages = 5   // versions of a package, on average
)

// pages: the first byte and the compressed size of the pages for people, over a store with many versions.
func pages(ctx context.Context, b *bench) error {
	dir := b.filled
	if dir == "" {
		dir = filepath.Join(b.dir, "pages")
		if err := b.fill(ctx, dir); err != nil {
			return err
		}
	}
	p, err := b.server(ctx, dir, nil)
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }() // what is measured is measured
	list, err := p.pages(ctx)
	if err != nil {
		return err
	}
	of := fmt.Sprintf("%d versions", b.versions)
	if b.filled != "" {
		of = "the store that was given"
	}
	for _, path := range list {
		first, size, err := p.page(ctx, path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		b.note(fmt.Sprintf("page %s, %s", path, of), fmt.Sprintf("first byte p95 %.1f ms, %.1f KiB", first.Seconds()*1000, float64(size)/1024), "≤ 30 ms, ≤ 50 KiB")
	}
	return nil
}

// fill has a server make dir with its administrator, and fills it.
func (b *bench) fill(ctx context.Context, dir string) error {
	p, err := b.server(ctx, dir, nil)
	if err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	fill := exec.CommandContext(ctx, b.slipway, "bench", "fill", "--data", dir, "--packages", strconv.Itoa(max(1, b.versions/pagesPackages)), "--versions", strconv.Itoa(b.versions))
	if out, err := fill.CombinedOutput(); err != nil {
		return fmt.Errorf("bench fill: %w: %s", err, out)
	}
	return nil
}

// pages are the pages to measure: of the newest version of each format, and of the package with the most versions.
func (p *process) pages(ctx context.Context) ([]string, error) {
	out := []string{"/", "/r/main", "/r/main?sort=newest", "/r/main?sort=size", "/search?q=pkg", "/search?q=tag%3Alatest", "/search?q=commit%3A0000", "/env", "/deployments", "/log", "/subscriptions", "/setup", "/docs/",
		"/r/main/-/upstreams", "/r/main/-/rules", "/r/main/-/settings", "/admin", "/admin/users", "/admin/access", "/admin/jobs", "/admin/storage", "/admin/repositories"}
	for _, format := range []string{"npm", "pypi", "maven", "oci", "raw"} {
		var found struct {
			Items []struct {
				Name, Version string
				Seq           int64
			}
		}
		if err := p.get(ctx, "/api/v1/versions?limit=1&q="+url.QueryEscape("format:"+format), func(r io.Reader) error { return json.NewDecoder(r).Decode(&found) }); err != nil {
			return nil, err
		}
		for _, v := range found.Items {
			pkg := "/r/main/" + format + "/" + v.Name
			then := fmt.Sprintf("?as_of=seq:%d", v.Seq*9/10)
			out = append(out, "/r/main"+then+"&format="+format, pkg+then, pkg+"/-/versions?has=commit", pkg+"/-/versions"+then, pkg, pkg+"/-/versions", pkg+"/-/tags", pkg+"/-/activity", pkg+"/v/"+url.PathEscape(v.Version))
		}
	}
	return out, nil
}

// get reads an answer of the API.
func (p *process) get(ctx context.Context, path string, read func(io.Reader) error) error {
	rq, err := p.request(ctx, path)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(rq)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	return read(res.Body)
}

func (p *process) request(ctx context.Context, path string) (*http.Request, error) {
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err == nil {
		rq.Header.Set("Authorization", "Bearer "+p.token)
	}
	return rq, err
}

// page asks for a page again and again, and returns the time to the first byte that 95 of 100 keep, and the compressed size.
func (p *process) page(ctx context.Context, path string) (first time.Duration, size int64, err error) {
	var times []time.Duration
	for i := range pageRuns + 3 {
		rq, err := p.request(ctx, path)
		if err != nil {
			return 0, 0, err
		}
		var begin, got time.Time
		rq = rq.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { begin = time.Now() }, GotFirstResponseByte: func() { got = time.Now() }}))
		rq.Header.Set("Accept", "text/html")
		rq.Header.Set("Accept-Encoding", "gzip")
		res, err := http.DefaultClient.Do(rq)
		if err != nil {
			return 0, 0, err
		}
		size, err = io.Copy(io.Discard, res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			return 0, 0, err
		}
		if res.StatusCode != http.StatusOK {
			return 0, 0, errors.New(res.Status)
		}
		if i >= 3 {
			times = append(times, got.Sub(begin))
		}
	}
	slices.Sort(times)
	return times[len(times)*95/100], size, nil
}
