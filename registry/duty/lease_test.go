package duty_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/registry/duty"
)

const term = 900 * time.Millisecond

// TestLeased: of processes that share a database one has a duty, for longer than it is held without being renewed, and
// the next one has it soon after the first has closed.
func TestLeased(t *testing.T) {
	e := newEnv(t)
	core := e.core(shared{e.store})
	first, second := newWorker(core), newWorker(core)
	r := e.start(core, duty.Options{Term: term}, first.duty("a"))
	e.start(core, duty.Options{Term: term}, second.duty("a"), idle("b"))
	if a, b := e.row("a"), e.row("b"); a.Epoch != 1 || a.Holder == b.Holder || b.Holder == "" {
		t.Errorf("%+v, %+v", a, b)
	}
	time.Sleep(2 * term)
	if d := e.row("a"); d.Epoch != 1 || second.firsts.Load() != 0 || len(first.causes) != 0 {
		t.Errorf("not renewed: %+v", d)
	}
	r.Close()
	closed := time.Now()
	e.eventually("the second has it", func() bool { return second.firsts.Load() == 1 && second.writes.Load() > 0 })
	if d := time.Since(closed); d > term {
		t.Errorf("after %v", d)
	}
	if d := e.row("a"); d.Epoch != 2 {
		t.Errorf("%+v", d)
	}
}

// TestHandOver: what a process gives up, another one that waits has at once, and a duty whose work does not end holds no other one up.
func TestHandOver(t *testing.T) {
	e := newEnv(t)
	core := e.core(shared{e.store})
	stuck := make(chan struct{})
	end := sync.OnceFunc(func() { close(stuck) })
	r := e.start(core, duty.Options{Term: time.Minute, Name: "first"}, idle("a"), duty.Duty{Name: "b", Do: func(context.Context) error { <-stuck; return nil }})
	e.start(core, duty.Options{Term: time.Minute, Name: "second"}, idle("a"), idle("b"))
	e.Cleanup(end)
	began := time.Now()
	closed := make(chan struct{})
	go func() {
		r.Close()
		close(closed)
	}()
	e.eventually("the second has it", func() bool { return strings.HasPrefix(e.row("a").Holder, "second ") })
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("after %v", d)
	}
	if d := e.row("b"); !strings.HasPrefix(d.Holder, "first ") {
		t.Errorf("given up while its work goes on: %+v", d)
	}
	end()
	<-closed
	e.eventually("the second has the other one", func() bool { return strings.HasPrefix(e.row("b").Holder, "second ") })
}

// TestDeath: a duty that is not renewed is taken over when it ends, not when it is next looked for.
func TestDeath(t *testing.T) {
	e := newEnv(t)
	const long = 6 * time.Second
	began := time.Now()
	e.seize("a", long*6/10)
	e.start(e.core(shared{e.store}), duty.Options{Term: long}, idle("a"))
	e.eventually("it is taken over", func() bool { return e.row("a").Epoch == 2 })
	if d := time.Since(began); d < long*6/10 || d > long*6/10+300*time.Millisecond {
		t.Errorf("after %v", d)
	}
}

// TestRenewals: they are one update for all duties of a process, three in a term.
func TestRenewals(t *testing.T) {
	e := newEnv(t)
	e.start(e.core(shared{e.store}), duty.Options{Term: term}, idle("a"), idle("b"), idle("c"))
	before := e.store.Generation()
	time.Sleep(2 * term)
	if n := e.store.Generation() - before; n < 3 || n > 6 {
		t.Errorf("%d updates in two terms", n)
	}
}

// TestCutOff: a process that does not reach the database any more ends its work before another one takes it over, and
// what it still tries to write under its epoch is refused.
func TestCutOff(t *testing.T) {
	e := newEnv(t)
	var cut atomic.Bool
	lonely := e.core(metadatatest.Faulty(shared{e.store}, func() error {
		if cut.Load() {
			return errWork
		}
		return nil
	}))
	core := e.core(shared{e.store})
	var ended, began atomic.Int64
	var stale context.Context
	e.start(lonely, duty.Options{Term: term}, duty.Duty{Name: "a", Do: func(ctx context.Context) error {
		if stale == nil {
			stale = context.WithoutCancel(ctx) // as of work that does not look
		}
		<-ctx.Done()
		ended.CompareAndSwap(0, time.Now().UnixNano())
		return nil
	}})
	e.start(core, duty.Options{Term: term}, duty.Duty{Name: "a", Do: func(ctx context.Context) error {
		began.CompareAndSwap(0, time.Now().UnixNano())
		<-ctx.Done()
		return nil
	}})
	cut.Store(true)
	e.eventually("the other one has it", func() bool { return began.Load() != 0 })
	if ended.Load() == 0 || ended.Load() > began.Load() {
		t.Errorf("both worked: the first ended %v after the second began", time.Duration(ended.Load()-began.Load()))
	}
	cut.Store(false)
	err := lonely.Update(stale, func(tx metadata.Tx) error { return tx.Settings().PutSetting("stale", "") })
	if !errors.Is(err, metadata.ErrDutyLost) {
		t.Errorf("a write under the former epoch: %v", err)
	}
	if err := lonely.Update(t.Context(), func(tx metadata.Tx) error { return tx.Settings().PutSetting("other", "") }); err != nil {
		t.Errorf("a write that is no duty's: %v", err)
	}
}

// TestOneHolder: of many processes that start and close all the time, one at a time works, and every write is of the epoch that
// holds.
func TestOneHolder(t *testing.T) {
	e := newEnv(t)
	core := e.core(shared{e.store})
	var working, rounds atomic.Int32
	work := func(ctx context.Context) error {
		round := rounds.Add(1)
		if n := working.Add(1); n != 1 {
			e.Errorf("%d work", n)
		}
		err := core.Update(ctx, func(tx metadata.Tx) error { return tx.Settings().PutSetting("round", fmt.Sprint(round)) })
		working.Add(-1)
		<-ctx.Done()
		return err
	}
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 10 {
				r, err := duty.Start(context.Background(), core, []duty.Duty{{Name: "a", Do: work}}, duty.Options{Term: 60 * time.Second})
				if err != nil {
					e.Error(err)
					return
				}
				time.Sleep(5 * time.Millisecond)
				r.Close()
			}
		}()
	}
	for range 4 {
		<-done
	}
	if d := e.row("a"); d.Holder != "" || int32(d.Epoch) != rounds.Load() {
		t.Errorf("%+v after %d rounds", d, rounds.Load())
	}
}

// full is a store that takes no changes, and counts those that are tried.
type full struct {
	shared
	tries atomic.Int64
}

func (f *full) Update(context.Context, func(metadata.Tx) error, ...metadata.Hint) error {
	f.tries.Add(1)
	return metadata.ErrNoSpace
}

// TestRefused: while changes are refused, a duty that nobody holds, or whose holder's time is over, is tried for at the usual pace.
func TestRefused(t *testing.T) {
	e := newEnv(t)
	e.start(e.core(shared{e.store}), duty.Options{Term: term}, idle("a")).Close()
	e.seize("b", 0)
	core := e.core(shared{e.store})
	f := &full{shared: shared{e.store}}
	core.Store = f
	e.start(core, duty.Options{Term: term}, idle("a"), idle("b"))
	time.Sleep(2 * term)
	if n := f.tries.Load(); n < 3 || n > 8 {
		t.Errorf("%d changes were tried in two terms", n)
	}
}
