package origin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"slipway/internal/outbound"
)

// late is the cause of a context that a timeout of this client ended.
type late struct{ text string }

func (l *late) Error() string { return l.text }

func tooLate(what string, d time.Duration) *late { return &late{text: what + " within " + d.String()} }

// explain turns an error of an attempt, which ran under ctx, into a fault. Errors of net/http quote hosts, addresses and bytes of
// answers, so only their types are used.
func (c *Client) explain(ctx context.Context, err error) (*Fault, verdict) {
	var l *late
	if errors.As(context.Cause(ctx), &l) || errors.As(err, &l) {
		return c.fault(Down, l.text), failed
	}
	var denied *outbound.DeniedError
	if errors.As(err, &denied) {
		return c.fault(Bad, deniedText(denied)), void
	}
	var refused *outbound.ProxyError
	if errors.As(err, &refused) {
		f := c.fault(Down, fmt.Sprintf("its proxy answered %d", refused.Status))
		f.again = refused.Status >= 500
		if refused.Status == 407 || refused.Status == 403 || refused.Status == 401 {
			f.Class = Refused
			return f, fair
		}
		return f, failed
	}
	text, class, again := c.words(err)
	f := c.fault(class, text)
	f.again = again
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "proxyconnect" || strings.HasPrefix(op.Op, "socks")) || c.proxy != nil && errors.Is(err, syscall.ECONNREFUSED) {
		f.Text = "proxy: " + text
	}
	if class == Bad {
		return f, void
	}
	return f, failed
}

// words for an error of net/http, its class, and whether a retry may help.
func (c *Client) words(err error) (text string, class Class, again bool) {
	var (
		lookup  *net.DNSError
		timeout net.Error
	)
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "its host name has no address", Down, false
	case errors.As(err, &lookup):
		return "its host name could not be looked up", Down, true
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", Down, true
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return "there is no way to its network", Down, true
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return "connection reset", Down, true
	}
	if text := tlsWords(err); text != "" {
		return text, Down, false
	}
	message := err.Error() // looked at, not shown
	switch {
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "no connection within " + c.settings.Timeouts.Connect.String(), Down, true
	case strings.Contains(message, "malformed"), strings.Contains(message, "invalid header"), strings.Contains(message, "bad Content-Length"),
		strings.Contains(message, "unsupported transfer encoding"), strings.Contains(message, "too many transfer encodings"), strings.Contains(message, "invalid Trailer"):
		return "its answer is malformed", Bad, false
	case strings.Contains(message, "response headers exceeded"), strings.Contains(message, "too many 1xx"):
		return "the header of its answer is too large", Bad, false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(message, "server closed"), strings.Contains(message, "GOAWAY"):
		return "it closed the connection without an answer", Down, true
	}
	return "connection failed", Down, true
}

// tlsWords names a fault of TLS; "" for others.
func tlsWords(err error) string {
	var (
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		verify  *tls.CertificateVerificationError
		alert   tls.AlertError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return "certificate not trusted: it is signed by an unknown authority"
	case errors.As(err, &name):
		return "certificate not trusted: it is for another host name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate not trusted: it is expired or not valid yet"
	case errors.As(err, &invalid), errors.As(err, &verify):
		return "certificate not trusted"
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error: tls: "):
		return "it ended the TLS handshake: it may want a client certificate, or another version of TLS"
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"), strings.Contains(err.Error(), "tls: "):
		return "it does not speak TLS 1.2 or newer"
	}
	return ""
}
