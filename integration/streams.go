package integration

import (
	"context"
	"sync"
)

// streams are those that run. The dispatcher's loop alone uses it.
type streams struct {
	d       *Dispatcher
	running map[int64]*stream
	group   sync.WaitGroup
}

// tend starts a stream for each subscription that has none, and stops those of subscriptions that are gone or were changed: they begin
// anew, at the stored cursor.
func (s *streams) tend(ctx, attempts context.Context, subs []Subscription) {
	wanted := map[int64]Subscription{}
	for _, sub := range subs {
		wanted[sub.ID] = sub
	}
	for id, running := range s.running {
		if sub, ok := wanted[id]; ok && sub.UpdatedAt.Equal(running.sub.UpdatedAt) {
			continue
		}
		running.halt()
		running.halted = true
		select {
		case <-running.ended:
			delete(s.running, id)
			s.d.metrics.forget(running.sub)
		default: // it ends, at the latest after what is under way; the next pass looks again
		}
	}
	for _, sub := range subs {
		if s.running[sub.ID] == nil {
			s.start(ctx, attempts, sub)
		}
	}
}

// ending reports whether a stream was told to end, and is awaited.
func (s *streams) ending() bool {
	for _, running := range s.running {
		if running.halted {
			return true
		}
	}
	return false
}

func (s *streams) start(ctx, attempts context.Context, sub Subscription) {
	broker, _ := s.d.out.s.sinks.named(sub.Sink).(Broker)
	running := &stream{out: s.d.out, sub: sub, broker: broker, policy: s.d.policy, pause: s.d.pause, now: s.d.now, log: s.d.log, metrics: s.d.metrics,
		ended: make(chan struct{}), read: sub.Cursor, stored: sub.Cursor, storedFault: sub.FailingReason, fault: sub.FailingReason}
	ctx, running.halt = context.WithCancel(ctx)
	s.running[sub.ID] = running
	s.group.Go(func() { running.run(ctx, attempts) })
}
