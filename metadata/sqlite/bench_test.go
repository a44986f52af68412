package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/metadata/sqlite"
)

// BenchmarkFlush is the floor of a commit: 4 KiB appended and flushed.
func BenchmarkFlush(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPublish is the transaction of a publish: look-ups, a version with a file, facts, a tag, two log entries.
func BenchmarkPublish(b *testing.B) {
	for _, parallel := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(parallel), func(b *testing.B) {
			var groups, updates atomic.Int64
			s := benchStore(b, sqlite.WithObserver(func(g sqlite.Batch) {
				groups.Add(1)
				updates.Add(int64(g.Updates))
			}))
			var n atomic.Int64
			b.ReportAllocs()
			b.ResetTimer()
			groups.Store(0)
			updates.Store(0)
			done := make(chan error, parallel)
			for range parallel {
				go func() {
					for {
						i := n.Add(1)
						if i > int64(b.N) {
							done <- nil
							return
						}
						if err := s.Update(context.Background(), func(tx metadata.Tx) error { return publish(tx, i) }); err != nil {
							done <- err
							return
						}
					}
				}()
			}
			for range parallel {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "publishes/s")
			b.ReportMetric(float64(updates.Load())/float64(max(groups.Load(), 1)), "updates/group")
		})
	}
}

// benchStore has a repository with 100 packages.
func benchStore(b *testing.B, opts ...sqlite.Option) *sqlite.Store {
	b.Helper()
	s := open(b, filepath.Join(b.TempDir(), "slipway.db"), opts...)
	if err := s.Update(context.Background(), func(tx metadata.Tx) error {
		r, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "main"})
		for i := 0; i < 100 && err == nil; i++ {
			key := fmt.Sprint("package-", i)
			_, err = tx.Packages().CreatePackage(metadata.Package{RepositoryID: r.ID, Format: "npm", Key: key, Name: key})
		}
		return err
	}); err != nil {
		b.Fatal(err)
	}
	return s
}

func publish(tx metadata.Tx, n int64) error {
	r, err := tx.Repositories().Repository("main")
	if err != nil {
		return err
	}
	p, err := tx.Packages().Package("main", "npm", fmt.Sprint("package-", n%100))
	if err != nil {
		return err
	}
	version := fmt.Sprintf("1.0.%d", n)
	if _, err := tx.Versions().Version(p.ID, version); !errors.Is(err, metadata.ErrNotExist) {
		return err
	}
	purl := "pkg:npm/" + p.Name + "@" + version
	blob, err := tx.Blobs().PutBlob(metadata.Blob{Digest: digest.FromString(purl), Size: 1000, SHA1: make([]byte, 20), SHA512: make([]byte, 64)})
	if err != nil {
		return err
	}
	e := metadata.Entry{Type: "artifact.published", Subject: purl, RepositoryID: r.ID, PackageID: p.ID,
		Actor: metadata.Actor{Type: "token", ID: "token:1"}, Data: benchData}
	if e, err = tx.Log().Append(e); err != nil {
		return err
	}
	v, err := tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: version, PURL: purl, State: metadata.Published,
		Digest: blob.Digest, Size: blob.Size, SortKey: []byte(version), Descriptor: benchData, PublishedBy: "ann", PublisherID: "user:1", Seq: e.Seq})
	if err != nil {
		return err
	}
	if err := tx.Files().AddFile(metadata.File{VersionID: v.ID, PackageID: p.ID, Path: version + ".tgz", MediaType: "application/gzip", Seq: e.Seq, Blob: blob}); err != nil {
		return err
	}
	if err := tx.Facts().AddFacts([]metadata.Fact{
		{VersionID: v.ID, Key: "source.commit", Value: "0123456789abcdef0123456789abcdef01234567", Source: "npm:gitHead", Rank: 1, Seq: e.Seq},
		{VersionID: v.ID, Key: "source.repository", Value: "https://git.example.org/team/app", Source: "npm:repository", Rank: 1, Seq: e.Seq},
	}); err != nil {
		return err
	}
	e.Type = "tag.set"
	if e, err = tx.Log().Append(e); err != nil {
		return err
	}
	if _, err := tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: "latest", VersionID: v.ID, SetBy: "ann", Reason: "published", SeqFrom: e.Seq}); err != nil {
		return err
	}
	p.Latest = version
	p.VersionCount++
	return tx.Packages().UpdatePackage(p)
}

var benchData = []byte(`{"repository":"main","format":"npm","package":"package-1","version":"1.0.1","actor":{"name":"Ann Example"},` +
	`"files":[{"path":"package-1-1.0.1.tgz","size":1000,"sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}]}`)

// BenchmarkPackage is the look-up behind every request for a document.
func BenchmarkPackage(b *testing.B) {
	look := func(s metadata.Store) error {
		return s.View(context.Background(), func(tx metadata.Tx) error {
			_, err := tx.Packages().Package("main", "npm", "package-7")
			return err
		})
	}
	b.Run("alone", func(b *testing.B) {
		s := benchStore(b)
		b.ReportAllocs()
		for b.Loop() {
			if err := look(s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		s := benchStore(b)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := look(s); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
