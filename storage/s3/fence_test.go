package s3_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
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
