package publish_test

import (
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestSilent: what is stored as a part of something else is announced once, with its first tag.
func TestSilent(t *testing.T) {
	e := registrytest.New(t)
	id, err := e.PushImage("app", "layer")
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"v1", "v2"} {
		if _, err := e.Publisher.SetTag(e.Admin, e.Name("app"), tag, publish.TagChange{Version: id.String()}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.PushImage("app", "layer", "v3"); err != nil { // the same again, with another tag
		t.Fatal(err)
	}
	want := "[artifact.stored artifact.published tag.set tag.set tag.set]"
	if got := fmt.Sprint(types(t, e, 3)); got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	e.MustFsck(t)
}

// TestSilentManyTags: of several first tags of one commit, one announces.
func TestSilentManyTags(t *testing.T) {
	e := registrytest.New(t)
	manifest := []byte("manifest")
	id := digest.FromBytes(manifest)
	rel := publish.Release{Version: id.String(), Digest: id, Descriptor: manifest, Silent: true}
	if _, err := e.PublishRelease("img", rel); err != nil {
		t.Fatal(err)
	}
	rel.Silent, rel.Tags, rel.TagsIfUnset = false, []string{"a", "b"}, []string{"c"}
	for _, changed := range []bool{true, false} {
		res, err := e.PublishRelease("img", rel)
		if err != nil || res.Created || res.Changed != changed || !res.Version.Announced {
			t.Errorf("%+v, %v, want changed %v", res, err, changed)
		}
	}
	want := "[artifact.stored artifact.published tag.set tag.set tag.set]"
	if got := fmt.Sprint(types(t, e, 3)); got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	e.MustFsck(t)
}
