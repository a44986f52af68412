package oci

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"slipway/registry"
	"slipway/registry/access"
)

// sessionTTL is how long a session token can be used. It is checked when a request begins, so a long upload does not fail at
// its end. The caller's rights, and the validity of the login, are checked on every request.
const sessionTTL = 15 * time.Minute

// sessionPrefix begins every session token, and tells it from the tokens that users make.
const sessionPrefix = "oci1."

// session is the content of a session token: the caller and the requested scopes, not the granted ones.
type session struct {
	Proof   access.Proof `json:"p"`
	Scopes  scopes       `json:"s,omitempty"`
	Expires int64        `json:"e"` // Unix seconds
}

func isSession(token string) bool { return strings.HasPrefix(token, sessionPrefix) }

// seal makes the token: prefix, base64url of the JSON, a dot, base64url of an HMAC-SHA256 over all before the dot.
func (h *handlers) seal(s session) (string, error) {
	key, err := h.key()
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	text := sessionPrefix + base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(authenticate(key, text)), nil
}

// open checks a token. Unauthenticated.
func (h *handlers) open(token string) (session, error) {
	refused := registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "the token is not valid, or has expired")
	key, err := h.key()
	if err != nil {
		return session{}, err
	}
	var s session
	dot := strings.LastIndex(token, ".")
	if dot < len(sessionPrefix) {
		return s, refused
	}
	// The encoded sums are compared, so that no other text is accepted as the same token.
	want := base64.RawURLEncoding.EncodeToString(authenticate(key, token[:dot]))
	if !hmac.Equal([]byte(token[dot+1:]), []byte(want)) {
		return s, refused
	}
	body, err := base64.RawURLEncoding.DecodeString(token[len(sessionPrefix):dot])
	if err != nil || json.Unmarshal(body, &s) != nil || h.now().Unix() >= s.Expires {
		return session{}, refused
	}
	return s, nil
}

func authenticate(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(text)) // a hash never fails
	return m.Sum(nil)
}
