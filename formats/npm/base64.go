package npm

import (
	"encoding/base64"
	"io"
	"sync"

	"slipway/registry"
)

const base64Chunk = 32 << 10 // characters; a multiple of four

// base64Reader decodes standard base64 with padding, in large chunks: base64.NewDecoder works on one kilobyte at a
// time and skips line ends byte by byte.
type base64Reader struct {
	r     io.Reader
	in    []byte // characters not yet decoded, from the start of buf
	ready []byte // decoded, not yet delivered
	ended bool   // padding was seen
	err   error

	buf [base64Chunk]byte
	out [base64Chunk / 4 * 3]byte
}

var base64Readers = sync.Pool{New: func() any { return new(base64Reader) }}

// newBase64Reader returns a reader whose memory is reused once it is put back.
func newBase64Reader(r io.Reader) *base64Reader {
	b := base64Readers.Get().(*base64Reader)
	b.r, b.in, b.ready, b.ended, b.err = r, nil, nil, false, nil
	return b
}

func (b *base64Reader) putBack() {
	b.r = nil // lets go of the stream
	base64Readers.Put(b)
}

var strictBase64 = base64.StdEncoding.Strict()

var errBase64 = registry.Errorf(registry.Invalid, registry.AboutRequest, "the attachment is not valid base64")

func (b *base64Reader) Read(p []byte) (int, error) {
	for len(b.ready) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		b.fill()
	}
	n := copy(p, b.ready)
	b.ready = b.ready[n:]
	return n, nil
}

// fill decodes the characters of one read, in whole groups of four.
func (b *base64Reader) fill() {
	n, err := b.r.Read(b.buf[len(b.in):])
	b.in = b.buf[:len(b.in)+n]
	whole := len(b.in) &^ 3
	if err == io.EOF && whole != len(b.in) {
		err = errBase64
	}
	if whole > 0 && b.ended {
		err, whole = errBase64, 0
	}
	if whole > 0 {
		m, derr := strictBase64.Decode(b.out[:], b.in[:whole])
		if derr != nil || m < whole/4*3-2 {
			err = errBase64
		} else {
			b.ready = b.out[:m]
		}
		b.ended = m < whole/4*3
	}
	b.in = b.buf[:copy(b.buf[:], b.in[whole:])]
	b.err = err
}
