package s3

import (
	"context"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// Grow implements storage.Grower. The bytes are spooled and hashed; no request is sent before Commit, which sends them as Put
// does, and which the digest must fit: ErrMismatch. A large blob is thus sent only after its last byte has come: a caller
// whose readers wait for Commit waits for the whole transfer to the server.
func (s *Store) Grow(ctx context.Context) (storage.Growing, error) {
	if err := ctx.Err(); err != nil {
		return nil, wrap("grow", err)
	}
	return &growing{s: s, b: newSpool(s.spoolDir)}, nil
}

// growing is changed under both locks: the writer may look at it under writing alone, readers under mu alone. Readers wait
// while the spool writes to its file, one window at a time, but not while the blob is sent.
type growing struct {
	s         *Store
	writing   sync.Mutex // held by Write, Commit and Close
	committed bool       // guarded by writing
	mu        sync.RWMutex
	b         *spool // nil: closed
}

func (g *growing) Write(p []byte) (int, error) {
	g.writing.Lock()
	defer g.writing.Unlock()
	if g.b == nil || g.committed {
		return 0, wrap("write", fs.ErrClosed)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.b.size
	if before+int64(len(p)) > maxParts*g.s.putPartBytes {
		return 0, wrap("write", storage.ErrTooLarge)
	}
	err := g.b.write(p)
	return int(g.b.size - before), wrap("write", err)
}

func (g *growing) ReadAt(p []byte, off int64) (int, error) {
	n, before, file, end := g.readHeld(p, off)
	if before > 0 { // bytes in the file stay as they are
		if k, err := file.ReadAt(p[:before], off); k < before {
			if err == io.EOF { // no end of the blob
				err = io.ErrUnexpectedEOF
			}
			return k, wrap("read", spoolError(err))
		}
	}
	if end != nil && end != io.EOF {
		end = wrap("read", end)
	}
	return n, end
}

// readHeld is storage.ReadHeld, and returns the file that holds the bytes before.
func (g *growing) readHeld(p []byte, off int64) (n, before int, file *os.File, err error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.b == nil {
		return 0, 0, nil, fs.ErrClosed
	}
	n, before, err = storage.ReadHeld(p, off, g.b.buf[:g.b.w], g.b.size-int64(g.b.w))
	return n, before, g.b.file, err
}

func (g *growing) Commit(ctx context.Context, sum digest.Digest) (storage.Blob, error) {
	g.writing.Lock()
	defer g.writing.Unlock()
	if g.b == nil || g.committed {
		return storage.Blob{}, wrap("commit", fs.ErrClosed)
	}
	b, err := g.commit(ctx, sum)
	g.committed = err == nil
	return b, wrap("commit", err)
}

func (g *growing) commit(ctx context.Context, sum digest.Digest) (storage.Blob, error) {
	if err := ctx.Err(); err != nil {
		return storage.Blob{}, err
	}
	if _, ok := storage.Hex(sum); !ok {
		return storage.Blob{}, storage.ErrNotExist
	}
	if sum != digest.NewDigest(digest.SHA256, g.b.sum) {
		return storage.Blob{}, storage.ErrMismatch
	}
	if err := g.settle(); err != nil {
		return storage.Blob{}, err
	}
	modified, err := g.s.putBlob(ctx, sum, g.b)
	if err != nil {
		return storage.Blob{}, err
	}
	return storage.Blob{Digest: sum, Size: g.b.size, Modified: modified}, nil
}

// settle moves the bytes of a spool with a file into the file alone, so that sending them changes nothing that readers look
// at. The window goes back: slow readers may keep the spool open for long.
func (g *growing) settle() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := g.b.body(); err != nil {
		return err
	}
	if g.b.w == 0 {
		g.b.shrink()
	}
	return nil
}

func (g *growing) Close() error {
	g.writing.Lock()
	defer g.writing.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.b != nil {
		g.b.free()
		g.b = nil
	}
	return nil
}
