package publish_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestConcurrentPublish: many publishers of different versions of one package lose none.
func TestConcurrentPublish(t *testing.T) {
	const n = 50
	e := registrytest.New(t)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := e.Publish("web", fmt.Sprintf("1.0.%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c, err := e.Catalog.PackageListing(e.Admin, e.Name("web"), false)
	if err != nil || len(c.Versions) != n || c.Package.VersionCount != n {
		t.Errorf("%d versions, count %d, %v", len(c.Versions), c.Package.VersionCount, err)
	}
	e.MustFsck(t)
}

// TestConcurrentSame: of many publishers of one coordinate with different bytes one wins, and the others are told.
func TestConcurrentSame(t *testing.T) {
	const n = 20
	e := registrytest.New(t)
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = e.Publish("web", "1", "f", fmt.Sprint(i)) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if registry.KindOf(err) != registry.AlreadyExists {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d publishers won", won)
	}
	e.MustFsck(t)
}

// TestCondition: a condition is judged inside the commit, so of many writers that expect the same state one wins.
func TestCondition(t *testing.T) {
	e := registrytest.New(t)
	expect := func(content string) func(publish.Existing) error {
		return func(have publish.Existing) error {
			f, there, err := have.File("f")
			if err != nil || there == have.IsNew() {
				t.Errorf("there %v, none %v, error %v", there, have.IsNew(), err)
			}
			if there && f.Blob.Digest == digest.FromString(content) || !there && content == "" {
				return nil
			}
			return registry.Errorf(registry.PreconditionFailed, registry.AboutFile, "changed meanwhile")
		}
	}
	write := func(before, after string) error {
		_, err := e.PublishRelease("x", publish.Release{Version: "1", Mode: publish.Replace, If: expect(before)}, "f", after)
		return err
	}
	if err := write("", "first"); err != nil {
		t.Fatal(err)
	}
	const n = 10
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = write("first", fmt.Sprint(i)) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if registry.KindOf(err) != registry.PreconditionFailed {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
	e.MustFsck(t)
}
