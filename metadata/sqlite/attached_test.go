package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// TestO2Migration: what an older version stored for signatures is attached, and the newest version is one that is not.
func TestO2Migration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.db")
	s, err := Open(context.Background(), path)
	must(t, err)
	hex := strings.Repeat("0123456789abcdef", 4)
	rows := []struct {
		name, subject, tag string
		attached           bool
	}{
		{"image", "", "1.0", false}, {"part", "", "", false}, {"odd", "", "sha256-" + hex + ".signed", false}, {"short", "", "sha256-abc.sig", false},
		{"referrer", "sha256:" + hex, "", true}, {"list", "", "sha256-" + hex, true}, {"sig", "", "sha256-" + hex + ".sig", true}, {"sbom", "", "sha256-" + hex + ".sbom", true},
	}
	var id int64
	must(t, s.Update(context.Background(), func(tx metadata.Tx) error {
		repo, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "main"})
		if err != nil {
			return err
		}
		p, err := tx.Packages().CreatePackage(metadata.Package{RepositoryID: repo.ID, Format: "oci", Key: "app", Name: "app", Latest: "sbom", VersionCount: int64(len(rows))})
		if err != nil {
			return err
		}
		id = p.ID
		for i, row := range rows {
			e, err := tx.Log().Append(metadata.Entry{Type: "tag.set", RepositoryID: repo.ID, PackageID: p.ID, Data: []byte("{}")})
			if err != nil {
				return err
			}
			v, err := tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: row.name, SortKey: []byte{byte(i)}, Announced: row.tag != "", Seq: e.Seq})
			if err == nil && row.tag != "" {
				_, err = tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: row.tag, VersionID: v.ID, SeqFrom: e.Seq})
			}
			if err == nil && row.subject != "" {
				err = tx.References().AddReferences([]metadata.Reference{{VersionID: v.ID, PackageID: p.ID, Kind: metadata.Subject, Digest: digest.Digest(row.subject)}})
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, s.Close())
	list, err := migrations()
	must(t, err)
	db := openPool(path, writing)
	for _, m := range list {
		if strings.HasSuffix(m.Name, "_attached.sql") {
			_, err = db.Exec("DROP INDEX version_attached;" + m.SQL) // again, over the rows of an older version
			must(t, err)
		}
	}
	must(t, db.Close())
	s, err = Open(context.Background(), path)
	must(t, err)
	defer s.Close()
	must(t, s.View(context.Background(), func(tx metadata.Tx) error {
		for _, row := range rows {
			if v, err := tx.Versions().Version(id, row.name); err != nil || v.Attached != row.attached || v.Announced != (row.tag != "" && !row.attached) {
				t.Errorf("%s: attached %v, announced %v, %v", row.name, v.Attached, v.Announced, err)
			}
		}
		counts, err := tx.Versions().Attached([]int64{id, id + 1})
		if err != nil || len(counts) != 1 || counts[id] != 4 {
			t.Errorf("counts %v, %v", counts, err)
		}
		p, err := tx.Packages().PackageByID(id)
		if p.Latest != "short" {
			t.Errorf("latest %q", p.Latest)
		}
		return err
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
