package maintain_test

import (
	"context"
	"slices"
	"testing"

	"slipway/metadata"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
)

// TestEndingRun: a run that has ended is told of also while it is being stored, so that nobody takes it for one that never was.
func TestEndingRun(t *testing.T) {
	e := registrytest.New(t)
	s, store := e.Hook(t, nil)
	runs := func() []maintain.Run {
		list, err := s.Maintain.Runs(e.Admin)
		registrytest.Must(t, err)
		return list
	}
	told := 0
	store.OnUpdate = func(ctx context.Context, fn func(tx metadata.Tx) error) error {
		if slices.ContainsFunc(runs(), func(r maintain.Run) bool { return r.Kind == maintain.RunCollect && r.State == maintain.Finished }) {
			told++
		}
		return store.Store.Update(ctx, fn)
	}
	if _, err := s.Maintain.RunCollect(e.Admin, maintain.CollectOptions{}); err != nil {
		t.Fatal(err)
	}
	if told == 0 {
		t.Error("while it is stored, the run is not there")
	}
	if list := runs(); !slices.ContainsFunc(list, func(r maintain.Run) bool { return r.Kind == maintain.RunCollect && r.State == maintain.Finished }) {
		t.Errorf("afterwards: %+v", list)
	}
}
