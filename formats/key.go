package formats

import (
	"encoding/binary"

	"slipway/internal/httpserver"
	"slipway/registry"
)

// maxKeyBytes is the longest key that costs one allocation.
const maxKeyBytes = 256

// KeyOf returns the key of a document that is made of one package. The parts of view together identify the document and its
// base URL.
func KeyOf(pkg registry.Package, view ...string) httpserver.DocumentKey {
	b := make([]byte, 0, maxKeyBytes)
	for _, part := range view {
		b = append(b, part...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(pkg.ID))
	b = binary.BigEndian.AppendUint64(b, uint64(pkg.Revision))
	key := string(b)
	return httpserver.DocumentKey{View: key[:len(key)-8], Stamp: key[len(key)-16:]}
}
