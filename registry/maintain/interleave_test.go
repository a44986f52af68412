package maintain_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
)

// storeAs publishes "2" of a package with one file, staged by the publish itself.
func storeAs(e *registrytest.Env, pkg, text string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		p, err := e.Publisher.Begin(ctx, e.Name(pkg))
		if err != nil {
			return err
		}
		defer p.Abort()
		if _, err := p.Stage(ctx, content.StageFile{Path: "f"}, strings.NewReader(text)); err != nil {
			return err
		}
		return commitAs(ctx, p, pkg)
	}
}

func commitAs(ctx context.Context, p *publish.Publish, pkg string) error {
	_, err := p.Commit(ctx, publish.Release{Version: "2", SortKey: []byte("2"), PURL: "pkg:generic/" + pkg + "@2"})
	return err
}

// linkAs publishes "2" over a blob that came before.
func linkAs(e *registrytest.Env, pkg, text string, before func(ctx context.Context, at registry.Name, d digest.Digest) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		at, d := e.Name(pkg), digest.FromString(text)
		if err := before(ctx, at, d); err != nil {
			return err
		}
		p, err := e.Publisher.Begin(ctx, at)
		if err != nil {
			return err
		}
		defer p.Abort()
		if _, err := p.Link(ctx, "f", "", d); err != nil {
			return err
		}
		return commitAs(ctx, p, pkg)
	}
}

// pushes are the ways in which bytes come, each of them for bytes that a collection is about to take.
var pushes = map[string]func(e *registrytest.Env, pkg, text string) func(ctx context.Context) error{
	"stage": storeAs,
	"put": func(e *registrytest.Env, pkg, text string) func(ctx context.Context) error {
		return linkAs(e, pkg, text, func(ctx context.Context, at registry.Name, d digest.Digest) error {
			_, err := e.Content.PutBlob(ctx, at, d, strings.NewReader(text), -1)
			return err
		})
	},
	"look, mount, or put": func(e *registrytest.Env, pkg, text string) func(ctx context.Context) error {
		return linkAs(e, pkg, text, func(ctx context.Context, at registry.Name, d digest.Digest) error {
			_, err := e.Content.StoredBlob(ctx, at, d)
			if registry.KindOf(err) == registry.NotFound {
				_, err = e.Content.MountAnyBlob(ctx, at, d)
			}
			if registry.KindOf(err) == registry.NotFound {
				_, err = e.Content.PutBlob(ctx, at, d, strings.NewReader(text), -1)
			}
			return err
		})
	},
	"upload": func(e *registrytest.Env, pkg, text string) func(ctx context.Context) error {
		return linkAs(e, pkg, text, func(ctx context.Context, at registry.Name, d digest.Digest) error {
			up, err := e.Content.StartUpload(ctx, at)
			if err != nil {
				return err
			}
			if _, err = e.Content.AppendUpload(ctx, at, up.ID, 0, strings.NewReader(text), -1); err != nil {
				return err
			}
			_, err = e.Content.FinishUpload(ctx, at, up.ID, d)
			return err
		})
	},
	"set": func(e *registrytest.Env, pkg, text string) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			key, at := staging.Key{Repository: "main", ID: pkg}, e.Name(pkg)
			if _, err := e.Staging.Add(ctx, key, staging.File{At: at.At("2"), File: content.StageFile{Path: "f"}}, strings.NewReader(text)); err != nil {
				return err
			}
			_, err := e.Staging.Commit(ctx, key, func([]registry.StagedFile) ([]staging.Release, error) {
				return []staging.Release{{At: at, Release: publish.Release{Version: "2", SortKey: []byte("2"), PURL: "pkg:generic/" + pkg + "@2"}}}, nil
			})
			return err
		}
	},
}

// waits is how long a push takes that waits for the collection: to stop it later tries nothing new.
const waits = 90 * time.Millisecond

// stride leaves out orders that are much like others: a call has a stop in front of it and one behind it, and what comes
// between two calls touches nothing that is shared.
const stride = 8

// TestD4Interleavings puts a push of bytes that nothing needs any more and a collection that takes them in turn, call by call
// of the backends, in every order in which each is interrupted once: what is acknowledged is whole, and a push is refused
// only where the client is told to come back, and succeeds then.
func TestD4Interleavings(t *testing.T) {
	for how, push := range pushes {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			e := registrytest.New(t, registrytest.InTurns)
			n, refused := 0, 0
			// schedule interrupts the first after i stops and the second after j, and reports whether they ended before, or the
			// second waits.
			schedule := func(pushFirst bool, i, j int) (firstEnded, secondEnded bool) {
				n++
				pkg, text := fmt.Sprintf("p%d", n), fmt.Sprintf("text %d", n)
				registrytest.Must(t, e.Publish(pkg, "1", "f", text))
				registrytest.Must(t, e.Publisher.Delete(e.Admin, e.Name(pkg).At("1"), ""))
				both := []*registrytest.Party{registrytest.NewParty(e.Admin, push(e, pkg, text)), registrytest.NewParty(e.Admin, func(ctx context.Context) error {
					_, err := e.Maintain.Collect(ctx, maintain.CollectOptions{Force: true})
					return err
				})}
				pushed, collected := both[0], both[1]
				if !pushFirst {
					slices.Reverse(both)
				}
				firstEnded = both[0].Run(i)
				begun := time.Now()
				secondEnded = both[1].Run(j) || time.Since(begun) > waits
				var rest sync.WaitGroup // a push that waits for the collection is let wait
				for _, p := range both {
					rest.Go(func() { p.Run(-1) })
				}
				rest.Wait()
				registrytest.Must(t, collected.Err)
				if pushed.Err != nil {
					refused++
					if k := registry.KindOf(pushed.Err); k != registry.Unavailable && k != registry.NotFound {
						t.Errorf("push first %v, %d, %d: %v", pushFirst, i, j, pushed.Err)
					}
					registrytest.Must(t, push(e, pkg, text)(e.Admin))
				}
				if !e.Has(pkg, "2") {
					t.Errorf("push first %v, %d, %d: the version is not whole (the first try: %v)", pushFirst, i, j, pushed.Err)
				}
				return firstEnded, secondEnded
			}
			for _, pushFirst := range []bool{true, false} {
				for i := 0; ; i++ {
					first := false
					for j, second := 1+i%stride, false; !second; j += stride {
						first, second = schedule(pushFirst, i, j)
					}
					if first {
						break
					}
				}
			}
			e.MustFsck(t)
			t.Logf("%d orders, %d pushes were told to come back", n, refused)
		})
	}
}
