package s3

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"slipway/storage"
)

// TestAttempt: when an attempt is over, nothing of its body is read any more.
func TestAttempt(t *testing.T) {
	read := make(chan int, 1)
	var sent io.Reader
	a := attempts{roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r.Body // as a transport that is still sending when the answer is here
		n, _ := r.Body.Read(make([]byte, 2))
		read <- n
		return &http.Response{Header: http.Header{"Date": {"Sun, 06 Nov 1994 08:49:37 GMT"}}}, nil
	})}
	body := bytes.NewReader([]byte("body"))
	ctx, answered := withAnswered(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://host", body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.RoundTrip(req); err != nil || <-read != 2 {
		t.Fatal(err)
	}
	if n, err := sent.Read(make([]byte, 2)); n != 0 || err == nil || body.Len() != 2 {
		t.Errorf("read %d bytes, %v, after the attempt", n, err)
	}
	if !answered.Equal(time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)) {
		t.Errorf("answered at %v", answered)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTLS: no version below 1.2, and no server whose certificate nobody signed.
func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	transport := newTransport()
	defer transport.CloseIdleConnections()
	for _, c := range []struct {
		trust bool
		want  string
	}{{false, "protocol version"}, {true, "protocol version"}} {
		transport.TLSClientConfig.InsecureSkipVerify = c.trust
		_, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("TLS 1.1: %v", err)
		}
	}
}

// TestClean: an error of the server is never taken for one of the client's, whose body may have broken off as well.
func TestClean(t *testing.T) {
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF} {
		if got := clean(err); errors.Is(got, err) {
			t.Errorf("clean(%v) = %v, which still is one", err, got)
		}
	}
	if got := clean(context.Canceled); !errors.Is(got, context.Canceled) {
		t.Errorf("clean(context.Canceled) = %v", got)
	}
	if got := clean(context.DeadlineExceeded); !errors.Is(got, context.DeadlineExceeded) {
		t.Errorf("clean(context.DeadlineExceeded) = %v", got)
	}
	if got := wrapMissing("stat", errors.New("other")); errors.Is(got, storage.ErrNotExist) {
		t.Errorf("wrapMissing = %v", got)
	}
}
