package maintain

import (
	"context"
	"math"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/deploy"
)

type serviceKey struct{ environment, service string }

// reportState is a deployment after its latest report.
type reportState struct {
	status registry.DeploymentStatus
	seq    int64
}

// runState is the run of a service: the deployment that began it, and the log entry.
type runState struct {
	deployment string
	seq        int64
}

// reported replays a deployment's report and its effect on runs.
func (r *replay) reported(e registry.Entry, d registry.EventData) error {
	key := serviceKey{d.Environment, d.Service}
	r.deployed[d.Deployment] = reportState{d.Status, e.Seq}
	switch {
	case d.Status == deploy.DeploymentSucceeded:
		r.running[key] = runState{d.Deployment, e.Seq}
	case d.Restored != nil:
		r.running[key] = runState{d.Restored.Deployment, e.Seq}
	case d.Status == deploy.DeploymentRolledBack && r.running[key].deployment == d.Deployment:
		delete(r.running, key)
	}
	return nil
}

// stopped replays the end of a service's run.
func (r *replay) stopped(_ registry.Entry, d registry.EventData) error {
	delete(r.running, serviceKey{d.Environment, d.Service})
	return nil
}

// deployments compares deployments and runs with the replayed log. What was reported after the first look is left out, where the place was
// passed.
func (f *fsck) deployments(ctx context.Context) error {
	q, environments := metadata.DeploymentQuery{Limit: registry.MaxPage}, map[int64]bool{}
	var end int64
	for begun, more := false, true; more; {
		if err := f.view(ctx, func(tx metadata.Tx) (err error) {
			if !begun {
				begun, end = true, f.next
			}
			more, err = f.somePages(tx, &q, environments)
			return err
		}); err != nil {
			return err
		}
	}
	for id, want := range f.replay.deployed {
		if want.seq < end {
			f.wrong("deployment", "the log (entry %d) knows deployment %s, the tables do not", want.seq, id)
		}
	}
	for key, want := range f.replay.running {
		if want.seq < end {
			f.wrong("deployment", "the log (entry %d) says that deployment %s runs as %q in environment %q, the tables do not",
				want.seq, want.deployment, key.service, key.environment)
		}
	}
	return nil
}

// somePages compares deployments from a place on, the newest first, until the view has to end, with what runs in their environments.
func (f *fsck) somePages(tx metadata.Tx, q *metadata.DeploymentQuery, environments map[int64]bool) (more bool, err error) {
	for until := time.Now().Add(viewTime); ; {
		page, err := tx.Deployments().Deployments(*q)
		if err != nil {
			return false, err
		}
		for _, d := range page {
			f.deployment(d)
			if q.BeforeID = d.ID; !environments[d.EnvironmentID] {
				environments[d.EnvironmentID] = true
				if err := f.runs(tx.Runs(), d.EnvironmentID); err != nil {
					return false, err
				}
			}
			if time.Now().After(until) {
				return true, nil
			}
		}
		if len(page) < q.Limit {
			return false, nil
		}
	}
}

// deployment compares one deployment and takes it out of the replay.
func (f *fsck) deployment(d registry.Deployment) {
	id := deploy.IDText(d.ID)
	want, ok := f.replay.deployed[id]
	delete(f.replay.deployed, id)
	if got := (reportState{d.Status, d.LastSeq}); !ok || got != want {
		f.wrong("deployment", "deployment %s is %s by entry %d, the log says %q by entry %d", id, got.status, got.seq, want.status, want.seq)
	}
}

// runs compares the runs of one environment and takes them out of the replay.
func (f *fsck) runs(rows metadata.Runs, environmentID int64) error {
	runs, err := rows.RunsAt(environmentID, math.MaxInt64)
	if err != nil {
		return err
	}
	for _, r := range runs {
		key := serviceKey{r.Deployment.Environment, r.Deployment.Service}
		want, ok := f.replay.running[key]
		delete(f.replay.running, key)
		if got := (runState{deploy.IDText(r.Deployment.ID), r.SeqFrom}); !ok || got != want {
			f.wrong("deployment", "%q in environment %q runs deployment %s since entry %d, the log says %q since entry %d",
				key.service, key.environment, got.deployment, got.seq, want.deployment, want.seq)
		}
	}
	return nil
}
