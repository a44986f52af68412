package upstreamtest

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

const (
	gzipHead  = 10
	gzipTail  = 8
	blockHead = 5
	maxBlock  = 65_535
)

// stored is gzip of a content without compression, computed while it is read.
type stored struct {
	content
	sum uint32
}

// storedGzip reads the content once, for its sum.
func storedGzip(c content) stored {
	h := crc32.NewIEEE()
	_, err := io.Copy(h, open(c))
	check(err)
	return stored{c, h.Sum32()}
}

func (s stored) blocks() int64 { return max(1, (s.content.Size()+maxBlock-1)/maxBlock) }

func (s stored) Size() int64 {
	return gzipHead + s.blocks()*blockHead + s.content.Size() + gzipTail
}

func (s stored) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < s.Size() {
		got, err := s.part(p[n:], off)
		if err != nil && err != io.EOF {
			return n, err
		}
		n += got
		off += int64(got)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// part reads of the one thing that is at the place: head, tail, the head of a block, or bytes of the content.
func (s stored) part(p []byte, off int64) (int, error) {
	size := s.content.Size()
	if off < gzipHead {
		head := [gzipHead]byte{0x1f, 0x8b, 8, 9: 0xff}
		return copy(p, head[off:]), nil
	}
	if end := s.Size() - gzipTail; off >= end {
		tail := binary.LittleEndian.AppendUint32(nil, s.sum)
		tail = binary.LittleEndian.AppendUint32(tail, uint32(size)) //nolint:gosec // gzip keeps the low 32 bits
		return copy(p, tail[off-end:]), nil
	}
	number, place := (off-gzipHead)/(blockHead+maxBlock), (off-gzipHead)%(blockHead+maxBlock)
	length := min(maxBlock, size-number*maxBlock)
	if place < blockHead {
		var head [blockHead]byte
		if number == s.blocks()-1 {
			head[0] = 1 // the last one
		}
		binary.LittleEndian.PutUint16(head[1:], uint16(length))  //nolint:gosec // at most maxBlock
		binary.LittleEndian.PutUint16(head[3:], ^uint16(length)) //nolint:gosec // as before
		return copy(p, head[place:]), nil
	}
	place -= blockHead
	return s.content.ReadAt(p[:min(int64(len(p)), length-place)], number*maxBlock+place)
}
