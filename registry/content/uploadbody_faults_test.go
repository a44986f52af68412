package content_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/mem"
	"slipway/storage/storagetest"
)

// TestFirstBodyGone: who finishes an upload that the collector, or another replica, has ended meanwhile is not told that all
// is well.
func TestFirstBodyGone(t *testing.T) {
	meddling := &meddler{Store: mem.New()}
	e := registrytest.New(t, registrytest.WithBlobs(meddling))
	for what, meddle := range map[string]func(p pushing) error{
		"ended": func(p pushing) error {
			return e.Metadata.Update(t.Context(), func(tx metadata.Tx) error { return tx.Uploads().DeleteUpload(p.id) })
		},
		"moved on": func(p pushing) error {
			return e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
				u, err := tx.Uploads().Upload(p.id)
				if err != nil {
					return err
				}
				from := u.Offset
				u.Offset, u.Blob = from+1, ""
				return tx.Uploads().UpdateUpload(u, from, "")
			})
		},
	} {
		text := "bytes " + what
		p := pushingOf(t, e)
		p.add(text)
		meddling.onOpen = func() {
			if err := meddle(p); err != nil {
				t.Error(err)
			}
			e.MustCollect(t, maintain.CollectOptions{Force: true})
		}
		err := p.finish(digest.SHA512.FromString(text)) // it reads the bytes between its look at the session and the books
		if err == nil || registry.KindOf(err) == registry.Internal {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := e.Content.Blob(e.Admin, p.at, digest.FromString(text)); registry.KindOf(err) != registry.NotFound {
			t.Errorf("%s: the package has the blob: %v", what, err)
		}
	}
	e.MustFsck(t)
}

// meddler does something else while bytes are stored or opened.
type meddler struct {
	storage.Store
	onPut, onOpen func()
}

func (m *meddler) Put(ctx context.Context, r io.Reader, limit int64) (storage.Blob, error) {
	b, err := m.Store.Put(ctx, r, limit)
	if fn := m.onPut; fn != nil {
		m.onPut = nil
		fn()
	}
	return b, err
}

func (m *meddler) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	r, err := m.Store.Open(ctx, d, offset, length)
	if fn := m.onOpen; fn != nil {
		m.onOpen = nil
		fn()
	}
	return r, err
}

// TestFirstBodyCollected: the collector takes the same bytes, which nobody needed so far, between store and books. They are
// stored again.
func TestFirstBodyCollected(t *testing.T) {
	meddling := &meddler{Store: mem.New()}
	e := registrytest.New(t, registrytest.WithBlobs(meddling))
	p := pushingOf(t, e)
	p.add("bytes")
	if err := e.Content.CancelUpload(e.Admin, p.at, p.id); err != nil {
		t.Fatal(err)
	}
	p = pushingOf(t, e)
	meddling.onPut = func() {
		if r := e.MustCollect(t, maintain.CollectOptions{Force: true}); r.Blobs != 1 {
			t.Errorf("%+v", r)
		}
	}
	p.add("bytes")
	if _, err := e.Blobs.Stat(t.Context(), digest.FromString("bytes")); err != nil {
		t.Error(err)
	}
	if err := p.finish(digest.FromString("bytes")); err != nil {
		t.Error(err)
	}
	p.holds(digest.FromString("bytes"), "bytes")
	e.MustFsck(t)
}

// TestFirstBodyRace: uploads of few contents come, go on, end and are given up beside a collector without grace. Whatever
// was answered with success can be read.
func TestFirstBodyRace(t *testing.T) {
	e := registrytest.New(t)
	stop := make(chan struct{})
	var collector, pushers sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := e.Maintain.Collect(e.Admin, maintain.CollectOptions{Force: true}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for w := range 4 {
		pushers.Go(func() {
			for i := range 40 {
				at, text := e.Name(fmt.Sprint("img", w)), fmt.Sprint("content ", i%3)
				up, err := e.Content.StartUpload(e.Admin, at)
				if err == nil {
					_, err = e.Content.AppendUpload(e.Admin, at, up.ID, 0, strings.NewReader(text), -1)
				}
				switch {
				case err != nil:
				case i%4 == 1:
					err = e.Content.CancelUpload(e.Admin, at, up.ID)
				case i%4 == 2:
					text += " and more"
					_, err = e.Content.AppendUpload(e.Admin, at, up.ID, -1, strings.NewReader(" and more"), -1)
				}
				if err != nil {
					t.Error(err)
					continue
				}
				if i%4 == 1 {
					continue
				}
				d := digest.FromString(text)
				if _, err := e.Content.FinishUpload(e.Admin, at, up.ID, d); err != nil {
					if registry.KindOf(err) != registry.Unavailable || i%4 != 2 {
						t.Error(err)
					}
					continue
				}
				if _, err := e.Blobs.Stat(e.Admin, d); err != nil {
					t.Errorf("%q was acknowledged: %v", text, err)
				}
				if err := e.Content.ForgetBlob(e.Admin, at, d); err != nil {
					t.Error(err)
				}
			}
		})
	}
	pushers.Wait()
	close(stop)
	collector.Wait()
	e.MustFsck(t)
}

// TestFirstBodyFaults breaks every call of a backend in turn, while a client does what docker does: it asks where a broken
// upload is and goes on, or begins anew. The blob is there in the end, and never half.
func TestFirstBodyFaults(t *testing.T) {
	text := bytes.Repeat([]byte("layer "), 1000)
	d := digest.FromBytes(text)
	for _, when := range storagetest.Moments {
		for n, tripped := 1, true; tripped; n++ {
			e := registrytest.New(t, registrytest.FailCall(n, when))
			at := e.Name("img")
			try := func() error {
				up, err := e.Content.StartUpload(e.Admin, at)
				if err != nil {
					return err
				}
				for up.Offset < int64(len(text)) {
					next := min(up.Offset+4000, int64(len(text)))
					if up, err = e.Content.AppendUpload(e.Admin, at, up.ID, up.Offset, bytes.NewReader(text[up.Offset:next]), -1); err != nil {
						if up, err = e.Content.Upload(e.Admin, at, up.ID); err != nil {
							return err
						}
					}
				}
				_, err = e.Content.FinishUpload(e.Admin, at, up.ID, d)
				return err
			}
			err := try()
			tripped = e.Tripped()
			e.MustFsck(t)
			if err != nil {
				if err = try(); err != nil {
					t.Fatalf("call %d failed %s its effect: the next try: %v", n, when, err)
				}
			}
			e.WithoutFaults(func() { pushing{t: t, e: e, at: at}.holds(d, string(text)) })
			e.MustFsck(t)
			if t.Failed() {
				t.Fatalf("call %d failed %s its effect", n, when)
			}
		}
	}
}
