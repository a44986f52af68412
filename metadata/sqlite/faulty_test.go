package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"testing"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
)

var errBlown = errors.New("injected fault")

// TestFaultyWalk breaks every call of one update in turn: it is there whole or not at all.
func TestFaultyWalk(t *testing.T) {
	calls := 0
	for n := 1; ; n++ {
		s := open(t, filepath.Join(t.TempDir(), "slipway.db"))
		if err := s.Update(context.Background(), func(tx metadata.Tx) error {
			r, err := tx.CreateRepository(metadata.Repository{Name: "main"})
			if err == nil {
				_, err = tx.CreatePackage(metadata.Package{RepositoryID: r.ID, Format: "npm", Key: "package-1", Name: "package-1"})
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		calls = 0
		faulty := metadatatest.Faulty(s, func() error {
			if calls++; calls == n {
				return errBlown
			}
			return nil
		})
		err := faulty.Update(context.Background(), func(tx metadata.Tx) error { return publish(tx, 1) })
		var size, count int64
		if err := s.View(context.Background(), func(tx metadata.Tx) error {
			p, err := tx.Package("main", "npm", "package-1")
			if err == nil {
				count = p.VersionCount
				size, err = tx.LogSize()
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if ok := err == nil; ok != (count == 1) || ok != (size == 2) || !ok && (!errors.Is(err, errBlown) || size != 0) {
			t.Errorf("call %d failed: %v, %d versions, %d entries", n, err, count, size)
		}
		metadatatest.CheckLog(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if calls < n {
			break // n is past the last call
		}
	}
	if calls < 13 { // Update, eleven calls, the commit
		t.Errorf("only %d calls", calls)
	}
}

// TestFaultyCalls: every method of a transaction but Now asks blow, and an error that is looked away from is the update's.
func TestFaultyCalls(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	armed := false
	faulty := metadatatest.Faulty(s, func() error {
		if armed {
			return errBlown
		}
		return nil
	})
	methods := reflect.TypeFor[metadata.Tx]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if name == "Now" {
			continue
		}
		err := faulty.Update(context.Background(), func(tx metadata.Tx) error {
			armed = true
			defer func() { armed = false }()
			m := reflect.ValueOf(tx).MethodByName(name)
			var args []reflect.Value
			for j := range m.Type().NumIn() {
				args = append(args, reflect.Zero(m.Type().In(j)))
			}
			out := m.Call(args)
			if err, _ := out[len(out)-1].Interface().(error); err != errBlown {
				t.Errorf("%s: %v", name, err)
			}
			return nil
		})
		if err != errBlown {
			t.Errorf("%s: Update %v", name, err)
		}
	}
	armed = true
	for what, err := range map[string]error{
		"View":   faulty.View(context.Background(), func(metadata.Tx) error { return nil }),
		"Update": faulty.Update(context.Background(), func(metadata.Tx) error { return nil }),
		"Ready":  faulty.Ready(context.Background()),
	} {
		if err != errBlown {
			t.Errorf("%s: %v", what, err)
		}
	}
}
