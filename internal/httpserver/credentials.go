package httpserver

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"slipway/registry/access"
)

// Credentials reads the credentials of a request: Basic (RFC 7617) with a user's password or a token in its place
// (UserPassword), or Bearer (RFC 6750) with a token. An empty Bearer token, which an unset variable makes, counts as none.
// An unknown scheme or a broken header gives credentials that are never valid: a client that tries to log in is not treated
// as anonymous.
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
			return UserPassword(user, password)
		}
	}
	return access.Credentials{Token: "unknown scheme"}
}

// UserPassword makes credentials of a user name and a password as a client sent them. A pair that is no UTF-8 is read as
// ISO-8859-1, the encoding that HTTP clients used before RFC 7617: pip and twine still send it.
func UserPassword(user, password string) access.Credentials {
	if !utf8.ValidString(user) || !utf8.ValidString(password) {
		user, password = fromLatin1(user), fromLatin1(password)
	}
	return access.Credentials{User: user, Password: password}
}

// fromLatin1 decodes ISO-8859-1, whose bytes are the first 256 code points.
func fromLatin1(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteRune(rune(c))
	}
	return b.String()
}
