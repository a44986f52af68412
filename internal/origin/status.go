package origin

import (
	"fmt"
	"net/http"
)

// judge says what an answer means for the caller, nil if it is one to the request, and for the breaker of its origin.
func (x *exchange) judge(res *http.Response) (*Fault, verdict) {
	c, status := x.client, res.StatusCode
	wait := retryAfter(res.Header, c.env.Now())
	f := c.fault(Bad, fmt.Sprintf("answered %d", status))
	f.Status = status
	switch {
	case status == http.StatusOK:
		return nil, good
	case status == http.StatusPartialContent:
		return x.judgePart(res, f), good
	case status == http.StatusNotModified:
		if x.request.conditional() {
			return nil, good
		}
		f.Text = "answered 304 to a request without a condition"
		return f, good
	case status == http.StatusNotFound, status == http.StatusGone, status == http.StatusForbidden && c.settings.ForbiddenIsMissing:
		f.Class = Absent
		return f, good
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		f.Class = Refused
		f.Text += x.refusedText(status)
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && wait > 0:
		f.Class, f.RetryAfter = Busy, wait
		f.Text += " and asks to wait"
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		f.Class, f.RetryAfter = Busy, wait
	case status == http.StatusUnavailableForLegalReasons:
		f.Class = Legal
		f.Text = "answered 451, unavailable for legal reasons"
	case status == http.StatusLoopDetected:
		f.Text = "answered 508: the request came back to an instance that it had passed"
	case status >= 500 && status <= 599:
		f.Class, f.RetryAfter = Down, wait
		f.again = status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
		return f, failed
	}
	return f, fair
}

func (x *exchange) refusedText(status int) string {
	switch {
	case status == http.StatusProxyAuthRequired:
		return ": the proxy refuses our credentials"
	case x.sent && status == http.StatusUnauthorized:
		return ": it refuses our credentials"
	case status == http.StatusUnauthorized:
		return ": it asks for credentials"
	}
	return ": it refuses access"
}

// judgePart checks a 206: one part that begins where it was asked to, and ends where it says.
func (x *exchange) judgePart(res *http.Response, f *Fault) *Fault {
	if x.request.Range == nil {
		f.Text = "answered 206 to a request for all"
		return f
	}
	first, last, _, ok := contentRange(res.Header)
	want := *x.request.Range
	switch {
	case !ok:
		f.Text = "answered 206 without a Content-Range that can be read"
	case first != want.First:
		f.Text = "answered 206 with other bytes than were asked for"
	case want.Last >= 0 && last > want.Last:
		f.Text = "answered 206 with more bytes than were asked for"
	case res.ContentLength >= 0 && x.request.Method != http.MethodHead && res.ContentLength != last-first+1:
		f.Text = "answered 206 with a length that contradicts its Content-Range"
	default:
		return nil
	}
	return f
}

// redirects reports whether an answer leads elsewhere.
func redirects(res *http.Response) bool {
	switch res.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
