package httpserver

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"slipway/registry"
)

// Bounds of an answer that is written past net/http.
const (
	maxReasonBytes    = 120
	reasonWriteBounds = 10 * time.Second
)

// ProblemWithReason is Problem, and over HTTP/1.1 and 1.0 puts the detail into the status line as well (RFC 9112 section 4): some
// clients show their users nothing else, and nginx, which speaks 1.0 to the servers behind it by default, passes it on.
func ProblemWithReason(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	if !Reasoned(w, r, e, StatusOf(e), problemType, ProblemOf(r, e)) {
		Problem(w, r, e)
	}
}

// WithReason answers an error of a rule or of an upstream in a protocol's own form, with the detail in the status line as ProblemWithReason
// does. body is a text, or can always be marshalled. False: nothing was written, as the error is of another kind, or
// the connection has no such line.
func WithReason(w http.ResponseWriter, r *http.Request, e *registry.Error, status int, contentType string, body any) bool {
	switch e.Kind {
	case registry.Blocked, registry.Unavailable, registry.BadUpstream:
		return Reasoned(w, r, e, status, contentType, body)
	}
	return false
}

// Reasoned writes an answer whose status line has the detail of an error. net/http writes standard phrases only, so the connection is taken
// over and closed after the answer. body and what is returned are as with WithReason, whatever the error's kind is.
func Reasoned(w http.ResponseWriter, r *http.Request, e *registry.Error, status int, contentType string, content any) bool {
	rec, ok := w.(*recorder)
	reason := reasonOf(e)
	if !ok || reason == "" || r.ProtoMajor != 1 {
		return false
	}
	body := []byte(nil)
	if text, plain := content.(string); plain {
		body = []byte(text)
	} else {
		var err error
		if body, err = marshal(content); err != nil { // strings and numbers always marshal
			panic(err)
		}
	}
	rec.describe(status)
	header := rec.Header().Clone()
	conn, _, err := http.NewResponseController(rec).Hijack()
	if err != nil {
		return false
	}
	defer conn.Close()
	ErrorHeader(header, e)
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", fmt.Sprint(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	header.Set("Connection", "close")
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.%d %d %s\r\n", r.ProtoMinor, status, reason)
	_ = header.Write(&b) // a Builder takes everything
	b.WriteString("\r\n")
	if r.Method != http.MethodHead {
		b.Write(body)
	}
	rec.wrote, rec.status, rec.bytes = true, status, int64(len(body))
	_ = conn.SetWriteDeadline(time.Now().Add(reasonWriteBounds)) // a connection without deadlines has nothing to wait for
	_, _ = conn.Write([]byte(b.String()))                        // the client disconnected, so the error can't be reported
	return true
}

// reasonOf is the reason phrase of an error: that of a refusal ends in where it is explained.
func reasonOf(e *registry.Error) string {
	var refused *registry.Refused
	if !errors.As(e, &refused) {
		return asReason(e.Detail, maxReasonBytes)
	}
	where := " /why/" + asReason(refused.ID, maxReasonBytes/2)
	return asReason(refused.Text, maxReasonBytes-len(where)) + where
}

// asReason makes a reason phrase of a sentence: printable ASCII, not too long for the clients' own buffers.
func asReason(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= ' ' && r <= '~':
			return r
		case r == '…':
			return -1
		default:
			return '?'
		}
	}, s)
	if len(s) > most {
		s = s[:most-3] + "..."
	}
	return s
}
