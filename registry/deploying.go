package registry

import (
	"errors"
	"slices"

	"slipway/metadata"
	"slipway/registry/access"
)

// deploying is what one transaction does to deployments: records, what runs, and log entries together.
type deploying struct {
	tx    metadata.Tx
	actor access.Actor
}

// statusEvents are the types of the log entries of the statuses.
var statusEvents = map[DeploymentStatus]EventType{
	DeploymentQueued: EventDeploymentQueued, DeploymentRunning: EventDeploymentStarted, DeploymentSucceeded: EventDeploymentSucceeded,
	DeploymentFailed: EventDeploymentFailed, DeploymentRolledBack: EventDeploymentRolledBack, DeploymentCancelled: EventDeploymentCancelled,
}

// next are the statuses that can follow one; the others end a deployment.
var next = map[DeploymentStatus][]DeploymentStatus{
	DeploymentQueued:    {DeploymentRunning, DeploymentSucceeded, DeploymentFailed, DeploymentRolledBack, DeploymentCancelled},
	DeploymentRunning:   {DeploymentSucceeded, DeploymentFailed, DeploymentRolledBack, DeploymentCancelled},
	DeploymentSucceeded: {DeploymentRolledBack},
}

// report notes a status of a deployment, and what it means for what runs. A deployment of which nothing was reported yet
// takes any status. Conflict, Invalid.
func (c *deploying) report(d Deployment, status DeploymentStatus, eventID, url string) (Deployment, error) {
	kind, known := statusEvents[status]
	if !known {
		return d, unknownStatus(status)
	}
	if d.Status == status {
		return d, nil
	}
	if d.Status != "" && !slices.Contains(next[d.Status], status) {
		return d, Errorf(Conflict, AboutDeployment, "deployment %d is %s; it can't become %s", d.ID, d.Status, status)
	}
	d.Status, d.UpdatedBy = status, c.actor.Name
	if eventID != "" {
		d.EventID = eventID
	}
	if url != "" {
		d.URL = url
	}
	now, err := c.running(d)
	if err != nil {
		return d, err
	}
	var again *Deployment
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

// running is what the service of a deployment runs; nil for nothing.
func (c *deploying) running(d Deployment) (*Run, error) {
	r, err := c.tx.Runs().Running(d.EnvironmentID, d.Service)
	if errors.Is(err, metadata.ErrNotExist) {
		return nil, nil
	}
	return &r, err
}

// before finds what ran before a run and was not rolled back itself: back to where the service ran nothing. nil: nothing.
func (c *deploying) before(now Run) (*Deployment, error) {
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

// append writes the log entry of a deployment. now is what ran before it, again what it lets run again.
func (c *deploying) append(kind EventType, d Deployment, now *Run, again *Deployment) (int64, error) {
	data := EventData{Repository: d.Repository, Format: d.Format, Package: d.Package, Version: d.Version, PURL: d.PURL, Digest: d.Digest}
	data.eventDeployment = eventDeployment{Environment: d.Environment, Service: d.Service, Deployment: idText(d.ID),
		Status: d.Status, ExternalID: d.ExternalID, URL: d.URL, Cause: d.EventID}
	if now != nil && now.Deployment.ID != d.ID {
		data.Previous = eventVersionOf(now.Deployment)
	}
	if again != nil {
		data.Restored = eventVersionOf(*again)
	}
	e, err := appendEntry(c.tx.Log(), c.actor, kind, d.PURL, d.RepositoryID, d.PackageID, data)
	return e.Seq, err
}

func eventVersionOf(d Deployment) *EventVersion {
	return &EventVersion{Version: d.Version, Digest: d.Digest, PURL: d.PURL, Deployment: idText(d.ID)}
}

// stop ends a run without another one in its place.
func (c *deploying) stop(r Run) error {
	d := r.Deployment
	seq, err := c.append(EventDeploymentStopped, d, &r, nil)
	if err != nil {
		return err
	}
	return c.tx.Runs().EndRun(d.EnvironmentID, d.Service, seq)
}

// cancelAll cancels what is queued or running in an environment.
func (c *deploying) cancelAll(e Environment) error {
	for _, status := range []DeploymentStatus{DeploymentQueued, DeploymentRunning} {
		for {
			page, err := c.tx.Deployments().Deployments(metadata.DeploymentQuery{EnvironmentID: e.ID, Status: status, Limit: MaxPage})
			if err != nil {
				return err
			}
			for _, d := range page {
				if _, err := c.report(d, DeploymentCancelled, "", ""); err != nil {
					return err
				}
			}
			if len(page) < MaxPage {
				break
			}
		}
	}
	return nil
}

// Uses implements Keeper: services that run a version, and deployments that are about to bring it.
func (s *Service) Uses(tx metadata.Tx, v Version, limit int) ([]Use, error) {
	var out []Use
	running, err := tx.Runs().RunsOfVersion(v.ID, limit)
	if err != nil {
		return nil, err
	}
	for _, r := range running {
		d := r.Deployment
		out = append(out, Use{Environment: d.Environment, Service: d.Service, Deployment: d.ID, Status: metadata.DeploymentSucceeded, Since: r.Since})
	}
	coming, err := tx.Deployments().OpenDeployments(v.ID, limit)
	for _, d := range coming {
		out = append(out, Use{Environment: d.Environment, Service: d.Service, Deployment: d.ID, Status: d.Status, Since: d.UpdatedAt})
	}
	return out, err
}
