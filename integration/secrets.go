package integration

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"slipway/internal/seal"
	"slipway/registry"
)

// Bounds of a subscription's secret.
const (
	minSecret, maxSecret = 24, 256
	// secretPrefix marks a secret that is the base64 of its key (Standard Webhooks).
	secretPrefix             = "whsec_"
	minKeyBytes, maxKeyBytes = 24, 64
	newKeyBytes              = 32
	// SecretOverlap is how long a replaced secret still signs.
	SecretOverlap = 24 * time.Hour
)

// SecretMark as the whole value of a message's header stands for the target's secret: messages are stored as they are, and
// a secret is kept only where it is sealed.
const SecretMark = "{secret}"

// secrets are those of a subscription, as they are sealed.
type secrets struct {
	Current string    `json:"current"`
	Former  string    `json:"former,omitempty"`
	Until   time.Time `json:"until"` // the former signs until then
	// Credentials are a stream's; it has no secret that signs.
	Credentials Credentials `json:"credentials,omitzero"`
}

// replaceSecret gives a subscription the secret that a change asks for, and returns it; "" for no change.
func (s *Subscriptions) replaceSecret(sub *Subscription, c SubscriptionChange) (string, error) {
	var next secrets
	if s.sinks.streams(*sub) {
		return "", s.replaceCredentials(sub, c)
	}
	if c.Credentials != nil {
		return "", registry.Errorf(registry.Invalid, registry.AboutSubscription, "credentials: they are for message brokers; the receiver of a %s knows us by the signature", registry.Clip(sub.Sink))
	}
	switch {
	case c.Secret != nil && c.RotateSecret:
		return "", registry.Errorf(registry.Invalid, registry.AboutSubscription, "either give a secret or let one be made")
	case c.Secret != nil:
		next.Current = *c.Secret
		if _, err := secretKey(next.Current); err != nil {
			return "", err
		}
	case c.RotateSecret:
		next.Current = newSecretText()
	default:
		return "", nil
	}
	if len(sub.Secrets) > 0 {
		// One that can't be opened any more signed nothing either.
		if old, err := s.openSecrets(*sub); err == nil {
			next.Former, next.Until = old.Current, s.core.Now().Add(SecretOverlap)
		} else if !errors.Is(err, seal.ErrSealed) {
			return "", err
		}
	}
	plain, err := json.Marshal(next)
	if err != nil {
		return "", err
	}
	sub.Secrets, err = s.sealed.Seal(plain)
	return next.Current, err
}

func (s *Subscriptions) openSecrets(sub Subscription) (secrets, error) {
	var out secrets
	plain, err := s.sealed.Open(sub.Secrets)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(plain, &out)
}

// secretKey returns the bytes that sign: what stands behind whsec_ in base64, or the secret itself. Invalid.
func secretKey(secret string) ([]byte, error) {
	if encoded, ok := strings.CutPrefix(secret, secretPrefix); ok {
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(key) < minKeyBytes || len(key) > maxKeyBytes {
			return nil, registry.Errorf(registry.Invalid, registry.AboutSubscription, "secret: behind %s stands the base64 of %d to %d bytes", secretPrefix, minKeyBytes, maxKeyBytes)
		}
		return key, nil
	}
	if len(secret) < minSecret || len(secret) > maxSecret || strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, registry.Errorf(registry.Invalid, registry.AboutSubscription, "secret: %d to %d characters of printable ASCII, or %s and base64", minSecret, maxSecret, secretPrefix)
	}
	return []byte(secret), nil
}

// newSecretText makes a secret.
func newSecretText() string {
	key := make([]byte, newKeyBytes)
	_, _ = rand.Read(key) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}
