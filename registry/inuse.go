package registry

import (
	"fmt"
	"time"

	"slipway/metadata"
)

// Use is a reason why a version can't be deleted: a service runs it, or a deployment is about to bring it.
type Use struct {
	Environment string
	Service     string
	Deployment  int64
	Status      DeploymentStatus
	Since       time.Time // when the run began, or the deployment was reported
}

func (u Use) String() string {
	since := metadata.FormatTime(u.Since)
	if u.Runs() {
		return fmt.Sprintf("%q runs it in environment %q since %s", u.Service, u.Environment, since)
	}
	return fmt.Sprintf("deployment %d of %q in environment %q is %s since %s", u.Deployment, u.Service, u.Environment, u.Status, since)
}

// Runs reports whether a service runs the version; otherwise a deployment is about to bring it.
func (u Use) Runs() bool { return u.Status == metadata.DeploymentSucceeded }

// InUse is the cause of a Conflict about a version that is deployed.
type InUse struct{ Uses []Use }

func (e *InUse) Error() string { return "the version is deployed" }
