package registry

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// derivedKeyBytes is the length of a derived key.
const derivedKeyBytes = 32

// DeriveKey returns a secret for one purpose of a front-end. It is derived from the key that signs the log, so it is the same
// after a restart and on every replica, and is stored nowhere. The text signed here can't be a checkpoint's, because its
// second line is no number.
func (s *Core) DeriveKey(purpose string) ([]byte, error) {
	signature, err := s.Signer.Sign([]byte("slipway key derivation\n" + purpose + "\n"))
	if err != nil {
		return nil, fmt.Errorf("derive a key for %s: %w", purpose, err)
	}
	return hkdf.Key(sha256.New, signature, nil, purpose, derivedKeyBytes)
}
