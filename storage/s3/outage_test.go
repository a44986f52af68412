package s3_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"slipway/storage"
	"slipway/storage/s3/s3test"
)

// TestUnavailable: a server that is away or reports a passing fault gives another error than a server that refuses; when
// the server is back, everything goes on.
func TestUnavailable(t *testing.T) {
	p := s3test.NewProxy(t)
	s := open(t, s3test.OptionsAt(t, p.URL))
	data, kept := random(1, 1_000), random(2, 1_000) // a deletion whose answer got lost took place
	put(t, s, data)
	d := put(t, s, kept).Digest
	failing := func(what string, want bool) {
		t.Helper()
		n := 0
		for name, call := range calls(s, data) {
			if err := call(t.Context()); err != nil {
				n++
				if errors.Is(err, storage.ErrUnavailable) != want {
					t.Errorf("%s: %s: %v", what, name, err)
				}
			}
		}
		if n < 5 {
			t.Errorf("%s: only %d calls failed", what, n)
		}
	}
	for _, fault := range []s3test.Fault{s3test.InternalError, s3test.SlowDown, s3test.BadGateway, s3test.NotSent, s3test.LostAnswer} {
		p.Break(func(int, *http.Request) s3test.Fault { return fault })
		failing(fault.String(), true)
	}
	p.Break(func(int, *http.Request) s3test.Fault { return s3test.NotImplemented })
	failing("501", false)
	p.Break(nil)
	p.Stop()
	failing("stopped", true)
	if err := s.Ready(t.Context()); err == nil {
		t.Error("a stopped server is ready")
	}
	p.Start(t)
	mustHave(t, s, kept)
	if _, err := s.Stat(t.Context(), d); err != nil {
		t.Error(err)
	}
}

// TestUnavailableSilence: a server that accepts connections and never answers counts as unavailable too; a caller that
// gives up does not.
func TestUnavailableSilence(t *testing.T) {
	p := s3test.NewProxy(t)
	s := open(t, s3test.OptionsAt(t, p.URL))
	d := put(t, s, random(1, 1_000)).Digest
	p.Stop()
	ln, err := net.Listen("tcp", p.URL[len("http://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.Stat(ctx, d); !errors.Is(err, storage.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silence: %v", err)
	}
	ctx, leave := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, leave)
	if _, err := s.Stat(ctx, d); errors.Is(err, storage.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("the caller left: %v", err)
	}
}
