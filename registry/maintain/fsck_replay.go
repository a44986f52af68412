package maintain

import (
	"errors"
	"maps"
	"slices"

	"slipway/registry"
)

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
	state registry.State
	files setSum
	kept  setSum // the files of a deleted version
	facts setSum
	seq   int64
	// silent: stored, but not announced yet
	silent bool
	seen   bool // it was compared
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
	seen       bool // it was compared
}

func newReplay() replay {
	return replay{versions: map[versionKey]versionState{}, tags: map[tagKey]tagState{}, dropped: map[int64]bool{},
		deployed: map[string]reportState{}, running: map[serviceKey]runState{}}
}

// unseen lists the packages with versions or tags by entries before end that were not compared.
func (r *replay) unseen(end int64) []int64 {
	ids := map[int64]bool{}
	for key, v := range r.versions {
		if !v.seen && v.seq < end {
			ids[key.pkg] = true
		}
	}
	for key, t := range r.tags {
		if !t.seen && t.seq < end {
			ids[key.pkg] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// replays has, for every type, the effect of an entry on the state; types without an effect are listed too.
var replays = map[registry.EventType]func(*replay, registry.Entry, registry.EventData) error{
	registry.EventArtifactPublished: (*replay).published,
	registry.EventArtifactStored:    (*replay).stored,
	registry.EventArtifactFilesAdded: changing(func(v *versionState, d registry.EventData) {
		v.files.files(d.Files)
		v.facts.facts(d.Stated())
	}),
	registry.EventArtifactFilesReplaced: changing(func(v *versionState, d registry.EventData) {
		v.files.files(d.Files)
		v.files.files(d.Former)
		v.facts.facts(d.Stated())
	}),
	registry.EventArtifactFilesRemoved:    changing(func(v *versionState, d registry.EventData) { v.files.files(d.Files) }),
	registry.EventArtifactMetadataChanged: changing(func(v *versionState, d registry.EventData) { v.facts.facts(d.Stated()) }),
	registry.EventArtifactDeprecated:      changing(func(v *versionState, _ registry.EventData) { v.state = registry.Deprecated }),
	registry.EventArtifactYanked:          changing(func(v *versionState, _ registry.EventData) { v.state = registry.Yanked }),
	registry.EventArtifactRestored:        changing(restored),
	registry.EventArtifactDeleted:         changing(deleted),
	registry.EventStagingAbandoned:        nothing,
	registry.EventPackageChanged:          nothing,

	registry.EventAttachmentStored:   (*replay).stored,
	registry.EventAttachmentTagged:   (*replay).tagSet,
	registry.EventAttachmentUntagged: (*replay).tagRemoved,
	registry.EventAttachmentDeleted:  changing(deleted),
	registry.EventAttachmentRestored: changing(restored),

	registry.EventTagSet:     (*replay).tagSet,
	registry.EventTagRemoved: (*replay).tagRemoved,

	registry.EventDeploymentQueued:     (*replay).reported,
	registry.EventDeploymentStarted:    (*replay).reported,
	registry.EventDeploymentSucceeded:  (*replay).reported,
	registry.EventDeploymentFailed:     (*replay).reported,
	registry.EventDeploymentRolledBack: (*replay).reported,
	registry.EventDeploymentCancelled:  (*replay).reported,
	registry.EventDeploymentStopped:    (*replay).stopped,

	registry.EventEnvironmentCreated: nothing,
	registry.EventEnvironmentChanged: nothing,
	registry.EventEnvironmentDeleted: nothing,

	registry.EventRepositoryCreated:  nothing,
	registry.EventRepositoryChanged:  nothing,
	registry.EventRepositoryDeleted:  (*replay).repositoryDeleted,
	registry.EventRepositoryRestored: (*replay).repositoryRestored,

	registry.EventCacheEntered: (*replay).entered,
	registry.EventCacheReplaced: changing(func(v *versionState, d registry.EventData) {
		v.files.files(d.Files)
		v.files.files(d.Former)
		v.facts.facts(d.Stated())
	}),
	registry.EventCacheTagMoved: (*replay).tagSet,
	registry.EventCacheDeleted:  changing(deleted),
	registry.EventCacheRestored: changing(restored),

	registry.EventCacheEvicted:     nothing,
	registry.EventCacheDenied:      nothing,
	registry.EventPrefetchFinished: nothing,
	registry.EventUpstreamDown:     nothing,
	registry.EventUpstreamUp:       nothing,
	registry.EventUpstreamRefused:  nothing,
	registry.EventUpstreamBroken:   nothing,
	registry.EventUpstreamCorrupt:  nothing,
	registry.EventUpstreamMutated:  nothing,
	registry.EventUpstreamRemoved:  nothing,
	registry.EventUpstreamShrunk:   nothing,
	registry.EventNameContested:    nothing,
	registry.EventNameShadowed:     nothing,
	registry.EventMirrorExported:   nothing,
	registry.EventMirrorImported:   nothing,

	registry.EventClaimCreated:  nothing,
	registry.EventClaimRemoved:  nothing,
	registry.EventOriginSet:     nothing,
	registry.EventOriginCleared: nothing,
	registry.EventRuleCreated:   nothing,
	registry.EventRuleRemoved:   nothing,
	registry.EventRuleExpired:   nothing,
	registry.EventPolicyBlocked: nothing,

	registry.EventTokenCreated:    nothing,
	registry.EventTokenRevoked:    nothing,
	registry.EventSessionStarted:  nothing,
	registry.EventSessionEnded:    nothing,
	registry.EventUserCreated:     nothing,
	registry.EventUserChanged:     nothing,
	registry.EventUserLoginFailed: nothing,
	registry.EventUserDeleted:     nothing,

	registry.EventGroupCreated: nothing,
	registry.EventGroupChanged: nothing,
	registry.EventGroupDeleted: nothing,
	registry.EventRoleCreated:  nothing,
	registry.EventRoleChanged:  nothing,
	registry.EventRoleDeleted:  nothing,

	registry.EventSubscriptionCreated:  nothing,
	registry.EventSubscriptionChanged:  nothing,
	registry.EventSubscriptionDisabled: nothing,
	registry.EventSubscriptionSkipped:  nothing,
	registry.EventSubscriptionDeleted:  nothing,

	registry.EventInstanceCreated:  nothing,
	registry.EventInstanceRestored: nothing,
	registry.EventClockJumped:      nothing,
}

// nothing replays entries that do not concern what fsck compares: versions, tags, deployments and runs.
func nothing(*replay, registry.Entry, registry.EventData) error { return nil }

// changing replays entries that change an existing version.
func changing(change func(*versionState, registry.EventData)) func(*replay, registry.Entry, registry.EventData) error {
	return func(r *replay, e registry.Entry, d registry.EventData) error {
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

// deleted replays the deletion of a version.
func deleted(v *versionState, _ registry.EventData) {
	v.state, v.kept, v.files = registry.Deleted, v.files, setSum{}
}

// restored replays that a version is published again: one that was deleted gets its files back, which the entry names unless there
// are many.
func restored(v *versionState, d registry.EventData) {
	if v.state == registry.Deleted && len(d.Files) == 0 {
		v.files = v.kept
	}
	v.state, v.kept = registry.Published, setSum{}
	v.files.files(d.Files)
}

// published replays the publish of a new version, or the announcement of a version that was stored silently.
func (r *replay) published(e registry.Entry, d registry.EventData) error {
	key := versionKey{e.PackageID, d.Version}
	if v, known := r.versions[key]; known && v.silent && v.state != registry.Deleted {
		v.silent = false
		r.versions[key] = v
		return nil
	}
	return r.create(e, d, false)
}

func (r *replay) stored(e registry.Entry, d registry.EventData) error { return r.create(e, d, true) }

// create replays the beginning of a version.
func (r *replay) create(e registry.Entry, d registry.EventData, silent bool) error {
	key := versionKey{e.PackageID, d.Version}
	if v, known := r.versions[key]; known && v.state != registry.Deleted {
		return errors.New("the version exists already")
	}
	v := versionState{repo: e.RepositoryID, state: registry.Published, seq: e.Seq, silent: silent}
	v.files.files(d.Files)
	v.facts.facts(d.Stated())
	r.versions[key] = v
	return nil
}

// entered replays the arrival of a file from a remote: the first of a version makes it.
func (r *replay) entered(e registry.Entry, d registry.EventData) error {
	key := versionKey{e.PackageID, d.Version}
	v, known := r.versions[key]
	if !known || v.state == registry.Deleted {
		return r.create(e, d, false)
	}
	v.files.files(d.Files)
	v.facts.facts(d.Stated())
	r.versions[key] = v
	return nil
}

func (r *replay) tagSet(e registry.Entry, d registry.EventData) error {
	r.tags[tagKey{e.PackageID, d.Tag}] = tagState{repo: e.RepositoryID, version: d.Version, generation: d.Generation, seq: e.Seq}
	return nil
}

func (r *replay) tagRemoved(e registry.Entry, d registry.EventData) error {
	delete(r.tags, tagKey{e.PackageID, d.Tag})
	return nil
}

func (r *replay) repositoryDeleted(e registry.Entry, _ registry.EventData) error {
	r.dropped[e.RepositoryID] = true
	return nil
}

func (r *replay) repositoryRestored(e registry.Entry, _ registry.EventData) error {
	delete(r.dropped, e.RepositoryID)
	return nil
}
