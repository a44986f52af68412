package upstreams

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/storage"
)

// Documents are stored beside the log: the remote's own bytes as a blob, and a row with what the answer's header said. They are read when a
// package is asked for first after a start, or after its index had to leave the memory; never while the index is in memory.

// touchEvery is how often the store is told that a document was checked or used.
const touchEvery = time.Hour

// fingerprintOf identifies what a remote says: another format or address is another remote, which inherits nothing.
func fingerprintOf(u *Upstream) string {
	sum := sha256.Sum256([]byte(u.Format + "\n" + strings.TrimRight(u.URL, "/") + "/"))
	return string(sum[:])
}

// bodyKeeper takes a copy of a document while it is read. Where the store can't take it, the document is used all the same.
type bodyKeeper struct {
	grow storage.Growing // nil: nothing is kept
	z    *gzip.Writer
	sum  hash.Hash
	size int64
	err  error
}

func (s *Upstreams) keepBody(ctx context.Context) *bodyKeeper {
	k := &bodyKeeper{sum: sha256.New()}
	k.z, _ = gzip.NewWriterLevel(compressed{k}, gzip.BestSpeed) // the level is right
	if grower, ok := s.core.Blobs.(storage.Grower); ok {
		k.grow, k.err = grower.Grow(ctx)
	} else {
		k.err = errors.New("the store can't take documents")
	}
	return k
}

// compressed is where the gzip writer writes.
type compressed struct{ k *bodyKeeper }

// Write implements io.Writer.
func (c compressed) Write(p []byte) (int, error) {
	c.k.sum.Write(p)
	c.k.size += int64(len(p))
	if c.k.err == nil {
		_, c.k.err = c.k.grow.Write(p)
	}
	return len(p), nil
}

// Write implements io.Writer. It never fails.
func (k *bodyKeeper) Write(p []byte) (int, error) { return k.z.Write(p) }

// finish ends the document; blob names its compressed bytes.
func (k *bodyKeeper) finish() (blob metadata.Blob) {
	_ = k.z.Close() // as Write, it never fails
	return metadata.Blob{Digest: digest.NewDigest(digest.SHA256, k.sum), Size: k.size}
}

func (k *bodyKeeper) close() {
	if k.grow != nil {
		_ = k.grow.Close() // the bytes are stored, or given up
	}
}

// keep stores a document of which the remote has sent all.
func (s *Upstreams) keep(ctx context.Context, row metadata.UpstreamIndex, body *bodyKeeper) error {
	if body.err != nil {
		return body.err
	}
	stored := s.core.Now()
	if _, err := body.grow.Commit(ctx, row.Body.Digest); err != nil {
		return err
	}
	return s.core.Update(access.With(ctx, access.System()), func(tx metadata.Tx) error {
		blob, err := tx.Blobs().PutStored(row.Body, stored)
		if err != nil {
			return err
		}
		row := row
		row.Body = blob
		return tx.Caches().PutIndex(row)
	})
}

// kept tells the store what became of a refresh: a new document, a package that is gone or, once in a while, that the copy is right and in
// use.
func (s *Upstreams) kept(ctx context.Context, r *remote, at registry.Name, doc *document, f *fetched) {
	doc.mu.Lock()
	row, x, news := doc.row, doc.index, doc.news
	now := s.core.Now()
	row.UpstreamID, row.Format, row.Key, row.Fingerprint = r.ID, at.Format, at.Package, []byte(r.fingerprint)
	row.ETag, row.LastModified, row.FetchedAt, row.CheckedAt, row.FreshUntil = doc.etag, doc.modified, doc.wholeAt, doc.rightAt, doc.freshUntil
	row.State = metadata.IndexOK
	if doc.gone {
		row.State = metadata.IndexGone
	}
	doc.mu.Unlock()
	if x == nil || !news && (row.Body.Digest == "" || now.Sub(row.UsedAt) < touchEvery) {
		return
	}
	row.UsedAt = now
	var err error
	switch {
	case f != nil && f.replaces:
		row.Body, row.Base = f.body, f.base
		if row.Seen, err = x.encodeSeen(); err == nil {
			err = s.keep(ctx, row, f.keeper)
		}
	case row.Body.Digest == "":
		return // it could not be stored when it came
	default:
		err = s.core.Update(access.With(ctx, access.System()), func(tx metadata.Tx) error {
			if !news {
				return tx.Caches().TouchIndex(row)
			}
			had, err := tx.Caches().Index(row.UpstreamID, row.Format, row.Key)
			if err != nil {
				return err
			}
			row := row
			row.Body = had.Body
			if row.Seen, err = x.encodeSeen(); err != nil {
				return err
			}
			return tx.Caches().PutIndex(row)
		})
	}
	if err != nil {
		s.core.Log.WarnContext(ctx, "a document of an upstream could not be stored", "upstream", r.Name, "package", at.Package, "error", err.Error())
		return
	}
	doc.mu.Lock()
	doc.row, doc.news = row, false
	doc.mu.Unlock()
}

// document returns that of a package, with the stored copy.
func (s *Upstreams) document(ctx context.Context, r *remote, at registry.Name) *document {
	doc := s.documents.of(r.key(at, ""))
	s.load(ctx, r, at, doc)
	return doc
}

func (r *remote) key(at registry.Name, part string) indexKey {
	return indexKey{r.ID, at.Format, at.Package, part, r.fingerprint}
}

// load reads the stored document of a package, once. Without one, or where it can't be read, the remote is asked.
func (s *Upstreams) load(ctx context.Context, r *remote, at registry.Name, doc *document) {
	if doc.loaded.Load() {
		return
	}
	doc.loading.Lock()
	defer doc.loading.Unlock()
	if doc.loaded.Load() {
		return
	}
	defer doc.loaded.Store(true)
	ctx = context.WithoutCancel(ctx) // others wait for it
	row, x, err := s.stored(ctx, r, at)
	if err != nil && !errors.Is(err, metadata.ErrNotExist) {
		s.core.Log.WarnContext(ctx, "a stored document of an upstream can't be read; it is asked for anew", "upstream", r.Name, "package", at.Package, "error", err.Error())
	}
	if err != nil {
		return
	}
	doc.mu.Lock()
	doc.index, doc.body, doc.row, doc.etag, doc.modified = x, row.Body.Digest, row, row.ETag, row.LastModified
	doc.wholeAt, doc.checkedAt, doc.rightAt = row.FetchedAt, row.CheckedAt, row.CheckedAt
	doc.freshUntil = row.FreshUntil
	if latest := row.CheckedAt.Add(r.ttl()); latest.Before(doc.freshUntil) {
		doc.freshUntil = latest // the upstream's ttl is shorter now
	}
	doc.rightUntil = doc.freshUntil
	if s.checked.since(r.ID, at.Package, row.CheckedAt) {
		doc.freshUntil = time.Time{}
	}
	if doc.gone = row.State == metadata.IndexGone; doc.gone {
		doc.absent = fault(at, &origin.Fault{Class: origin.Absent, Upstream: r.Name})
	}
	before := doc.size
	if doc.size >= 0 {
		doc.size = x.bytes
	}
	by := doc.size - before
	doc.mu.Unlock()
	s.documents.resized(by)
}

// storedRow returns what is stored of a remote's document beside its bytes. ErrNotExist.
func (s *Upstreams) storedRow(ctx context.Context, r *remote, at registry.Name) (row metadata.UpstreamIndex, err error) {
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		row, err = tx.Caches().Index(r.ID, at.Format, at.Package)
		return err
	})
	if err == nil && string(row.Fingerprint) != r.fingerprint {
		err = metadata.ErrNotExist
	}
	return row, err
}

// stored returns a stored document, parsed. ErrNotExist.
func (s *Upstreams) stored(ctx context.Context, r *remote, at registry.Name) (metadata.UpstreamIndex, *index, error) {
	row, err := s.storedRow(ctx, r, at)
	if err != nil {
		return row, nil, err
	}
	b, err := s.core.Blobs.Open(ctx, row.Body.Digest, 0, -1)
	if err != nil {
		return row, nil, err
	}
	defer b.Close()
	z, err := gzip.NewReader(b)
	if err != nil {
		return row, nil, err
	}
	counted := &counter{r: z}
	in, err := s.parse(r, at, row.Base, counted)
	if err != nil {
		return row, nil, err
	}
	if _, err := io.Copy(io.Discard, counted); err != nil {
		return row, nil, err
	}
	x, _, err := s.indexOf(ctx, r, at, in, counted.n)
	if err != nil {
		return row, nil, err
	}
	if err := x.decodeSeen(row.Seen); err != nil {
		return row, nil, fmt.Errorf("times of entries: %w", err)
	}
	row.Seen = nil
	return row, x, nil
}
