package origin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Kind of what is asked for. It decides timeouts, limits, and the place in the queue.
type Kind int

const (
	// Document is an index, read to its end within Timeouts.Total.
	Document Kind = iota
	// File may take as long as bytes come.
	File
	// Tag is a look at what a name stands for.
	Tag
	// Token is a credential.
	Token
)

func (k Kind) String() string { return [...]string{"document", "file", "tag", "token"}[k] }

// Range is bytes of a file, Last included; Last -1 is to the end.
type Range struct{ First, Last int64 }

func (r Range) header() string {
	if r.Last < 0 {
		return fmt.Sprintf("bytes=%d-", r.First)
	}
	return fmt.Sprintf("bytes=%d-%d", r.First, r.Last)
}

// Request is one question to an upstream. What is not a field of it is never sent.
type Request struct {
	Method string // GET, which "" is, or HEAD
	// URL is absolute (http or https), or a path as escaped in URLs, perhaps with a query, which is appended to the upstream's URL.
	// "" is the upstream's URL as it is written. Fragments are dropped.
	URL    string
	Kind   Kind
	Accept string
	// Gzip asks for gzip and gives inflated bytes, within MaxBytes and a ratio of 200. Without it, and for files, bytes come as sent,
	// and Response.Encoding says how.
	Gzip            bool
	IfNoneMatch     string // an entity tag, or several
	IfModifiedSince string // as the upstream wrote it
	Range           *Range
	IfRange         string      // a strong entity tag or a date, as Response.Validator gives it
	Header          http.Header // further headers, for the upstream's own origin; credentials and names of clients are left out
	MaxBytes        int64       // of the body; 0 is MaxDocument or MaxFile
	// Scope asks for a token first, if the upstream wants one (WWW-Authenticate: Bearer), in the words of its token service:
	// "repository:library/busybox:pull".
	Scope string
}

func (r *Request) conditional() bool { return r.IfNoneMatch != "" || r.IfModifiedSince != "" }

func (r *Request) valid() error {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return errors.New("origin: a request is GET or HEAD")
	case r.Kind < Document || r.Kind > Token:
		return errors.New("origin: unknown kind of request")
	case r.Range != nil && (r.Range.First < 0 || r.Range.Last >= 0 && r.Range.Last < r.Range.First):
		return errors.New("origin: a range is empty or negative")
	case strings.HasPrefix(r.IfRange, "W/"):
		return errors.New("origin: If-Range needs a strong validator")
	}
	for _, v := range []string{r.Accept, r.IfNoneMatch, r.IfModifiedSince, r.IfRange} {
		if !printable(v) {
			return errors.New("origin: a header of a request has control characters")
		}
	}
	return nil
}

// resolve makes the URL of a request. The error is worded like that of admit.
func (c *Client) resolve(s string) (*url.URL, error) {
	if scheme, _, ok := strings.Cut(s, "://"); ok && !strings.ContainsAny(scheme, "/?#") {
		u, err := url.Parse(s)
		if err != nil {
			return nil, errors.New("leads to a URL that is malformed")
		}
		return tidy(u), nil
	}
	if strings.HasPrefix(s, "//") {
		return nil, errors.New("leads to a URL without a scheme")
	}
	u := *c.settings.URL
	s, _, _ = strings.Cut(s, "#")
	escaped, query, hasQuery := strings.Cut(s, "?")
	if hasQuery {
		u.RawQuery = query
	}
	if escaped == "" {
		return tidy(&u), nil
	}
	path, err := url.PathUnescape(escaped)
	if err != nil || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return nil, errors.New("leads to a path that is malformed")
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return nil, errors.New("leads to a path with dot segments")
		}
	}
	u.RawPath = strings.TrimSuffix(c.settings.URL.EscapedPath(), "/") + "/" + strings.TrimPrefix(escaped, "/")
	u.Path = strings.TrimSuffix(c.settings.URL.Path, "/") + "/" + strings.TrimPrefix(path, "/")
	if u.EscapedPath() != u.RawPath {
		return nil, errors.New("leads to a path that is not escaped")
	}
	return tidy(&u), nil
}

// tidy makes a URL fit for a request line: no fragment, and no bytes in the query that would end it.
func tidy(u *url.URL) *url.URL {
	u.Fragment, u.RawFragment = "", ""
	if strings.ContainsFunc(u.RawQuery, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		var b strings.Builder
		for _, c := range []byte(u.RawQuery) {
			if c <= ' ' || c >= 0x7f {
				fmt.Fprintf(&b, "%%%02X", c)
			} else {
				b.WriteByte(c)
			}
		}
		u.RawQuery = b.String()
	}
	return u
}

// notSent are headers of Request.Header that are never forwarded.
var notSent = map[string]bool{"Authorization": true, "Npm-Otp": true, "Set-Cookie": true}

// message makes the HTTP request. home says that it goes to where headers of the caller's may go; credentials are added by send.
func (x *exchange) message(ctx context.Context, u *url.URL, home bool) *http.Request {
	r := &x.request
	h := make(http.Header, 8)
	if home {
		for name, values := range r.Header {
			name = http.CanonicalHeaderKey(name)
			if !unfit[name] && !notSent[name] && !strings.HasPrefix(name, "X-Forwarded-") && !strings.HasPrefix(name, "Proxy-") {
				h[name] = values
			}
		}
	}
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	encoding := "identity"
	if r.Gzip && r.Kind != File {
		encoding = "gzip"
	}
	set("User-Agent", x.client.agent)
	set("Accept", r.Accept)
	set("Accept-Encoding", encoding)
	set(ViaHeader, via(ctx, x.client.env.Instance))
	set("If-None-Match", r.IfNoneMatch)
	set("If-Modified-Since", r.IfModifiedSince)
	if r.Range != nil {
		set("Range", r.Range.header())
		set("If-Range", r.IfRange)
	}
	m := &http.Request{Method: r.Method, URL: u, Host: u.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	return m.WithContext(ctx)
}
