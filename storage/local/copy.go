package local

import (
	"context"
	"io"
	"sync"

	"slipway/storage"
)

const (
	chunkBytes    = 256 << 10
	maxEmptyReads = 100 // in a row; then r is broken
)

var chunks = sync.Pool{New: func() any { return new([chunkBytes]byte) }}

// flow moves a reader through one buffer: each chunk is read, hashed, written. When the reader holds more than limit bytes,
// limit bytes pass.
type flow struct {
	r    io.Reader
	left int64 // of the limit; negative for none
	sum  io.Writer
	buf  *[chunkBytes]byte
	n    int   // bytes in buf, hashed and not written yet
	err  error // error after these bytes: nil when there is more, io.EOF at the end
}

// begin reads the first chunk. The caller calls end.
func begin(ctx context.Context, r io.Reader, limit int64, sum io.Writer) *flow {
	fl := &flow{r: r, left: limit, sum: sum, buf: chunks.Get().(*[chunkBytes]byte)}
	fl.next(ctx)
	return fl
}

func (fl *flow) end() { chunks.Put(fl.buf) }

func (fl *flow) next(ctx context.Context) {
	fl.n, fl.err = fill(ctx, fl.r, fl.buf[:])
	if fl.left >= 0 {
		if int64(fl.n) > fl.left {
			fl.n, fl.err = int(fl.left), storage.ErrTooLarge
		}
		fl.left -= int64(fl.n)
	}
	_, _ = fl.sum.Write(fl.buf[:fl.n]) // a hash never fails
}

// copyTo writes everything to w. Also when it fails, w.end tells how many bytes of the reader are in the file.
func (fl *flow) copyTo(ctx context.Context, w *paced) error {
	for {
		if _, err := w.Write(fl.buf[:fl.n]); err != nil {
			return err
		}
		if fl.err == io.EOF {
			return nil
		}
		if fl.err != nil {
			return fl.err
		}
		fl.next(ctx)
	}
}

// fill reads until buf is full, so that a slow network costs no small writes. It stops at an error of r, io.EOF
// included, and when ctx is done.
func fill(ctx context.Context, r io.Reader, buf []byte) (n int, err error) {
	for empty := 0; n < len(buf); {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		k, err := r.Read(buf[n:])
		n += k
		if err != nil {
			return n, err
		}
		if k > 0 {
			empty = 0
		} else if empty++; empty == maxEmptyReads {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}
