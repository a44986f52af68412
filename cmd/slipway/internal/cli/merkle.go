package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight and tileWidth are fixed by C2SP tlog-tiles.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// parseCheckpoint reads the text of a checkpoint (C2SP tlog-checkpoint): origin, size, root.
func parseCheckpoint(text string) (origin string, size int64, root tlog.Hash, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return "", 0, root, errors.New("the checkpoint is too short")
	}
	size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return "", 0, root, errors.New("the checkpoint has no size")
	}
	root, err = tlog.ParseHash(lines[2])
	return lines[0], size, root, err
}

// openCheckpoint verifies a checkpoint's signature and returns the tree that it states.
func openCheckpoint(signed []byte, v note.Verifier) (tlog.Tree, error) {
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is not signed by the log's key: %w", err)
	}
	origin, size, root, err := parseCheckpoint(n.Text)
	if err == nil && origin != v.Name() {
		err = fmt.Errorf("the checkpoint is of the log %q, not of %q", origin, v.Name())
	}
	return tlog.Tree{N: size, Hash: root}, err
}

// parseBundle splits an entry bundle: each entry has its length before it, as big-endian uint16.
func parseBundle(raw []byte) ([][]byte, error) {
	var out [][]byte
	for len(raw) > 0 {
		if len(raw) < 2 {
			return nil, errors.New("an entry bundle is cut")
		}
		n := int(raw[0])<<8 | int(raw[1])
		if raw = raw[2:]; len(raw) < n {
			return nil, errors.New("an entry bundle is cut")
		}
		out = append(out, raw[:n])
		raw = raw[n:]
	}
	return out, nil
}

// tree computes a Merkle tree (RFC 6962) from its leaves in order, in memory of the logarithm of their number.
type tree struct {
	size  int64
	peaks []tlog.Hash // roots of the perfect subtrees, the largest first
	rows  [][]tlog.Hash
	check func(t tlog.Tile, hashes []byte) error // called with every tile once it is full, and by end with the rest
}

// add appends a leaf.
func (t *tree) add(h tlog.Hash) error {
	t.peaks = append(t.peaks, h)
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.peaks) - 1
		t.peaks = append(t.peaks[:last-1], tlog.NodeHash(t.peaks[last-1], t.peaks[last]))
	}
	t.size++
	return t.row(0, h)
}

// row adds a hash to the tiles of a level, and to the level above once its tile is full.
func (t *tree) row(level int, h tlog.Hash) error {
	if level == len(t.rows) {
		t.rows = append(t.rows, nil)
	}
	t.rows[level] = append(t.rows[level], h)
	if len(t.rows[level]) < tileWidth {
		return nil
	}
	full := t.rows[level]
	if err := t.tile(level); err != nil {
		return err
	}
	t.rows[level] = full[:0]
	return t.row(level+1, perfect(full))
}

// tile hands the hashes of a level's last tile to check.
func (t *tree) tile(level int) error {
	hashes := t.rows[level]
	number := (t.size - 1) >> (tileHeight * (level + 1))
	return t.check(tlog.Tile{H: tileHeight, L: level, N: number, W: len(hashes)}, join(hashes))
}

// end checks the tiles that are not full.
func (t *tree) end() error {
	for level, hashes := range t.rows {
		if len(hashes) == 0 {
			continue
		}
		if err := t.tile(level); err != nil {
			return err
		}
	}
	return nil
}

// root is the root of the leaves so far; there must be one.
func (t *tree) root() tlog.Hash {
	h := t.peaks[len(t.peaks)-1]
	for i := len(t.peaks) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.peaks[i], h)
	}
	return h
}

// perfect is the root of a full tile.
func perfect(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(perfect(hashes[:half]), perfect(hashes[half:]))
}

func join(hashes []tlog.Hash) []byte {
	out := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out
}

// firstDifference is the number of the first hash in which two tiles differ; -1 when they are equal.
func firstDifference(a, b []byte) int {
	for i := 0; i < len(a) && i < len(b); i += tlog.HashSize {
		if !bytes.Equal(a[i:min(i+tlog.HashSize, len(a))], b[i:min(i+tlog.HashSize, len(b))]) {
			return i / tlog.HashSize
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b)) / tlog.HashSize
	}
	return -1
}
