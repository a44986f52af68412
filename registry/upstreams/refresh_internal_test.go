package upstreams

import (
	"context"
	"testing"
	"time"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/metadata/sqlite"
	"slipway/registry"
	"slipway/storage/mem"
)

// TestExpired: an answer to a question from before the time of the copy was ended does not count as fresh, and the question is put again.
func TestExpired(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir()+"/db")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	core, err := registry.NewCore(t.Context(), registry.CoreConfig{Store: store, Blobs: mem.New(), URL: "http://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	s := &Upstreams{core: core, documents: newDocuments()}
	r := &remote{Upstream: &Upstream{Upstream: metadata.Upstream{Name: "up"}}}
	for _, when := range []string{"never", "asked", "taken"} {
		doc := &document{fetching: make(chan struct{})}
		s.documents.byKey = nil
		q := question{
			fetch: func(context.Context, string, string) (*fetched, *origin.Response, error) {
				if when == "asked" {
					doc.mu.Lock()
					doc.expire()
					doc.mu.Unlock()
				}
				return small(&index{}, "sha256:1"), &origin.Response{}, nil
			},
			fresh: func(*origin.Response, time.Duration) time.Duration { // the document's lock is held
				if when == "taken" {
					doc.expire()
				}
				return time.Hour
			},
		}
		again := s.ask(t.Context(), r, registry.Name{}, q, doc)
		if expired := when != "never"; again != expired || doc.freshUntil.IsZero() != expired || (doc.fetching != nil) != expired {
			t.Errorf("%s: %v, fresh until %v", when, again, doc.freshUntil)
		}
	}
}
