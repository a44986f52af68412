package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"slipway/metadata"
)

// TestN1Migration: rows that say only the user learn by their stable ids which token it was; rows of users stay.
func TestN1Migration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.db")
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(context.Background(), func(tx metadata.Tx) error {
		u, err := tx.Users().CreateUser(metadata.User{Name: "admin", PasswordHash: "x"})
		if err != nil {
			return err
		}
		if _, err := tx.Tokens().CreateToken(metadata.Token{UserID: u.ID, Name: "ci", Hash: []byte("hash")}); err != nil {
			return err
		}
		repo, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "main"})
		if err != nil {
			return err
		}
		p, err := tx.Packages().CreatePackage(metadata.Package{RepositoryID: repo.ID, Format: "npm", Key: "web", Name: "web"})
		if err != nil {
			return err
		}
		for i, id := range []string{"token:1", "user:1", "token:9"} { // the last one is of no row
			e, err := tx.Log().Append(metadata.Entry{Type: "tag.set", RepositoryID: repo.ID, PackageID: p.ID, Actor: metadata.Actor{Type: strings.Split(id, ":")[0], ID: id}, Data: []byte("{}")})
			if err != nil {
				return err
			}
			v, err := tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: id, State: metadata.Published, PublishedBy: "admin", PublisherID: id, Seq: e.Seq})
			if err != nil {
				return err
			}
			if _, err := tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: id, VersionID: v.ID, SetBy: "admin", SeqFrom: e.Seq}); err != nil {
				return err
			}
			env, err := tx.Environments().PutEnvironment(metadata.Environment{Name: "prod", Seq: e.Seq})
			if err != nil {
				return err
			}
			d, err := tx.Deployments().CreateDeployment(metadata.Deployment{EnvironmentID: env.ID, Service: id, RepositoryID: repo.ID, PackageID: p.ID, VersionID: v.ID, UpdatedBy: "admin"})
			if err != nil {
				return err
			}
			d.Seq, d.LastSeq = e.Seq, e.Seq
			if _, err := tx.Deployments().UpdateDeployment(d); err != nil {
				return err
			}
			if _, err := tx.Subscriptions().CreateSubscription(metadata.Subscription{Name: id, OwnerID: id, Owner: "admin", Cursor: int64(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	db := openPool(path, writing)
	defer db.Close()
	ran := false
	for _, m := range list {
		if strings.HasSuffix(m.Name, "_actors.sql") {
			ran = true
			if _, err := db.Exec(m.SQL); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !ran {
		t.Fatal("there is no such migration")
	}
	for what, query := range map[string]string{
		"versions": `SELECT published_by FROM version ORDER BY id`, "tags": `SELECT set_by FROM tag ORDER BY id`, "deployments": `SELECT created_by FROM deployment ORDER BY id`,
		"latest reports": `SELECT updated_by FROM deployment ORDER BY id`, "reports": `SELECT reported_by FROM deployment_report ORDER BY seq`, "subscriptions": `SELECT owner FROM subscription ORDER BY id`,
	} {
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			got = append(got, s)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, ", ") != "token ci of user admin, admin, admin" {
			t.Errorf("%s: %q", what, got)
		}
	}
}
