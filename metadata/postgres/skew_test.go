package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/postgres/postgrestest"
)

// TestSkew: a clock that is more than a minute off that of the database makes a store not ready, until it is set right.
func TestSkew(t *testing.T) {
	s := open(t, postgrestest.URL(t))
	for ahead, bad := range map[time.Duration]bool{0: false, 55 * time.Second: false, -55 * time.Second: false, 2 * time.Minute: true, -2 * time.Minute: true} {
		s.SetAhead(ahead)
		err := s.Ready(t.Context())
		if errors.Is(err, metadata.ErrSkew) != bad || (err != nil) != bad || bad && !strings.Contains(err.Error(), ahead.String()) {
			t.Errorf("%s ahead: %v", ahead, err)
		}
	}
	deadline := time.Now().Add(20 * time.Second)
	for s.Ready(t.Context()) != nil && time.Now().Before(deadline) { // the next look at the database's clock tells
		time.Sleep(50 * time.Millisecond)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("right again: %v", err)
	}
}
