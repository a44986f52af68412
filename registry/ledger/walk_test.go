package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"slipway/registry"
	"slipway/registry/ledger"
	"slipway/registry/registrytest"
)

// walker is a log of which nearly nothing matches, and queries that may look through 4 entries each.
type walker struct {
	*registrytest.Env
	t *testing.T
}

func newWalker(t *testing.T) *walker {
	w := &walker{registrytest.New(t), t}
	for i := range 20 {
		registrytest.Must(t, w.Publish("web", fmt.Sprint(i)))
	}
	registrytest.Must(t, w.Publish("rare", "1"))
	w.Ledger.Walk(2, 4)
	return w
}

// all asks until the cursor stays, and returns the events and how many questions it took. Each answer looks through at most 4 entries.
func (w *walker) all(q ledger.EventQuery) (events []registry.Event, asked int) {
	w.t.Helper()
	for {
		asked++
		some, next, err := w.Ledger.Events(w.Admin, q)
		registrytest.Must(w.t, err)
		if events = append(events, some...); next == q.After {
			return events, asked
		}
		if asked > 100 {
			w.t.Fatalf("the cursor stands at %d after %d questions", next, asked)
		}
		q.After = next
	}
}

// TestRareFilter: a filter that selects almost nothing is answered in bounded steps, whose cursor moves also where nothing matches,
// without waiting before the end of the log.
func TestRareFilter(t *testing.T) {
	w := newWalker(t)
	_, end, err := w.Ledger.Events(w.Admin, ledger.EventQuery{After: 1000})
	if err != nil || end != 1000 {
		t.Fatalf("behind the end: %d, %v", end, err)
	}
	for _, q := range []ledger.EventQuery{
		{After: -1, Filter: ledger.EventFilter{Package: "rare"}}, {After: -1, Filter: ledger.EventFilter{Package: "rare"}, Limit: 1},
		{After: -1, Types: []string{"artifact.published"}, Filter: ledger.EventFilter{Package: "ra*"}},
	} {
		first, next, err := w.Ledger.Events(w.Admin, q)
		if err != nil || len(first) != 0 || next != 3 {
			t.Errorf("%+v: the first answer has %d events and ends at %d, %v", q, len(first), next, err)
		}
		if events, asked := w.all(q); len(events) != 1 || asked < 5 {
			t.Errorf("%+v: %d events by %d questions", q, len(events), asked)
		}
	}
	began := time.Now()
	if _, next, err := w.Ledger.Events(w.Admin, ledger.EventQuery{After: -1, Filter: ledger.EventFilter{Package: "none"}, Wait: time.Hour}); err != nil || next != 3 {
		t.Errorf("a question that waits: %d, %v after %s", next, err, time.Since(began))
	}
}

// TestPastFilter: what ends in the past is answered without looking through what came later.
func TestPastFilter(t *testing.T) {
	w := newWalker(t)
	past := ledger.EventFilter{Package: "none", Until: time.Now().Add(-time.Hour)}
	if events, asked := w.all(ledger.EventQuery{After: -1, Filter: past}); len(events) != 0 || asked != 2 {
		t.Errorf("%d events by %d questions", len(events), asked)
	}
	past.Package, past.Until = "", time.Now()
	if events, _ := w.all(ledger.EventQuery{After: -1, Filter: past, Types: []string{"artifact.published"}}); len(events) != 21 {
		t.Errorf("%d events until now", len(events))
	}
}

// TestOnePackage: what an index finds is answered at once, however much of the log is about other things.
func TestOnePackage(t *testing.T) {
	w := newWalker(t)
	of := ledger.EventFilter{Repository: "main", Format: registrytest.Format, Package: "rare"}
	for _, newest := range []bool{false, true} {
		events, _, err := w.Ledger.Events(w.Admin, ledger.EventQuery{After: -1, Newest: newest, Filter: of})
		if err != nil || len(events) != 1 || events[0].Type != "dev.slipway.artifact.published.v1" {
			t.Errorf("newest first %v: %+v, %v", newest, events, err)
		}
	}
	if _, err := w.Core.CreateRepository(w.Admin, "sparse", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		registrytest.Must(t, w.Publish("web", fmt.Sprint("1.", i)))
	}
	for _, newest := range []bool{false, true} {
		events, _, err := w.Ledger.Events(w.Admin, ledger.EventQuery{After: -1, Newest: newest, Filter: ledger.EventFilter{Repository: "sparse"}})
		if err != nil || len(events) != 1 {
			t.Errorf("newest first %v: %d events of the repository, %v", newest, len(events), err)
		}
	}
	for _, q := range []ledger.EventQuery{{Filter: ledger.EventFilter{Repository: "main", Format: registrytest.Format, Package: "none"}},
		{Filter: ledger.EventFilter{Repository: "main", Format: "none", Package: "rare"}}, {Filter: ledger.EventFilter{Repository: "none"}}} {
		q.After = -1
		if events, _ := w.all(q); len(events) != 0 {
			t.Errorf("%+v: %d events", q.Filter, len(events))
		}
	}
	if events, _ := w.all(ledger.EventQuery{After: -1, Filter: ledger.EventFilter{Format: "o*", Package: "rare"}}); len(events) != 0 {
		t.Errorf("%d events of another format", len(events))
	}
}

// TestLook: a query looks through no more than it is asked to.
func TestLook(t *testing.T) {
	w := newWalker(t)
	_, next, err := w.Ledger.Events(w.Admin, ledger.EventQuery{After: -1, Look: 3, Filter: ledger.EventFilter{Actor: "nobody"}})
	if err != nil || next != 2 {
		t.Errorf("the next entry is behind %d, %v", next, err)
	}
}
