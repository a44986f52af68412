package content_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/storage"
)

// TestUploadSHA512: a client may name an upload by sha512.
func TestUploadSHA512(t *testing.T) {
	e := registrytest.New(t)
	at := e.Name("app")
	up, err := e.Content.StartUpload(e.Admin, at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Content.AppendUpload(e.Admin, at, up.ID, 0, strings.NewReader("bytes"), -1); err != nil {
		t.Fatal(err)
	}
	d := digest.SHA512.FromString("bytes")
	if _, err := e.Content.FinishUpload(e.Admin, at, up.ID, d); err != nil {
		t.Fatal(err)
	}
	b, err := e.Content.Blob(e.Admin, at, d)
	if err != nil || b.Digest != digest.FromString("bytes") {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestUpload: chunks at the right offset only; what arrived before a break counts; wrong bytes end the upload.
func TestUpload(t *testing.T) {
	e := registrytest.New(t)
	at := e.Name("img")
	up, err := e.Content.StartUpload(e.Admin, at)
	if err != nil {
		t.Fatal(err)
	}
	broken := io.MultiReader(strings.NewReader("hello "), errReader{})
	if got, err := e.Content.AppendUpload(e.Admin, at, up.ID, 0, broken, -1); err == nil || got.Offset != 6 {
		t.Errorf("a chunk that broke off: %+v, %v", got, err)
	}
	if got, err := e.Content.AppendUpload(e.Admin, at, up.ID, 0, strings.NewReader("hello "), -1); registry.KindOf(err) != registry.RangeInvalid || got.Offset != 6 {
		t.Errorf("the same chunk again: %+v, %v", got, err)
	}
	if _, err := e.Content.AppendUpload(e.Admin, at, up.ID, 6, strings.NewReader("world"), 10); registry.KindOf(err) != registry.TooLarge {
		t.Errorf("over the limit: %v", err)
	}
	got, err := e.Content.Upload(e.Admin, at, up.ID)
	if err != nil {
		t.Fatal(err)
	}
	rest := "hello world"[got.Offset:]
	if _, err := e.Content.AppendUpload(e.Admin, at, up.ID, got.Offset, strings.NewReader(rest), -1); err != nil {
		t.Fatal(err)
	}
	b, err := e.Content.FinishUpload(e.Admin, at, up.ID, digest.FromString("hello world"))
	if err != nil || b.Size != 11 {
		t.Fatalf("%+v, %v", b, err)
	}
	if _, err := e.Content.Upload(e.Admin, at, up.ID); registry.KindOf(err) != registry.NotFound {
		t.Errorf("a finished upload: %v", err)
	}
	up, err = e.Content.StartUpload(e.Admin, at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Content.FinishUpload(e.Admin, at, up.ID, digest.FromString("other")); registry.KindOf(err) != registry.DigestMismatch {
		t.Errorf("wrong bytes: %v", err)
	}
	if _, err := e.Content.Upload(e.Admin, at, up.ID); registry.KindOf(err) != registry.NotFound {
		t.Errorf("an upload with wrong bytes lives on: %v", err)
	}
	e.MustFsck(t)
}

type errReader struct{}

var errBroken = errors.New("the client went away")

func (errReader) Read([]byte) (int, error) { return 0, errBroken }

// TestS22: an upload belongs to who began it, in the repository and package where it began.
func TestS22(t *testing.T) {
	e := registrytest.New(t)
	if _, err := e.Core.CreateRepository(e.Admin, "other", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	at := e.Name("img")
	up, err := e.Content.StartUpload(e.Admin, at)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, sibling := at, at
	elsewhere.Repository, sibling.Package = "other", "img2"
	foreign := e.Login(access.Credentials{Token: e.Token("*", access.Admin)})
	for what, c := range map[string]struct {
		ctx func() error
	}{
		"another caller":     {func() error { _, err := e.Content.Upload(foreign, at, up.ID); return err }},
		"another repository": {func() error { _, err := e.Content.Upload(e.Admin, elsewhere, up.ID); return err }},
		"another package": {func() error {
			_, err := e.Content.AppendUpload(e.Admin, sibling, up.ID, 0, strings.NewReader("x"), -1)
			return err
		}},
		"finish by another": {func() error { _, err := e.Content.FinishUpload(foreign, at, up.ID, digest.FromString("")); return err }},
		"cancel by another": {func() error { return e.Content.CancelUpload(foreign, at, up.ID) }},
	} {
		if err := c.ctx(); registry.KindOf(err) != registry.NotFound {
			t.Errorf("%s: %v, want NotFound", what, err)
		}
	}
	if err := e.Content.CancelUpload(e.Admin, at, up.ID); err != nil {
		t.Error(err)
	}
}

// TestStaleUploads: an upload that got no byte for its time is dropped by the collector, bytes and row.
func TestStaleUploads(t *testing.T) {
	now := time.Now()
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) {
		c.Now = func() time.Time { return now }
	}))
	up, err := e.Content.StartUpload(e.Admin, e.Name("img"))
	if err != nil {
		t.Fatal(err)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{}); r.Uploads != 0 {
		t.Errorf("%+v", r)
	}
	now = now.Add(25 * time.Hour)
	if r := e.MustCollect(t, maintain.CollectOptions{}); r.Uploads != 1 {
		t.Errorf("%+v", r)
	}
	if _, err := e.Content.Upload(e.Admin, e.Name("img"), up.ID); registry.KindOf(err) != registry.NotFound {
		t.Error(err)
	}
	for range e.Blobs.ListUploads(t.Context()) {
		t.Error("bytes are left")
	}
}

// TestUploadLocks: one at a time, who gives up waits no longer, and nothing is remembered of what is over.
func TestUploadLocks(t *testing.T) {
	e := registrytest.New(t)
	u, err := e.Content.StartUpload(e.Admin, e.Name("app"))
	if err != nil {
		t.Fatal(err)
	}
	slow, w := io.Pipe()
	first := make(chan error, 1)
	go func() {
		_, err := e.Content.AppendUpload(e.Admin, e.Name("app"), u.ID, 0, slow, -1)
		first <- err
	}()
	if _, err := w.Write([]byte("first ")); err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithTimeout(e.Admin, 50*time.Millisecond)
	defer cancel()
	for what, fn := range map[string]func() error{
		"append": func() error {
			_, err := e.Content.AppendUpload(impatient, e.Name("app"), u.ID, 0, strings.NewReader("x"), -1)
			return err
		},
		"finish": func() error {
			_, err := e.Content.FinishUpload(impatient, e.Name("app"), u.ID, digest.FromString(""))
			return err
		},
		"cancel": func() error { return e.Content.CancelUpload(impatient, e.Name("app"), u.ID) },
	} {
		if err := fn(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s beside an append: %v", what, err)
		}
	}
	second := make(chan error, 1)
	go func() {
		_, err := e.Content.AppendUpload(e.Admin, e.Name("app"), u.ID, -1, strings.NewReader("second"), -1)
		second <- err
	}()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-first, <-second); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Content.FinishUpload(e.Admin, e.Name("app"), u.ID, digest.FromString("first second")); err != nil {
		t.Error(err)
	}
	e.MustFsck(t)
}

// TestUploadFinishedBefore: the process ended after the bytes had become a blob and before the books knew. The same request
// again succeeds; an upload whose bytes are lost is one that does not exist.
func TestUploadFinishedBefore(t *testing.T) {
	e := registrytest.New(t)
	at := e.Name("app")
	for _, lost := range []bool{false, true} {
		body := fmt.Sprint("content ", lost)
		u, err := e.Content.StartUpload(e.Admin, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, chunk := range []string{body[:4], body[4:]} { // the first alone is no upload in the store
			if _, err := e.Content.AppendUpload(e.Admin, at, u.ID, -1, strings.NewReader(chunk), -1); err != nil {
				t.Fatal(err)
			}
		}
		d := digest.FromString(body)
		if lost {
			err = e.Blobs.Discard(e.Admin, u.ID)
		} else {
			err = e.Blobs.Finish(e.Admin, u.ID, storage.Blob{Digest: d, Size: int64(len(body))}, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Content.FinishUpload(e.Admin, at, u.ID, d)
		if !lost && err != nil || lost && !errors.Is(err, &registry.Error{Kind: registry.NotFound, Subject: registry.AboutUpload}) {
			t.Errorf("lost %v: %v", lost, err)
		}
	}
}
