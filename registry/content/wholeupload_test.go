package content_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/registrytest"
)

// TestWholeUpload: an upload that comes whole with the request that ends it is a blob, and was never an upload in the store;
// what broke off leaves it where it was, wrong bytes end it.
func TestWholeUpload(t *testing.T) {
	e := registrytest.New(t)
	at := e.Name("img")
	start := func() string {
		t.Helper()
		up, err := e.Content.StartUpload(e.Admin, at)
		if err != nil {
			t.Fatal(err)
		}
		return up.ID
	}
	for _, sum := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		for _, text := range []string{"hello world " + string(sum), ""} {
			id, want := start(), sum.FromString(text)
			broken := io.MultiReader(strings.NewReader("hello "), errReader{})
			if _, err := e.Content.FinishUploadWith(e.Admin, at, id, 0, broken, want); err == nil {
				t.Error("a body that broke off is a blob")
			}
			if up, err := e.Content.Upload(e.Admin, at, id); err != nil || up.Offset != 0 {
				t.Errorf("after it: %+v, %v", up, err)
			}
			if up, err := e.Content.FinishUploadWith(e.Admin, at, id, 3, strings.NewReader(text), want); registry.KindOf(err) != registry.RangeInvalid || up.Offset != 0 {
				t.Errorf("at a wrong place: %+v, %v", up, err)
			}
			if _, err := e.Content.FinishUploadWith(e.Admin, at, id, -1, strings.NewReader(text), want); err != nil {
				t.Fatal(err)
			}
			if b, err := e.Content.Blob(e.Admin, at, want); err != nil || b.Size != int64(len(text)) {
				t.Errorf("%+v, %v", b, err)
			}
			if _, err := e.Content.Upload(e.Admin, at, id); registry.KindOf(err) != registry.NotFound {
				t.Errorf("a finished upload: %v", err)
			}
		}
		id := start()
		if _, err := e.Content.FinishUploadWith(e.Admin, at, id, 0, strings.NewReader("evil"), sum.FromString("good")); registry.KindOf(err) != registry.DigestMismatch {
			t.Errorf("wrong bytes: %v", err)
		}
		if _, err := e.Content.Upload(e.Admin, at, id); registry.KindOf(err) != registry.NotFound {
			t.Errorf("an upload with wrong bytes lives on: %v", err)
		}
		if _, err := e.Blobs.Stat(e.Admin, digest.FromString("evil")); err == nil {
			t.Error("wrong bytes are stored")
		}
	}
	for u, err := range e.Blobs.ListUploads(t.Context()) {
		t.Errorf("the store has an upload %+v, %v", u, err)
	}
	e.MustFsck(t)
}

// TestLastBytes: the request that ends an upload brings what is missing of it.
func TestLastBytes(t *testing.T) {
	e := registrytest.New(t)
	at := e.Name("img")
	up, err := e.Content.StartUpload(e.Admin, at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Content.AppendUpload(e.Admin, at, up.ID, 0, strings.NewReader("hello "), -1); err != nil {
		t.Fatal(err)
	}
	d := digest.FromString("hello world")
	if got, err := e.Content.FinishUploadWith(e.Admin, at, up.ID, 0, strings.NewReader("world"), d); !errors.Is(err, &registry.Error{Kind: registry.RangeInvalid, Subject: registry.AboutUpload}) || got.Offset != 6 {
		t.Errorf("at a wrong place: %+v, %v", got, err)
	}
	if _, err := e.Content.FinishUploadWith(e.Admin, at, up.ID, 6, strings.NewReader("world"), d); err != nil {
		t.Fatal(err)
	}
	if b, err := e.Content.Blob(e.Admin, at, d); err != nil || b.Size != 11 {
		t.Errorf("%+v, %v", b, err)
	}
	e.MustFsck(t)
}
