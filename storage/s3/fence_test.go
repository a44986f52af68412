package s3_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/s3"
	"slipway/storage/s3/s3test"
)

// TestClocksApart: nothing is removed by a time that the server counts otherwise, and the server's answers tell the difference.
func TestClocksApart(t *testing.T) {
	s := open(t, s3test.Options(t))
	d := digest.FromString("x")
	for _, by := range []time.Duration{time.Minute, -time.Minute} {
		s.SetApart(by)
		if _, err := s.Removal(t.Context(), d, time.Second); !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "1m0s apart") {
			t.Errorf("%s apart: %v", by, err)
		}
		if _, err := s.Stat(t.Context(), d); !errors.Is(err, storage.ErrNotExist) {
			t.Error(err)
		}
		if _, err := s.Removal(t.Context(), d, time.Second); err != nil {
			t.Errorf("after an answer: %v", err)
		}
	}
}

// TestRemovalOnce: a removal whose answer is lost is not tried again, and its error shows no signature.
func TestRemovalOnce(t *testing.T) {
	s := open(t, s3test.Options(t))
	remove, err := s.Removal(t.Context(), digest.FromString("x"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := remove(gone); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "Signature") {
		t.Errorf("%v", err)
	}
}

// lax is a server that takes every request, whatever its conditions and its time.
func lax(t *testing.T) *s3.Store {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the client is at fault if it breaks
		w.Header().Set("ETag", `"1"`)
		switch r.Method {
		case http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		case http.MethodGet:
			_, _ = io.WriteString(w, `<ListBucketResult/>`)
		}
	}))
	t.Cleanup(srv.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	o, err := s3.Parse("s3://bucket?region=us-east-1&path_style=true&endpoint=" + srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	o.Spool = t.TempDir()
	s, err := s3.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestShare: a server is shared only if it heeds conditions, and removes something beside other processes only if it heeds the time of
// a request.
func TestShare(t *testing.T) {
	if err := open(t, s3test.Options(t)).Share(t.Context()); err != nil {
		t.Errorf("a real server: %v", err)
	}
	s := lax(t)
	if err := s.Share(t.Context()); err == nil || !strings.Contains(err.Error(), "If-None-Match") {
		t.Errorf("a server that heeds no condition: %v", err)
	}
	if _, err := s.Removal(t.Context(), digest.FromString("x"), time.Second); err == nil || !strings.Contains(err.Error(), "whose time is over") {
		t.Errorf("a server that heeds no time: %v", err)
	}
}
