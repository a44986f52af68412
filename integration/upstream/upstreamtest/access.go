package upstreamtest

import (
	"net/http"
	"strings"
)

// access is which credential the origin asks for.
type access struct {
	header, value string // "": none
	challenge     string
}

// RequireNone has the origin answer everybody, as it does at first.
func (u *Server) RequireNone() { u.require(access{}) }

// RequireBasic has the origin answer 401 without this user and password.
func (u *Server) RequireBasic(user, password string) {
	u.require(access{"Authorization", basic(user, password), `Basic realm="upstreamtest"`})
}

// RequireBearer has the origin answer 401 without this token.
func (u *Server) RequireBearer(token string) {
	u.require(access{"Authorization", "Bearer " + token, `Bearer realm="upstreamtest"`})
}

// RequireHeader has the origin answer 401 without this header.
func (u *Server) RequireHeader(name, value string) { u.require(access{name, value, name}) }

func (u *Server) require(a access) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.access = a
}

func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// refuse answers a request without the credential; nil with it. The caller holds mu.
func (u *Server) refuse(r *http.Request) *answer {
	if u.access.header == "" || r.Header.Get(u.access.header) == u.access.value {
		return nil
	}
	a := text(http.StatusUnauthorized, "401 who are you?")
	if strings.Contains(u.access.challenge, "realm=") {
		a.header.Set("WWW-Authenticate", u.access.challenge)
	}
	return a
}
