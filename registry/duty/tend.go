package duty

import (
	"context"
	"errors"
	"slices"
	"time"

	"slipway/metadata"
)

// keep renews the duties of this process and takes free ones.
func (r *Runner) keep() {
	wait := r.term / 3
	for failed := false; r.rest(wait, failed); {
		taken, err := r.tendInTime()
		failed = err != nil
		for _, p := range taken {
			r.begin(p, false)
		}
		wait = r.term / 3
		if err == nil || r.running.Err() != nil {
			continue
		}
		r.core.Log.ErrorContext(r.running, "take and renew background work", "error", err)
		if !r.leased {
			continue
		}
		if left := time.Until(r.safe); left > 0 {
			wait = min(wait, left)
			continue
		}
		for _, p := range r.posts {
			if p.held != nil {
				p.held.lose(metadata.ErrDutyLost)
			}
		}
	}
}

// rest waits for the given time, for the end of another process's duty, or until another process has given one up. It returns false
// when the runner closes. Where the last turn has failed, duties that nobody holds don't cut the rest short: taking them fails as well.
func (r *Runner) rest(wait time.Duration, failed bool) bool {
	if !r.ends.IsZero() && !failed {
		wait = min(wait, time.Until(r.ends))
	}
	due := time.NewTimer(wait)
	defer due.Stop()
	for {
		var news <-chan struct{}
		if r.leased && !failed {
			if news = r.core.Store.Watch(); r.vacant() {
				return r.running.Err() == nil
			}
		}
		select {
		case <-r.running.Done():
			return false
		case <-due.C:
			return true
		case <-news:
		}
		select {
		case <-r.running.Done():
			return false
		case <-due.C:
			return true
		case <-time.After(newsPause):
		}
	}
}

// vacant reports whether nobody holds a duty.
func (r *Runner) vacant() bool {
	var rows []metadata.Duty
	if err := r.core.Store.View(r.running, func(tx metadata.Tx) (err error) {
		rows, err = tx.Duties().Duties()
		return err
	}); err != nil {
		return false // the next turn tells
	}
	free := map[string]bool{}
	for _, d := range rows {
		free[d.Name] = d.Holder == ""
	}
	for _, p := range r.posts {
		if p.held == nil && free[p.Name] {
			return true
		}
	}
	return false
}

// tendInTime is tend with a time limit, so that it fails before another process can take a duty of this one.
func (r *Runner) tendInTime() ([]*post, error) {
	for _, p := range r.posts {
		if r.leased && p.held != nil && p.held.ctx.Err() == nil {
			ctx, cancel := context.WithDeadline(r.running, r.safe)
			defer cancel()
			return r.tend(ctx)
		}
	}
	return r.tend(r.running)
}

// tend renews, where needed, the duties that this process holds, and takes free ones, in one update. It returns those taken.
func (r *Runner) tend(ctx context.Context) (taken []*post, err error) {
	wanted := false
	for _, p := range r.posts {
		if p.held != nil && p.held.over() {
			p.held = nil
		}
		wanted = wanted || r.leased || p.held == nil
	}
	if !wanted {
		return nil, nil
	}
	epochs := make([]int64, len(r.posts))
	asked := time.Now()
	var next time.Duration
	err = r.core.Update(ctx, func(tx metadata.Tx) (err error) {
		var until time.Time
		if r.leased {
			until = tx.Now().Add(r.term)
		}
		for i, p := range r.posts {
			if epochs[i], err = r.tendOne(tx.Duties(), p, until); err != nil {
				return err
			}
		}
		next, err = r.firstEnd(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	r.ends = time.Time{}
	if next > 0 {
		r.ends = time.Now().Add(next)
	}
	r.safe = asked.Add(r.term - r.term/5) // from before the request, as the database counts the term later
	for i, p := range r.posts {
		switch {
		case epochs[i] == 0 && p.held != nil:
			p.held.lose(metadata.ErrDutyLost)
		case epochs[i] != 0 && p.held == nil:
			p.seize = false
			p.held = &hold{name: p.Name, epoch: epochs[i], ended: make(chan struct{})}
			p.held.ctx, p.held.lose = context.WithCancelCause(r.running)
			taken = append(taken, p)
		}
	}
	return taken, nil
}

// firstEnd returns in how long the first duty of another process ends unless that process renews it; 0: none does.
func (r *Runner) firstEnd(tx metadata.Tx) (next time.Duration, err error) {
	if !r.leased {
		return 0, nil
	}
	rows, err := tx.Duties().Duties()
	for _, d := range rows {
		wanted := slices.ContainsFunc(r.posts, func(p *post) bool { return p.Name == d.Name })
		if !wanted || d.Holder == "" || d.Holder == r.holder || d.Until.IsZero() {
			continue
		}
		if left := max(d.Until.Sub(tx.Now()), newsPause); next == 0 || left < next {
			next = left
		}
	}
	return next, err
}

// tendOne renews or takes a duty until the given time and returns the epoch under which this process holds it; 0: another
// process holds it.
func (r *Runner) tendOne(duties metadata.Duties, p *post, until time.Time) (int64, error) {
	if p.held != nil {
		var err error
		if r.leased {
			err = duties.RenewDuty(p.Name, p.held.epoch, until)
		}
		if errors.Is(err, metadata.ErrDutyLost) {
			return 0, nil
		}
		return p.held.epoch, err
	}
	take := duties.TakeDuty
	if p.seize {
		take = duties.SeizeDuty
	}
	d, err := take(metadata.Duty{Name: p.Name, Holder: r.holder, Until: until})
	if errors.Is(err, metadata.ErrExists) {
		return 0, nil
	}
	return d.Epoch, err
}
