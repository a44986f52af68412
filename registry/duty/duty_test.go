package duty_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/metadata/sqlite"
	"slipway/registry"
	"slipway/registry/duty"
	"slipway/storage/mem"
)

var errWork = errors.New("error of the test")

// shared is a store that other processes may use too.
type shared struct{ metadata.Store }

func (shared) Exclusive() bool { return false }

type env struct {
	*testing.T
	store *sqlite.Store
	log   lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newEnv(t *testing.T) *env {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "slipway.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	e := &env{T: t, store: store}
	e.core(store) // prepares the database
	return e
}

// core is that of a process that reaches the database by a store.
func (e *env) core(store metadata.Store) *registry.Core {
	e.Helper()
	key, verifier, err := note.GenerateKey(rand.Reader, "slipway-test")
	if err != nil {
		e.Fatal(err)
	}
	signer, err := note.NewSigner(key)
	if err != nil {
		e.Fatal(err)
	}
	core, err := registry.NewCore(context.Background(), registry.CoreConfig{Store: store, Blobs: mem.New(), Signer: signer, Verifier: verifier,
		Log: slog.New(slog.NewTextHandler(io.MultiWriter(&e.log, e.Output()), nil))})
	if err != nil {
		e.Fatal(err)
	}
	return core
}

func (e *env) start(core *registry.Core, o duty.Options, duties ...duty.Duty) *duty.Runner {
	e.Helper()
	r, err := duty.Start(e.Context(), core, duties, o)
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(r.Close)
	return r
}

// row is that of a duty, without its end.
func (e *env) row(name string) metadata.Duty {
	e.Helper()
	var d metadata.Duty
	if err := e.store.View(context.Background(), func(tx metadata.Tx) (err error) {
		d, err = tx.Duties().Duty(name)
		return err
	}); err != nil {
		e.Fatal(err)
	}
	d.Until = time.Time{}
	return d
}

// seize gives a duty to a process that does nothing more.
func (e *env) seize(name string, lasts time.Duration) {
	e.Helper()
	if err := e.store.Update(context.Background(), func(tx metadata.Tx) error {
		_, err := tx.Duties().SeizeDuty(metadata.Duty{Name: name, Holder: "dead", Until: tx.Now().Add(lasts)})
		return err
	}); err != nil {
		e.Fatal(err)
	}
}

func (e *env) eventually(what string, ok func() bool) {
	e.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	e.Fatalf("not seen: %s", what)
}

// worker is a duty that writes all the time.
type worker struct {
	core   *registry.Core
	firsts atomic.Int32
	writes atomic.Int32
	causes chan error // why it ended
}

func newWorker(core *registry.Core) *worker {
	return &worker{core: core, causes: make(chan error, 100)}
}

func (w *worker) duty(name string) duty.Duty {
	return duty.Duty{Name: name,
		First: func(ctx context.Context) error { w.firsts.Add(1); return w.write(ctx) },
		Do: func(ctx context.Context) error {
			for ctx.Err() == nil {
				if w.write(ctx) == nil {
					w.writes.Add(1)
				}
				time.Sleep(time.Millisecond)
			}
			w.causes <- context.Cause(ctx)
			return nil
		}}
}

func (w *worker) write(ctx context.Context) error {
	return w.core.Update(ctx, func(tx metadata.Tx) error { return tx.Settings().PutSetting("written", "") })
}

// idle is a duty that has nothing to do.
func idle(name string) duty.Duty {
	return duty.Duty{Name: name, Do: func(ctx context.Context) error { <-ctx.Done(); return nil }}
}

// TestStart: the first steps are done in order before Start returns, and what Close ends is free.
func TestStart(t *testing.T) {
	e := newEnv(t)
	core := e.core(e.store)
	var steps []string
	running := make(chan string, 2)
	list := []duty.Duty{idle("a"), idle("b")}
	for i, name := range []string{"a", "b"} {
		list[i].First = func(context.Context) error { steps = append(steps, name); return nil }
		list[i].Do = func(ctx context.Context) error { running <- name; <-ctx.Done(); return nil }
	}
	r := e.start(core, duty.Options{}, list...)
	if !reflect.DeepEqual(steps, []string{"a", "b"}) {
		t.Errorf("first steps %v", steps)
	}
	<-running
	<-running
	row := e.row("b")
	if row.Holder == "" || row.Holder != e.row("a").Holder || row.Epoch != 1 {
		t.Errorf("held: %+v", row)
	}
	r.Close()
	r.Close()
	if got := e.row("b"); got != (metadata.Duty{Name: "b", Epoch: 1}) {
		t.Errorf("closed: %+v", got)
	}
}

// TestFailedStart: a first step that fails is an error of Start, and so is each call of the database; the next Start does not
// wait.
func TestFailedStart(t *testing.T) {
	e := newEnv(t)
	core := e.core(e.store)
	broken, other := idle("a"), newWorker(core)
	broken.First = func(context.Context) error { return errWork }
	if _, err := duty.Start(t.Context(), core, []duty.Duty{broken, other.duty("b")}, duty.Options{}); !errors.Is(err, errWork) {
		t.Fatal(err)
	}
	if n := other.firsts.Load() + other.writes.Load(); n != 0 {
		t.Errorf("the other duty did %d steps", n)
	}
	if d := e.row("a"); d.Holder != "" {
		t.Errorf("still held: %+v", d)
	}
	for n := 1; ; n++ {
		calls := 0
		armed := false
		faulty := e.core(metadatatest.Faulty(e.store, func() error {
			if !armed {
				return nil
			}
			if calls++; calls == n {
				armed = false
				return errWork
			}
			return nil
		}))
		w := newWorker(faulty)
		d := idle("a")
		d.First = func(ctx context.Context) error { return w.write(ctx) }
		armed = true
		r, err := duty.Start(t.Context(), faulty, []duty.Duty{d}, duty.Options{})
		if tripped := !armed; tripped != errors.Is(err, errWork) {
			t.Fatalf("call %d: %v", n, err)
		}
		armed = false
		if err == nil {
			r.Close()
			if n < 6 {
				t.Errorf("only %d calls", n)
			}
			break
		}
		e.start(core, duty.Options{}, idle("a")).Close()
	}
}

// TestStartsAgain: work that fails starts again with its first step, after a pause that grows, and is logged.
func TestStartsAgain(t *testing.T) {
	e := newEnv(t)
	var firsts, runs atomic.Int32
	began := time.Now()
	e.start(e.core(e.store), duty.Options{Pause: 10 * time.Millisecond}, duty.Duty{Name: "a",
		First: func(context.Context) error {
			if firsts.Add(1) == 3 {
				return errWork
			}
			return nil
		},
		Do: func(ctx context.Context) error {
			switch runs.Add(1) {
			case 1:
				return errWork
			case 2:
				return nil
			}
			<-ctx.Done()
			return nil
		}})
	e.eventually("the third run", func() bool { return runs.Load() == 3 })
	if n := firsts.Load(); n != 4 {
		t.Errorf("%d first steps", n)
	}
	if d := time.Since(began); d < 70*time.Millisecond {
		t.Errorf("three pauses took %v", d)
	}
	if got := e.log.String(); strings.Count(got, "duty=a error=") != 3 || !strings.Contains(got, errWork.Error()) || !strings.Contains(got, "in=40ms") {
		t.Errorf("log: %s", got)
	}
}

// TestKilled: with a database that is one process's alone, the next process has every duty at once, and what is left of the
// former one writes nothing.
func TestKilled(t *testing.T) {
	e := newEnv(t)
	core := e.core(e.store)
	former := newWorker(core)
	e.start(core, duty.Options{Term: 90 * time.Millisecond}, former.duty("a")) // never closed
	e.eventually("writes of the former", func() bool { return former.writes.Load() > 0 })
	next := newWorker(core)
	r := e.start(core, duty.Options{Term: time.Hour}, next.duty("a"))
	if next.firsts.Load() != 1 || e.row("a").Epoch != 2 {
		t.Errorf("not taken at once: %+v", e.row("a"))
	}
	if err := <-former.causes; !errors.Is(err, metadata.ErrDutyLost) {
		t.Errorf("the former ended by %v", err)
	}
	stopped := former.writes.Load()
	e.eventually("writes of the next", func() bool { return next.writes.Load() > 200 })
	if n := former.writes.Load(); n != stopped || former.firsts.Load() != 1 {
		t.Errorf("the former wrote %d times after it was followed", n-stopped)
	}
	r.Close()
	e.eventually("the former has it again", func() bool { return former.writes.Load() > stopped })
	if d := e.row("a"); d.Epoch != 3 || former.firsts.Load() != 2 {
		t.Errorf("taken again: %+v", d)
	}
}

// TestNothingWrittenWhenIdle: a process that has the database for itself renews nothing.
func TestNothingWrittenWhenIdle(t *testing.T) {
	e := newEnv(t)
	e.start(e.core(e.store), duty.Options{Term: 3 * time.Millisecond}, idle("a"), idle("b"))
	before := e.store.Generation()
	time.Sleep(200 * time.Millisecond)
	if n := e.store.Generation() - before; n != 0 {
		t.Errorf("%d updates", n)
	}
}

// TestNoSpace: a server starts on a full disk, and its duties work when there is space.
func TestNoSpace(t *testing.T) {
	e := newEnv(t)
	var full atomic.Bool
	core := e.core(metadatatest.Faulty(e.store, func() error {
		if full.Load() {
			return metadata.ErrNoSpace
		}
		return nil
	}))
	full.Store(true)
	w := newWorker(core)
	e.start(core, duty.Options{Term: 30 * time.Millisecond}, w.duty("a"))
	time.Sleep(50 * time.Millisecond)
	if w.firsts.Load() != 0 {
		t.Error("worked without the duty")
	}
	full.Store(false)
	e.eventually("work", func() bool { return w.firsts.Load() == 1 && w.writes.Load() > 0 })
}
