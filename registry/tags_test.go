package registry_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestTagAsOf: every past moment can be read back, by sequence number and by time.
func TestTagAsOf(t *testing.T) {
	e := registrytest.New(t)
	name := e.Name("web")
	for _, v := range []string{"1", "2"} {
		if err := e.Publish("web", v); err != nil {
			t.Fatal(err)
		}
	}
	moment := func() time.Time {
		time.Sleep(2 * time.Millisecond)
		defer time.Sleep(2 * time.Millisecond)
		return time.Now()
	}
	var times []time.Time
	var seqs []int64
	mark := func() {
		times = append(times, moment())
		_, next, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1})
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, next)
	}
	set := func(v string) {
		if _, err := e.Publisher.SetTag(e.Admin, name, "prod", publish.TagChange{Version: v, Reason: "to " + v}); err != nil {
			t.Fatal(err)
		}
	}
	mark()
	set("1")
	mark()
	set("2")
	mark()
	if _, err := e.Publisher.RemoveTag(e.Admin, name, "prod", publish.TagChange{}); err != nil {
		t.Fatal(err)
	}
	mark()
	set("1")
	mark()
	want := []string{"", "1", "2", "", "1"}
	for i := range want {
		for how, at := range map[string]registry.AsOf{"time": {Time: times[i]}, "seq": {Seq: &seqs[i]}} {
			tag, err := e.Catalog.TagAt(e.Admin, name, "prod", at)
			if tag.Version != want[i] || (want[i] == "") != (registry.KindOf(err) == registry.NotFound && err != nil) {
				t.Errorf("moment %d by %s: %q, %v; want %q", i, how, tag.Version, err, want[i])
			}
		}
	}
	h, err := e.Catalog.TagHistory(e.Admin, name, "prod", registry.Page{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tag := range h {
		got = append(got, fmt.Sprintf("%d:%s ended=%v by %s", tag.Generation, tag.Version, !tag.EndedAt.IsZero(), tag.SetBy))
	}
	if fmt.Sprint(got) != "[3:1 ended=false by admin 2:2 ended=true by admin 1:1 ended=true by admin]" {
		t.Errorf("history %v", got)
	}
	e.MustFsck(t)
}

// TestTagCAS: of concurrent compare-and-swap moves from one generation exactly one wins.
func TestTagCAS(t *testing.T) {
	const n = 10
	e := registrytest.New(t)
	name := e.Name("web")
	for i := range n {
		if err := e.Publish("web", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	zero, one := int64(0), int64(1)
	if _, err := e.Publisher.SetTag(e.Admin, name, "prod", publish.TagChange{Version: "0", IfGeneration: &one}); registry.KindOf(err) != registry.PreconditionFailed {
		t.Errorf("expecting a generation of an absent tag: %v", err)
	}
	if _, err := e.Publisher.SetTag(e.Admin, name, "prod", publish.TagChange{Version: "0", IfGeneration: &zero}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := 1; i < n; i++ {
		wg.Go(func() {
			_, errs[i] = e.Publisher.SetTag(e.Admin, name, "prod", publish.TagChange{Version: fmt.Sprint(i), IfGeneration: &one})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs[1:] {
		if err == nil {
			won++
		} else if registry.KindOf(err) != registry.PreconditionFailed {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d moves won", won)
	}
}

// TestTagUnchanged: pointing a tag where it points is no event.
func TestTagUnchanged(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		tag, err := e.Publisher.SetTag(e.Admin, e.Name("web"), "prod", publish.TagChange{Version: "1"})
		if err != nil || tag.Generation != 1 {
			t.Errorf("tag %+v, %v", tag, err)
		}
	}
	if got := types(t, e, 3); len(got) != 2 {
		t.Errorf("events %v", got)
	}
}

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

// TestAsOfIsFinal: what is said of a moment does not change: an update of before it that is under way is waited for.
func TestAsOfIsFinal(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Publisher.SetTag(e.Admin, e.Name("web"), "prod", publish.TagChange{Version: "1"}); err != nil {
		t.Fatal(err)
	}
	running, held := make(chan struct{}), make(chan struct{})
	var update sync.WaitGroup
	update.Go(func() {
		err := e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
			close(running)
			<-held
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-running
	asOf := registry.AsOf{Time: time.Now()}
	answered := make(chan string, 3)
	var asking sync.WaitGroup
	for what, ask := range map[string]func() error{
		"tag": func() error { _, err := e.Catalog.TagAt(e.Admin, e.Name("web"), "prod", asOf); return err },
		"search": func() error {
			_, err := e.Catalog.Search(e.Admin, catalog.VersionSearch{Query: "web", AsOf: asOf})
			return err
		},
		"environment": func() error {
			_, err := e.Deploy.EnvironmentAt(e.Admin, "prod", asOf)
			if registry.KindOf(err) == registry.NotFound {
				err = nil
			}
			return err
		},
	} {
		asking.Go(func() {
			if err := ask(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			answered <- what
		})
	}
	select {
	case what := <-answered:
		t.Errorf("%s was answered while an update of before was under way", what)
	case <-time.After(100 * time.Millisecond):
	}
	long := registry.AsOf{Time: time.Now().Add(-time.Hour)}
	if _, err := e.Catalog.TagAt(e.Admin, e.Name("web"), "prod", long); registry.KindOf(err) != registry.NotFound {
		t.Errorf("an hour ago: %v", err)
	}
	close(held)
	asking.Wait()
	update.Wait()
}
