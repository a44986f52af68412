package integration

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// sealKeyBytes is the length of Config.SealKey.
const sealKeyBytes = 32

var errSealed = errors.New("a sealed secret can't be opened with this server's key")

// sealer keeps secrets that must be read again, under a key of their own: AES-256-GCM, the nonce in front.
type sealer struct {
	aead cipher.AEAD // nil: no key was given
}

// newSealer derives the key for a purpose from the server's key; without one nothing can be sealed.
func newSealer(key []byte, purpose string) (sealer, error) {
	if len(key) == 0 {
		return sealer{}, nil
	}
	if len(key) != sealKeyBytes {
		return sealer{}, fmt.Errorf("the key to seal secrets has %d bytes, not %d", len(key), sealKeyBytes)
	}
	derived, err := hkdf.Key(sha256.New, key, nil, "slipway seal "+purpose, sealKeyBytes)
	if err != nil {
		return sealer{}, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCM(block)
	return sealer{aead}, err
}

func (s sealer) seal(plain []byte) ([]byte, error) {
	if s.aead == nil {
		return nil, errors.New("this server has no key to seal secrets with")
	}
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return s.aead.Seal(nonce, nonce, plain, nil), nil
}

func (s sealer) open(sealed []byte) ([]byte, error) {
	if s.aead == nil || len(sealed) < s.aead.NonceSize() {
		return nil, errSealed
	}
	n := s.aead.NonceSize()
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], nil)
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}
