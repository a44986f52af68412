package deploy

import (
	"context"
	"errors"
	"slices"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// ServiceState is one service of an environment: the wanted version, the last report, the running version, and what ran before it; each
// nil where there is none.
type ServiceState struct {
	Service  string
	Wanted   *Wanted
	Recorded *registry.Deployment // with the status of the last report
	Running  *registry.Run
	Previous *registry.Run // the last run that had ended
}

// Drift reports whether the running version is not the wanted one.
func (s ServiceState) Drift() bool {
	return s.Wanted != nil && (s.Running == nil || s.Running.Deployment.VersionID != s.Wanted.Tag.VersionID)
}

// Wanted is the version that the environment's tag of a package points to.
type Wanted struct {
	Tag  registry.Tag
	PURL string
}

// EnvironmentState is an environment as of a log entry.
type EnvironmentState struct {
	Environment registry.Environment
	Seq         int64 // last log entry that counts
	Services    []ServiceState
}

// EnvironmentAt returns what is wanted, recorded and running in an environment, now or at a past moment, for the services
// whose repositories the caller may read, all of them for a caller who may read the environment. NotFound: the environment did not exist at that moment.
func (s *Records) EnvironmentAt(ctx context.Context, name string, when registry.AsOf) (EnvironmentState, error) {
	when, err := s.core.SettleUntil(ctx, when)
	if err != nil {
		return EnvironmentState{}, err
	}
	var out EnvironmentState
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		ids, err := s.seen(ctx, tx.Repositories())
		if err != nil {
			return err
		}
		if access.DecideEnvironment(access.From(ctx), access.Read, name) == access.Allow {
			ids = nil
		}
		if out.Seq, err = moment(tx.Log(), when); err != nil {
			return err
		}
		out.Environment, err = tx.Environments().EnvironmentAt(name, out.Seq)
		if err == nil && out.Environment.Deleted {
			err = metadata.ErrNotExist
		}
		if err != nil {
			word := "is"
			if !when.IsNow() {
				word = "was then"
			}
			return registry.Missing(err, registry.AboutEnvironment, "there %s no environment %q", word, registry.Clip(name))
		}
		out.Services, err = services(tx, out.Environment, out.Seq, ids)
		return err
	})
	return out, err
}

// moment is the last log entry that counts at m, at most the newest entry.
func moment(log metadata.Log, m registry.AsOf) (int64, error) {
	size, err := log.LogSize()
	if err != nil || m.IsNow() {
		return size - 1, err
	}
	seq, err := registry.SeqAsOf(log, m)
	return min(seq, size-1), err
}

// services joins reports and runs of an environment; both are ascending by service, and every run has its report.
func services(tx metadata.Tx, e registry.Environment, seq int64, ids []int64) ([]ServiceState, error) {
	reported, err := tx.Deployments().Reported(e.ID, seq)
	if err != nil {
		return nil, err
	}
	running, err := tx.Runs().RunsAt(e.ID, seq)
	if err != nil {
		return nil, err
	}
	former, err := tx.Runs().Former(e.ID, seq)
	if err != nil {
		return nil, err
	}
	previous := map[string]*registry.Run{}
	for i, r := range former {
		if contains(ids, r.Deployment.RepositoryID) {
			previous[r.Deployment.Service] = &former[i]
		}
	}
	var out []ServiceState
	for _, d := range reported {
		st := ServiceState{Service: d.Service, Previous: previous[d.Service]}
		about := d
		for len(running) > 0 && running[0].Deployment.Service <= d.Service {
			if r := running[0]; r.Deployment.Service == d.Service && contains(ids, r.Deployment.RepositoryID) {
				st.Running, about = &r, r.Deployment
			}
			running = running[1:]
		}
		if contains(ids, d.RepositoryID) {
			st.Recorded = &d
		}
		if st.Recorded == nil && st.Running == nil {
			continue
		}
		if st.Wanted, err = wanted(tx, e, about.PackageID, seq); err != nil {
			return nil, err
		}
		out = append(out, st)
	}
	return out, nil
}

// contains reports whether id is one of ids; nil is all.
func contains(ids []int64, id int64) bool {
	return ids == nil || slices.Contains(ids, id)
}

// wanted returns the version that the environment's tag of a package pointed to; nil where there was none.
func wanted(tx metadata.Tx, e registry.Environment, packageID, seq int64) (*Wanted, error) {
	if e.Tag == "" {
		return nil, nil
	}
	t, err := tx.Tags().TagAt(packageID, e.Tag, seq)
	if errors.Is(err, metadata.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := tx.Versions().VersionByID(t.VersionID)
	return &Wanted{Tag: t, PURL: v.PURL}, err
}

// RunQuery selects runs of an environment.
type RunQuery struct {
	Service string        // "" is all
	Before  int64         // log entry (Run.SeqFrom) of the last run of the page before; 0: from the newest
	When    registry.AsOf // the runs as they were known then: those that ended later still run
	Limit   int
}

// Runs lists the runs of an environment, the newest first, of the repositories that the caller may read; also of a deleted
// environment. NotFound: it never existed.
func (s *Records) Runs(ctx context.Context, name string, q RunQuery) ([]registry.Run, error) {
	when, err := s.core.SettleUntil(ctx, q.When)
	if err != nil {
		return nil, err
	}
	var out []registry.Run
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		ids, err := s.seen(ctx, tx.Repositories())
		if err != nil {
			return err
		}
		if access.DecideEnvironment(access.From(ctx), access.Read, name) == access.Allow {
			ids = nil
		}
		e, err := tx.Environments().Environment(name)
		if err != nil {
			return registry.Missing(err, registry.AboutEnvironment, "there never was an environment %q", registry.Clip(name))
		}
		mq := metadata.RunQuery{EnvironmentID: e.ID, Service: q.Service, Repositories: ids, BeforeSeq: q.Before, Limit: registry.Bound(q.Limit)}
		if when.IsNow() {
			out, err = tx.Runs().Runs(mq)
			return err
		}
		seq, err := moment(tx.Log(), when)
		if err != nil || seq < 0 {
			return err
		}
		if mq.BeforeSeq == 0 || mq.BeforeSeq > seq {
			mq.BeforeSeq = seq + 1
		}
		out, err = tx.Runs().Runs(mq)
		for i, r := range out {
			if r.SeqTo > seq {
				out[i].SeqTo, out[i].Until = 0, time.Time{}
			}
		}
		return err
	})
	return out, err
}
