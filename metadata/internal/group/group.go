package group

import (
	"errors"
	"time"
)

// Group is what one transaction does.
type Group struct {
	Start   time.Time
	Now     time.Time // of the update that ran last
	Updates int       // that were run
	Failed  int       // that were rolled back alone
	Entries int       // new in the log
	Wrote   bool
	Notify  bool          // an update called metadata.Tx.Notify
	Single  bool          // of one update, which ran before in a group that was lost
	Commit  time.Duration // of the commit alone

	members []*Update
}

// group runs the updates that wait, and those that come while it runs.
func (w *Writer) group(first *Update) {
	g := &Group{Start: time.Now()}
	if err := w.backend.Begin(g); err != nil {
		// All waiting updates get this error: they would meet it too, after another wait.
		for r := first; r != nil; r = w.next(g) {
			w.claim(g, r)
		}
		w.answer(g, err)
		return
	}
	for r := first; r != nil; r = w.next(g) {
		if w.claim(g, r) && !w.backend.Run(g, r) {
			w.alone()
			return
		}
	}
	err := w.backend.Commit(g)
	if errors.Is(err, ErrAgain) {
		for _, r := range g.members {
			r.Again = r.ran == returned
		}
		w.alone()
		return
	}
	w.answer(g, err)
}

// claim makes r a member unless its caller has gone.
func (w *Writer) claim(g *Group, r *Update) bool {
	if !r.claimed.CompareAndSwap(false, true) {
		return false
	}
	g.members = append(g.members, r)
	w.waiting = g.members
	return true
}

func (w *Writer) next(g *Group) *Update {
	if len(g.members) >= w.options.Most {
		return nil
	}
	select {
	case r := <-w.queue:
		return r
	default:
		return nil
	}
}

// alone runs the unanswered updates of a group whose transaction or leader was lost, each in a transaction of its own. An
// update that was alone already, or did not return, is not run again, unless the database asks for that.
func (w *Writer) alone() {
	w.backend.Rollback()
	again := len(w.waiting) > 1
	for len(w.waiting) > 0 {
		r := w.waiting[0]
		g := &Group{Start: time.Now(), Single: true, members: w.waiting[:1]}
		var err error
		if (again || r.Again) && r.ran == returned {
			err = w.single(g, r)
		}
		rest := w.waiting[1:]
		w.answer(g, err)
		w.waiting = rest
	}
}

// single runs one update in a transaction of its own.
func (w *Writer) single(g *Group, r *Update) error {
	for {
		if err := w.backend.Begin(g); err != nil {
			return err
		}
		if !w.backend.Run(g, r) {
			w.backend.Rollback()
			if r.Again && time.Since(g.Start) < patience {
				continue
			}
			return nil
		}
		err := w.backend.Commit(g)
		if !errors.Is(err, ErrAgain) || time.Since(g.Start) >= patience {
			return err
		}
	}
}

// answer wakes the callers of a group: with err when it is not nil, else each with its own result.
func (w *Writer) answer(g *Group, err error) {
	g.Updates = len(g.members)
	w.backend.Committed(g, err)
	w.waiting = nil
	for _, r := range g.members {
		if err != nil {
			r.Err = err
		}
		r.done <- struct{}{}
	}
	w.backend.Answered(g, err)
}
