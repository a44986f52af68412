package packs

import (
	"crypto/sha256"
	"testing"
)

// benchSet returns a set of n blobs with their digests.
func benchSet(b *testing.B, n int) (*Set, [][sha256.Size]byte) {
	b.Helper()
	s, err := Open(b.TempDir() + "/packs")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	sums := make([][sha256.Size]byte, n)
	for i := range sums {
		sums[i] = mustPut(b, s, blob(i, 1<<10))
	}
	return s, sums
}

// BenchmarkStat is a look-up in the index.
func BenchmarkStat(b *testing.B) {
	s, sums := benchSet(b, 1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Stat(b.Context(), sums[i%len(sums)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAfter is a page of 100 blobs.
func BenchmarkAfter(b *testing.B) {
	s, _ := benchSet(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		if page, err := s.After(b.Context(), nil, 100); err != nil || len(page) != 100 {
			b.Fatal(len(page), err)
		}
	}
}

// BenchmarkTouch is a batch of one that changes the index alone.
func BenchmarkTouch(b *testing.B) {
	s, sums := benchSet(b, 1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, found, err := s.Touch(b.Context(), sums[i%len(sums)], 1<<10); err != nil || !found {
			b.Fatal(found, err)
		}
	}
}
