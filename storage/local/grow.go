package local

import (
	"context"
	"io"
	"io/fs"
	"sync"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/local/packs"
)

// heldBytes of a growing blob wait in memory, so that a blob that goes into a pack needs no file. Larger blobs are in a
// file but for their last bytes, and pieces of less than this cost no write of their own.
const heldBytes = packs.MaxBlob

var helds = sync.Pool{New: func() any { return new([heldBytes]byte) }}

// Grow implements storage.Grower. Commit costs what the same bytes cost Put, and relies on the digest that it is given: the
// writer has hashed the bytes, and hashing them twice would take twice the time.
func (s *Store) Grow(ctx context.Context) (storage.Growing, error) {
	if err := ctx.Err(); err != nil {
		return nil, wrap("grow", err)
	}
	mem := helds.Get().(*[heldBytes]byte)
	return &growing{s: s, mem: mem, held: mem[:0]}, nil
}

// growing is changed under both locks: the writer may look at it under writing alone, readers under mu alone. No lock that
// a reader needs is held while a file is read or written, so neither side waits for the other's disk.
type growing struct {
	s         *Store
	writing   sync.Mutex // held by Write, Commit and Close
	committed bool       // guarded by writing

	mu     sync.RWMutex
	closed bool
	file   *temp            // nil: everything is held
	start  int64            // bytes before it are in file
	held   []byte           // the bytes from start on, in mem
	mem    *[heldBytes]byte // nil: given back
}

func (g *growing) Write(p []byte) (int, error) {
	g.writing.Lock()
	defer g.writing.Unlock()
	if g.closed || g.committed {
		return 0, wrap("write", fs.ErrClosed)
	}
	n, err := g.write(p)
	return n, wrap("write", err)
}

func (g *growing) write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		switch rest := p[n:]; {
		case len(g.held) == 0 && len(rest) > heldBytes:
			var k int
			k, err = g.writeFile(rest)
			n += k
		case len(g.held) < heldBytes:
			n += g.hold(rest)
		default:
			err = g.flush()
		}
	}
	return n, err
}

// hold takes what fits into memory.
func (g *growing) hold(p []byte) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(p), heldBytes-len(g.held))
	g.held = append(g.held, p[:n]...)
	return n
}

// flush moves what is held into the file. It is held until it is there.
func (g *growing) flush() error {
	_, err := g.writeFile(g.held)
	return err
}

// writeFile appends p, which is what is held, or comes when nothing is held, to the file.
func (g *growing) writeFile(p []byte) (int, error) {
	if g.file == nil {
		f, err := g.s.newTemp()
		if err != nil {
			return 0, err
		}
		g.mu.Lock()
		g.file = f
		g.mu.Unlock()
	}
	n, err := g.file.Write(p)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.start += int64(n)
	if len(g.held) > 0 {
		g.held = g.held[:copy(g.held, g.held[n:])]
	}
	return n, err
}

func (g *growing) ReadAt(p []byte, off int64) (int, error) {
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return 0, wrap("read", fs.ErrClosed)
	}
	file := g.file
	n, before, end := storage.ReadHeld(p, off, g.held, g.start)
	g.mu.RUnlock()
	if before > 0 { // bytes in the file stay as they are
		if k, err := file.f.ReadAt(p[:before], off); k < before {
			if err == io.EOF { // no end of the blob
				err = io.ErrUnexpectedEOF
			}
			return k, wrap("read", err)
		}
	}
	if end != nil && end != io.EOF {
		end = wrap("read", end)
	}
	return n, end
}

func (g *growing) Commit(ctx context.Context, sum digest.Digest) (storage.Blob, error) {
	g.writing.Lock()
	defer g.writing.Unlock()
	if g.closed || g.committed {
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
	p, ok := g.s.place(sum)
	if !ok {
		return storage.Blob{}, storage.ErrNotExist
	}
	if g.file == nil {
		if b, done, err := g.s.keepSmall(ctx, p, g.held); done || err != nil {
			return b, err
		}
	}
	if err := g.flush(); err != nil {
		return storage.Blob{}, err
	}
	b, err := g.file.become(ctx, p)
	if err == nil {
		g.mu.Lock()
		g.giveBack()
		g.mu.Unlock()
	}
	return b, err
}

// giveBack frees the memory, which holds nothing that is still needed.
func (g *growing) giveBack() {
	if g.mem != nil {
		helds.Put(g.mem)
		g.mem, g.held = nil, nil
	}
}

func (g *growing) Close() error {
	g.writing.Lock()
	defer g.writing.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	g.giveBack()
	if g.file == nil {
		return nil
	}
	return wrap("close", g.file.close())
}
