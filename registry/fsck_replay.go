package registry

import "errors"

// replay is the state that the log describes, in a form small enough for millions of versions.
type replay struct {
	versions map[versionKey]versionState
	tags     map[tagKey]tagState
	dropped  map[int64]bool // deleted repositories
	deployed map[string]reportState
	running  map[serviceKey]runState
}

type versionKey struct {
	pkg  int64
	name string
}

// versionState folds files and facts into sums that do not depend on order: adding and removing are the same operation.
type versionState struct {
	repo  int64
	state State
	files fold
	facts fold
	seq   int64
	// silent: stored, and nobody was told yet
	silent bool
}

type tagKey struct {
	pkg  int64
	name string
}

type tagState struct {
	repo       int64
	version    string
	generation int64
	seq        int64
}

func newReplay() replay {
	return replay{versions: map[versionKey]versionState{}, tags: map[tagKey]tagState{}, dropped: map[int64]bool{},
		deployed: map[string]reportState{}, running: map[serviceKey]runState{}}
}

// replays say what an entry of each type does to the state: that they do nothing is said too.
var replays = map[EventType]func(*replay, Entry, EventData) error{
	EventArtifactPublished: (*replay).published,
	EventArtifactStored:    (*replay).stored,
	EventArtifactFilesAdded: changing(func(v *versionState, d EventData) {
		v.files.files(d.Files)
		v.facts.facts(d.Facts)
	}),
	EventArtifactFilesReplaced: changing(func(v *versionState, d EventData) {
		v.files.files(d.Files)
		v.files.files(d.Former)
		v.facts.facts(d.Facts)
	}),
	EventArtifactFilesRemoved:    changing(func(v *versionState, d EventData) { v.files.files(d.Files) }),
	EventArtifactMetadataChanged: changing(func(v *versionState, d EventData) { v.facts.facts(d.Facts) }),
	EventArtifactDeprecated:      changing(func(v *versionState, _ EventData) { v.state = Deprecated }),
	EventArtifactYanked:          changing(func(v *versionState, _ EventData) { v.state = Yanked }),
	EventArtifactRestored:        changing(func(v *versionState, _ EventData) { v.state = Published }),
	EventArtifactDeleted:         changing(func(v *versionState, _ EventData) { v.state, v.files = Deleted, fold{} }),
	EventPackageChanged:          nothing,

	EventTagSet:     (*replay).tagSet,
	EventTagRemoved: (*replay).tagRemoved,

	EventDeploymentQueued:     (*replay).reported,
	EventDeploymentStarted:    (*replay).reported,
	EventDeploymentSucceeded:  (*replay).reported,
	EventDeploymentFailed:     (*replay).reported,
	EventDeploymentRolledBack: (*replay).reported,
	EventDeploymentCancelled:  (*replay).reported,
	EventDeploymentStopped:    (*replay).stopped,

	EventEnvironmentCreated: nothing,
	EventEnvironmentChanged: nothing,
	EventEnvironmentDeleted: nothing,

	EventRepositoryCreated: nothing,
	EventRepositoryChanged: nothing,
	EventRepositoryDeleted: (*replay).repositoryDeleted,

	EventTokenCreated: nothing,
	EventTokenRevoked: nothing,
	EventUserCreated:  nothing,
	EventUserChanged:  nothing,

	EventSubscriptionCreated:  nothing,
	EventSubscriptionChanged:  nothing,
	EventSubscriptionDisabled: nothing,
	EventSubscriptionDeleted:  nothing,

	EventInstanceCreated:  nothing,
	EventInstanceRestored: nothing,
}

// nothing replays entries that say nothing of what fsck compares: versions, tags, deployments and what runs.
func nothing(*replay, Entry, EventData) error { return nil }

// changing replays entries that change a version which is there.
func changing(change func(*versionState, EventData)) func(*replay, Entry, EventData) error {
	return func(r *replay, e Entry, d EventData) error {
		key := versionKey{e.PackageID, d.Version}
		v, known := r.versions[key]
		if !known {
			return errors.New("the version was never published")
		}
		change(&v, d)
		r.versions[key] = v
		return nil
	}
}

// published replays a version's publish: of a new one, or of one that was stored silently.
func (r *replay) published(e Entry, d EventData) error {
	key := versionKey{e.PackageID, d.Version}
	if v, known := r.versions[key]; known && v.silent && v.state != Deleted {
		v.silent = false
		r.versions[key] = v
		return nil
	}
	return r.create(e, d, false)
}

func (r *replay) stored(e Entry, d EventData) error { return r.create(e, d, true) }

// create replays the beginning of a version.
func (r *replay) create(e Entry, d EventData, silent bool) error {
	key := versionKey{e.PackageID, d.Version}
	if v, known := r.versions[key]; known && v.state != Deleted {
		return errors.New("the version exists already")
	}
	v := versionState{repo: e.RepositoryID, state: Published, seq: e.Seq, silent: silent}
	v.files.files(d.Files)
	v.facts.facts(d.Facts)
	r.versions[key] = v
	return nil
}

func (r *replay) tagSet(e Entry, d EventData) error {
	r.tags[tagKey{e.PackageID, d.Tag}] = tagState{e.RepositoryID, d.Version, d.Generation, e.Seq}
	return nil
}

func (r *replay) tagRemoved(e Entry, d EventData) error {
	delete(r.tags, tagKey{e.PackageID, d.Tag})
	return nil
}

func (r *replay) repositoryDeleted(e Entry, _ EventData) error {
	r.dropped[e.RepositoryID] = true
	return nil
}
