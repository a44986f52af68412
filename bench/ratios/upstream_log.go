package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"slipway/bench/load"
)

const (
	versionsEach = 100 // of a package
	warmRuns     = 10  // each reads as many files as have entered
	signedWithin = 3 * time.Second
)

// entered: many tarballs enter, each with one entry in the log, and are then read ten times as often, at random, which adds none (U-11).
func entered(ctx context.Context, b *bench) error {
	u, err := b.upstream(ctx, network{}, "npm")
	if err != nil {
		return err
	}
	defer u.stop()
	n := int64(b.files)
	npm := load.Npm{Repository: "main", Package: "many", Packages: max(1, b.files/versionsEach), Bytes: 4 << 10}
	if err := u.far.publish(ctx, n, npm.Publish); err != nil {
		return err
	}
	path := func(serial uint64) string {
		pkg := fmt.Sprintf("many-%d", serial%uint64(npm.Packages))
		return fmt.Sprintf("/npm/%s/%s/-/%s-1.0.%d.tgz", mirror("npm"), pkg, pkg, serial)
	}
	before, err := u.near.entries(ctx)
	if err != nil {
		return err
	}
	if err := u.near.aim(); err != nil { // serial numbers from 1
		return err
	}
	cold, err := u.near.load(ctx, once(path), load.Options{Clients: 16, Units: n})
	if err != nil {
		return err
	}
	after, err := u.near.entries(ctx)
	if err != nil {
		return err
	}
	bytes, err := u.near.logBytes(ctx, before)
	if err != nil {
		return err
	}
	b.note(fmt.Sprintf("upstream: %d files enter, at %.0f/s, CPU %.2f ms", n, cold.rate, cold.cpu), fmt.Sprintf("%d entries", after-before), fmt.Sprint(n))
	b.note("… their part of the log", fmt.Sprintf("%.1f MB", float64(bytes)/1e6), fmt.Sprintf("≤ %.1f MB", float64(n)*600/1e6))
	return u.again(ctx, b, path, after)
}

// again reads the files that have entered.
func (u *upstream) again(ctx context.Context, b *bench, path func(uint64) string, before int64) error {
	read := load.Unit{Name: "get", Do: func(ctx context.Context, w *load.Worker) (int64, error) {
		a, err := w.Do(ctx, load.Request{Method: "GET", Path: path(1 + w.Rand.Uint64N(uint64(b.files)))})
		return a.Bytes, err
	}}
	var p99 []float64
	for range warmRuns {
		r, err := u.near.driver.Run(ctx, []load.Share{{Unit: read, Weight: 1}}, load.Options{Clients: 16, Units: int64(b.files)})
		if err == nil {
			err = r.Results[0].FirstFail
		}
		if err != nil {
			return err
		}
		p99 = append(p99, ms(r.Results[0].Times.Quantile(0.99)))
	}
	after, err := u.near.entries(ctx)
	if err != nil {
		return err
	}
	b.note(fmt.Sprintf("… read %d times", warmRuns*b.files), fmt.Sprintf("%d entries", after-before), "0")
	b.note("… p99 of the first tenth; median; of the last", fmt.Sprintf("%.1f; %.1f; %.1f ms", p99[0], median(p99), p99[len(p99)-1]), "flat")
	memory, err := u.near.memory("VmRSS")
	b.note("… memory", fmt.Sprintf("%.0f MiB", memory), "")
	return err
}

// entries is how many entries the log has that are signed; it waits until those are that were there when it was called.
func (p *process) entries(ctx context.Context) (n int64, err error) {
	time.Sleep(signedWithin)
	err = p.get(ctx, "/api/v1/log/checkpoint", func(r io.Reader) error {
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		lines := strings.Split(string(text), "\n")
		if len(lines) < 2 {
			return errors.New("that is no checkpoint")
		}
		n, err = strconv.ParseInt(lines[1], 10, 64)
		return err
	})
	return n, err
}

// logBytes is the length of the payloads of the entries from the one with a number on.
func (p *process) logBytes(ctx context.Context, from int64) (bytes int64, err error) {
	const page = 1000
	for after := from - 1; ; {
		var list []struct {
			Sequence string
			Data     json.RawMessage
		}
		query := fmt.Sprintf("/api/v1/events?limit=%d&after=%d", page, after)
		if err := p.get(ctx, query, func(r io.Reader) error { return json.NewDecoder(r).Decode(&list) }); err != nil {
			return bytes, err
		}
		for _, e := range list {
			bytes += int64(len(e.Data))
		}
		if len(list) == 0 {
			return bytes, nil
		}
		if after, err = strconv.ParseInt(list[len(list)-1].Sequence, 10, 64); err != nil {
			return bytes, err
		}
	}
}
