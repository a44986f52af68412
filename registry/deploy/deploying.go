package deploy

import (
	"errors"
	"slices"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// deploying is what one transaction does to deployments: it writes reports, runs and log entries together.
type deploying struct {
	tx    metadata.Tx
	actor access.Actor
}

// statusEvents are the types of the log entries of the statuses.
var statusEvents = map[registry.DeploymentStatus]registry.EventType{
	DeploymentQueued: registry.EventDeploymentQueued, DeploymentRunning: registry.EventDeploymentStarted, DeploymentSucceeded: registry.EventDeploymentSucceeded,
	DeploymentFailed: registry.EventDeploymentFailed, DeploymentRolledBack: registry.EventDeploymentRolledBack, DeploymentCancelled: registry.EventDeploymentCancelled,
}

// next has the statuses that can follow a status; a status without an entry ends the deployment.
var next = map[registry.DeploymentStatus][]registry.DeploymentStatus{
	DeploymentQueued:    {DeploymentRunning, DeploymentSucceeded, DeploymentFailed, DeploymentRolledBack, DeploymentCancelled},
	DeploymentRunning:   {DeploymentSucceeded, DeploymentFailed, DeploymentRolledBack, DeploymentCancelled},
	DeploymentSucceeded: {DeploymentRolledBack},
}

// report stores a new status of a deployment, and begins or ends runs accordingly. The first report of a deployment may have
// any status. Conflict, Invalid.
func (c *deploying) report(d registry.Deployment, ch DeploymentChange) (registry.Deployment, error) {
	status := ch.Status
	kind, known := statusEvents[status]
	if !known {
		return d, unknownStatus(status)
	}
	if d.Status == status {
		return d, nil
	}
	if d.Status != "" && !slices.Contains(next[d.Status], status) {
		return d, registry.Errorf(registry.Conflict, registry.AboutDeployment, "deployment %d is %s; it can't become %s", d.ID, d.Status, status)
	}
	d.Status, d.Reason, d.UpdatedBy = status, ch.Reason, c.actor.Text()
	if ch.EventID != "" {
		d.EventID = ch.EventID
	}
	if ch.URL != "" {
		d.URL = ch.URL
	}
	now, err := c.running(d)
	if err != nil {
		return d, err
	}
	var again *registry.Deployment
	ends := status == DeploymentRolledBack && now != nil && now.Deployment.ID == d.ID
	if ends {
		if again, err = c.before(*now); err != nil {
			return d, err
		}
	}
	seq, err := c.append(kind, d, now, again)
	if err != nil {
		return d, err
	}
	switch {
	case status == DeploymentSucceeded:
		err = c.tx.Runs().StartRun(d, seq)
	case again != nil:
		err = c.tx.Runs().StartRun(*again, seq)
	case ends:
		err = c.tx.Runs().EndRun(d.EnvironmentID, d.Service, seq)
	}
	if err != nil {
		return d, err
	}
	if d.LastSeq = seq; d.Seq == 0 {
		d.Seq = seq
	}
	return c.tx.Deployments().UpdateDeployment(d)
}

// running returns the run of the deployment's service; nil where it runs nothing.
func (c *deploying) running(d registry.Deployment) (*registry.Run, error) {
	r, err := c.tx.Runs().Running(d.EnvironmentID, d.Service)
	if errors.Is(err, metadata.ErrNotExist) {
		return nil, nil
	}
	return &r, err
}

// before finds the last deployment that ran before a run and was not rolled back itself. It looks back to where the service
// ran nothing. nil: there is none.
func (c *deploying) before(now registry.Run) (*registry.Deployment, error) {
	q := metadata.RunQuery{EnvironmentID: now.Deployment.EnvironmentID, Service: now.Deployment.Service, BeforeSeq: now.SeqFrom, Limit: 50}
	for began := now.SeqFrom; ; {
		page, err := c.tx.Runs().Runs(q)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			if r.SeqTo < began {
				return nil, nil
			}
			if r.Deployment.ID != now.Deployment.ID && r.Deployment.Status == DeploymentSucceeded {
				return &r.Deployment, nil
			}
			began = r.SeqFrom
		}
		if len(page) < q.Limit {
			return nil, nil
		}
		q.BeforeSeq = began
	}
}

// append writes the log entry of a deployment. now is the run before it, again the deployment that runs again.
func (c *deploying) append(kind registry.EventType, d registry.Deployment, now *registry.Run, again *registry.Deployment) (int64, error) {
	data := registry.EventData{Repository: d.Repository, Format: d.Format, Package: d.Package, Version: d.Version, PURL: d.PURL, Digest: d.Digest, Reason: d.Reason}
	data.EventDeployment = registry.EventDeployment{Environment: d.Environment, Service: d.Service, Deployment: IDText(d.ID),
		Status: d.Status, ExternalID: d.ExternalID, URL: d.URL, Cause: d.EventID}
	if now != nil && now.Deployment.ID != d.ID {
		data.Previous = eventVersionOf(now.Deployment)
	}
	if again != nil {
		data.Restored = eventVersionOf(*again)
	}
	e, err := registry.Append(c.tx.Log(), c.actor, kind, d.PURL, d.RepositoryID, d.PackageID, data)
	return e.Seq, err
}

func eventVersionOf(d registry.Deployment) *registry.EventVersion {
	return &registry.EventVersion{Version: d.Version, Digest: d.Digest, PURL: d.PURL, Repository: d.Repository, Deployment: IDText(d.ID)}
}

// stop ends a run, after which the service runs nothing.
func (c *deploying) stop(r registry.Run) error {
	d := r.Deployment
	seq, err := c.append(registry.EventDeploymentStopped, d, &r, nil)
	if err != nil {
		return err
	}
	return c.tx.Runs().EndRun(d.EnvironmentID, d.Service, seq)
}

// endSome cancels queued and running deployments of an environment, and then ends runs: endedAtOnce together, or fewer where no
// more are left. It returns their number.
func (c *deploying) endSome(e registry.Environment) (ended int, err error) {
	open, err := c.tx.Deployments().OpenIn(e.ID, endedAtOnce)
	if err != nil {
		return 0, err
	}
	for _, d := range open {
		if _, err := c.report(d, DeploymentChange{Status: DeploymentCancelled}); err != nil {
			return ended, err
		}
		ended++
	}
	if ended == endedAtOnce {
		return ended, nil
	}
	size, err := c.tx.Log().LogSize()
	if err != nil {
		return ended, err
	}
	runs, err := c.tx.Runs().RunsAt(e.ID, size) // at most as many as an environment has services
	if err != nil {
		return ended, err
	}
	for _, r := range runs[:min(len(runs), endedAtOnce-ended)] {
		if err := c.stop(r); err != nil {
			return ended, err
		}
		ended++
	}
	return ended, nil
}

// forgotten is how long after its latest report a queued or running deployment still keeps its version: one that is never
// reported again must not keep it for ever.
const forgotten = 7 * 24 * time.Hour

// Uses implements publish.Keeper: the services that run a version, and the deployments that are about to bring it.
func (s *Records) Uses(tx metadata.Tx, v registry.Version, limit int) ([]registry.Use, error) {
	var out []registry.Use
	running, err := tx.Runs().RunsOfVersion(v.ID, limit)
	if err != nil {
		return nil, err
	}
	for _, r := range running {
		d := r.Deployment
		out = append(out, registry.Use{Environment: d.Environment, Service: d.Service, Deployment: d.ID, Status: metadata.DeploymentSucceeded, Since: r.Since})
	}
	coming, err := tx.Deployments().OpenDeployments(v.ID, tx.Now().Add(-forgotten), limit)
	for _, d := range coming {
		out = append(out, registry.Use{Environment: d.Environment, Service: d.Service, Deployment: d.ID, Status: d.Status, Since: d.UpdatedAt})
	}
	return out, err
}
