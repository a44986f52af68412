package registry

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"slipway/registry/access"
)

// derivedKeyBytes is the length of a derived key.
const derivedKeyBytes = 32

// DeriveKey returns a secret for one purpose of a front-end. It follows from the key that signs the log, so it is the same
// after a restart and on every replica, and is stored nowhere. No checkpoint can have the text signed here, whose second
// line is no number.
func (s *Service) DeriveKey(purpose string) ([]byte, error) {
	signature, err := s.signer.Sign([]byte("slipway key derivation\n" + purpose + "\n"))
	if err != nil {
		return nil, fmt.Errorf("derive a key for %s: %w", purpose, err)
	}
	return hkdf.Key(sha256.New, signature, nil, purpose, derivedKeyBytes)
}

// Resume returns the caller that a front-end verified before; see access.Proof. Unauthenticated.
func (s *Service) Resume(ctx context.Context, p access.Proof) (access.Actor, error) {
	a, err := s.auth.Resume(ctx, p)
	if errors.Is(err, access.ErrBadCredentials) {
		return a, &Error{Kind: Unauthenticated, Subject: AboutRequest, Detail: "the login that the token was made for is no longer valid"}
	}
	return a, err
}
