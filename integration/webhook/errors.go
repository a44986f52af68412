package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"slipway/integration"
	"slipway/internal/outbound"
)

// failed is the outcome of an attempt without an answer. Its note says why the message did not arrive, in words for the owner
// of the subscription: nothing of the request, whose URL and headers may be secret, nor what the network said about addresses
// that only the server knows.
func (s *Sink) failed(ctx context.Context, err error) integration.Result {
	var denied *outbound.DeniedError
	if errors.As(err, &denied) {
		return integration.Result{Verdict: integration.Refused, Note: denied.Error()}
	}
	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
		return integration.Result{Note: cause.Error()} // the caller ended it, and knows why
	}
	return integration.Result{Note: reason(err, s.timeout.String())}
}

// reason names what the errors of net/http are about.
func reason(err error, limit string) string {
	var (
		lookup  *net.DNSError
		timeout net.Error
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		alert   tls.AlertError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "the receiver's host name has no address"
	case errors.As(err, &lookup):
		return "the receiver's host name could not be looked up"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "no answer within " + limit
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the receiver refuses connections"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return "there is no way to the receiver's network"
	case errors.As(err, &unknown):
		return "the receiver's certificate is signed by an authority that this server does not know"
	case errors.As(err, &name):
		return "the receiver's certificate is for another host name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the receiver's certificate is expired or not valid yet"
	case errors.As(err, &invalid):
		return "the receiver's certificate is not valid"
	case errors.As(err, &alert), errors.As(err, &record), strings.Contains(err.Error(), "tls: "),
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "the receiver does not speak TLS 1.2 or newer"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the receiver closed the connection without an answer"
	}
	return "the receiver gave no answer that is HTTP"
}
