package integration

import (
	"context"
	"log/slog"
	"time"

	"slipway/metadata"
	"slipway/registry"
)

// Bounds of one stream.
const (
	inFlight    = 500     // messages that wait for the broker
	windowBytes = 8 << 20 // of their bodies
	windowSpan  = 5000    // messages behind the first one that waits
	sendTimeout = 10 * time.Second
	storeEvery  = time.Second // the cursor, and what fails
	firstRetry  = time.Second
	lastRetry   = time.Minute
)

// stream sends the events of one subscription to its broker until it is stopped. One goroutine runs it.
//
// It reads the log behind the cursor into a window of messages in the order of the log. Of each partition key, the first message of
// the window that waits is sent, so that events of one key arrive in their order, and those of other keys overtake one that fails. The
// cursor is what was acknowledged without a gap. A process that takes over begins there: messages may come twice, under the same id.
type stream struct {
	out     *Outbox
	sub     Subscription // as it is stored since the stream began, but for its cursor
	broker  Broker       // nil: this server has none of the subscription's name
	policy  policy
	pause   time.Duration // after an error of the database
	now     func() time.Time
	log     *slog.Logger
	metrics *metrics
	halt    context.CancelFunc
	halted  bool // of the dispatcher's loop: halt was called
	ended   chan struct{}

	sender  Sender    // nil: there is no connection
	opening int       // attempts to open one that have failed in a row
	openAt  time.Time // no attempt before then

	read      int64 // last entry of the log that is in the window or was looked at
	size      int64 // of the log, when it was last looked at
	window    []*flight
	waiting   int // messages of the window that wait
	bytes     int // of these
	delivered time.Time
	fault     string // why it fails now; "": it does not

	stored      int64 // the cursor, as it is stored
	storedFault string
	storedAt    time.Time
}

// flight is a message in the window.
type flight struct {
	entry   int64
	message Message
	event   registry.Event
	settled bool // the broker has it, or refused it for good
	tries   int  // that failed
	at      time.Time
}

// run works until ctx ends; what is under way then ends with attempts.
func (s *stream) run(ctx, attempts context.Context) {
	defer close(s.ended)
	defer s.hangUp()
	for ctx.Err() == nil {
		var grown <-chan struct{}
		if s.room() { // else it is no news that there is more to send
			grown = s.out.Grown()
		}
		wait, err := s.step(ctx, attempts)
		if err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelError, "a stream to a broker can't go on", slog.Int64("subscription", s.sub.ID), slog.Any("error", err))
			wait, grown = s.pause, nil
		}
		if wait <= 0 {
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-grown:
			s.sleep(ctx, min(wait, fanOutPause))
		case <-timer.C:
		}
		timer.Stop()
	}
	if err := s.store(context.WithoutCancel(attempts)); err != nil {
		s.log.LogAttrs(attempts, slog.LevelError, "the place of a stream to a broker can't be stored", slog.Int64("subscription", s.sub.ID), slog.Any("error", err))
	}
}

func (s *stream) sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// step reads, sends and stores once, and says how long there is nothing more to do unless the log grows.
func (s *stream) step(ctx, attempts context.Context) (wait time.Duration, err error) {
	if err := s.fill(ctx); err != nil {
		return 0, err
	}
	sent, wait, err := s.send(ctx, attempts)
	if err != nil {
		return 0, err
	}
	if s.waiting == 0 {
		s.fault = ""
	}
	s.metrics.stream(s.sub, s.size-1-s.cursor(), s.fault != "")
	if dirty := s.cursor() != s.stored || s.fault != s.storedFault; dirty {
		if left := storeEvery - s.now().Sub(s.storedAt); left > 0 {
			wait = min(wait, left)
		} else if err := s.store(ctx); err != nil {
			return 0, err
		}
	}
	if sent {
		return 0, nil
	}
	return wait, nil
}

// room reports whether the window takes further messages.
func (s *stream) room() bool {
	return s.waiting < inFlight && s.bytes < windowBytes && len(s.window) < windowSpan
}

// fill reads the log into the window, unless the subscription was changed, paused or removed: then the stream is about to be stopped, and
// what is behind the change is not its own.
func (s *stream) fill(ctx context.Context) error {
	for {
		var entries []registry.Entry
		err := s.out.s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			if s.size, err = tx.Log().LogSize(); err != nil || s.read >= s.size-1 || !s.room() {
				entries = nil
				return err
			}
			row, err := tx.Subscriptions().Subscription(s.sub.ID)
			if err != nil || !row.UpdatedAt.Equal(s.sub.UpdatedAt) {
				entries = nil
				return gone(err)
			}
			entries, err = tx.Log().Entries(metadata.EntryQuery{After: s.read, Limit: outboxBatch})
			return err
		})
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if err := s.take(ctx, entry); err != nil {
				return err
			}
			s.read = entry.Seq
		}
		if len(entries) < outboxBatch {
			return nil
		}
	}
}

// take puts the messages of an entry into the window. What can't be rendered is skipped as what a broker refuses is.
func (s *stream) take(ctx context.Context, entry registry.Entry) error {
	if !s.sub.Filter.matches(entry) {
		return nil
	}
	e, messages, err := s.out.s.messages(s.sub, entry)
	if err != nil {
		f := &flight{entry: entry.Seq, event: e, message: Message{ID: e.ID}}
		return s.skip(ctx, f, Result{Note: "the event can't be rendered: " + err.Error()})
	}
	for _, m := range messages {
		s.window = append(s.window, &flight{entry: entry.Seq, event: e, message: m})
		s.waiting++
		s.bytes += len(m.Body)
	}
	return nil
}

// settle takes a message out of those that wait, and the settled ones at its beginning out of the window.
func (s *stream) settle(f *flight) {
	s.waiting--
	s.bytes -= len(f.message.Body)
	f.settled, f.message, f.event = true, Message{}, registry.Event{}
	for len(s.window) > 0 && s.window[0].settled {
		s.window[0] = nil
		s.window = s.window[1:]
	}
}

// cursor is the last entry of the log up to which all is settled.
func (s *stream) cursor() int64 {
	if len(s.window) > 0 {
		return s.window[0].entry - 1
	}
	return s.read
}

// ready returns the messages that can be sent now: the first of each key that waits, and all without a key. next is when there will be
// another one; zero: not by itself.
func (s *stream) ready() (batch []*flight, next time.Time) {
	now, seen := s.now(), map[string]bool{}
	for _, f := range s.window {
		if f.settled || f.message.Key != "" && seen[f.message.Key] {
			continue
		}
		seen[f.message.Key] = true
		if f.at.After(now) {
			if next.IsZero() || f.at.Before(next) {
				next = f.at
			}
			continue
		}
		batch = append(batch, f)
	}
	return batch, next
}

// store makes cursor, fault and time of the latest delivery durable, unless the subscription was changed: then the stream is about to
// be stopped, and the next one begins at what is stored.
func (s *stream) store(ctx context.Context) error {
	at, fault := s.cursor(), s.fault
	if at == s.stored && fault == s.storedFault {
		return nil
	}
	err := s.out.s.core.Update(ctx, func(tx metadata.Tx) error {
		row, err := tx.Subscriptions().Subscription(s.sub.ID)
		if err != nil || !row.UpdatedAt.Equal(s.sub.UpdatedAt) {
			return gone(err)
		}
		if err := tx.Subscriptions().MoveStream(s.sub.ID, at, s.delivered); err != nil || fault == row.FailingReason {
			return err
		}
		since := row.FailingSince
		switch {
		case fault == "":
			since = time.Time{}
		case since.IsZero():
			since = tx.Now()
		}
		return tx.Subscriptions().SetFailing(s.sub.ID, since, fault)
	})
	if err == nil {
		s.stored, s.storedFault, s.storedAt = at, fault, s.now()
	}
	return err
}
