package publish_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/storage/local"
)

// BenchmarkPublish is a durable publish of 20 KiB on the embedded defaults, without HTTP, by 1, 8 and 64 clients.
func BenchmarkPublish(b *testing.B) {
	for _, clients := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			store, err := local.New(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = store.Close() })
			e := registrytest.New(b, registrytest.WithBlobs(store))
			var n atomic.Int64
			body := bytes.Repeat([]byte("slipway "), 20<<10/8)
			b.SetBytes(int64(len(body)))
			b.SetParallelism(max(1, clients/2)) // of two processors
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					text := append([]byte(fmt.Sprint(i)), body...)
					p, err := e.Publisher.Begin(e.Admin, e.Name(fmt.Sprintf("p%d", i)))
					if err != nil {
						b.Error(err)
						return
					}
					if _, err := p.Stage(e.Admin, content.StageFile{Path: "f", Sums: content.SHA1 | content.SHA512}, bytes.NewReader(text)); err != nil {
						b.Error(err)
						return
					}
					if _, err := p.Commit(e.Admin, publish.Release{Version: "1.0.0", PURL: "pkg:generic/x@1.0.0", Tags: []string{"latest"}, Descriptor: body[:900]}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkCommit is a publish as npm makes it without its bytes' cost: stored in memory, a version of one of a few
// packages, with facts and tags. cpu-µs is processor time of the whole process.
func BenchmarkCommit(b *testing.B) {
	for _, clients := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			e := registrytest.New(b)
			descriptor := bytes.Repeat([]byte("slipway "), 900/8)
			var n atomic.Int64
			publish := func() error {
				i := n.Add(1)
				p, err := e.Publisher.Begin(e.Admin, e.Name(fmt.Sprintf("p%d", i%50)))
				if err != nil {
					return err
				}
				version := fmt.Sprintf("1.0.%d", i)
				if _, err := p.Stage(e.Admin, content.StageFile{Path: version + ".tgz", Sums: content.SHA1 | content.SHA512}, strings.NewReader(version)); err != nil {
					return err
				}
				_, err = p.Commit(e.Admin, publish.Release{
					Version: version, PURL: "pkg:generic/x@" + version, SortKey: []byte(fmt.Sprintf("%09d", i)), Descriptor: descriptor,
					Tags: []string{"latest"}, TagsIfUnset: []string{"latest"},
					Package: func([]byte) ([]byte, error) { return descriptor, nil },
					Facts:   []registry.FactInput{{Key: "npm.node", Value: "22.1.0", Source: "npm", Rank: 1}, {Key: "npm.client", Value: "10.9.0", Source: "npm", Rank: 1}},
				})
				return err
			}
			b.SetParallelism(max(1, clients/2)) // of two processors
			b.ReportAllocs()
			b.ResetTimer()
			before := processorTime(b)
			if clients == 1 {
				for range b.N {
					if err := publish(); err != nil {
						b.Fatal(err)
					}
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := publish(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// processorTime is what the process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkStage is the copy loop with three sums, 1 MiB at a time.
func BenchmarkStage(b *testing.B) {
	store, err := local.New(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	e := registrytest.New(b, registrytest.WithBlobs(store))
	body := bytes.Repeat([]byte("slipway "), 1<<20/8)
	b.SetBytes(1 << 20)
	var n byte
	for b.Loop() {
		n++
		p, err := e.Publisher.Begin(e.Admin, e.Name("x"))
		if err != nil {
			b.Fatal(err)
		}
		body[0], body[1] = n, byte(b.N)
		if _, err := p.Stage(e.Admin, content.StageFile{Path: "f"}, io.Reader(bytes.NewReader(body))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkChangeFile adds, replaces and removes one file of a version that has few or many, each in its own commit.
func BenchmarkChangeFile(b *testing.B) {
	for _, files := range []int{10, 20_000} {
		e := registrytest.New(b)
		path := func(i int) string { return fmt.Sprintf("assets/%02d/%05d.js", i%50, i) }
		var contents []string
		for i := range files {
			contents = append(contents, path(i), fmt.Sprint(i))
		}
		if err := e.Publish("site", "1", contents...); err != nil {
			b.Fatal(err)
		}
		n := 0
		release := func(path string) error {
			n++
			_, err := e.PublishRelease("site", publish.Release{Version: "1", Mode: publish.Replace}, path, fmt.Sprint("new", n))
			return err
		}
		for _, c := range []struct {
			name   string
			change func() error
		}{
			{"add", func() error { return release(path(files + n)) }},
			{"replace", func() error { return release(path(n % files)) }},
			{"add+remove", func() error {
				added := fmt.Sprintf("assets/removed/%d", n)
				if err := release(added); err != nil {
					return err
				}
				return e.Publisher.Edit(e.Admin, e.Name("site"), publish.Rights{access.Admin}, func(ed *publish.Edit) error { return ed.RemoveFile("1", added, "") })
			}},
		} {
			b.Run(fmt.Sprintf("%s/files=%d", c.name, files), func(b *testing.B) {
				for b.Loop() {
					if err := c.change(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
