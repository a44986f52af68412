package deploy

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Statuses of a deployment.
const (
	DeploymentQueued     = metadata.DeploymentQueued
	DeploymentRunning    = metadata.DeploymentRunning
	DeploymentSucceeded  = metadata.DeploymentSucceeded
	DeploymentFailed     = metadata.DeploymentFailed
	DeploymentRolledBack = metadata.DeploymentRolledBack
	DeploymentCancelled  = metadata.DeploymentCancelled
)

// Bounds of a report.
const (
	maxExternalIDBytes = 255
	maxURLBytes        = 2048
	maxCandidates      = 5 // shown in the error where a digest names several versions
)

// DeploymentChange is the next status of a deployment, with its reason. EventID and URL, unless empty, replace the reported ones.
type DeploymentChange struct {
	Status  registry.DeploymentStatus
	Reason  string // one line
	EventID string
	URL     string
	// IfRunning, unless nil, is the log entry since which the service must run this deployment.
	IfRunning *int64
}

// ChangeDeployment reports the next status of a deployment; reporting the current status changes nothing. The caller needs the
// right to deploy in the deployment's repository, and the environment's consent. NotFound, Conflict, Invalid; PreconditionFailed: IfRunning does not hold.
func (s *Records) ChangeDeployment(ctx context.Context, id int64, ch DeploymentChange) (registry.Deployment, error) {
	if err := checkReason(ch.Reason); err != nil {
		return registry.Deployment{}, err
	}
	if err := checkURL(ch.URL); err != nil {
		return registry.Deployment{}, err
	}
	var d registry.Deployment
	err := s.core.Update(ctx, func(tx metadata.Tx) error {
		actor := access.From(ctx)
		if actor.Type == access.TypeAnonymous {
			if _, err := s.seen(ctx, tx.Repositories()); err != nil {
				return err
			}
		}
		hidden := registry.Errorf(registry.NotFound, registry.AboutDeployment, "there is no deployment %d", id)
		var err error
		if d, err = tx.Deployments().Deployment(id); errors.Is(err, metadata.ErrNotExist) {
			return hidden
		} else if err != nil {
			return err
		}
		if err := s.mayChange(ctx, tx.Repositories(), d, hidden); err != nil {
			return err
		}
		env, err := tx.Environments().Environment(d.Environment)
		if err == nil {
			err = consents(actor, env)
		}
		if err != nil {
			return err
		}
		if err := s.mayReplace(ctx, tx, env, d); err != nil {
			return err
		}
		if err := stillRuns(tx, d, ch.IfRunning); err != nil {
			return err
		}
		d, err = (&deploying{tx: tx, actor: actor}).report(d, ch)
		return err
	})
	return d, err
}

// stillRuns checks that a service runs a deployment since a log entry; nil: it need not. PreconditionFailed.
func stillRuns(tx metadata.Tx, d registry.Deployment, since *int64) error {
	if since == nil {
		return nil
	}
	r, err := tx.Runs().Running(d.EnvironmentID, d.Service)
	switch {
	case errors.Is(err, metadata.ErrNotExist):
		return registry.Errorf(registry.PreconditionFailed, registry.AboutDeployment, "service %q of environment %q runs nothing any more", d.Service, d.Environment)
	case err != nil:
		return err
	case r.Deployment.ID != d.ID || r.SeqFrom != *since:
		return registry.Errorf(registry.PreconditionFailed, registry.AboutDeployment, "service %q of environment %q runs deployment %d (version %s) since entry %d of the log, not deployment %d since entry %d",
			d.Service, d.Environment, r.Deployment.ID, registry.Clip(r.Deployment.Version), r.SeqFrom, d.ID, *since)
	}
	return nil
}

// Deployment returns one deployment with its reports, of a repository that the caller may read. NotFound.
func (s *Records) Deployment(ctx context.Context, id int64) (d registry.Deployment, reports []metadata.Report, err error) {
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		ids, err := s.seen(ctx, tx.Repositories())
		if err != nil {
			return err
		}
		if d, err = tx.Deployments().Deployment(id); err == nil && !contains(ids, d.RepositoryID) &&
			access.DecideEnvironment(access.From(ctx), access.Read, d.Environment) != access.Allow {
			d, err = registry.Deployment{}, metadata.ErrNotExist
		}
		if err != nil {
			return registry.Missing(err, registry.AboutDeployment, "there is no deployment %d", id)
		}
		reports, err = tx.Deployments().Reports(d)
		return err
	})
	return d, reports, err
}

// DeploymentQuery selects deployments; empty fields are all.
type DeploymentQuery struct {
	Environment string
	Service     string
	Repository  string
	Status      registry.DeploymentStatus
	PURL        string
	Digest      digest.Digest
	Since       time.Time // made then or later
	After       string    // ID of the last deployment of the page before
	Limit       int
}

// Deployments lists deployments, the newest first, of the repositories that the caller may read. NotFound: about the
// repository or the environment that the query names.
func (s *Records) Deployments(ctx context.Context, q DeploymentQuery) ([]registry.Deployment, error) {
	m := metadata.DeploymentQuery{Service: q.Service, Status: q.Status, PURL: q.PURL, Digest: q.Digest, Since: q.Since, Limit: registry.Bound(q.Limit)}
	var err error
	if q.After != "" {
		if m.BeforeID, err = strconv.ParseInt(q.After, 10, 64); err != nil || m.BeforeID <= 0 {
			return nil, registry.Errorf(registry.Invalid, registry.AboutRequest, "the cursor is not one of ours")
		}
	}
	if q.Digest != "" && q.Digest.Validate() != nil {
		return nil, registry.Errorf(registry.Invalid, registry.AboutRequest, "%q is not a digest such as sha256:<64 hex digits>", registry.Clip(q.Digest.String()))
	}
	if q.Status != "" && statusEvents[q.Status] == 0 {
		return nil, unknownStatus(q.Status)
	}
	if q.Repository != "" {
		if err := s.core.AuthorizeAny(ctx, q.Repository, access.Read, access.Audit); err != nil {
			return nil, err
		}
	}
	var out []registry.Deployment
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		if m.Repositories, err = s.seen(ctx, tx.Repositories()); err != nil {
			return err
		}
		if q.Repository != "" {
			repo, err := tx.Repositories().Repository(q.Repository)
			if err != nil {
				return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(q.Repository))
			}
			m.Repositories = []int64{repo.ID}
		}
		if q.Environment != "" {
			env, err := tx.Environments().Environment(q.Environment)
			if err != nil {
				return registry.Missing(err, registry.AboutEnvironment, "there never was an environment %q", registry.Clip(q.Environment))
			}
			m.EnvironmentID = env.ID
			if q.Repository == "" && access.DecideEnvironment(access.From(ctx), access.Read, env.Name) == access.Allow {
				m.Repositories = nil
			}
		}
		out, err = tx.Deployments().Deployments(m)
		return err
	})
	return out, err
}

func unknownStatus(s registry.DeploymentStatus) error {
	return registry.Errorf(registry.Invalid, registry.AboutDeployment, "%q is no status of a deployment: queued, running, succeeded, failed, rolled_back, cancelled", registry.Clip(string(s)))
}

func IDText(id int64) string { return fmt.Sprint(id) }
