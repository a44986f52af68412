package registry

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/sqlite"
	"slipway/storage/mem"
)

// clocked is a core whose wall clock and process time the test moves.
type clocked struct {
	*Core
	t      *testing.T
	path   string
	wall   time.Time
	passed time.Duration
}

// start is when the wall clock of a clocked core begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newClocked(t *testing.T) *clocked {
	c := &clocked{t: t, path: filepath.Join(t.TempDir(), "slipway.db"), wall: start}
	c.open()
	t.Cleanup(func() { _ = c.Store.Close() })
	return c
}

// open starts a process at the present wall time.
func (c *clocked) open() {
	c.t.Helper()
	if c.Core != nil {
		if err := c.Store.Close(); err != nil {
			c.t.Fatal(err)
		}
	}
	now := func() time.Time { return c.wall }
	store, err := sqlite.Open(c.t.Context(), c.path, sqlite.WithClock(now))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.Core, err = NewCore(c.t.Context(), CoreConfig{Store: store, Blobs: mem.New(), Now: now}); err != nil {
		c.t.Fatal(err)
	}
	from := c.passed
	c.clock.elapsed = func(time.Time) time.Duration { return c.passed - from }
}

// pass lets time pass, by the wall clock and in the process.
func (c *clocked) pass(d time.Duration) { c.passed, c.wall = c.passed+d, c.wall.Add(d) }

// change makes a change with an entry, and returns the entry.
func (c *clocked) change() (e Entry, err error) {
	err = c.Update(c.t.Context(), func(tx metadata.Tx) error {
		e, err = tx.Log().Append(Entry{Type: EventPackageChanged.String(), Data: []byte("{}")})
		return err
	})
	return e, err
}

func (c *clocked) mustChange() Entry {
	c.t.Helper()
	e, err := c.change()
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// refused expects changes to be refused with an error that has both times and the way back.
func (c *clocked) refused(times ...time.Time) {
	c.t.Helper()
	_, err := c.change()
	if KindOf(err) != Unavailable || !errors.Is(err, ErrClock) || !errors.Is(c.Clock(), ErrClock) {
		c.t.Fatalf("a change: %v", err)
	}
	for _, want := range times {
		if !strings.Contains(AsError(err).Detail, clockText(want)) {
			c.t.Errorf("%v does not name %s", err, clockText(want))
		}
	}
	if !strings.Contains(err.Error(), "--accept-clock") {
		c.t.Errorf("%v does not name the way back", err)
	}
	if err := c.Ready(c.t.Context()); err != nil {
		c.t.Errorf("reads: %v", err)
	}
}

// jumps are the reasons of the noted jumps.
func (c *clocked) jumps() (out []string) {
	c.t.Helper()
	err := c.Store.View(context.Background(), func(tx metadata.Tx) error {
		list, err := tx.Log().Entries(metadata.EntryQuery{After: -1, Types: []string{EventClockJumped.String()}, Limit: 100})
		for _, e := range list {
			out = append(out, string(e.Data))
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// TestK11Start: a server whose clock is behind the log reads; it writes once an operator has accepted the clock, also after
// further starts.
func TestK11Start(t *testing.T) {
	c := newClocked(t)
	c.wall = start.AddDate(2, 0, 0) // the clock ran ahead
	c.open()
	ahead := c.mustChange()
	c.wall = start
	c.open()
	c.refused(c.wall, ahead.Time)
	c.pass(time.Hour)
	c.refused(c.wall, ahead.Time)

	now, err := c.SettleUntil(t.Context(), AsOf{Time: c.wall})
	if err != nil || !now.Time.Equal(ahead.Time) {
		t.Errorf("the present is %v, %v", now, err)
	}
	old := AsOf{Time: c.wall.Add(-time.Hour)}
	if got, err := c.SettleUntil(t.Context(), old); err != nil || got != old {
		t.Errorf("an hour ago is %v, %v", got, err)
	}

	for range 2 { // the second time there is nothing to accept
		if err := c.AcceptClock(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if e := c.mustChange(); e.Time.Before(ahead.Time) {
		t.Errorf("the log went back to %s", e.Time)
	}
	c.pass(time.Hour)
	c.open()
	c.mustChange()
	list := c.jumps()
	if len(list) != 1 || !strings.Contains(list[0], clockText(ahead.Time)) || !strings.Contains(list[0], clockText(start.Add(time.Hour))) {
		t.Errorf("noted: %s", list)
	}

	// Once the clock has passed the log, the same can happen again.
	c.wall = ahead.Time.AddDate(1, 0, 0)
	c.open()
	again := c.mustChange()
	c.wall = start
	c.open()
	c.refused(c.wall, again.Time)
	c.wall = again.Time
	c.mustChange() // the clock was set right
}

// TestK11Running: a running server trusts no clock that goes back, or ahead by more than a week; after less, as a machine that
// slept wakes up, it goes on and notes the jump.
func TestK11Running(t *testing.T) {
	c := newClocked(t)
	c.mustChange()
	c.pass(240 * time.Hour) // without a change
	before := c.wall
	c.wall = c.wall.Add(-time.Hour)
	c.refused(c.wall, before)
	c.wall = before.Add(-4 * time.Minute)
	c.mustChange()
	if list := c.jumps(); len(list) != 0 {
		t.Fatalf("noted: %s", list)
	}

	before = c.wall
	c.wall = c.wall.AddDate(2, 0, 0)
	c.refused(before, c.wall)
	if now, err := c.SettleUntil(t.Context(), AsOf{Time: c.wall}); err != nil || !now.Time.Equal(c.wall) {
		t.Errorf("a read: %v, %v", now, err)
	}
	c.wall = before
	if e := c.mustChange(); e.Time.After(before) {
		t.Errorf("a refused change moved the log's time to %s", e.Time)
	}

	c.wall = c.wall.Add(64 * time.Hour)
	e := c.mustChange()
	c.mustChange()
	list := c.jumps()
	if len(list) != 1 || !strings.Contains(list[0], clockText(before)) || !strings.Contains(list[0], clockText(e.Time)) {
		t.Errorf("noted: %s", list)
	}
}

// TestK11Ahead: what an operator accepts is noted, also when the clock is ahead of the log; without a jump nothing is.
func TestK11Ahead(t *testing.T) {
	c := newClocked(t)
	c.mustChange()
	c.pass(time.Hour)
	if err := c.AcceptClock(t.Context()); err != nil || len(c.jumps()) != 0 {
		t.Errorf("%v, noted: %s", err, c.jumps())
	}
	c.wall = c.wall.AddDate(0, 1, 0)
	c.refused(c.wall)
	c.open()
	if err := c.AcceptClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.mustChange()
	if list := c.jumps(); len(list) != 1 || !strings.Contains(list[0], clockText(start)) || !strings.Contains(list[0], clockText(c.wall)) {
		t.Errorf("noted: %s", list)
	}
}
