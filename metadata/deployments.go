package metadata

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// Environment is a place where versions run, as it is from one log entry on.
type Environment struct {
	ID          int64
	Name        string
	Description string
	Tag         string // the tag that says what is wanted here; may be empty
	OwnerID     int64  // the user who decides who may deploy there; 0: none, so every caller who may deploy at all
	Owner       string // the owner's name; filled on reading
	Deleted     bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Seq         int64 // log entry that made this state
}

// Environments keeps environments with all their past states. A deleted environment keeps its name, and may be made again.
type Environments interface {
	// PutEnvironment makes the environment of e.Name, or notes what it is from e.Seq on. It fills ID and times.
	PutEnvironment(e Environment) (Environment, error)
	Environment(name string) (Environment, error) // also a deleted one
	EnvironmentAt(name string, seq int64) (Environment, error)
	Environments(p Page) ([]Environment, error) // not deleted, ascending by name; After is a name
	// EnvironmentsAt is Environments as it was after log entry seq.
	EnvironmentsAt(p Page, seq int64) ([]Environment, error)
	// Following returns at most limit environments, not deleted, whose tag has this name.
	Following(tag string, limit int) ([]Environment, error)
	// Owned returns at most limit environments, not deleted, that a user owns.
	Owned(userID int64, limit int) ([]Environment, error)
	OwnedBy(userID int64) (int64, error)                                // how many environments, not deleted, a user owns
	ServicesOf(environmentID, userID int64) (all, own int64, err error) // how many services an environment has, and how many of them a user brought
}

// DeploymentStatus is how far a deployment has come.
type DeploymentStatus string

// Statuses of a deployment.
const (
	DeploymentQueued     DeploymentStatus = "queued"
	DeploymentRunning    DeploymentStatus = "running"
	DeploymentSucceeded  DeploymentStatus = "succeeded"
	DeploymentFailed     DeploymentStatus = "failed"
	DeploymentRolledBack DeploymentStatus = "rolled_back"
	DeploymentCancelled  DeploymentStatus = "cancelled"
)

// Deployment is one attempt to run a version as a service of an environment, as reported. Version, PURL and Digest are
// those of the first report, even if the version has changed since.
type Deployment struct {
	ID            int64
	EnvironmentID int64
	Environment   string // its name; filled on reading
	Service       string
	ExternalID    string // the reporter's own id; may be empty
	RepositoryID  int64
	Repository    string // its name; filled on reading
	PackageID     int64
	Format        string // filled on reading
	Package       string // its name; filled on reading
	VersionID     int64
	Version       string
	PURL          string
	Digest        digest.Digest
	Status        DeploymentStatus
	Reason        string // of the status, as its report says; may be empty
	EventID       string // of the event that caused it; may be empty
	URL           string
	CreatedAt     time.Time
	CreatedBy     string
	ReporterID    int64     // the user whose first report this is; only for CreateDeployment
	UpdatedAt     time.Time // of the latest report
	UpdatedBy     string
	FinishedAt    time.Time // zero while it is queued or running
	Seq           int64     // log entry of the first report
	LastSeq       int64     // of the latest
}

// DeploymentQuery selects deployments, the newest first.
type DeploymentQuery struct {
	EnvironmentID int64 // 0 is all
	Service       string
	Status        DeploymentStatus
	PURL          string
	Digest        digest.Digest
	Repositories  []int64   // nil is all
	Since         time.Time // made then or later; zero is all
	BeforeID      int64     // 0 is from the newest
	Limit         int
}

// Report is one report of a deployment.
type Report struct {
	Seq    int64 // log entry
	Status DeploymentStatus
	Reason string
	At     time.Time
	By     string // text of the actor
}

// Deployments keeps deployments and every report of them.
type Deployments interface {
	// CreateDeployment stores a deployment that has not been reported before. It fills ID and CreatedAt. ErrExists: the
	// service has one with this external ID.
	CreateDeployment(d Deployment) (Deployment, error)
	// UpdateDeployment notes a report, of UpdatedBy at LastSeq: Status, Reason, EventID, URL and Seq. It fills times.
	UpdateDeployment(d Deployment) (Deployment, error)
	Deployment(id int64) (Deployment, error)
	DeploymentByExternalID(environmentID int64, service, externalID string) (Deployment, error)
	Deployments(q DeploymentQuery) ([]Deployment, error)
	// CameFrom reports whether a deployment brought a version of a repository to an environment, ever.
	CameFrom(environmentID, repositoryID int64) (bool, error)
	// OpenDeployments returns queued and running deployments of a version whose latest report is not before since, ascending by ID.
	OpenDeployments(versionID int64, since time.Time, limit int) ([]Deployment, error)
	OpenIn(environmentID int64, limit int) ([]Deployment, error) // queued and running ones, ascending by ID
	// Reported returns, for each service, the deployment of its latest report up to log entry seq: Status, Reason, UpdatedAt,
	// UpdatedBy and LastSeq are those of that report. Ascending by service.
	Reported(environmentID, seq int64) ([]Deployment, error)
	Reports(d Deployment) ([]Report, error) // every report of a deployment, ascending
}

// Run is an interval in which a service ran the version of a deployment. The deployment's fields are its present ones.
type Run struct {
	Deployment Deployment
	Since      time.Time
	Until      time.Time // zero while it runs
	SeqFrom    int64     // log entry that began it
	Reason     string    // of the report that began it
	By         string    // the text of the actor of that report
	SeqTo      int64     // log entry that ended it; 0 while it runs
}

// RunQuery selects the runs of an environment, the newest first.
type RunQuery struct {
	EnvironmentID int64
	Service       string  // "" is all
	Repositories  []int64 // nil is all
	BeforeSeq     int64   // SeqFrom < BeforeSeq; 0 is from the newest
	Limit         int
}

// Runs keeps the intervals in which services ran versions.
type Runs interface {
	Running(environmentID int64, service string) (Run, error)
	RunsAt(environmentID, seq int64) ([]Run, error)              // runs that held after log entry seq, ascending by service
	Former(environmentID, seq int64) ([]Run, error)              // of each service, the last run that had ended by log entry seq, ascending by service
	RunsOfVersion(versionID int64, limit int) ([]Run, error)     // runs that hold now, by environment and service
	Runs(q RunQuery) ([]Run, error)                              //
	StartRun(d Deployment, seq int64) error                      // ends the run that holds
	EndRun(environmentID int64, service string, seq int64) error // ErrNotExist
}
