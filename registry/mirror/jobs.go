package mirror

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Bounds of jobs. They are kept in memory: a list that is sent again fetches only what is still missing.
const (
	MaxItems      = 50_000 // of one job
	maxRunning    = 8      // jobs at once
	maxRunningOne = 2      // of them, of one user
	maxEnded      = 16     // that are remembered
)

// States of a job and its items.
const (
	Running  = "running"
	Finished = "finished"
	Stopped  = "stopped" // the caller's login ended, or the server did, before all items were looked at

	Waiting = "waiting"
	Present = "present" // everything was here before
	Fetched = "fetched" // it is here now
	Missing = "missing" // something of it is not here; Reason says why
)

// Want is one item of a list.
type Want struct {
	PURL    string
	Digests []string // "sha512:" and hexadecimal digits: each must be of a file that is here in the end; empty: any
}

// Item is what became of a Want.
type Item struct {
	PURL   string
	State  string
	Reason string
	Files  int   // that are here, as far as they were looked at
	Bytes  int64 // of these
}

// Job is a list that is worked off.
type Job struct {
	ID         string
	Repository string
	By         string // the caller who began it
	Look       bool   // nothing is fetched
	State      string
	Items      int // all
	Present    int
	Fetched    int
	Missing    int
	StartedAt  time.Time
	EndedAt    time.Time // zero while it runs
}

type job struct {
	actor access.Actor
	wants []Want

	mu    sync.Mutex
	state Job
	items []Item
}

// jobs are those that run, and the last ones that have ended.
type jobs struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
	list   []*job // the newest last
}

// errStopped ends what runs when the server ends.
var errStopped = errors.New("mirror: the server ends")

func (j *jobs) close() {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.cancel(errStopped)
	j.running.Wait()
}

// start adds a job and runs do for it. TooMany: the caller has jobs enough; Unavailable: the server has.
func (j *jobs) start(ctx context.Context, one *job, do func(ctx context.Context)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	all, own, ended := 0, 0, 0
	for _, other := range j.list {
		switch {
		case other.snapshot().State != Running:
			ended++
		case other.actor.UserID == one.actor.UserID:
			own++
			fallthrough
		default:
			all++
		}
	}
	full := func(kind registry.Kind, detail string) error {
		return &registry.Error{Kind: kind, Subject: registry.AboutRequest, RetryAfter: 10 * time.Second, Detail: detail}
	}
	switch {
	case j.closed:
		return full(registry.Unavailable, "the server ends")
	case own >= maxRunningOne:
		return full(registry.TooMany, strconv.Itoa(own)+" jobs of yours run already")
	case all >= maxRunning:
		return full(registry.Unavailable, strconv.Itoa(all)+" jobs run already")
	}
	j.list = slices.DeleteFunc(j.list, func(other *job) bool {
		drop := ended >= maxEnded && other.snapshot().State != Running
		if drop {
			ended--
		}
		return drop
	})
	j.list = append(j.list, one)
	background, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	end := context.AfterFunc(j.ctx, func() { cancel(errStopped) })
	j.running.Go(func() {
		defer cancel(nil)
		defer end()
		do(background)
	})
	return nil
}

func (one *job) snapshot() Job {
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.state
}

// find returns a job of the caller, or of a repository that the caller administers. NotFound.
func (m *Mirror) find(ctx context.Context, id string) (*job, error) {
	actor := access.From(ctx)
	if actor.Type == access.TypeAnonymous {
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see a job of yours")
	}
	m.jobs.mu.Lock()
	defer m.jobs.mu.Unlock()
	for _, one := range m.jobs.list {
		if one.state.ID != id {
			continue
		}
		if one.seenBy(actor) {
			return one, nil
		}
	}
	return nil, registry.Errorf(registry.NotFound, registry.AboutRequest, "there is no job %q; jobs are forgotten when the server starts: send the list again", registry.Clip(id))
}

// seenBy reports whether a caller may see a job: its own, and those of repositories that the caller administers; an auditor of the server all.
func (one *job) seenBy(actor access.Actor) bool {
	return one.actor.UserID == actor.UserID && actor.UserID != 0 || access.Decide(actor, access.Admin, one.state.Repository) == access.Allow ||
		access.Decide(actor, access.Audit, access.Instance) == access.Allow
}

// Jobs returns the jobs that the caller may see, the newest first: those that run, and the last ones that have ended. Unauthenticated.
func (m *Mirror) Jobs(ctx context.Context) ([]Job, error) {
	actor := access.From(ctx)
	if actor.Type == access.TypeAnonymous {
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see your jobs")
	}
	m.jobs.mu.Lock()
	defer m.jobs.mu.Unlock()
	var out []Job
	for _, one := range slices.Backward(m.jobs.list) {
		if one.seenBy(actor) {
			out = append(out, one.snapshot())
		}
	}
	return out, nil
}

// Job returns a job. NotFound.
func (m *Mirror) Job(ctx context.Context, id string) (Job, error) {
	one, err := m.find(ctx, id)
	if err != nil {
		return Job{}, err
	}
	return one.snapshot(), nil
}

// Items returns a page of the items of a job, in the order of the list; page.After is the number of the last one of the page before.
// state is that of the wanted items, "" is any. next is "" at the end. NotFound, Invalid.
func (m *Mirror) Items(ctx context.Context, id, state string, page registry.Page) (items []Item, next string, err error) {
	one, err := m.find(ctx, id)
	if err != nil {
		return nil, "", err
	}
	after := -1
	if page.After != "" {
		if after, err = strconv.Atoi(page.After); err != nil || after < 0 {
			return nil, "", registry.Errorf(registry.Invalid, registry.AboutRequest, "after must be the next of a page, not %q", registry.Clip(page.After))
		}
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	for i := after + 1; i < len(one.items); i++ {
		if state != "" && one.items[i].State != state {
			continue
		}
		if len(items) == registry.Bound(page.Limit) {
			return items, strconv.Itoa(after), nil
		}
		items, after = append(items, one.items[i]), i
	}
	return items, "", nil
}

// note stores what became of an item.
func (one *job) note(i int, item Item) {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.items[i] = item
	switch item.State {
	case Present:
		one.state.Present++
	case Fetched:
		one.state.Fetched++
	case Missing:
		one.state.Missing++
	}
}

// newJob makes a job of a list.
func (m *Mirror) newJob(actor access.Actor, repository string, wants []Want, look bool) *job {
	one := &job{actor: actor, wants: wants, items: make([]Item, len(wants)), state: Job{ID: strings.ToLower(rand.Text()), Repository: repository, By: registry.Describe(actor), Look: look, State: Running,
		Items: len(wants), StartedAt: m.core.Now()}}
	for i, w := range wants {
		one.items[i] = Item{PURL: w.PURL, State: Waiting}
	}
	return one
}

// end notes the end of a job, in the log too where it fetched.
func (m *Mirror) end(ctx context.Context, one *job, stopped error) {
	one.mu.Lock()
	one.state.State, one.state.EndedAt = Finished, m.core.Now()
	if stopped != nil {
		one.state.State = Stopped
	}
	state := one.state
	one.wants = nil // only what became of them is still asked for
	one.mu.Unlock()
	if state.Look || errors.Is(stopped, errStopped) {
		return
	}
	err := m.core.Update(ctx, func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository(state.Repository)
		if err != nil {
			return err
		}
		_, err = registry.Append(tx.Log(), one.actor, registry.EventPrefetchFinished, "", r.ID, 0, registry.EventData{Repository: state.Repository,
			Prefetch: &registry.EventPrefetch{Job: state.ID, Items: state.Items, Present: state.Present, Fetched: state.Fetched, Missing: state.Missing}})
		return err
	})
	if err != nil {
		m.core.Log.ErrorContext(ctx, "the end of a prefetch is not in the log", "job", state.ID, "error", err)
	}
}
