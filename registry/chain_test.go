package registry_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
)

// push stores a manifest over one layer, as an image front-end does.
func push(t *testing.T, e *registrytest.Env, pkg, layer string, tags ...string) (digest.Digest, error) {
	t.Helper()
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

// TestS21: a blob exists for the packages that hold it, and for no other, whoever asks and however.
func TestS21(t *testing.T) {
	e := registrytest.New(t)
	if _, err := e.Core.CreateRepository(e.Admin, "secret", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	hidden := registry.Name{Repository: "secret", Format: registrytest.Format, Package: "app", Display: "app"}
	d := digest.FromString("layer")
	if _, err := e.Content.PutBlob(e.Admin, hidden, d, strings.NewReader("layer"), -1); err != nil {
		t.Fatal(err)
	}
	mine := e.Name("app")
	caller := e.Login(access.Credentials{Token: e.Token("main", access.Read, access.Publish, access.Delete)})
	for what, fn := range map[string]func() error{
		"look":         func() error { _, err := e.Content.Blob(caller, mine, d); return err },
		"look there":   func() error { _, err := e.Content.Blob(caller, hidden, d); return err },
		"mount":        func() error { _, err := e.Content.MountBlob(caller, hidden, mine, d); return err },
		"mount itself": func() error { _, err := e.Content.MountBlob(caller, mine, mine, d); return err },
		"forget":       func() error { return e.Content.ForgetBlob(caller, mine, d) },
		"link": func() error {
			p, err := e.Publisher.Begin(caller, mine)
			if err != nil {
				return err
			}
			_, err = p.Link(caller, "layer", "", d)
			return err
		},
	} {
		if err := fn(); registry.KindOf(err) != registry.NotFound {
			t.Errorf("%s: %v, want NotFound", what, err)
		}
	}
	if _, err := e.Content.MountBlob(e.Admin, hidden, mine, d); err != nil {
		t.Fatalf("a caller who may read it: %v", err)
	}
	if _, err := e.Content.Blob(caller, mine, d); err != nil {
		t.Errorf("after the mount: %v", err)
	}
}

// TestSilent: what is stored as a part of something else is announced once, with its first tag.
func TestSilent(t *testing.T) {
	e := registrytest.New(t)
	id, err := push(t, e, "app", "layer")
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"v1", "v2"} {
		if _, err := e.Publisher.SetTag(e.Admin, e.Name("app"), tag, publish.TagChange{Version: id.String()}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := push(t, e, "app", "layer", "v3"); err != nil { // the same again, with another tag
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

// TestRevive: a coordinate that names its content may come back after its deletion.
func TestRevive(t *testing.T) {
	e := registrytest.New(t)
	id, err := push(t, e, "app", "layer", "v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("app").At(id.String()), ""); err != nil {
		t.Fatal(err)
	}
	if r := collect(t, e, maintain.CollectOptions{}); r.Blobs != 0 {
		t.Errorf("the layer's lease did not keep it: %+v", r)
	}
	if err := e.Content.ForgetBlob(e.Admin, e.Name("app"), digest.FromString("layer")); err != nil {
		t.Fatal(err)
	}
	if r := collect(t, e, maintain.CollectOptions{}); r.Blobs != 1 {
		t.Errorf("%+v", r)
	}
	if _, err := push(t, e, "app", "layer", "v1"); err != nil {
		t.Fatal(err)
	}
	if !e.Has("app", id.String()) {
		t.Error("not whole")
	}
	if err := e.Content.ForgetBlob(e.Admin, e.Name("app"), digest.FromString("layer")); registry.KindOf(err) != registry.Conflict {
		t.Errorf("a blob that a version needs: %v", err)
	}
	e.MustFsck(t)
}

// TestD5 races pushes that share layers with deletions and a collector without grace: nothing is dangling.
func TestD5(t *testing.T) {
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
	for w := range 10 {
		pushers.Go(func() {
			for i := range 10 {
				pkg := fmt.Sprintf("app%d", w)
				id, err := push(t, e, pkg, fmt.Sprint("layer ", i%2), "latest")
				if err != nil {
					if registry.KindOf(err) != registry.Unavailable {
						t.Error(err)
					}
					continue
				}
				if !e.Has(pkg, id.String()) {
					t.Errorf("%s %s is not whole", pkg, id)
				}
				if i%3 == 2 {
					if err := e.Publisher.Delete(e.Admin, e.Name(pkg).At(id.String()), ""); err != nil {
						t.Error(err)
					}
					_ = e.Content.ForgetBlob(e.Admin, e.Name(pkg), digest.FromString(fmt.Sprint("layer ", i%2))) // another version may need it
				}
			}
		})
	}
	pushers.Wait()
	close(stop)
	collector.Wait()
	e.MustFsck(t)
}

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

// setKey is a set of the tests.
var setKey = staging.SetKey{Repository: "main", ID: "release-1"}

func addToSet(ctx context.Context, e *registrytest.Env, pkg, version, path, text string) error {
	_, err := e.Staging.AddToSet(ctx, setKey, staging.SetFile{At: e.Name(pkg).At(version), File: content.StageFile{Path: path}}, strings.NewReader(text))
	return err
}

// TestSet: files of several requests and packages appear at one moment, for nobody before.
func TestSet(t *testing.T) {
	e := registrytest.New(t)
	for _, f := range [][4]string{{"a", "1", "x", "old"}, {"a", "1", "x", "new"}, {"a", "1", "y", "2"}, {"b", "7", "z", "3"}} {
		if err := addToSet(e.Admin, e, f[0], f[1], f[2], f[3]); err != nil {
			t.Fatal(err)
		}
	}
	collect(t, e, maintain.CollectOptions{Force: true})
	if e.Has("a", "1") || e.Has("b", "7") {
		t.Error("visible before the commit")
	}
	other := e.Login(access.Credentials{Token: e.Token("main", access.Publish)})
	if _, _, err := e.Staging.Set(other, setKey); registry.KindOf(err) != registry.NotFound {
		t.Errorf("another caller sees the set: %v", err)
	}
	build := func(files []registry.StagedFile) ([]staging.SetRelease, error) {
		if len(files) != 3 {
			t.Errorf("%d files", len(files))
		}
		return []staging.SetRelease{
			{At: e.Name("a"), Release: publish.Release{Version: "1", Tags: []string{"latest"}}},
			{At: e.Name("b"), Release: publish.Release{Version: "7"}},
		}, nil
	}
	res, err := e.Staging.CommitSet(e.Admin, setKey, build)
	if err != nil || len(res) != 2 || !res[0].Created {
		t.Fatalf("%+v, %v", res, err)
	}
	if !e.Has("a", "1") || !e.Has("b", "7") {
		t.Error("not visible after the commit")
	}
	if _, err := e.Staging.CommitSet(e.Admin, setKey, build); registry.KindOf(err) != registry.NotFound {
		t.Errorf("a second commit: %v", err)
	}
	f, err := e.Catalog.File(e.Admin, e.Name("a").At("1"), "x")
	if err != nil || f.Blob.Digest != digest.FromString("new") {
		t.Errorf("the replaced file: %+v, %v", f, err)
	}
	e.MustFsck(t)
}

// TestSetConflict: a set whose versions can't all appear changes nothing, and can be committed again.
func TestSetConflict(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("b", "7", "z", "other"); err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"a", "b"} {
		if err := addToSet(e.Admin, e, pkg, "7", "z", "mine"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := e.Staging.CommitSet(e.Admin, setKey, func([]registry.StagedFile) ([]staging.SetRelease, error) {
		return []staging.SetRelease{{At: e.Name("a"), Release: publish.Release{Version: "7"}}, {At: e.Name("b"), Release: publish.Release{Version: "7"}}}, nil
	})
	if registry.KindOf(err) != registry.AlreadyExists {
		t.Errorf("%v, want AlreadyExists", err)
	}
	if e.Has("a", "7") {
		t.Error("half of the set is visible")
	}
	if _, files, err := e.Staging.Set(e.Admin, setKey); err != nil || len(files) != 2 {
		t.Errorf("the set: %d files, %v", len(files), err)
	}
	if err := e.Staging.DropSet(e.Admin, setKey); err != nil {
		t.Error(err)
	}
	e.MustFsck(t)
}
