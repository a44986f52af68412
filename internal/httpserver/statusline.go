package httpserver

import (
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
// clients show their users nothing else, and nginx, which speaks 1.0 to the servers behind it by default, passes it on. net/http writes standard phrases only, so the connection is taken over and closed
// after the answer.
func ProblemWithReason(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	rec, ok := w.(*recorder)
	reason := asReason(e.Detail)
	if !ok || reason == "" || r.ProtoMajor != 1 {
		Problem(w, r, e)
		return
	}
	header := rec.Header().Clone()
	conn, _, err := http.NewResponseController(rec).Hijack()
	if err != nil {
		Problem(w, r, e)
		return
	}
	defer conn.Close()
	status := StatusOf(e)
	body, err := marshal(ProblemOf(r, e))
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	ErrorHeader(header, e)
	header.Set("Content-Type", problemType)
	header.Set("Content-Length", fmt.Sprint(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	header.Set("Connection", "close")
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.%d %d %s\r\n", r.ProtoMinor, status, reason)
	_ = header.Write(&b) // a Builder takes everything
	b.WriteString("\r\n")
	b.Write(body)
	rec.wrote, rec.status, rec.bytes = true, status, int64(len(body))
	_ = conn.SetWriteDeadline(time.Now().Add(reasonWriteBounds)) // a connection without deadlines has nothing to wait for
	_, _ = conn.Write([]byte(b.String()))                        // the client disconnected, so the error can't be reported
}

// asReason makes a reason phrase of a sentence: printable ASCII, not too long for the clients' own buffers.
func asReason(s string) string {
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
	if len(s) > maxReasonBytes {
		s = s[:maxReasonBytes-3] + "..."
	}
	return s
}
