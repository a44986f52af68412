package pypi

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"syscall"
	"testing"
	"time"

	"slipway/formats/formatstest"
)

// overlapping is a zip of about 42 KB whose entries are all the same bytes in it, and unpack to 4 GB together. Of what its
// table of contents says only claims is the size of each entry.
func overlapping(t *testing.T, zeros, kernel []byte, claims uint32) []byte {
	t.Helper()
	const entries = 210
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := zip.FileHeader{Name: "good-1.0.dist-info/METADATA", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(zeros),
		CompressedSize64: uint64(len(kernel)), UncompressedSize64: uint64(claims)}
	body, err := z.CreateRaw(&h)
	must(t, err)
	_, err = body.Write(kernel)
	must(t, err)
	must(t, z.Close())
	raw := b.Bytes()
	start := bytes.LastIndex(raw, []byte("PK\x01\x02"))
	end := len(raw) - zipEndBytes
	entry := raw[start:end]
	out := bytes.Clone(raw[:start])
	for i := range entries {
		e := bytes.Clone(entry)
		if i > 0 {
			copy(e[len(e)-len(h.Name):], fmt.Sprintf("%0*d", len(h.Name), i)) // each has a name of its own
		}
		out = append(out, e...)
	}
	tail := bytes.Clone(raw[end:])
	binary.LittleEndian.PutUint16(tail[8:], entries)
	binary.LittleEndian.PutUint16(tail[10:], entries)
	binary.LittleEndian.PutUint32(tail[12:], uint32(len(entry)*entries))
	return append(out, tail...)
}

// TestS57Overlapping: 42 KB that unpack to 4 GB are refused within a second, whether they say so or not.
func TestS57Overlapping(t *testing.T) {
	zeros := make([]byte, 20<<20)
	var kernel bytes.Buffer
	w, err := flate.NewWriter(&kernel, flate.BestCompression)
	must(t, err)
	_, err = w.Write(zeros)
	must(t, err)
	must(t, w.Close())
	for _, claims := range []uint32{20 << 20, 1 << 10, 0} {
		raw := overlapping(t, zeros, kernel.Bytes(), claims)
		if len(raw) > 50_000 {
			t.Fatalf("the archive has %d bytes", len(raw))
		}
		start := processorTime(t)
		_, err := readWheel(bytesWindow(raw), goodReading(t))
		refused(t, err, "")
		if took := processorTime(t) - start; !formatstest.Race && took > time.Second {
			t.Errorf("%d claimed: refused after %v of a processor", claims, took)
		}
	}
}

// processorTime is what this process has had, which does not depend on what else the machine does.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
