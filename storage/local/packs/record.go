package packs

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// A record is a header, the bytes of the blob, and zeros up to the next multiple of recordAlign. All numbers are little
// endian:
//
//	0  8 bytes   magic
//	8  uint32    size of the blob
//	12 uint32    0
//	16 int64     when it was stored, microseconds since 1970
//	24 32 bytes  sha256
//	56 uint32    CRC-32C of bytes 0 to 55
//	60 uint32    0
const (
	magic       = "SLPBLOB1"
	headerBytes = 64
	recordAlign = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type header struct {
	sum    [sha256.Size]byte
	size   int64
	stored int64
}

// length is the length of a whole record.
func length(size int64) int64 {
	return (headerBytes + size + recordAlign - 1) / recordAlign * recordAlign
}

// appendRecord appends a record to b.
func appendRecord(b []byte, h header, data []byte) []byte {
	start := len(b)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.stored))
	b = append(b, h.sum[:]...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, data...)
	var zeros [recordAlign]byte
	return append(b, zeros[:length(int64(len(data)))-headerBytes-int64(len(data))]...)
}

// readHeader reads the header of a record; false when there is none.
func readHeader(b []byte) (h header, ok bool) {
	if len(b) < headerBytes || string(b[:8]) != magic || binary.LittleEndian.Uint32(b[56:]) != crc32.Checksum(b[:56], castagnoli) {
		return header{}, false
	}
	h.size = int64(binary.LittleEndian.Uint32(b[8:]))
	h.stored = int64(binary.LittleEndian.Uint64(b[16:]))
	copy(h.sum[:], b[24:56])
	return h, h.size <= MaxBlob
}

// scan calls fn for every whole record of r between two offsets, in order. It skips bytes that are no record and records
// whose bytes do not have their digest: behind the last flush the file may hold anything. data is valid until fn returns.
func scan(r io.ReaderAt, from, to int64, fn func(at int64, h header, data []byte) error) error {
	var head [headerBytes]byte
	data := make([]byte, MaxBlob)
	for at := from; at+headerBytes <= to; {
		if _, err := r.ReadAt(head[:], at); err != nil {
			return ended(err)
		}
		h, ok := readHeader(head[:])
		if !ok || at+headerBytes+h.size > to {
			at += recordAlign
			continue
		}
		if _, err := r.ReadAt(data[:h.size], at+headerBytes); err != nil {
			return ended(err)
		}
		if sha256.Sum256(data[:h.size]) != h.sum {
			at += recordAlign
			continue
		}
		if err := fn(at, h, data[:h.size]); err != nil {
			return err
		}
		at += length(h.size)
	}
	return nil
}

// ended treats a file that became shorter as the end of the records.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
