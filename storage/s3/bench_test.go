package s3_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/s3"
	"slipway/storage/s3/s3test"
)

var benchSizes = []struct {
	name string
	size int
}{{"4KiB", 4 << 10}, {"1MiB", 1 << 20}, {"8MiB", 8 << 20}, {"64MiB", 64 << 20}}

func openBench(b *testing.B) *s3.Store {
	b.Helper()
	s, err := s3.New(b.Context(), s3test.Options(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// body returns bytes that differ by n, without a way around Read.
func body(data []byte, n uint64) io.Reader {
	var head [8]byte
	binary.LittleEndian.PutUint64(head[:], n)
	return struct{ io.Reader }{io.MultiReader(bytes.NewReader(head[:]), bytes.NewReader(data[8:]))}
}

// BenchmarkPut stores bodies by Put, alone and eight at a time.
func BenchmarkPut(b *testing.B) {
	for _, c := range benchSizes {
		for _, parallel := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/%d", c.name, parallel), func(b *testing.B) {
				s, data := openBench(b), random(1, c.size)
				parallelly(b, parallel, c.size, func(n uint64) error {
					_, err := s.Put(b.Context(), body(data, n), -1)
					return err
				})
			})
		}
	}
}

// BenchmarkUpload stores bodies by an upload of one Append.
func BenchmarkUpload(b *testing.B) {
	for _, c := range benchSizes {
		for _, parallel := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/%d", c.name, parallel), func(b *testing.B) {
				s, data := openBench(b), random(1, c.size)
				parallelly(b, parallel, c.size, func(n uint64) error {
					id := fmt.Sprintf("bench-%016d", n)
					if err := s.Create(b.Context(), id, nil); err != nil {
						return err
					}
					sum := sha256.New()
					if _, err := s.Append(b.Context(), id, 0, io.TeeReader(body(data, n), sum), -1, nil); err != nil {
						return err
					}
					return s.Finish(b.Context(), id, storage.Blob{Digest: digest.NewDigest(digest.SHA256, sum), Size: int64(c.size)}, nil)
				})
			})
		}
	}
}

// BenchmarkOpen reads blobs to their end.
func BenchmarkOpen(b *testing.B) {
	for _, c := range benchSizes {
		b.Run(c.name, func(b *testing.B) {
			s := openBench(b)
			d := put(b, s, random(1, c.size)).Digest
			buf := make([]byte, 64<<10)
			b.SetBytes(int64(c.size))
			for b.Loop() {
				r, err := s.Open(b.Context(), d, 0, -1)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, buf)
				if err != nil || n != int64(c.size) {
					b.Fatalf("read %d bytes, %v", n, err)
				}
				_ = r.Close()
			}
		})
	}
}

func parallelly(b *testing.B, parallel, size int, do func(n uint64) error) {
	var next atomic.Uint64
	b.SetBytes(int64(size))
	b.ReportAllocs()
	work := make(chan struct{})
	done := make(chan error, parallel)
	for range parallel {
		go func() {
			var failed error
			for range work {
				if err := do(next.Add(1)); err != nil {
					failed = err
				}
			}
			done <- failed
		}()
	}
	for b.Loop() {
		work <- struct{}{}
	}
	close(work)
	for range parallel {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}
