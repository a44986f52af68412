package pypi

import (
	"errors"
	"io"
)

// Bounds of window: what a table of contents is read in, and how much of it is kept.
const (
	blockBytes = 256 << 10
	keptBlocks = 8
)

// window is an io.ReaderAt over a stored file that can only be opened in ranges: it reads whole blocks and keeps the last few,
// as an archive is looked at in many small steps that lie close together. It is not safe for concurrent use.
type window struct {
	size   int64
	open   func(offset, length int64) (io.ReadCloser, error)
	blocks map[int64][]byte
	order  []int64 // as they were read
}

func newWindow(size int64, open func(offset, length int64) (io.ReadCloser, error)) *window {
	return &window{size: size, open: open, blocks: map[int64][]byte{}}
}

// windowOf is over a file of one block that is in memory.
func windowOf(file []byte) *window {
	return &window{size: int64(len(file)), blocks: map[int64][]byte{0: file}}
}

// ReadAt implements io.ReaderAt.
func (w *window) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("pypi: negative offset")
	}
	n := 0
	for n < len(p) && off < w.size {
		b, err := w.block(off / blockBytes)
		if err != nil {
			return n, err
		}
		c := copy(p[n:], b[off%blockBytes:])
		n, off = n+c, off+int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (w *window) block(i int64) ([]byte, error) {
	if b, ok := w.blocks[i]; ok {
		return b, nil
	}
	b := make([]byte, min(blockBytes, w.size-i*blockBytes))
	rc, err := w.open(i*blockBytes, int64(len(b)))
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(rc, b)
	if err = errors.Join(err, rc.Close()); err != nil {
		return nil, err
	}
	if len(w.order) == keptBlocks {
		delete(w.blocks, w.order[0])
		w.order = w.order[1:]
	}
	w.blocks[i] = b
	w.order = append(w.order, i)
	return b, nil
}
