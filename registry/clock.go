package registry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"slipway/metadata"
	"slipway/registry/access"
)

const (
	// clockSlip is how far the wall clock may be from the time that it should show. Time servers correct less than that.
	clockSlip = 5 * time.Minute
	// clockSleep is how far the wall clock may run ahead of the time that has passed in this process, which stands still while
	// the machine sleeps.
	clockSleep = 7 * 24 * time.Hour

	// settingClock is the time of the log, in microseconds, up to which an operator has accepted that it is ahead of the clock.
	settingClock = "clock.accepted"
)

// ErrClock is the cause of the errors of changes that are refused because the clock has jumped.
var ErrClock = errors.New("the clock has jumped")

// clock decides whether the wall clock can be trusted: it compares the clock with the log, whose times never go back, and with
// the time that has passed in this process.
type clock struct {
	now     func() time.Time
	elapsed func(now time.Time) time.Duration // in this process

	mu       sync.Mutex
	last     time.Time     // the log's newest time, or later by less than an update takes
	accepted time.Time     // until then the log may be ahead of the clock
	wall     time.Time     // of the last look at a good clock; zero: there was none
	at       time.Duration // elapsed then
	jumped   *jump         // not noted in the log yet
}

// jump is what the wall clock should have shown, and what it showed.
type jump struct{ from, to time.Time }

func (j jump) String() string {
	return "the clock went from " + clockText(j.from) + " to " + clockText(j.to)
}

func clockText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func newClock(now func() time.Time) *clock {
	start := now()
	return &clock{now: now, elapsed: func(now time.Time) time.Duration { return now.Sub(start) }}
}

// begin sets the log's newest time and the time that was accepted, and looks at the clock.
func (c *clock) begin(last, accepted time.Time) {
	c.mu.Lock()
	c.last, c.accepted = last, accepted
	c.mu.Unlock()
	_ = c.check() // the next change gets the same answer
}

// check returns why no change may be made now. Unavailable.
func (c *clock) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	wall, at := now.Round(0), c.elapsed(now)
	if c.behind(wall) {
		return clockError("the server's clock says %s, but the last entry of the log is of %s: changes are refused until the clock is set right; "+
			"if it is right now, restart the server once with --accept-clock", wall, c.last)
	}
	if !c.wall.IsZero() {
		due := c.wall.Add(at - c.at)
		switch ahead := wall.Sub(due); {
		case ahead < -clockSlip:
			return clockError("the server's clock says %s, but it should be %s: changes are refused until the clock is set right; "+
				"if it is right now, restart the server once with --accept-clock", wall, due)
		case ahead > clockSleep:
			return clockError("the server's clock says %s, but %s was expected by the time that has passed: changes are refused until the clock is set right; "+
				"if it is right now, restart the server once with --accept-clock", wall, due)
		case ahead > clockSlip:
			c.jumped = &jump{due, wall}
		}
	}
	c.wall, c.at = wall, at
	if wall.After(c.last) {
		c.last = wall
	}
	return nil
}

// behind reports whether the clock is behind the log where no operator has accepted that. The caller holds mu.
func (c *clock) behind(wall time.Time) bool {
	return c.last.Sub(wall) > clockSlip && c.last.After(c.accepted)
}

// logAhead returns the log's newest time, and whether it is ahead of the wall clock, accepted or not.
func (c *clock) logAhead() (last time.Time, ahead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, c.last.Sub(c.now().Round(0)) > clockSlip
}

// take returns the jump that is to be noted, nil if there is none. A caller that can't note it gives it back.
func (c *clock) take() *jump {
	c.mu.Lock()
	defer c.mu.Unlock()
	j := c.jumped
	c.jumped = nil
	return j
}

func (c *clock) giveBack(j *jump) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.jumped == nil {
		c.jumped = j
	}
}

func clockError(format string, is, other time.Time) error {
	return &Error{Kind: Unavailable, Subject: AboutInstance, Detail: fmt.Sprintf(format, clockText(is), clockText(other)), RetryAfter: time.Minute, Err: ErrClock}
}

// Clock returns why no change may be made now because of the server's clock, nil as a rule. Unavailable, with ErrClock.
func (s *Core) Clock() error { return s.clock.check() }

// timely is Clock, and also notes in the log that the clock has jumped ahead by so little that changes go on.
func (s *Core) timely(ctx context.Context) error {
	if err := s.clock.check(); err != nil {
		return err
	}
	j := s.clock.take()
	if j == nil {
		return nil
	}
	err := s.Store.Update(ctx, func(tx metadata.Tx) error { return s.noteJump(tx.Log(), *j) })
	if err != nil {
		s.clock.giveBack(j)
		return err
	}
	s.Log.WarnContext(ctx, j.String())
	return nil
}

func (s *Core) noteJump(log metadata.Log, j jump) error {
	_, err := Append(log, access.System(), EventClockJumped, "", 0, 0, EventData{Name: s.instance, Reason: j.String()})
	return err
}

// AcceptClock takes the wall clock for right, as an operator has asked for, and notes in the log the jump that this means: the
// clock is behind the log, whose times then stand still until the clock has passed them, or more than a week ahead of it. Without
// a jump it does nothing.
func (s *Core) AcceptClock(ctx context.Context) error {
	var found *jump
	err := s.Store.Update(ctx, func(tx metadata.Tx) (err error) {
		accepted, err := acceptedClock(tx.Settings())
		if err != nil {
			return err
		}
		found = nil
		wall, last := s.Now(), tx.Now()
		switch {
		case last.Sub(wall) <= clockSlip:
			if last, err = lastEntryTime(tx.Log()); err != nil || wall.Sub(last) <= clockSleep {
				return err
			}
		case !last.After(accepted):
			return nil
		}
		found = &jump{last, wall}
		if err := tx.Settings().PutSetting(settingClock, strconv.FormatInt(last.UnixMicro(), 10)); err != nil {
			return err
		}
		return s.noteJump(tx.Log(), *found)
	})
	if err != nil || found == nil {
		return err
	}
	s.Log.WarnContext(ctx, found.String())
	s.clock.begin(found.from, found.from)
	return nil
}

func lastEntryTime(log metadata.Log) (time.Time, error) {
	size, err := log.LogSize()
	if err != nil || size == 0 {
		return time.Time{}, err
	}
	list, err := log.Entries(metadata.EntryQuery{After: size - 2, Limit: 1})
	if err != nil || len(list) == 0 {
		return time.Time{}, err
	}
	return list[0].Time, nil
}

// acceptedClock reads the setting.
func acceptedClock(settings metadata.Settings) (time.Time, error) {
	text, err := settings.Setting(settingClock)
	if errors.Is(err, metadata.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("setting %s: %w", settingClock, err)
	}
	return time.UnixMicro(n), nil
}
