package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/metadata/postgres/postgrestest"
)

// TestTrips: what an update writes costs no round trips of its own, however much it is.
func TestTrips(t *testing.T) {
	s := open(t, postgrestest.URL(t))
	var p metadata.Package
	update := func(want int, fn func(tx metadata.Tx) error) {
		t.Helper()
		before := s.Trips()
		if err := s.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
		if n := s.Trips() - before; n != want {
			t.Errorf("%d round trips, want %d", n, want)
		}
	}
	const around = 3 // the turn, what waits to be written, COMMIT
	update(around, func(tx metadata.Tx) error {
		r, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "main"})
		if err != nil {
			return err
		}
		p, err = tx.Packages().CreatePackage(metadata.Package{RepositoryID: r.ID, Format: "npm", Key: "a", Name: "a"})
		return err
	})
	publish := func(name string) func(tx metadata.Tx) error {
		return func(tx metadata.Tx) error {
			found, err := tx.Packages().Package("main", "npm", "a") // a trip
			if err != nil {
				return err
			}
			entry, err := tx.Log().Append(metadata.Entry{Type: "a.b", Subject: name, Actor: metadata.Actor{Type: "user", ID: "1"}, Data: []byte(`{}`)})
			if err != nil {
				return err
			}
			v, err := tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: name, Seq: entry.Seq})
			if err != nil {
				return err
			}
			facts := make([]metadata.Fact, 20)
			for i := range facts {
				facts[i] = metadata.Fact{VersionID: v.ID, Key: fmt.Sprint(i), Seq: entry.Seq}
			}
			if err := tx.Facts().AddFacts(facts); err != nil {
				return err
			}
			found.Latest = name
			return tx.Packages().UpdatePackage(found)
		}
	}
	for i := range 3 {
		update(around+1, publish(fmt.Sprint(i)))
	}
	update(2, func(metadata.Tx) error { return nil }) // the turn, and its end
	metadatatest.CheckLog(t, s)
}

// TestTakenForDone: a write that does nothing, or fails, is told to its own update, whether or not that reads something behind it or
// fails for another reason, and its neighbours are made once.
func TestTakenForDone(t *testing.T) {
	s := open(t, postgrestest.URL(t))
	errOwn := errors.New("an error of its own")
	write := func(name string) func(tx metadata.Tx) error {
		return func(tx metadata.Tx) error {
			_, err := tx.Repositories().CreateRepository(metadata.Repository{Name: name})
			return err
		}
	}
	if err := s.Update(t.Context(), write("taken")); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		fn   func(tx metadata.Tx) error
		want error
	}{
		"taken": {write("taken"), metadata.ErrExists},
		"read behind it": {func(tx metadata.Tx) error {
			if err := write("taken")(tx); err != nil {
				return err
			}
			_, err := tx.Log().LogSize()
			return err
		}, metadata.ErrExists},
		"an error behind it": {func(tx metadata.Tx) error {
			if err := write("taken")(tx); err != nil {
				return err
			}
			return errOwn
		}, metadata.ErrExists},
		"no such row": {func(tx metadata.Tx) error { return tx.Tags().RemoveTag(1, "none", 1) }, metadata.ErrNotExist},
		"no such parent": {func(tx metadata.Tx) error {
			return tx.Facts().AddFacts([]metadata.Fact{{VersionID: 1 << 40, Key: "k"}})
		}, metadata.ErrNotExist},
	}
	var clients sync.WaitGroup
	for round := range 10 {
		for what, c := range cases {
			clients.Go(func() {
				if err := s.Update(t.Context(), c.fn); !errors.Is(err, c.want) {
					t.Errorf("%s: %v, want %v", what, err, c.want)
				}
			})
			clients.Go(func() {
				if err := s.Update(t.Context(), note(fmt.Sprint(what, round))); err != nil {
					t.Errorf("a neighbour of %s: %v", what, err)
				}
			})
		}
		clients.Wait()
	}
	for name, n := range subjects(t, s) {
		if n != 1 {
			t.Errorf("%s was made %d times", name, n)
		}
	}
	if n := len(subjects(t, s)); n != 10*len(cases) {
		t.Errorf("%d entries, want %d", n, 10*len(cases))
	}
	metadatatest.CheckLog(t, s)
}
