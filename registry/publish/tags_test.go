package publish_test

import (
	"fmt"
	"sync"
	"testing"

	"slipway/registry"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

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
