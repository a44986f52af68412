package maintain_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
)

// TestUsage: what packages hold is counted once they changed, also what was deleted, and a count without changes writes nothing.
func TestUsage(t *testing.T) {
	e := registrytest.New(t)
	count := func() {
		t.Helper()
		registrytest.Must(t, e.Maintain.CountUsage(e.Admin))
	}
	held := func() (u maintain.Usage) {
		t.Helper()
		list, err := e.Maintain.Usage(e.Admin, "main")
		registrytest.Must(t, err)
		if len(list) > 1 {
			t.Fatalf("%+v", list)
		}
		if len(list) == 1 {
			u = list[0]
			u.Until, u.RepositoryID = time.Time{}, 0
		}
		return u
	}
	if u := held(); u != (maintain.Usage{}) {
		t.Errorf("before a count: %+v", u)
	}
	registrytest.Must(t, e.Publish("a", "1.0.0"))
	registrytest.Must(t, e.Publish("a", "1.1.0"))
	registrytest.Must(t, e.Publish("b", "1.0.0"))
	count()
	first := held()
	if first.Packages != 2 || first.Versions != 3 || first.Bytes == 0 || first.CachedBytes != 0 {
		t.Errorf("%+v", first)
	}
	_, stored, err := e.Maintain.Storage(e.Admin)
	if err != nil || stored.Blobs == 0 || stored.At.IsZero() {
		t.Errorf("%+v, %v", stored, err)
	}
	count()
	if again := held(); again != first {
		t.Errorf("counted again: %+v, was %+v", again, first)
	}
	_, err = e.Publisher.Remove(e.Admin, e.Name("b").At("1.0.0"), "")
	registrytest.Must(t, err)
	registrytest.Must(t, e.Publish("a", "1.2.0"))
	count()
	if u := held(); u.Packages != 1 || u.Versions != 3 {
		t.Errorf("after a deletion: %+v", u)
	}
	list, next, err := e.Maintain.Usages(e.Admin, registry.Page{Limit: 1})
	if err != nil || len(list) != 1 || list[0].Repository != "main" || next != "" {
		t.Errorf("%+v, %q, %v", list, next, err)
	}
	reader := e.Login(access.Credentials{Token: e.Token("main", access.Read)})
	if _, err := e.Maintain.Usage(reader, "main"); err != nil {
		t.Error(err)
	}
	for what, ask := range map[string]func(ctx context.Context) error{
		"Usages":     func(ctx context.Context) error { _, _, err := e.Maintain.Usages(ctx, registry.Page{}); return err },
		"Storage":    func(ctx context.Context) error { _, _, err := e.Maintain.Storage(ctx); return err },
		"CountUsage": e.Maintain.CountUsage,
		"WhyKept": func(ctx context.Context) error {
			_, err := e.Maintain.WhyKept(ctx, digest.Digest("sha256:"+strings.Repeat("0", 64)))
			return err
		},
	} {
		if err := ask(reader); registry.KindOf(err) != registry.Denied {
			t.Errorf("%s of a reader: %v", what, err)
		}
	}
}

// TestCountEvery: the duty counts by itself what changed.
func TestCountEvery(t *testing.T) {
	e := registrytest.New(t)
	registrytest.Must(t, e.Publish("a", "1.0.0"))
	ctx, stop := context.WithCancel(e.Admin)
	ended := make(chan error)
	go func() { ended <- e.Maintain.CountEvery(ctx, time.Millisecond) }()
	for {
		list, err := e.Maintain.Usage(e.Admin, "main")
		registrytest.Must(t, err)
		if len(list) == 1 && list[0].Versions == 1 {
			break
		}
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
