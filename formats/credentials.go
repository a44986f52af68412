package formats

import (
	"net/http"
	"strings"

	"slipway/registry/access"
)

// Credentials reads what a request carries: Basic (RFC 7617) with a user's password or a token in its place, or Bearer
// (RFC 6750) with a token. An empty Bearer token, which an unset variable makes, counts as none. A scheme that is not
// known, or a broken header, gives credentials that never hold: who tries to log in is not taken for anonymous.
func Credentials(r *http.Request) access.Credentials {
	header := r.Header.Get("Authorization")
	if header == "" {
		return access.Credentials{}
	}
	scheme, rest, _ := strings.Cut(header, " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		return access.Credentials{Token: strings.TrimSpace(rest)}
	case "basic":
		if user, password, ok := r.BasicAuth(); ok {
			return access.Credentials{User: user, Password: password}
		}
	}
	return access.Credentials{Token: "unknown scheme"}
}
