package catalog_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
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
			_, err := e.History.Search(e.Admin, catalog.VersionSearch{Query: "web", AsOf: asOf})
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
