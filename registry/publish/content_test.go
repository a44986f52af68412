package publish_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/deploy"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// contentOf is the digest of files from scratch, by path and content.
func contentOf(files map[string]string) digest.Digest {
	var list []registry.File
	for path, content := range files {
		list = append(list, registry.File{Path: path, Blob: registry.Blob{Digest: digest.FromString(content)}})
	}
	return registry.ContentDigest(list)
}

// lastEvent is the payload of the newest event.
func lastEvent(t *testing.T, e *registrytest.Env) (kind string, data registry.EventData) {
	t.Helper()
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1})
	if err != nil || len(events) == 0 {
		t.Fatal(len(events), err)
	}
	last := events[len(events)-1]
	if err := json.Unmarshal(last.Data, &data); err != nil {
		t.Fatal(err)
	}
	return last.Type, data
}

// TestDigestOfChanges: after whatever was added, replaced and removed, a version has the digest of its files from scratch,
// and so has every event that names one.
func TestDigestOfChanges(t *testing.T) {
	const most = 100 // versions grow and shrink across the number up to which each change computes the digest
	e := registrytest.New(t)
	random := rand.New(rand.NewPCG(1, 2))
	have := map[string]string{}
	for step := range 400 {
		grow := len(have) == 0 || (step/100%2 == 0 && len(have) < most) == (random.IntN(5) > 0)
		if grow {
			var files []string
			for i := range 1 + random.IntN(5) {
				path := fmt.Sprintf("d%d/%d", random.IntN(4), random.IntN(50)*5+i)
				files = append(files, path, fmt.Sprint(step, path))
				have[path] = fmt.Sprint(step, path)
			}
			if _, err := e.PublishRelease("x", publish.Release{Version: "1", Mode: publish.Replace}, files...); err != nil {
				t.Fatal(err)
			}
		} else {
			paths := slices.Sorted(maps.Keys(have))
			random.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
			paths = paths[:min(len(paths)-1, 1+random.IntN(4))]
			for _, path := range paths {
				delete(have, path)
			}
			if err := e.Publisher.Edit(e.Admin, e.Name("x"), publish.Rights{access.Admin}, func(ed *publish.Edit) error {
				n, err := ed.RemoveFiles("1", "", paths...)
				if n != len(paths) {
					t.Errorf("%d of %d files removed", n, len(paths))
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		if random.IntN(3) == 0 {
			continue // nobody asks
		}
		d, err := e.Catalog.VersionDetail(e.Admin, e.Name("x").At("1"))
		if err != nil {
			t.Fatal(err)
		}
		if want := contentOf(have); len(d.Files) != len(have) || d.Version.Digest != want {
			t.Fatalf("step %d: %d files, digest %s, want %d, %s", step, len(d.Files), d.Version.Digest, len(have), want)
		}
		if kept, err := e.Catalog.Versions(e.Admin, e.Name("x"), catalog.VersionQuery{}); err != nil || kept[0].Digest != d.Version.Digest {
			t.Fatalf("step %d: the digest that was shown is not kept: %v", step, err)
		}
	}
	e.MustFsck(t)
}

// many publishes a version of so many files that changes leave its digest out.
func many(t *testing.T, e *registrytest.Env, pkg string) map[string]string {
	t.Helper()
	have := map[string]string{}
	var files []string
	for i := range 150 {
		path := fmt.Sprintf("a/%03d", i)
		have[path] = fmt.Sprint(i)
		files = append(files, path, have[path])
	}
	if err := e.Publish(pkg, "1", files...); err != nil {
		t.Fatal(err)
	}
	return have
}

// TestDigestWhenAsked: what names content by its digest does so for a large version too, as it is at that moment.
func TestDigestWhenAsked(t *testing.T) {
	e := registrytest.New(t)
	have := many(t, e, "x")
	stored := func() digest.Digest {
		vs, err := e.Catalog.Versions(e.Admin, e.Name("x"), catalog.VersionQuery{})
		if err != nil || len(vs) != 1 {
			t.Fatal(vs, err)
		}
		return vs[0].Digest
	}
	if stored() != contentOf(have) {
		t.Error("a publish leaves the digest out")
	}
	n := 0
	add := func() {
		n++
		path := fmt.Sprintf("b/%d", n)
		have[path] = path
		if _, err := e.PublishRelease("x", publish.Release{Version: "1", Mode: publish.Append}, path, path); err != nil {
			t.Fatal(err)
		}
		if _, data := lastEvent(t, e); data.Digest != "" || stored() != "" {
			t.Errorf("digest %q, in the event %q: out of date?", stored(), data.Digest)
		}
	}
	add()
	tag, err := e.Publisher.SetTag(e.Admin, e.Name("x"), "production", publish.TagChange{Version: "1"})
	if err != nil || tag.Digest != contentOf(have) || stored() != contentOf(have) {
		t.Errorf("tag %+v, %v", tag, err)
	}
	if _, data := lastEvent(t, e); data.Tag != "production" || data.Digest != contentOf(have) {
		t.Errorf("event %+v", data)
	}
	add()
	tag, err = e.Catalog.TagAt(e.Admin, e.Name("x"), "production", registry.AsOf{})
	if err != nil || tag.Digest != contentOf(have) || stored() != contentOf(have) {
		t.Errorf("tag after a change %+v, %v", tag, err)
	}
	add()
	if tag, err = e.Publisher.SetTag(e.Admin, e.Name("x"), "production", publish.TagChange{Version: "1"}); err != nil || tag.Digest != contentOf(have) {
		t.Errorf("the same tag again %+v, %v", tag, err)
	}
	add()
	report := func(r deploy.Report) registry.Deployment {
		r.Environment, r.Repository = "prod", "main"
		d, _, err := e.Deploy.ReportDeployment(e.Admin, r)
		if err != nil || d.Digest != contentOf(have) {
			t.Errorf("deployment %+v, %v", d, err)
		}
		return d
	}
	report(deploy.Report{Service: "by-purl", PURL: "pkg:generic/x@1", Status: deploy.DeploymentFailed})
	add()
	shown, err := e.Catalog.VersionDetail(e.Admin, e.Name("x").At("1"))
	if err != nil {
		t.Fatal(err)
	}
	report(deploy.Report{Service: "by-digest", Digest: shown.Version.Digest, Status: deploy.DeploymentFailed})
	add()
	e.MustFsck(t)
	if err := e.Publisher.Delete(e.Admin, e.Name("x").At("1"), ""); err != nil {
		t.Fatal(err)
	}
	d, err := e.Catalog.VersionDetail(e.Admin, e.Name("x").At("1"))
	if err != nil || d.Version.Digest != contentOf(have) {
		t.Errorf("tombstone %+v, %v", d.Version, err)
	}
	e.MustFsck(t)
}

// TestFileOrFolder: no path is both, however many files are between the two.
func TestFileOrFolder(t *testing.T) {
	e := registrytest.New(t)
	many(t, e, "x")
	add := func(paths ...string) error {
		var files []string
		for _, path := range paths {
			files = append(files, path, path)
		}
		_, err := e.PublishRelease("x", publish.Release{Version: "1", Mode: publish.Append}, files...)
		return err
	}
	for _, path := range []string{"b/c/d", "b/c-", "b/c.d", "e", "e-/f"} {
		if err := add(path); err != nil {
			t.Fatal(path, err)
		}
	}
	for _, path := range []string{"a", "b", "b/c", "b/c/d/e", "b/c/d/e/f/g", "e/f", "a/000/x", "b/c-/x"} {
		if err := add("fine", path); registry.KindOf(err) != registry.Conflict {
			t.Errorf("%q: %v, want Conflict", path, err)
		}
	}
	if err := add("g", "g/h"); registry.KindOf(err) != registry.Conflict {
		t.Errorf("in one release: %v, want Conflict", err)
	}
	if err := e.Publisher.Edit(e.Admin, e.Name("x"), publish.Rights{access.Admin}, func(ed *publish.Edit) error { return ed.RemoveFile("1", "e", "") }); err != nil {
		t.Fatal(err)
	}
	if err := add("e/f", "b/c0", "fine"); err != nil {
		t.Errorf("a folder of the name that a removed file had: %v", err)
	}
	if err := add("e"); registry.KindOf(err) != registry.Conflict {
		t.Errorf("a removed path that is a folder now: %v, want Conflict", err)
	}
	e.MustFsck(t)
}
