package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
)

var errBlown = errors.New("injected fault")

// TestFaultyWalk fails every call of one update in turn: the update is there whole or not at all.
func TestFaultyWalk(t *testing.T) {
	calls := 0
	for n := 1; ; n++ {
		s := open(t, filepath.Join(t.TempDir(), "slipway.db"))
		if err := s.Update(context.Background(), func(tx metadata.Tx) error {
			r, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "main"})
			if err == nil {
				_, err = tx.Packages().CreatePackage(metadata.Package{RepositoryID: r.ID, Format: "npm", Key: "package-1", Name: "package-1"})
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
			p, err := tx.Packages().Package("main", "npm", "package-1")
			if err == nil {
				count = p.VersionCount
				size, err = tx.Log().LogSize()
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

// TestFaultyStatements: blow is called for every statement of every method of every group, and an ignored error still fails
// the update.
func TestFaultyStatements(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	armed := false
	faulty := metadatatest.Faulty(s, func() error {
		if armed {
			return errBlown
		}
		return nil
	})
	groups := reflect.TypeFor[metadata.Tx]()
	for i := range groups.NumMethod() {
		group := groups.Method(i)
		if group.Name == "Now" || group.Name == "Notify" {
			continue
		}
		methods := group.Type.Out(0)
		if n := methods.NumMethod(); n == 0 || n > 12 {
			t.Errorf("%s has %d methods", methods, n)
		}
		for j := range methods.NumMethod() {
			name := group.Name + "." + methods.Method(j).Name
			err := faulty.Update(context.Background(), func(tx metadata.Tx) error {
				armed = true
				defer func() { armed = false }()
				m := reflect.ValueOf(tx).MethodByName(group.Name).Call(nil)[0].MethodByName(methods.Method(j).Name)
				var args []reflect.Value
				for k := range m.Type().NumIn() {
					v := reflect.New(m.Type().In(k)).Elem()
					fill(v)
					args = append(args, v)
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

// fill makes an argument with which a method must run a statement: digests are valid, lists have one element.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case digest.Digest:
		v.SetString(digest.FromString("blob").String())
		return
	case time.Time:
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("{}"))
			return
		}
		if v.Type() != reflect.TypeFor[[]metadata.Condition]() {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0))
		}
	}
}
