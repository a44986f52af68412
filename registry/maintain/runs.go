package maintain

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Kinds of runs.
const (
	RunCollect = "collect" // a collection
	RunLook    = "look"    // a collection that removes nothing
	RunCheck   = "check"   // Fsck
)

// runKinds are all kinds, in the order in which Runs has them.
var runKinds = []string{RunCollect, RunLook, RunCheck}

// States of a run.
const (
	Running  = "running"
	Finished = "finished"
	Failed   = "failed" // Error says why
)

// maxKeptFindings is how many findings of a check are kept with it.
const maxKeptFindings = 100

// keepTime is how long the note of a run may take, whose own context may have ended.
const keepTime = 5 * time.Second

// Run is a collection or a check. Of each kind the last one is kept, also over a restart.
type Run struct {
	Kind      string
	State     string
	By        string // the caller; "": the server by itself
	StartedAt time.Time
	EndedAt   time.Time // zero while it runs
	Error     string
	Collected *CollectReport // of a collection that has ended
	Checked   *FsckSummary   // of a check, while it runs what was checked so far
	Findings  []Finding      // of a check, at most maxKeptFindings
	NextAt    time.Time      // of the kind, when the server begins one by itself; zero: never
}

// runKey is the setting that has the last run of a kind.
func runKey(kind string) string { return "run." + kind }

// runs are those that are under way.
type runs struct {
	running map[string]*Run // by kind
	next    time.Time       // when the next collection begins by itself; zero: none does
	closed  bool
}

// Runs returns those that run, and else the last run of each kind that there was. The caller must audit the instance.
func (s *Maintainer) Runs(ctx context.Context) ([]Run, error) {
	if _, err := s.core.Authorize(ctx, access.Audit, access.Instance); err != nil {
		return nil, err
	}
	kept, running := map[string]Run{}, map[string]Run{}
	s.change(func() { // before those that are kept: a run that ends meanwhile is in one of the two
		for kind, r := range s.runs.running {
			running[kind] = r.copied()
		}
	})
	if err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		for _, kind := range runKinds {
			text, err := tx.Settings().Setting(runKey(kind))
			if errors.Is(err, metadata.ErrNotExist) {
				continue
			}
			var r Run
			if err = errors.Join(err, json.Unmarshal([]byte(text), &r)); err != nil {
				return err
			}
			kept[kind] = r
		}
		return nil
	}); err != nil {
		return nil, err
	}
	s.runsMu.Lock()
	defer s.runsMu.Unlock()
	var out []Run
	for _, kind := range runKinds {
		r, there := kept[kind]
		if now, runs := running[kind]; runs {
			r, there = now, true
		}
		if kind == RunCollect {
			r.Kind, r.NextAt = kind, s.runs.next
			there = there || !r.NextAt.IsZero()
		}
		if there {
			out = append(out, r)
		}
	}
	return out, nil
}

// copied is a run that changes no more.
func (r *Run) copied() Run {
	out := *r
	if r.Checked != nil {
		sum := *r.Checked
		out.Checked = &sum
	}
	out.Findings = slices.Clone(r.Findings)
	return out
}

// RunCollect is Collect, kept as the last run of its kind. Conflict: one runs already.
func (s *Maintainer) RunCollect(ctx context.Context, o CollectOptions) (CollectReport, error) {
	if _, err := s.core.Authorize(ctx, access.Admin, access.Instance); err != nil {
		return CollectReport{}, err
	}
	run, err := s.begin(ctx, collectKind(o))
	if err != nil {
		return CollectReport{}, err
	}
	return s.collectRun(ctx, run, o)
}

func collectKind(o CollectOptions) string {
	if o.DryRun {
		return RunLook
	}
	return RunCollect
}

func (s *Maintainer) collectRun(ctx context.Context, run *Run, o CollectOptions) (CollectReport, error) {
	report, err := s.collect(ctx, o)
	s.change(func() { run.Collected = &report })
	s.end(ctx, run, err)
	return report, err
}

// CheckFunc is Fsck.
type CheckFunc func(ctx context.Context, o FsckOptions, report func(Finding)) (FsckSummary, error)

// BeginCheck returns Fsck, kept as the last run of its kind, which the caller has to call. The caller must administer the instance.
// Conflict: one runs already.
func (s *Maintainer) BeginCheck(ctx context.Context) (CheckFunc, error) {
	if _, err := s.core.Authorize(ctx, access.Admin, access.Instance); err != nil {
		return nil, err
	}
	run, err := s.begin(ctx, RunCheck)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, o FsckOptions, report func(Finding)) (FsckSummary, error) {
		return s.checkRun(ctx, run, o, report)
	}, nil
}

func (s *Maintainer) checkRun(ctx context.Context, run *Run, o FsckOptions, report func(Finding)) (FsckSummary, error) {
	progress := o.Progress
	o.Progress = func(sum FsckSummary) {
		s.change(func() { run.Checked = &sum })
		if progress != nil {
			progress(sum)
		}
	}
	sum, err := s.Fsck(ctx, o, func(f Finding) {
		s.change(func() {
			if len(run.Findings) < maxKeptFindings {
				run.Findings = append(run.Findings, f)
			}
		})
		report(f)
	})
	s.change(func() { run.Checked = &sum })
	s.end(ctx, run, err)
	return sum, err
}

// StartCollect begins a collection that goes on after the request. The caller must administer the instance. Conflict: one runs already.
func (s *Maintainer) StartCollect(ctx context.Context, o CollectOptions) (Run, error) {
	return s.start(ctx, collectKind(o), func(ctx context.Context, run *Run) error {
		_, err := s.collectRun(ctx, run, o)
		return err
	})
}

// StartCheck begins a check that goes on after the request. The caller must administer the instance. Conflict: one runs already.
func (s *Maintainer) StartCheck(ctx context.Context, o FsckOptions) (Run, error) {
	return s.start(ctx, RunCheck, func(ctx context.Context, run *Run) error {
		_, err := s.checkRun(ctx, run, o, func(Finding) {})
		return err
	})
}

func (s *Maintainer) start(ctx context.Context, kind string, do func(context.Context, *Run) error) (Run, error) {
	if _, err := s.core.Authorize(ctx, access.Admin, access.Instance); err != nil {
		return Run{}, err
	}
	if err := s.core.Renewed(ctx); err != nil {
		return Run{}, err
	}
	run, err := s.begin(ctx, kind)
	if err != nil {
		return Run{}, err
	}
	s.runsMu.Lock()
	first := run.copied()
	s.runsMu.Unlock()
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(s.closing, cancel)
	s.started.Go(func() {
		defer cancel()
		defer stop()
		if err := do(background, run); err != nil && registry.KindOf(err) == registry.Internal {
			s.core.Log.ErrorContext(background, "a run failed", "kind", kind, "error", err) // nobody waits for it
		}
	})
	return first, nil
}

// begin notes that a run has begun. Conflict: one of its kind runs; Unavailable: the server ends.
func (s *Maintainer) begin(ctx context.Context, kind string) (*Run, error) {
	s.runsMu.Lock()
	defer s.runsMu.Unlock()
	switch {
	case s.runs.closed:
		return nil, registry.Errorf(registry.Unavailable, registry.AboutRequest, "the server ends")
	case s.runs.running[kind] != nil && s.runs.running[kind].State == Running:
		what := map[string]string{RunCheck: "a check"}[kind]
		if what == "" {
			what = "a collection"
		}
		return nil, registry.Errorf(registry.Conflict, registry.AboutRequest, "%s runs already: wait for its end", what)
	}
	run := &Run{Kind: kind, State: Running, StartedAt: s.core.Now()}
	if a := access.From(ctx); a.Type != access.TypeSystem && a.Type != "" {
		run.By = a.Text()
	}
	if s.runs.running == nil {
		s.runs.running = map[string]*Run{}
	}
	s.runs.running[kind] = run
	return run, nil
}

func (s *Maintainer) change(fn func()) {
	s.runsMu.Lock()
	defer s.runsMu.Unlock()
	fn()
}

// end keeps a run as the last one of its kind. What keeps it from being kept is logged, as the run has done what it has done.
func (s *Maintainer) end(ctx context.Context, run *Run, failed error) {
	s.runsMu.Lock()
	run.State, run.EndedAt = Finished, s.core.Now()
	if failed != nil {
		run.State, run.Error = Failed, registry.AsError(failed).Detail
		if errors.Is(failed, context.Canceled) || errors.Is(failed, context.DeadlineExceeded) {
			run.Error = "it was cut off: the server ended, or the caller went away"
		}
		run.Error = strings.TrimPrefix(run.Error, "registry: ")
	}
	text, err := json.Marshal(run)
	s.runsMu.Unlock()
	defer s.change(func() { // from now on Runs finds it where it is kept
		if s.runs.running[run.Kind] == run {
			delete(s.runs.running, run.Kind)
		}
	})
	if err == nil {
		// Whatever became of the login of the caller who began it.
		ctx, cancel := context.WithTimeout(access.With(context.WithoutCancel(ctx), access.System()), keepTime)
		defer cancel()
		err = s.core.Update(ctx, func(tx metadata.Tx) error { return tx.Settings().PutSetting(runKey(run.Kind), string(text)) })
	}
	if err != nil && !errors.Is(err, metadata.ErrClosed) {
		s.core.Log.WarnContext(ctx, "the result of a run is not kept", "kind", run.Kind, "error", err)
	}
}

// Close ends the runs that StartCollect and StartCheck began, and waits for them.
func (s *Maintainer) Close() {
	s.change(func() { s.runs.closed = true })
	s.close()
	s.started.Wait()
}
