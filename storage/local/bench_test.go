package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
)

// Files of a benchmark stay until all have run: ext4 without a journal does not reuse inodes that were freed in the last
// minutes and walks over them one by one, so after many removals each new file costs up to a millisecond.
var benchRoot string

func TestMain(m *testing.M) {
	code := m.Run()
	if benchRoot != "" {
		_ = os.RemoveAll(benchRoot)
	}
	os.Exit(code)
}

func benchDir(b *testing.B) string {
	b.Helper()
	var err error
	if benchRoot == "" {
		if benchRoot, err = os.MkdirTemp("", "slipway-bench-"); err != nil {
			b.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp(benchRoot, "")
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

var benchSizes = []struct {
	name string
	size int
}{{"4KiB", 4 << 10}, {"64KiB", 64 << 10}, {"1MiB", 1 << 20}, {"64MiB", 64 << 20}}

// ways are Put, Grow, and the loops that these are compared with: the same reader written into a file with nothing around it.
var ways = []struct {
	name string
	open func(b *testing.B) (put func(r io.Reader) (file string, err error))
}{
	{"put", openStore},
	{"grow", openGrow},
	{"bare", openBare},    // write + sha256 + fsync
	{"floor", openRename}, // write + sha256 + fsync + rename + fsync of the directory
}

// BenchmarkPut stores blobs one after the other, each with different bytes.
func BenchmarkPut(b *testing.B) {
	for _, c := range benchSizes {
		for _, way := range ways {
			b.Run(c.name+"/"+way.name, func(b *testing.B) {
				put, body := way.open(b), newBody(c.size)
				b.SetBytes(int64(c.size))
				b.ReportAllocs()
				for n := uint64(0); b.Loop(); n++ {
					file, err := put(body(n))
					if err != nil {
						b.Fatal(err)
					}
					if c.size >= 64<<20 { // a few thousand small files may stay
						b.StopTimer()
						_ = os.Remove(file)
						b.StartTimer()
					}
				}
			})
		}
	}
}

// BenchmarkPutParallel is many small publishes at once.
func BenchmarkPutParallel(b *testing.B) {
	const size = 20 << 10
	for _, parallel := range []int{2, 8, 32} { // goroutines per CPU
		for _, way := range ways {
			b.Run(fmt.Sprintf("20KiB/%dperCPU/%s", parallel, way.name), func(b *testing.B) {
				put := way.open(b)
				var n atomic.Uint64
				b.SetBytes(size)
				b.SetParallelism(parallel)
				b.RunParallel(func(pb *testing.PB) {
					body := newBody(size)
					for pb.Next() {
						if _, err := put(body(n.Add(1))); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}

// BenchmarkPutAgain stores bytes that the store has already.
func BenchmarkPutAgain(b *testing.B) {
	for _, c := range benchSizes[1:3] {
		b.Run(c.name, func(b *testing.B) {
			put, body := openStore(b), newBody(c.size)
			b.SetBytes(int64(c.size))
			for b.Loop() {
				if _, err := put(body(0)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCopy is the copy loop without any flush, next to io.Copy.
func BenchmarkCopy(b *testing.B) {
	for _, c := range benchSizes {
		loops := map[string]func(f *os.File, sum hash.Hash, r io.Reader) (int64, error){
			"copyTo": func(f *os.File, sum hash.Hash, r io.Reader) (int64, error) {
				fl := begin(context.Background(), r, -1, sum)
				defer fl.end()
				w := pacedFrom(f, 0)
				err := fl.copyTo(context.Background(), &w)
				return w.end, err
			},
			"io.Copy": func(f *os.File, sum hash.Hash, r io.Reader) (int64, error) {
				return io.Copy(io.MultiWriter(f, sum), struct{ io.Reader }{r})
			},
		}
		for _, name := range []string{"copyTo", "io.Copy"} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				body := newBody(c.size)
				f, err := os.Create(filepath.Join(benchDir(b), "file"))
				if err != nil {
					b.Fatal(err)
				}
				defer f.Close()
				b.SetBytes(int64(c.size))
				b.ReportAllocs()
				for n := uint64(0); b.Loop(); n++ {
					if _, err := f.Seek(0, io.SeekStart); err != nil {
						b.Fatal(err)
					}
					if _, err := loops[name](f, sha256.New(), body(n)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkOpen measures what a download costs before its first byte.
func BenchmarkOpen(b *testing.B) {
	s, err := New(benchDir(b))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	blob, err := s.Put(b.Context(), bytes.NewReader(make([]byte, 1<<20)), -1)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := s.Open(b.Context(), blob.Digest, 0, -1)
		if err != nil {
			b.Fatal(err)
		}
		_ = r.Close()
	}
}

// newBody returns a source of bodies that differ by n.
func newBody(size int) func(n uint64) io.Reader {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data)
	return func(n uint64) io.Reader {
		binary.LittleEndian.PutUint64(data, n)
		return struct{ io.Reader }{bytes.NewReader(data)}
	}
}

func openStore(b *testing.B) func(io.Reader) (string, error) {
	s, err := New(benchDir(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return func(r io.Reader) (string, error) {
		blob, err := s.Put(context.Background(), r, -1)
		p, _ := s.place(blob.Digest)
		return p.path, err
	}
}

// openGrow writes as a download does: pieces of 32 KiB, hashed on the way.
func openGrow(b *testing.B) func(io.Reader) (string, error) {
	s, err := New(benchDir(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	bufs := sync.Pool{New: func() any { return new([32 << 10]byte) }}
	return func(r io.Reader) (string, error) {
		g, err := s.Grow(context.Background())
		if err != nil {
			return "", err
		}
		defer g.Close()
		buf := bufs.Get().(*[32 << 10]byte)
		defer bufs.Put(buf)
		sum := sha256.New()
		if _, err := io.CopyBuffer(io.MultiWriter(g, sum), r, buf[:]); err != nil {
			return "", err
		}
		blob, err := g.Commit(context.Background(), digest.NewDigest(digest.SHA256, sum))
		p, _ := s.place(blob.Digest)
		return p.path, err
	}
}

func openBare(b *testing.B) func(io.Reader) (string, error) {
	dir := benchDir(b)
	return func(r io.Reader) (string, error) {
		file, _, err := bare(dir, r)
		return file, err
	}
}

func openRename(b *testing.B) func(io.Reader) (string, error) {
	dir := benchDir(b)
	for i := range 256 {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprintf("%02x", i)), dirMode); err != nil {
			b.Fatal(err)
		}
	}
	return func(r io.Reader) (string, error) {
		file, sum, err := bare(dir, r)
		if err != nil {
			return "", err
		}
		shard := filepath.Join(dir, sum[:2])
		to := filepath.Join(shard, sum)
		if err := os.Rename(file, to); err != nil {
			return "", err
		}
		f, err := os.Open(shard)
		if err != nil {
			return "", err
		}
		defer f.Close()
		return to, f.Sync()
	}
}

func bare(dir string, r io.Reader) (file, sum string, err error) {
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	buf := chunks.Get().(*[chunkBytes]byte)
	defer chunks.Put(buf)
	h := sha256.New()
	for {
		n, err := r.Read(buf[:])
		if n > 0 {
			_, _ = h.Write(buf[:n])
			if _, err := f.Write(buf[:n]); err != nil {
				return "", "", err
			}
		}
		if err == io.EOF {
			return f.Name(), hex.EncodeToString(h.Sum(nil)), f.Sync()
		}
		if err != nil {
			return "", "", err
		}
	}
}
