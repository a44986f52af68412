package maintain_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/deploy"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
)

// TestFsckOfDigests: a digest that is left out is a finding where changes compute it, and a wrong one everywhere.
func TestFsckOfDigests(t *testing.T) {
	e := registrytest.New(t)
	var files []string // so many that changes leave the digest out
	for i := range 150 {
		files = append(files, fmt.Sprintf("a/%03d", i), fmt.Sprint(i))
	}
	if err := e.Publish("many", "1", files...); err != nil {
		t.Fatal(err)
	}
	if err := e.Publish("few", "1", "a", "1", "b", "2"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pkg   string
		d     digest.Digest
		wrong int64
	}{{"many", "", 0}, {"few", "", 1}, {"many", digest.FromString("other"), 1}, {"few", digest.FromString("other"), 1}} {
		d, err := e.Catalog.VersionDetail(e.Admin, e.Name(c.pkg).At("1"))
		if err != nil {
			t.Fatal(err)
		}
		set := func(to digest.Digest) {
			if err := e.Metadata.Update(context.Background(), func(tx metadata.Tx) error { return tx.Versions().SetDigest(d.Version.ID, to) }); err != nil {
				t.Fatal(err)
			}
		}
		set(c.d)
		sum, err := e.Maintain.Fsck(e.Admin, maintain.FsckOptions{}, func(maintain.Finding) {})
		if err != nil || sum.Wrong != c.wrong {
			t.Errorf("%s with digest %q: %d findings, %v, want %d", c.pkg, c.d, sum.Wrong, err, c.wrong)
		}
		set(d.Version.Digest)
	}
	e.MustFsck(t)
}

// TestFsckDeployments: records that differ from the log are found.
func TestFsckDeployments(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("app", "1"); err != nil {
		t.Fatal(err)
	}
	d, _, err := e.Deploy.ReportDeployment(e.Admin, deploy.Report{Environment: "prod", Service: "web", Repository: "main",
		PURL: "pkg:generic/app@1", Status: deploy.DeploymentSucceeded})
	if err != nil {
		t.Fatal(err)
	}
	d.Status, d.LastSeq = deploy.DeploymentFailed, d.LastSeq+1
	err = e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
		if _, err := tx.Deployments().UpdateDeployment(d); err != nil {
			return err
		}
		return tx.Runs().EndRun(d.EnvironmentID, "web", d.LastSeq)
	})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	if _, err := e.Maintain.Fsck(e.Admin, maintain.FsckOptions{}, func(f maintain.Finding) { found = append(found, f.Subject+" "+f.Detail) }); err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(found, "\n"); len(found) != 2 || !strings.Contains(all, fmt.Sprintf("deployment %d is failed", d.ID)) || !strings.Contains(all, `runs as "web"`) {
		t.Errorf("found %q", found)
	}
}

// TestD7: an object deleted under the server's feet is named by fsck with the versions that miss it, and healed by
// publishing the same bytes again.
func TestD7(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("web", "1.0.0", "f", "payload"); err != nil {
		t.Fatal(err)
	}
	if err := e.Blobs.Delete(context.Background(), digest.FromString("payload")); err != nil {
		t.Fatal(err)
	}
	var found []string
	sum, err := e.Maintain.Fsck(e.Admin, maintain.FsckOptions{}, func(f maintain.Finding) { found = append(found, f.Detail) })
	if err != nil || sum.Wrong != 1 || !strings.Contains(strings.Join(found, "\n"), "web 1.0.0") {
		t.Errorf("fsck found %d: %v, %v", sum.Wrong, found, err)
	}
	if err := e.Publish("web", "1.0.0", "f", "payload"); err != nil {
		t.Fatal(err)
	}
	if !e.Has("web", "1.0.0") {
		t.Error("publishing again did not heal")
	}
	e.MustFsck(t)
}

// TestFsckFinds: a change behind the server's back is found and named.
func TestFsckFinds(t *testing.T) {
	for what, c := range map[string]struct {
		change func(tx metadata.Tx, pkg registry.Package, v registry.Version) error
		want   string
	}{
		"a version marked deleted": {func(tx metadata.Tx, _ registry.Package, v registry.Version) error {
			v.State = registry.Deleted
			return tx.Versions().UpdateVersion(v)
		}, "web 1 is deleted, the log says published"},
		"a file that the log does not know": {func(tx metadata.Tx, p registry.Package, v registry.Version) error {
			b, err := tx.Blobs().Blob(v.Digest)
			if err != nil {
				return err
			}
			return tx.Files().AddFile(registry.File{VersionID: v.ID, PackageID: p.ID, Path: "extra", Blob: b})
		}, "other files"},
		"a fact that the log does not know": {func(tx metadata.Tx, _ registry.Package, v registry.Version) error {
			return tx.Facts().AddFacts([]registry.Fact{{VersionID: v.ID, Key: registry.FactSourceCommit, Value: "forged", Rank: 4, Seq: v.Seq}})
		}, "other facts"},
		"a tag moved": {func(tx metadata.Tx, p registry.Package, v registry.Version) error {
			_, err := tx.Tags().SetTag(registry.Tag{PackageID: p.ID, Name: "prod", VersionID: v.ID, SeqFrom: 1})
			return err
		}, `tag "prod"`},
		"a version without an entry": {func(tx metadata.Tx, p registry.Package, v registry.Version) error {
			_, err := tx.Versions().CreateVersion(registry.Version{PackageID: p.ID, Name: "9", State: registry.Published, Digest: v.Digest})
			return err
		}, "no entry in the log"},
		"an entry of an unknown type": {func(tx metadata.Tx, _ registry.Package, _ registry.Version) error {
			_, err := tx.Log().Append(metadata.Entry{Type: "tag.moved", Data: []byte(`{}`)})
			return err
		}, `has the type "tag.moved", which this version of Slipway does not know`},
	} {
		e := registrytest.New(t)
		if err := e.Publish("web", "1"); err != nil {
			t.Fatal(err)
		}
		p, err := e.Catalog.Package(e.Admin, e.Name("web"))
		if err != nil {
			t.Fatal(err)
		}
		err = e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
			v, err := tx.Versions().Version(p.ID, "1")
			if err != nil {
				return err
			}
			return c.change(tx, p, v)
		})
		if err != nil {
			t.Fatal(err)
		}
		var found strings.Builder
		sum, err := e.Maintain.Fsck(e.Admin, maintain.FsckOptions{}, func(f maintain.Finding) { fmt.Fprintln(&found, f.Detail) })
		if err != nil || sum.Wrong == 0 || !strings.Contains(found.String(), c.want) {
			t.Errorf("%s: found %d, %v:\n%s", what, sum.Wrong, err, found.String())
		}
	}
}

// TestFsckBesideWriters: what is published, tagged, deleted and collected while a check runs is no finding.
func TestFsckBesideWriters(t *testing.T) {
	e := registrytest.New(t)
	for i := range 4 {
		if err := e.Publish(fmt.Sprint("app", i), "1", "f", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	sum, err := e.Maintain.Fsck(e.Admin, maintain.FsckOptions{Progress: func(maintain.FsckSummary) {
		n++
		pkg := fmt.Sprint("app", n%4)
		if err := e.Publish(pkg, fmt.Sprint(n+1), "f", fmt.Sprint("new", n)); err != nil {
			t.Error(err)
		}
		if n <= 4 {
			if err := e.Publisher.Delete(e.Admin, e.Name(pkg).At("1"), "old"); err != nil {
				t.Error(err)
			}
			e.MustCollect(t, maintain.CollectOptions{Force: true})
		}
	}}, func(f maintain.Finding) {
		if !f.Note {
			t.Errorf("%+v", f)
		}
	})
	if err != nil || sum.Wrong != 0 || n < 5 {
		t.Errorf("%+v, %v after %d changes", sum, err, n)
	}
	e.MustFsck(t)
}
