package content

import (
	"context"
	"io"
	"sync"
	"time"

	"slipway/registry/access"
)

// Bounds of first bodies in memory. A longer body, or one for which no memory is left, is streamed into an upload in the store
// instead.
const (
	chunkBytes    = 256 << 10
	maxBodyChunks = 17            // of one body: 4 MiB and one chunk to see whether the body ends there
	maxChunks     = 16 * 16       // of all bodies at once: 64 MiB
	maxUserChunks = maxChunks / 2 // of those of one user
	maxEmptyReads = 100           // in a row; after that the reader counts as broken
)

// KeepTimeout bounds the time to store the part of a body that arrived before its client went away.
const KeepTimeout = time.Minute

var chunks = sync.Pool{New: func() any { return new([chunkBytes]byte) }}

// bodies lends memory to the first bodies of uploads, and counts the chunks lent.
type bodies struct {
	mu   sync.Mutex
	lent int
	of   map[int64]int // by user
}

// lend counts a chunk for a user; false: all are lent, or the user has its share.
func (l *bodies) lend(user int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lent == maxChunks || l.of[user] == maxUserChunks {
		return false
	}
	if l.of == nil {
		l.of = map[int64]int{}
	}
	l.lent++
	l.of[user]++
	return true
}

// back takes a user's chunk back.
func (l *bodies) back(user int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent--
	if l.of[user]--; l.of[user] == 0 {
		delete(l.of, user)
	}
}

// body is the beginning of a reader, in memory.
type body struct {
	from   *bodies
	user   int64
	chunks []*[chunkBytes]byte
	size   int64
	at     int64 // of the next Read
	err    error // what ended the gathering: io.EOF where the body is complete; nil where more may follow
	once   bool  // Read frees each chunk that it has passed
}

// gather reads until r ends or breaks off, ctx is done, or no memory is left. The caller calls free.
func (l *bodies) gather(ctx context.Context, r io.Reader) *body {
	b := &body{from: l, user: access.From(ctx).UserID}
	for empty := 0; b.err == nil && b.room(); {
		if b.err = ctx.Err(); b.err != nil {
			break
		}
		n, err := r.Read(b.chunks[len(b.chunks)-1][b.size%chunkBytes:])
		b.size, b.err = b.size+int64(n), err
		if n > 0 {
			empty = 0
		} else if empty++; err == nil && empty == maxEmptyReads {
			b.err = io.ErrNoProgress
		}
	}
	return b
}

// room makes room for more bytes, and reports whether it could.
func (b *body) room() bool {
	if b.size < int64(len(b.chunks))*chunkBytes {
		return true
	}
	if len(b.chunks) == maxBodyChunks {
		return false
	}
	if !b.from.lend(b.user) {
		return false
	}
	b.chunks = append(b.chunks, chunks.Get().(*[chunkBytes]byte))
	return true
}

func (b *body) free() {
	for i := range b.chunks {
		b.giveBack(i)
	}
}

func (b *body) giveBack(i int) {
	if b.chunks[i] != nil {
		chunks.Put(b.chunks[i])
		b.chunks[i] = nil
		b.from.back(b.user)
	}
}

// broken reports whether the body broke off before its end.
func (b *body) broken() bool { return b.err != nil && b.err != io.EOF }

// Read returns the gathered bytes.
func (b *body) Read(p []byte) (int, error) {
	if b.at == b.size {
		return 0, io.EOF
	}
	i, in := int(b.at/chunkBytes), b.at%chunkBytes
	n := copy(p, b.chunks[i][in:min(chunkBytes, in+b.size-b.at)])
	b.at += int64(n)
	if b.once && int(b.at/chunkBytes) > i {
		b.giveBack(i)
	}
	return n, nil
}

// before returns a reader, good for one pass, of the gathered bytes followed by the rest of r or the error that r broke off
// with.
func (b *body) before(r io.Reader) io.Reader {
	b.once = true
	if b.err != nil {
		r = ended{b.err}
	}
	return io.MultiReader(b, r)
}

type ended struct{ err error }

func (e ended) Read([]byte) (int, error) { return 0, e.err }
