package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"slipway/bench/load"
)

const largeBytes = 64 << 20

// loops are floors without HTTP, which show what the disk allows.
type loops struct {
	dir string
	log *os.File
	n   uint64
}

func newLoops(dir string) (*loops, error) {
	dir, err := os.MkdirTemp(dir, "loops-")
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	return &loops{dir: dir, log: log}, err
}

// during calls fn until the span is over and returns calls per second.
func during(ctx context.Context, span time.Duration, fn func() error) (result, error) {
	start, n := time.Now(), 0
	for ; time.Since(start) < span; n++ {
		if err := errors.Join(ctx.Err(), fn()); err != nil {
			return result{}, err
		}
	}
	return result{rate: float64(n) / time.Since(start).Seconds()}, nil
}

// flushes is 4 KiB appended to a log and flushed: the least that makes anything durable.
func (l *loops) flushes(span time.Duration) side {
	page := make([]byte, 4<<10)
	return side{"one flush, no file", func(ctx context.Context) (result, error) {
		return during(ctx, span, func() error {
			_, err := l.log.Write(page)
			return errors.Join(err, l.log.Sync())
		})
	}}
}

// publishes is a publish that shares its flushes with no other: its file is made durable, then the log.
func (l *loops) publishes(span time.Duration) side {
	body := make([]byte, 20<<10)
	return side{"file and log, each flushed by itself", func(ctx context.Context) (result, error) {
		return during(ctx, span, func() error {
			l.n++
			body[0], body[1], body[2], body[3] = byte(l.n), byte(l.n>>8), byte(l.n>>16), byte(l.n>>24)
			if _, err := durable(l.dir, load.NewBody(l.n, int64(len(body))), sha256.New()); err != nil {
				return err
			}
			_, err := l.log.Write(body[:4<<10])
			return errors.Join(err, l.log.Sync())
		})
	}}
}

// put is write + sha256 + flush of large files, one after the other. The files stay, as the server's do: memory that a
// removal frees is quicker, or in a virtual machine slower, to write to.
func (l *loops) put(files int) side {
	return side{"write + sha256 + fsync", func(ctx context.Context) (result, error) {
		start := time.Now()
		for range files {
			l.n++
			if err := errors.Join(ctx.Err(), write(filepath.Join(l.dir, fmt.Sprint(l.n)), load.NewBody(l.n, largeBytes))); err != nil {
				return result{}, err
			}
		}
		return result{rate: float64(files) * largeBytes / (1 << 20) / time.Since(start).Seconds()}, nil
	}}
}

func write(path string, r io.Reader) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(f, sum)}, struct{ io.Reader }{r}, make([]byte, 256<<10)); err != nil {
		return err
	}
	return f.Sync()
}

// blobGet: a file of 64 MiB by 4 clients, beside servers of files.
func blobGet(ctx context.Context, b *bench) error {
	p, err := b.server(ctx, "", nil)
	if err != nil {
		return err
	}
	defer p.stop()
	raw := load.Raw{Repository: "main", Package: "large", Bytes: largeBytes}
	if err := prepare(ctx, p, raw.Prepare); err != nil {
		return err
	}
	folder, err := os.MkdirTemp(b.dir, "files-")
	if err != nil {
		return err
	}
	if err := write(filepath.Join(folder, "file.bin"), load.NewBody(1, largeBytes)); err != nil {
		return err
	}
	c := contest{
		name: "raw.get 64 MiB, 4 clients", unit: "files/s", wanted: 0.9,
		server: b.under("server", p, 4, load.Unit{Name: "raw.get", Do: raw.Get}),
	}
	for _, floor := range []struct {
		name  string
		start func() (*process, error)
	}{
		{"nginx, sendfile", func() (*process, error) { return b.nginx(ctx, folder) }},
		{"http.FileServer", func() (*process, error) { return b.floor(ctx, "-folder", folder) }},
	} {
		f, err := floor.start()
		if errors.Is(err, errSkipped) {
			continue
		}
		if err != nil {
			return err
		}
		defer f.stop()
		c.floors = append(c.floors, b.under(floor.name, f, 4, get("/file.bin")))
	}
	return c.run(ctx, b)
}

// rawPut: files of 64 MiB, one after the other, beside a plain loop on the same disk.
func rawPut(ctx context.Context, b *bench) error {
	p, err := b.server(ctx, "", nil)
	if err != nil {
		return err
	}
	defer p.stop()
	l, err := newLoops(b.dir)
	if err != nil {
		return err
	}
	const files = 8
	raw := load.Raw{Repository: "main", Package: "large", Bytes: largeBytes}
	server := side{"server", func(ctx context.Context) (result, error) {
		r, err := p.load(ctx, load.Unit{Name: "raw.put", Do: raw.Put}, load.Options{Clients: 1, Units: files})
		r.rate *= largeBytes / (1 << 20)
		return r, err
	}}
	return contest{name: "raw.put 64 MiB, 1 client", unit: "MiB/s", wanted: 0.8, server: server, floors: []side{l.put(files)}}.run(ctx, b)
}

// putMemory is what an upload of 1 GiB adds to the server's memory.
func putMemory(ctx context.Context, b *bench) error {
	p, err := b.server(ctx, "", nil)
	if err != nil {
		return err
	}
	defer p.stop()
	// The first request of its kind makes buffers and plans that stay; they do not count as this upload's memory.
	if err := prepare(ctx, p, load.Raw{Repository: "main", Package: "small", Bytes: 1 << 20}.Prepare); err != nil {
		return err
	}
	if err := p.forgetPeak(); err != nil {
		return err
	}
	before, err := p.memory("VmRSS")
	if err != nil {
		return err
	}
	if err := prepare(ctx, p, load.Raw{Repository: "main", Package: "large", Bytes: 1 << 30}.Prepare); err != nil {
		return err
	}
	peak, err := p.memory("VmHWM")
	if err != nil {
		return err
	}
	b.note("memory of a raw.put of 1 GiB", fmt.Sprintf("+%.0f MiB", peak-before), "≤ 32 MiB")
	return nil
}
