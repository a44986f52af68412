package storage

import (
	"strings"

	"github.com/opencontainers/go-digest"
)

const (
	minIDBytes = 16
	maxIDBytes = 64
	hexBytes   = 64 // a sha256 sum in hex
)

// Hex returns the 64 lower-case hex characters of a sha256 digest; false for anything else. Backends ask it before a
// digest becomes part of a path or a key, and answer ErrNotExist when it says no.
func Hex(d digest.Digest) (string, bool) {
	name, ok := strings.CutPrefix(string(d), "sha256:")
	return name, ok && len(name) == hexBytes && only(name, "0123456789abcdef")
}

// ValidID reports whether id can name an upload: 16 to 64 characters of [a-z0-9-]. Backends ask it before an id becomes
// part of a path or a key.
func ValidID(id string) bool {
	return len(id) >= minIDBytes && len(id) <= maxIDBytes && only(id, "abcdefghijklmnopqrstuvwxyz0123456789-")
}

func only(s, chars string) bool {
	for i := range len(s) {
		if strings.IndexByte(chars, s[i]) < 0 {
			return false
		}
	}
	return true
}
