package content_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/registrytest"
)

// pushTo appends text to an upload at an offset and finishes it, as a client of one process does.
func pushTo(s *content.Store, at registry.Name, id string, offset int64, before, text string, broken bool) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		r := io.Reader(strings.NewReader(text))
		if broken {
			r = io.MultiReader(r, errReader{}) // what came counts, and is no whole body
		}
		if _, err := s.AppendUpload(ctx, at, id, offset, r, -1); err != nil && !(broken && errors.Is(err, errBroken)) {
			return err
		}
		want := digest.FromString(before + text)
		_, err := s.FinishUpload(ctx, at, id, want)
		return err
	}
}

// TestUploadOfTwoReplicas: two processes append to one upload at the same time, in every order of their calls that is tried. What a
// client is told is stored has its digest; a process that dies between two calls leaves an upload that goes on, or is gone.
func TestUploadOfTwoReplicas(t *testing.T) {
	e := registrytest.New(t, registrytest.InTurns)
	replicas, third := []*content.Store{e.Content, e.Replica().Content}, e.Replica().Content
	at := e.Name("img")
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 600 {
		up, err := e.Content.StartUpload(e.Admin, at)
		registrytest.Must(t, err)
		before := ""
		for i := range round % 3 { // nothing, a blob, or an upload in the store
			part := strings.Repeat("p", i+1)
			_, err := replicas[i%2].AppendUpload(e.Admin, at, up.ID, int64(len(before)), strings.NewReader(part), -1)
			registrytest.Must(t, err)
			before += part
		}
		texts := []string{"aaaa", "bb"}
		broken := round%2 == 0
		var parties []*registrytest.Party
		for i, text := range texts {
			parties = append(parties, registrytest.NewParty(e.Admin, pushTo(replicas[i], at, up.ID, int64(len(before)), before, text, broken)))
		}
		left := []bool{true, true}
		killed := -1
		if round%5 == 0 {
			killed = random.IntN(2) // it stops somewhere, for ever
		}
		stops := random.IntN(12)
		for left[0] || left[1] {
			i := random.IntN(2)
			if !left[i] {
				i = 1 - i
			}
			if i == killed {
				if stops--; stops < 0 {
					left[i] = false
					continue
				}
			}
			left[i] = !parties[i].Run(1 + random.IntN(4))
		}
		acknowledged := 0
		for i, p := range parties {
			if i == killed && stops < 0 {
				continue
			}
			switch k := registry.KindOf(p.Err); {
			case p.Err == nil:
				acknowledged++
			case k != registry.RangeInvalid && k != registry.NotFound && k != registry.DigestMismatch:
				t.Errorf("round %d: %v", round, p.Err)
			}
		}
		if acknowledged == 0 {
			if now, err := e.Content.Upload(e.Admin, at, up.ID); err == nil {
				_, err = third.FinishUploadWith(e.Admin, at, up.ID, now.Offset, strings.NewReader("end"), digest.FromString("nothing like it"))
				if k := registry.KindOf(err); k != registry.DigestMismatch && k != registry.NotFound {
					t.Errorf("round %d: the upload at byte %d can't go on: %v", round, now.Offset, err)
				}
			}
		}
		for i, text := range texts {
			d := digest.FromString(before + text)
			r, err := e.Blobs.Open(t.Context(), d, 0, -1)
			if err != nil {
				if parties[i].Err == nil && !(i == killed && stops < 0) {
					t.Fatalf("round %d: %q was acknowledged: %v", round, before+text, err)
				}
				continue
			}
			data, err := io.ReadAll(r)
			registrytest.Must(t, errors.Join(err, r.Close()))
			if digest.FromBytes(data) != d {
				t.Fatalf("round %d: under the digest of %q are the bytes %q", round, before+text, data)
			}
			registrytest.Must(t, e.Blobs.Delete(t.Context(), d)) // the next round stores it anew
		}
	}
}

// hours is a body whose bytes come hours apart; each is called before the next one.
type hours struct {
	c    *registrytest.Company
	left int
	each func()
}

func (h *hours) Read(p []byte) (int, error) {
	if h.left == 0 {
		return 0, io.EOF
	}
	h.left--
	h.c.Add(10 * time.Hour)
	h.each()
	return copy(p, "x"), nil
}

// TestLongUpload: an upload whose bytes come in for days at one process is not swept by another, although it is quiet for longer than an
// abandoned one is kept.
func TestLongUpload(t *testing.T) {
	c := registrytest.NewCompany()
	e := registrytest.New(t, c.Option)
	other := e.Replica()
	c.Join()
	at := e.Name("img")
	up, err := e.Content.StartUpload(e.Admin, at)
	registrytest.Must(t, err)
	_, err = e.Content.AppendUpload(e.Admin, at, up.ID, 0, strings.NewReader("begin"), -1)
	registrytest.Must(t, err)
	got, err := e.Content.AppendUpload(e.Admin, at, up.ID, 5, &hours{c, 6, func() {
		n, err := other.Content.SweepUploads(e.Admin)
		if registrytest.Must(t, err); n != 0 {
			t.Error("the upload is swept")
		}
	}}, -1)
	if err != nil || got.Offset != 11 {
		t.Errorf("%+v, %v", got, err)
	}
	c.Add(30 * time.Hour)
	if n, err := other.Content.SweepUploads(e.Admin); err != nil || n != 1 {
		t.Errorf("%d abandoned uploads are swept: %v", n, err)
	}
}
