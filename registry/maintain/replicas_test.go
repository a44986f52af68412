package maintain_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/storage"
)

// TestCollectorThatStoodStill: a collector stops at each of its calls in turn, for longer than another process waits; that one takes
// over, and the same bytes are published. When the first one goes on, it removes nothing of them.
func TestCollectorThatStoodStill(t *testing.T) {
	c := registrytest.NewCompany()
	e := registrytest.New(t, c.Option, registrytest.InTurns)
	other := e.Replica()
	c.Join()
	late := 0
	for i := 0; ; i++ {
		c.Add(time.Hour)
		pkg, text := fmt.Sprint("p", i), fmt.Sprint("text ", i)
		registrytest.Must(t, e.Publish(pkg, "1", "f", text))
		registrytest.Must(t, e.Publisher.Delete(e.Admin, e.Name(pkg).At("1"), ""))
		c.Add(time.Second)
		stood := registrytest.NewParty(e.Admin, func(ctx context.Context) error {
			_, err := e.Maintain.Collect(ctx, maintain.CollectOptions{Force: true})
			return err
		})
		ended := stood.Run(i)
		young := pending(t, e)
		next, err := other.Maintain.FinishCollection(e.Admin)
		registrytest.Must(t, err)
		if pending(t, e) != young || young != 0 && next.Before(c.Now()) {
			t.Errorf("stop %d: %d young removals are taken, or are to be taken at %v", i, young-pending(t, e), next)
		}
		c.Add(31 * time.Second)
		if next, err = other.Maintain.FinishCollection(e.Admin); err != nil || !next.IsZero() || pending(t, e) != 0 {
			t.Errorf("stop %d: an old removal is not taken: %v, %v", i, next, err)
		}
		registrytest.Must(t, storeAs(e, pkg, text)(e.Admin))
		stood.Run(-1)
		switch {
		case errors.Is(stood.Err, storage.ErrLate):
			late++
		case stood.Err != nil:
			t.Errorf("stop %d: %v", i, stood.Err)
		}
		if _, err := e.Blobs.Stat(t.Context(), digest.FromString(text)); err != nil || !e.Has(pkg, "2") {
			t.Errorf("stop %d: an acknowledged version lost its bytes: %v", i, err)
		}
		if ended {
			break
		}
		registrytest.Must(t, e.Publisher.Delete(e.Admin, e.Name(pkg).At("2"), "")) // so that each collection makes the same calls
		c.Add(time.Second)
		_, err = e.Maintain.Collect(e.Admin, maintain.CollectOptions{Force: true})
		registrytest.Must(t, err)
	}
	if late == 0 {
		t.Error("no removal came too late, so the test shows nothing")
	}
	e.MustFsck(t)
}

func pending(t *testing.T, e *registrytest.Env) (n int) {
	t.Helper()
	registrytest.Must(t, e.Metadata.View(t.Context(), func(tx metadata.Tx) error {
		list, err := tx.Collection().CollectedPending()
		n = len(list)
		return err
	}))
	return n
}
