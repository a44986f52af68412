package registrytest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/instance"
	"slipway/registry/maintain"
	"slipway/registry/publish"
)

// Must ends the test where err is not nil.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ErrOf is the error of a call that has another result too.
func ErrOf[T any](_ T, err error) error { return err }

// Eventually ends the test unless is holds within a time that is long for any machine.
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not yet: " + what)
		}
	}
}

// HookedStore is metadata whose updates a function can replace. It is not Versioned, so nothing is cached over it.
type HookedStore struct {
	metadata.Store
	OnUpdate func(ctx context.Context, fn func(tx metadata.Tx) error) error // nil: updates go to the store

	closing atomic.Bool // the test is over: duties are given up side by side, and the function is not asked
}

// Update implements metadata.Store.
func (h *HookedStore) Update(ctx context.Context, fn func(tx metadata.Tx) error, hints ...metadata.Hint) error {
	if h.closing.Load() || h.OnUpdate == nil {
		return h.Store.Update(ctx, fn, hints...)
	}
	return h.OnUpdate(ctx, fn)
}

// Hook makes another core over the same stores, whose updates the test can intercept. It has the configuration of e after
// change, which may be nil, and signs no checkpoint by itself. It is closed with the test.
func (e *Env) Hook(t testing.TB, change func(c *instance.Config)) (*instance.Instance, *HookedStore) {
	t.Helper()
	h := &HookedStore{Store: e.Metadata}
	c := e.Config
	c.Metadata, c.Metrics, c.SignInterval = h, nil, time.Hour
	if change != nil {
		change(&c)
	}
	s, err := instance.Open(t.Context(), c)
	Must(t, err)
	t.Cleanup(func() {
		h.closing.Store(true)
		_ = s.Close()
	})
	return s, h
}

// TeamRepository makes the repository "team" and returns the name of a package in it.
func (e *Env) TeamRepository(t testing.TB) registry.Name {
	t.Helper()
	Must(t, ErrOf(e.Core.CreateRepository(e.Admin, "team", registry.RepositoryChange{})))
	name := e.Name("img")
	name.Repository = "team"
	return name
}

// MustCollect is a collection that succeeds.
func (e *Env) MustCollect(t testing.TB, o maintain.CollectOptions) maintain.CollectReport {
	t.Helper()
	r, err := e.Maintain.Collect(e.Admin, o)
	Must(t, err)
	return r
}

// PushImage stores a manifest over one layer, as an image front-end does, and returns the manifest's digest. Without tags it
// is stored silently.
func (e *Env) PushImage(pkg, layer string, tags ...string) (digest.Digest, error) {
	at := e.Name(pkg)
	d := digest.FromString(layer)
	if _, err := e.Content.PutBlob(e.Admin, at, d, strings.NewReader(layer), -1); err != nil {
		return "", err
	}
	p, err := e.Publisher.Begin(e.Admin, at)
	if err != nil {
		return "", err
	}
	defer p.Abort()
	if _, err := p.Link(e.Admin, d.String(), "layer", d); err != nil {
		return "", err
	}
	manifest := []byte("manifest of " + layer)
	id := digest.FromBytes(manifest)
	_, err = p.Commit(e.Admin, publish.Release{Version: id.String(), Digest: id, Descriptor: manifest, MediaType: "manifest",
		PURL: "pkg:oci/" + pkg + "@" + id.String(), Tags: tags, Silent: len(tags) == 0, Revive: true,
		References: []publish.Reference{{Kind: registry.RefChild, Digest: d}}})
	return id, err
}

// LongestWait runs do while another caller publishes, and returns the longest that one of these publishes took.
func (e *Env) LongestWait(do func() error) (longest time.Duration) {
	e.t.Helper()
	done := make(chan error)
	go func() { done <- do() }()
	for n := 0; done != nil; n++ {
		start := time.Now()
		Must(e.t, e.Publish(fmt.Sprintf("other%d", n), "1"))
		longest = max(longest, time.Since(start))
		select {
		case err := <-done:
			Must(e.t, err)
			done = nil
		default:
		}
	}
	return longest
}
