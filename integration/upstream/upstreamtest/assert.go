package upstreamtest

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// patience is how long Wait waits.
const patience = 30 * time.Second

// Asked fails the test unless exactly n requests of a method ("" for any) and a pattern arrived.
func (u *Server) Asked(t testing.TB, n int, method, glob string) {
	t.Helper()
	if got := u.Count(method, glob); got != n {
		t.Errorf("%d requests %s %s, want %d; all of them:\n%s", got, method, glob, n, u.Dump())
	}
}

// AskedOnce is Asked for one request.
func (u *Server) AskedOnce(t testing.TB, method, glob string) {
	t.Helper()
	u.Asked(t, 1, method, glob)
}

// NeverAsked fails the test if a request of the pattern arrived, whatever its method.
func (u *Server) NeverAsked(t testing.TB, glob string) {
	t.Helper()
	u.Asked(t, 0, "", glob)
}

// credentials are the headers that carry one.
var credentials = []string{"Authorization", "Proxy-Authorization", "Cookie", "Npm-Otp", "X-Api-Key", "X-Jfrog-Art-Api", "Private-Token"}

// NoCredential fails the test if a request of the pattern had a header with a credential.
func (u *Server) NoCredential(t testing.TB, glob string) {
	t.Helper()
	for _, r := range u.Matching("", glob) {
		for _, name := range credentials {
			if v := r.Header.Values(name); len(v) > 0 {
				t.Errorf("%s %s at %s had %s: %q", r.Method, r.Target, r.Host, name, v)
			}
		}
	}
}

// NoSecret fails the test if a request of the pattern held the text in its path, query, headers or body, also percent-encoded.
func (u *Server) NoSecret(t testing.TB, glob, secret string) {
	t.Helper()
	for _, r := range u.Matching("", glob) {
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, "\n"), secret) {
				t.Errorf("%s %s at %s had the secret in the header %s", r.Method, r.Path, r.Host, name)
			}
		}
		if strings.Contains(r.Target, secret) || strings.Contains(r.Target, url.QueryEscape(secret)) || strings.Contains(r.Path, secret) || bytes.Contains(r.Body, []byte(secret)) {
			t.Errorf("%s %s at %s had the secret in its target or body", r.Method, r.Path, r.Host)
		}
	}
}

// Wait waits until n requests of a method ("" for any) and a pattern have arrived, and returns them.
func (u *Server) Wait(t testing.TB, n int, method, glob string) []Request {
	t.Helper()
	return u.wait(t, n, method, glob, func(Request) bool { return true })
}

// WaitDone waits until n requests of a method ("" for any) and a pattern have been answered or cut, and returns them.
func (u *Server) WaitDone(t testing.TB, n int, method, glob string) []Request {
	t.Helper()
	return u.wait(t, n, method, glob, func(r Request) bool { return r.Done })
}

// WaitSent waits until an answer to a request of the pattern has this many bytes of its body out.
func (u *Server) WaitSent(t testing.TB, sent int64, method, glob string) {
	t.Helper()
	u.wait(t, 1, method, glob, func(r Request) bool { return r.Sent >= sent })
}

func (u *Server) wait(t testing.TB, n int, method, glob string, counts func(Request) bool) []Request {
	t.Helper()
	late := time.After(patience)
	for {
		list, changed := u.log.matching(method, glob)
		var got []Request
		for _, r := range list {
			if counts(r) {
				got = append(got, r)
			}
		}
		if len(got) >= n {
			return got
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%d requests %s %s in %v, want %d; all of them:\n%s", len(got), method, glob, patience, n, u.Dump())
		}
	}
}

// Dump is the record as text, a line for each request.
func (u *Server) Dump() string {
	var b strings.Builder
	for _, r := range u.Requests() {
		fmt.Fprintf(&b, "%s %-6s %s %s -> %d, %d bytes", r.At.Format("15:04:05.000"), r.Host, r.Method, r.Target, r.Status, r.Sent)
		switch {
		case r.Cut:
			b.WriteString(", cut")
		case !r.Done:
			b.WriteString(", under way")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
