package load

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"
)

// noise is the material of bodies: bytes that do not compress, made once, and only for a program that makes bodies: the server, which
// has this package for "slipway bench", holds none.
var noise = sync.OnceValue(func() []byte {
	b := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{'s', 'l', 'i', 'p', 'w', 'a', 'y'}).Read(b) // never fails
	return b
})

// stamped fills p with noise that no other serial number has.
func stamped(p []byte, serial uint64) []byte {
	for at := 0; at < len(p); {
		at += copy(p[at:], noise())
	}
	if len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, serial)
	}
	return p
}

// stampedAt does the same for a part of a large body.
func stampedAt(serial uint64) func(p []byte, offset int64) {
	noise := noise()
	return func(p []byte, offset int64) {
		for at := 0; at < len(p); {
			from := (offset + int64(at)) % int64(len(noise))
			at += copy(p[at:], noise[from:])
		}
		if offset == 0 && len(p) >= 8 {
			binary.LittleEndian.PutUint64(p, serial)
		}
	}
}

// NewBody reads size bytes that no body of another serial number has.
func NewBody(serial uint64, size int64) io.Reader {
	return &body{fill: stampedAt(serial), size: size}
}

type body struct {
	fill     func(p []byte, offset int64)
	at, size int64
}

func (b *body) Read(p []byte) (int, error) {
	n := min(int64(len(p)), b.size-b.at)
	if n == 0 {
		return 0, io.EOF
	}
	b.fill(p[:n], b.at)
	b.at += n
	return int(n), nil
}
