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

// TestLookedAhead: what hints name is asked for in one round trip, is found as it is, and again as it has become after a write.
func TestLookedAhead(t *testing.T) {
	s := open(t, postgrestest.URL(t))
	var p metadata.Package
	setUp := func(tx metadata.Tx) error {
		r, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "main"})
		if err != nil {
			return err
		}
		p, err = tx.Packages().CreatePackage(metadata.Package{RepositoryID: r.ID, Format: "npm", Key: "a", Name: "a", Latest: "1"})
		if err != nil {
			return err
		}
		v, err := tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: "1"})
		if err != nil {
			return err
		}
		_, err = tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: "latest", VersionID: v.ID})
		return err
	}
	if err := s.Update(t.Context(), setUp); err != nil {
		t.Fatal(err)
	}
	look := func(tx metadata.Tx, name string) string {
		found, err := tx.Packages().Package("main", "npm", "a")
		latest, err1 := tx.Versions().Version(p.ID, found.Latest)
		v, err2 := tx.Versions().Version(p.ID, name)
		tag, err3 := tx.Tags().Tag(p.ID, "latest")
		other, err4 := tx.Tags().Tag(p.ID, "other")
		past, err5 := tx.Tags().TagHistory(p.ID, "other", metadata.Page{Limit: 1})
		return fmt.Sprint(found.Latest, latest.Name, v.Name, tag.Version, other.Version, len(past), err, err1, err2, err3, err4, err5)
	}
	for i, hints := range [][]metadata.Hint{nil, {{Repository: "main", Format: "npm", Package: "a", Versions: []string{"2", "3"}, Tags: []string{"latest", "other"}}}} {
		name, trips := fmt.Sprint(2+i), 0
		var before, again, after string
		undone := errors.New("undone")
		err := s.Update(t.Context(), func(tx metadata.Tx) error {
			start := s.Trips()
			before = look(tx, name)
			trips = s.Trips() - start
			again = look(tx, name)
			v, err := tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: name})
			if err != nil {
				return err
			}
			for _, tag := range []string{"latest", "other"} {
				if _, err := tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: tag, VersionID: v.ID}); err != nil {
					return err
				}
			}
			after = look(tx, name)
			return undone
		}, hints...)
		want := fmt.Sprint("1", "1", "", "1", "", 0, nil, nil, metadata.ErrNotExist, nil, metadata.ErrNotExist, nil)
		if !errors.Is(err, undone) || before != want || again != want {
			t.Errorf("%v: found %q, then %q, want %q", err, before, again, want)
		}
		if want := fmt.Sprint("1", "1", name, name, name, 1, nil, nil, nil, nil, nil, nil); after != want {
			t.Errorf("behind writes %q, want %q", after, want)
		}
		if want := []int{6, 2}[i]; trips != want {
			t.Errorf("%d round trips, want %d", trips, want)
		}
	}
}
