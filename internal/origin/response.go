package origin

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Response is an answer: 200, 206 or 304. The caller closes Body, which is never nil, when no Read is under way; to end a Read, it
// ends its context. Errors of Body are a *Fault, or that of the context.
type Response struct {
	Status int
	Header http.Header
	Body   io.ReadCloser
	// URL is where the answer came from, after redirects, without its query; what the document links to is relative to it.
	URL *url.URL
	// Length of Body in bytes; -1 if unknown, as for all that is inflated. Of a HEAD, what GET would have.
	Length int64
	// Framed says that a cut of the body can be seen: it has a length, or chunks, or is of HTTP/2.
	Framed bool
	// Encoding is the Content-Encoding of Body; "" for none.
	Encoding string
	// Start and Total are of the Content-Range of a 206; Total is -1 if unknown. Of a 200, 0 and Length.
	Start, Total int64

	ETag         string // as sent
	LastModified string // as sent
	Date         time.Time
	// FreshFor is what s-maxage or max-age leave; -1 if the answer does not say. no-cache and no-store say nothing of a time: for a mirror,
	// its operator does.
	FreshFor time.Duration
}

// Validator is what If-Range may carry to go on with this answer: its entity tag if that is strong, else its date if it is older
// than the answer by a minute (RFC 9110, 8.8.2.2), else "".
func (r *Response) Validator() string {
	if r.ETag != "" {
		if strings.HasPrefix(r.ETag, `"`) {
			return r.ETag
		}
		return ""
	}
	at, err := http.ParseTime(r.LastModified)
	if err != nil || r.Date.IsZero() || r.Date.Sub(at) < time.Minute {
		return ""
	}
	return r.LastModified
}

// newResponse reads the headers of an answer that is accepted; Body is set later.
func newResponse(res *http.Response, u *url.URL) *Response {
	at := *u
	at.RawQuery, at.ForceQuery, at.User = "", false, nil
	r := &Response{
		Status: res.StatusCode, Header: res.Header, URL: &at, Length: res.ContentLength, Total: res.ContentLength,
		Framed:   res.ContentLength >= 0 || res.ProtoMajor > 1 || len(res.TransferEncoding) > 0,
		Encoding: encodingOf(res.Header), ETag: res.Header.Get("Etag"), LastModified: res.Header.Get("Last-Modified"),
	}
	for _, validator := range []*string{&r.ETag, &r.LastModified} {
		if !printable(*validator) {
			*validator = "" // it could not be sent back
		}
	}
	r.Date, _ = http.ParseTime(res.Header.Get("Date"))
	r.FreshFor = freshFor(res.Header)
	if res.StatusCode == http.StatusPartialContent {
		r.Start, _, r.Total, _ = contentRange(res.Header)
	}
	return r
}

func encodingOf(h http.Header) string {
	e := strings.ToLower(strings.TrimSpace(strings.Join(h.Values("Content-Encoding"), ", ")))
	switch e {
	case "identity":
		return ""
	case "x-gzip":
		return "gzip"
	}
	return e
}

// contentRange reads "bytes first-last/total"; total is -1 for "*".
func contentRange(h http.Header) (first, last, total int64, ok bool) {
	value := h.Get("Content-Range")
	if len(h.Values("Content-Range")) != 1 || len(value) < 6 || !strings.EqualFold(value[:6], "bytes ") {
		return 0, 0, 0, false
	}
	span, size, found := strings.Cut(strings.TrimSpace(value[6:]), "/")
	from, to, dash := strings.Cut(span, "-")
	if !found || !dash {
		return 0, 0, 0, false
	}
	first, err1 := number(from)
	last, err2 := number(to)
	if err1 != nil || err2 != nil || last < first {
		return 0, 0, 0, false
	}
	if size == "*" {
		return first, last, -1, true
	}
	total, err := number(size)
	return first, last, total, err == nil && last < total
}

func number(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}

// freshFor reads Cache-Control and Age (RFC 9111, 4.2).
func freshFor(h http.Header) time.Duration {
	fresh, shared := time.Duration(-1), false
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "s-maxage":
			fresh, shared = seconds(value), true
		case "max-age":
			if !shared {
				fresh = seconds(value)
			}
		}
	}
	if age := seconds(h.Get("Age")); fresh >= 0 && age > 0 {
		fresh = max(0, fresh-age)
	}
	return fresh
}

// seconds reads delta-seconds (RFC 9111, 1.2.2); 0 if they are none, as what can't be read is stale.
func seconds(s string) time.Duration {
	n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(s), `"`), 10, 64)
	switch {
	case err != nil && strings.Trim(s, "0123456789") == "" && s != "", n > 1<<31:
		n = 1 << 31
	case err != nil:
		return 0
	}
	return time.Duration(n) * time.Second
}

// retryAfter reads the header: seconds or a date. 0 if it is absent, past or unreadable; at most maxPause.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if value[0] >= '0' && value[0] <= '9' {
		return min(seconds(value), maxPause)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent // the upstream's clock may be off
	}
	return max(0, min(at.Sub(now), maxPause))
}
