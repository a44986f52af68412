package ledger_test

import (
	"slices"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestEventsOfOthers: the feed shows what its reader may read, and moves past the rest.
func TestEventsOfOthers(t *testing.T) {
	e := registrytest.New(t)
	if _, err := e.Core.CreateRepository(e.Admin, "secret", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	p, err := e.Publisher.Begin(e.Admin, registry.Name{Repository: "secret", Format: registrytest.Format, Package: "x", Display: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Commit(e.Admin, publish.Release{Version: "1"}); err != nil {
		t.Fatal(err)
	}
	_, end, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1})
	if err != nil {
		t.Fatal(err)
	}
	reader := e.Login(access.Credentials{Token: e.Token("main", access.Read)})
	events, next, err := e.Ledger.Events(reader, ledger.EventQuery{After: -1})
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 2 || events[0].Seq >= events[1].Seq { // repository.created, artifact.published
		t.Errorf("a reader of main sees %d events", len(events))
	}
	if next < end {
		t.Errorf("the cursor stands at %d, want at least %d", next, end)
	}
}

// TestEventTypes: types may be named as in a CloudEvent, and stay as the caller has them.
func TestEventTypes(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	asked := []string{registry.EventTypePrefix + "artifact.published" + registry.EventTypeSuffix, "tag.*"}
	types := slices.Clone(asked)
	if events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1, Types: types}); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
	if !slices.Equal(types, asked) {
		t.Errorf("the caller's types became %q", types)
	}
}

// TestSparseEvents: what a filter lets pass is found however far apart it is, by page and all at once.
func TestSparseEvents(t *testing.T) {
	e := registrytest.New(t)
	for _, v := range []string{"1", "2", "3"} {
		if err := e.Publish("web", v); err != nil {
			t.Fatal(err)
		}
		err := e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
			for range 25_000 {
				if _, err := tx.Log().Append(metadata.Entry{Type: "test.noise", Data: []byte(`{}`)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	q := ledger.EventQuery{After: -1, Types: []string{"artifact.published"}}
	all, end, err := e.Ledger.Events(e.Admin, q)
	if err != nil || len(all) != 3 || end < 75_000 {
		t.Fatalf("%d events up to %d, %v", len(all), end, err)
	}
	for i := range all {
		q.Limit = 1
		some, next, err := e.Ledger.Events(e.Admin, q)
		if err != nil || len(some) != 1 || some[0].Seq != all[i].Seq || next != all[i].Seq {
			t.Fatalf("page %d: %v up to %d, %v; want event %d", i, some, next, err, all[i].Seq)
		}
		q.After = next
	}
	if some, next, err := e.Ledger.Events(e.Admin, q); err != nil || len(some) != 0 || next != end {
		t.Errorf("behind the last: %d events up to %d, %v", len(some), next, err)
	}
}

// TestEventsWait: a waiting reader gets an event as soon as it is there.
func TestEventsWait(t *testing.T) {
	e := registrytest.New(t)
	_, after, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan int)
	go func() {
		events, _, _ := e.Ledger.Events(e.Admin, ledger.EventQuery{After: after, Wait: 20 * time.Second})
		got <- len(events)
	}()
	time.Sleep(20 * time.Millisecond)
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	select {
	case n := <-got:
		if n != 1 {
			t.Errorf("%d events", n)
		}
	case <-time.After(10 * time.Second):
		t.Error("the reader still waits")
	}
}
