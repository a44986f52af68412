package archive

import (
	"errors"
	"io"
)

// BlockBytes is how much a Window reads at once, also of a table of contents.
const BlockBytes = 256 << 10

// keptBlocks is how many blocks a Window keeps.
const keptBlocks = 8

// Window is an io.ReaderAt over a stored file that can only be opened in ranges: it reads whole blocks and keeps the last few,
// as reading an archive takes many small reads close together. It is not safe for concurrent use.
type Window struct {
	size   int64
	open   func(offset, length int64) (io.ReadCloser, error)
	blocks map[int64][]byte
	order  []int64 // in the order they were read

	// Hold, unless nil, is called with the bytes of memory that something costs before it is read.
	Hold func(n int64) error
	// EntryFactor is how many bytes of memory a byte of an entry costs its reader; 0 is 1.
	EntryFactor int64
}

// NewWindow returns a window over a file of size bytes; open opens a range of it.
func NewWindow(size int64, open func(offset, length int64) (io.ReadCloser, error)) *Window {
	return &Window{size: size, open: open, blocks: map[int64][]byte{}}
}

// WindowOf returns a window over a file of at most BlockBytes that is in memory.
func WindowOf(file []byte) *Window {
	return &Window{size: int64(len(file)), blocks: map[int64][]byte{0: file}}
}

// heldBytes is the size from which memory is asked for: smaller tables and entries are everywhere.
const heldBytes = 256 << 10

// What the table of contents of a zip costs in memory: for an entry, and for a byte of the table. Of 65,535 entries each costs 365
// bytes with a name of 6, and 529 with one of 60; of 10,000 with names of 1,000, 3,442. TestTableMemory measures it.
const (
	tableEntryBytes = 400
	tableFactor     = 3
)

// TableBytes is how much memory a zip's table of contents costs that has some entries and a size in bytes.
func TableBytes(entries, size int64) int64 { return entries*tableEntryBytes + size*tableFactor }

func (w *Window) hold(n int64) error {
	if w.Hold == nil || n <= heldBytes {
		return nil
	}
	return w.Hold(n)
}

// holdTable asks for the memory of a table of contents, and of the blocks of a file that is read for it.
func (w *Window) holdTable(entries, size uint64) error {
	n := TableBytes(int64(entries), int64(size)) //nolint:gosec // both are bounded
	if w.open != nil {
		n += min(w.size, keptBlocks*BlockBytes)
	}
	return w.hold(n)
}

// ReadAt implements io.ReaderAt.
func (w *Window) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("archive: negative offset")
	}
	n := 0
	for n < len(p) && off < w.size {
		b, err := w.block(off / BlockBytes)
		if err != nil {
			return n, err
		}
		c := copy(p[n:], b[off%BlockBytes:])
		n, off = n+c, off+int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (w *Window) block(i int64) ([]byte, error) {
	if b, ok := w.blocks[i]; ok {
		return b, nil
	}
	b := make([]byte, min(BlockBytes, w.size-i*BlockBytes))
	rc, err := w.open(i*BlockBytes, int64(len(b)))
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
