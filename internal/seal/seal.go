// Package seal keeps secrets that must be read again, such as the keys that sign webhooks: encrypted, under a key of the server that is
// not in its database.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// KeyBytes is the length of a server's key.
const KeyBytes = 32

// Errors of Seal and Open.
var (
	ErrNoKey  = errors.New("this server has no key to seal secrets with")
	ErrSealed = errors.New("a sealed secret can't be opened with this server's key")
)

// Sealer keeps secrets of one purpose, under a key of their own: AES-256-GCM, the nonce in front. The zero value has no key.
type Sealer struct {
	aead cipher.AEAD // nil: no key was given
}

// New derives the key for a purpose from the server's key; without one nothing can be sealed.
func New(key []byte, purpose string) (Sealer, error) {
	if len(key) == 0 {
		return Sealer{}, nil
	}
	if len(key) != KeyBytes {
		return Sealer{}, fmt.Errorf("the key to seal secrets has %d bytes, not %d", len(key), KeyBytes)
	}
	derived, err := hkdf.Key(sha256.New, key, nil, "slipway seal "+purpose, KeyBytes)
	if err != nil {
		return Sealer{}, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return Sealer{}, err
	}
	aead, err := cipher.NewGCM(block)
	return Sealer{aead}, err
}

// Seal encrypts. ErrNoKey.
func (s Sealer) Seal(plain []byte) ([]byte, error) {
	if s.aead == nil {
		return nil, ErrNoKey
	}
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return s.aead.Seal(nonce, nonce, plain, nil), nil
}

// Open returns what was sealed under the same key and for the same purpose. ErrSealed.
func (s Sealer) Open(sealed []byte) ([]byte, error) {
	if s.aead == nil || len(sealed) < s.aead.NonceSize() {
		return nil, ErrSealed
	}
	n := s.aead.NonceSize()
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], nil)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
