package sqlite

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
)

// TestRightsOfBefore: a database of before rights had groups and tokens parents keeps its permissions; its tokens have no parent,
// and its consumers no known maker.
func TestRightsOfBefore(t *testing.T) {
	all, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	before := slices.IndexFunc(all, func(m sqlstore.Migration) bool { return m.Name == "0011_rights.sql" })
	path := filepath.Join(t.TempDir(), "slipway.db")
	s, err := connect(path, writing)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlstore.Migrate(s, all[:before], beginWrite, time.Now); err != nil {
		t.Fatal(err)
	}
	s.Close()
	db := openPool(path, writing)
	for _, text := range []string{
		`INSERT INTO users (id, name, password_hash, disabled, created_at) VALUES (7, 'ann', '$2a$', 0, 1)`,
		`INSERT INTO token (id, user_id, name, hash, hint, created_at, expires_at, revoked_at) VALUES (3, 7, 'ci', x'01', 'slp_abcd', 1, 0, 0)`,
		`INSERT INTO permission VALUES ('user', 7, 0, 0, 'main', 'read'), ('user', 7, 0, 1, 'main', 'tag'), ('user', 7, 1, 0, 'x', ''), ('token', 3, 0, 0, 'team-*', 'publish')`,
		`INSERT INTO consumer VALUES ('user:7', 'prod', 5, 1, 1)`,
	} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	store, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.View(context.Background(), func(tx metadata.Tx) error {
		u, err := tx.Users().User("ann")
		if want := []metadata.Grant{{Repository: "main", Actions: []string{"read", "tag"}}, {Repository: "x"}}; err != nil || !reflect.DeepEqual(u.Grants, want) || u.Kind != metadata.Person {
			t.Errorf("user %+v, %v", u, err)
		}
		tok, err := tx.Tokens().Token(3)
		if want := []metadata.Grant{{Repository: "team-*", Actions: []string{"publish"}}}; err != nil || !reflect.DeepEqual(tok.Grants, want) || tok.ParentID != 0 || tok.Session() {
			t.Errorf("token %+v, %v", tok, err)
		}
		c, err := tx.Consumers().Consumer("user:7", "prod")
		if err != nil || c.Acked != 5 || c.TokenID != -1 {
			t.Errorf("consumer %+v, %v", c, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
