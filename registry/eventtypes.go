package registry

import (
	"slices"
	"strings"
)

// EventType is the type of a log entry. The constants below are all types, and typeRows describes each; the zero value is no
// type. A type is stored by its name, so the numbers may change.
type EventType int

// Event types.
const (
	EventArtifactPublished EventType = iota + 1
	EventArtifactStored
	EventArtifactFilesAdded
	EventArtifactFilesReplaced
	EventArtifactFilesRemoved
	EventArtifactMetadataChanged
	EventArtifactDeprecated
	EventArtifactYanked
	EventArtifactRestored
	EventArtifactDeleted
	EventStagingAbandoned
	EventPackageChanged
	EventAttachmentStored
	EventAttachmentTagged
	EventAttachmentUntagged
	EventAttachmentDeleted
	EventAttachmentRestored
	EventTagSet
	EventTagRemoved
	EventDeploymentQueued
	EventDeploymentStarted
	EventDeploymentSucceeded
	EventDeploymentFailed
	EventDeploymentRolledBack
	EventDeploymentCancelled
	EventDeploymentStopped
	EventEnvironmentCreated
	EventEnvironmentChanged
	EventEnvironmentDeleted
	EventRepositoryCreated
	EventRepositoryChanged
	EventRepositoryDeleted
	EventRepositoryRestored
	EventCacheEntered
	EventCacheReplaced
	EventCacheTagMoved
	EventCacheEvicted
	EventCacheDeleted
	EventCacheRestored
	EventCacheDenied
	EventPrefetchFinished
	EventUpstreamDown
	EventUpstreamUp
	EventUpstreamRefused
	EventUpstreamBroken
	EventUpstreamCorrupt
	EventUpstreamMutated
	EventUpstreamRemoved
	EventUpstreamShrunk
	EventNameContested
	EventNameShadowed
	EventMirrorExported
	EventMirrorImported
	EventClaimCreated
	EventClaimRemoved
	EventOriginSet
	EventOriginCleared
	EventRuleCreated
	EventRuleRemoved
	EventRuleExpired
	EventPolicyBlocked
	EventTokenCreated
	EventTokenRevoked
	EventSessionStarted
	EventSessionEnded
	EventUserCreated
	EventUserChanged
	EventUserLoginFailed
	EventUserDeleted
	EventGroupCreated
	EventGroupChanged
	EventGroupDeleted
	EventRoleCreated
	EventRoleChanged
	EventRoleDeleted
	EventSubscriptionCreated
	EventSubscriptionChanged
	EventSubscriptionDisabled
	EventSubscriptionSkipped
	EventSubscriptionDeleted
	EventInstanceCreated
	EventInstanceRestored
	EventClockJumped
	eventTypesEnd
)

// typeRow describes an event type.
type typeRow struct {
	name  string // as stored in the log for ever: "<subject>.<what happened>"
	about Subject
	text  string // for the documentation, in Markdown
}

// typeRows is the table of event types. Writing, filters, replay and the documentation all use it.
var typeRows = [eventTypesEnd]typeRow{
	EventArtifactPublished:       {"artifact.published", AboutVersion, "A version became visible: once per version, with its files and the known facts about its source and build."},
	EventArtifactStored:          {"artifact.stored", AboutVersion, "A version was stored as a part of another one, as an image for one platform is. `artifact.published` follows if it gets a tag."},
	EventArtifactFilesAdded:      {"artifact.files_added", AboutVersion, "Files were added to a version."},
	EventArtifactFilesReplaced:   {"artifact.files_replaced", AboutVersion, "Files of a version have other bytes; `former` has the files as they were."},
	EventArtifactFilesRemoved:    {"artifact.files_removed", AboutVersion, "Files were taken out of a version."},
	EventArtifactMetadataChanged: {"artifact.metadata_changed", AboutVersion, "Facts about a version's source or build, or other metadata, were added."},
	EventArtifactDeprecated:      {"artifact.deprecated", AboutVersion, "A version is advised against."},
	EventArtifactYanked:          {"artifact.yanked", AboutVersion, "A version was yanked: clients choose it only if it is named exactly."},
	EventArtifactRestored:        {"artifact.restored", AboutVersion, "A version is no longer deprecated or yanked, or was deleted and is there again: then with its files."},
	EventArtifactDeleted:         {"artifact.deleted", AboutVersion, "A version is gone, with its files."},
	EventStagingAbandoned:        {"staging.abandoned", AboutVersion, "Files that were sent for a version were dropped, because it was not complete for a day; `reason` says what was missing, `name` who sent them. They were never visible."},
	EventPackageChanged:          {"package.changed", AboutPackage, "The data of a package as a whole changed, such as its description."},
	EventAttachmentStored:        {"attachment.stored", AboutVersion, "A version was stored that belongs to another one, as a signature, an attestation or an SBOM of an image does."},
	EventAttachmentTagged:        {"attachment.tagged", AboutTag, "A tag of such a version was set or moved, such as `sha256-….sig`."},
	EventAttachmentUntagged:      {"attachment.untagged", AboutTag, "A tag of such a version was removed."},
	EventAttachmentDeleted:       {"attachment.deleted", AboutVersion, "Such a version is gone, with its files."},
	EventAttachmentRestored:      {"attachment.restored", AboutVersion, "Such a version was deleted and is there again, with its files."},
	EventTagSet:                  {"tag.set", AboutTag, "A tag was set or moved: one event for each tag, whatever moved it."},
	EventTagRemoved:              {"tag.removed", AboutTag, "A tag was removed."},
	EventDeploymentQueued:        {"deployment.queued", AboutDeployment, "A deployment waits for its turn."},
	EventDeploymentStarted:       {"deployment.started", AboutDeployment, "A deployment began."},
	EventDeploymentSucceeded:     {"deployment.succeeded", AboutDeployment, "A deployment succeeded: the service runs the version now."},
	EventDeploymentFailed:        {"deployment.failed", AboutDeployment, "A deployment failed."},
	EventDeploymentRolledBack:    {"deployment.rolled_back", AboutDeployment, "A deployment was taken back; `restored` names the version that runs again."},
	EventDeploymentCancelled:     {"deployment.cancelled", AboutDeployment, "A deployment was given up before its end."},
	EventDeploymentStopped:       {"deployment.stopped", AboutDeployment, "A service runs nothing any more."},
	EventEnvironmentCreated:      {"environment.created", AboutEnvironment, "An environment was made."},
	EventEnvironmentChanged:      {"environment.changed", AboutEnvironment, "An environment changed."},
	EventEnvironmentDeleted:      {"environment.deleted", AboutEnvironment, "An environment was deleted."},
	EventRepositoryCreated:       {"repository.created", AboutRepository, "A repository was made."},
	EventRepositoryChanged:       {"repository.changed", AboutRepository, "Settings, description or upstreams of a repository changed; `changed` says which, where it is there."},
	EventRepositoryDeleted:       {"repository.deleted", AboutRepository, "A repository was deleted with everything in it."},
	EventRepositoryRestored:      {"repository.restored", AboutRepository, "A repository that was deleted is there again."},
	EventCacheEntered:            {"cache.entered", AboutVersion, "A file that a remote registry has was delivered here for the first time: `upstream` names the remote, `verified` the strongest sum that it announced. One event for each file, however often it is asked for."},
	EventCacheReplaced:           {"cache.replaced", AboutVersion, "A remote has other bytes under a path whose bytes may change, and they were delivered; `former` has the file as it was."},
	EventCacheTagMoved:           {"cache.tag_moved", AboutTag, "A tag of a remote was served and names another version than when it was served before, which `previous` has: one event for each tag and version, however often the tag is asked for."},
	EventCacheEvicted:            {"cache.evicted", AboutRepository, "Bytes of files from remotes went, as they were not used or there was no room for them: `evicted` counts them, and says by which setting of a remote, or `asked`. At most one event for each run and repository. What went comes again when it is asked for, with the same bytes or not at all."},
	EventCacheDeleted:            {"cache.deleted", AboutVersion, "A version that came from a remote was deleted here: it is not listed and not fetched again."},
	EventCacheRestored:           {"cache.restored", AboutVersion, "Such a version may come again, and is there as it was; files that are not here any more are fetched when they are asked for."},
	EventCacheDenied:             {"cache.denied", AboutPackage, "An administrator refused the other bytes that a remote has of a file, of which `upstream.mutated` told; `former` has the file as it entered."},
	EventPrefetchFinished:        {"prefetch.finished", AboutRepository, "A list of packages was fetched ahead of time; `prefetch` says how much of it was here, was fetched, and is missing."},
	EventUpstreamDown:            {"upstream.down", AboutUpstream, "A remote, or a host that its files come from, does not answer any more: `upstream` names it, `reason` has the last fault. What is cached is served. At most one pair of this and `upstream.up` a minute."},
	EventUpstreamUp:              {"upstream.up", AboutUpstream, "A remote answers again."},
	EventUpstreamRefused:         {"upstream.refused", AboutUpstream, "A remote refuses the server's credentials, or wants some. At most once an hour."},
	EventUpstreamBroken:          {"upstream.broken", AboutPackage, "A remote sent a document that can't be read three times in a row; `reason` says why. The copy that is here is served. At most once an hour for each package."},
	EventUpstreamCorrupt:         {"upstream.corrupt", AboutPackage, "A remote sent a file that is not what it announced; `reason` says how. Nothing of it was stored. At most once an hour for each file."},
	EventUpstreamMutated:         {"upstream.mutated", AboutPackage, "A remote has other bytes than before for a file that entered here: `former` has the file as it is here, and as it is served on."},
	EventUpstreamRemoved:         {"upstream.removed", AboutPackage, "A remote lists versions no more of which files entered here: `versions` names them, at most 100 of `count`; the upstream's `on_removal` says what becomes of them."},
	EventUpstreamShrunk:          {"upstream.shrunk", AboutPackage, "A remote suddenly lists less than half of the versions of a package that it had; `count` is what is left, `reason` has both. The document of before is served, until the remote says the same an hour later, or an administrator accepts it."},
	EventNameContested:           {"name.contested", AboutPackage, "A remote that comes first in the list of a repository has a package that came from another one, with which its name stays until an administrator sets its origin: `upstream` names the remote that is not asked for it. At most once an hour for each package."},
	EventNameShadowed:            {"name.shadowed", AboutPackage, "A package was published here for the first time whose name others got from a registry elsewhere, through a repository that answers from this one: from now on they get what is published. `callers` names, at most 100, who got it in the last 30 days."},
	EventMirrorExported:          {"mirror.exported", AboutRepository, "A bundle with versions of a repository was written; `bundle` says how much it holds."},
	EventMirrorImported:          {"mirror.imported", AboutRepository, "A bundle was taken in: `bundle` says which log's key signed it, how long that log was, and how many versions are new."},
	EventClaimCreated:            {"claim.created", AboutClaim, "Names were reserved: `name` is the pattern. No upstream is asked for them, even before they are published."},
	EventClaimRemoved:            {"claim.removed", AboutClaim, "A claim on names was removed."},
	EventOriginSet:               {"origin.set", AboutPackage, "An administrator said where the versions of a package may come from: `name` is `published`, `upstream` or `both`, `reason` says why."},
	EventOriginCleared:           {"origin.cleared", AboutPackage, "Where the versions of a package may come from is decided by the guard again."},
	EventRuleCreated:             {"rule.created", AboutRule, "A rule was made: `name` is what it matches, `rule` has its action, mode and end, `reason` says why."},
	EventRuleRemoved:             {"rule.removed", AboutRule, "A rule was removed."},
	EventRuleExpired:             {"rule.expired", AboutRule, "A rule has reached its end. It has had no effect since then; the event may come a minute later."},
	EventPolicyBlocked:           {"policy.blocked", AboutVersion, "A rule, or the minimum age of an upstream, refused something: the first time each day for a rule and a subject; `count` is how often it did since the last record. With the mode `audit` it was served."},
	EventTokenCreated:            {"token.created", AboutToken, "A token was made, for `user`, with `permissions`; that of a login has none of its own."},
	EventTokenRevoked:            {"token.revoked", AboutToken, "A token of `user` was revoked, and with it every token that descends from it."},
	EventSessionStarted:          {"session.started", AboutSession, "A browser was logged in to the pages, as `user`; `name` is the browser."},
	EventSessionEnded:            {"session.ended", AboutSession, "A session of `user` was ended: by a logout, by who may, or with the password; `reason` says which, where it was not asked for. One that ends by itself has no entry."},
	EventUserCreated:             {"user.created", AboutUser, "A user was made."},
	EventUserChanged:             {"user.changed", AboutUser, "Password, permissions or state of a user changed; `reason` says which, `permissions` are the new ones."},
	EventUserLoginFailed:         {"user.login_failed", AboutUser, "Logins with a password were refused, `count` of them within a minute. `name` is the user, `unknown-…` in place of a name that no user has, or `others` for many names."},
	EventUserDeleted:             {"user.deleted", AboutUser, "A user was deleted. Its name is not given to another."},
	EventGroupCreated:            {"group.created", AboutGroup, "A group was made."},
	EventGroupChanged:            {"group.changed", AboutGroup, "Members, permissions or description of a group changed."},
	EventGroupDeleted:            {"group.deleted", AboutGroup, "A group was deleted; its members stay."},
	EventRoleCreated:             {"role.created", AboutRole, "A role was defined; `permissions` has its actions."},
	EventRoleChanged:             {"role.changed", AboutRole, "The actions of a role changed, for all who have it."},
	EventRoleDeleted:             {"role.deleted", AboutRole, "A role was deleted."},
	EventSubscriptionCreated:     {"subscription.created", AboutSubscription, "A subscription was made."},
	EventSubscriptionChanged:     {"subscription.changed", AboutSubscription, "A subscription changed, was resumed, or repeats earlier deliveries."},
	EventSubscriptionDisabled:    {"subscription.disabled", AboutSubscription, "A subscription was paused, or disabled by its failures; `reason` says which."},
	EventSubscriptionSkipped:     {"subscription.skipped", AboutSubscription, "A message broker refused an event for good, and the subscription went on without it; `reason` has its id and why. The delivery keeps what was refused, and can be sent again."},
	EventSubscriptionDeleted:     {"subscription.deleted", AboutSubscription, "A subscription was deleted."},
	EventInstanceCreated:         {"instance.created", AboutInstance, "The server started for the first time: the first entry of the log."},
	EventInstanceRestored:        {"instance.restored", AboutInstance, "The server was restored from a backup; `reason` says when that was taken. The entries after it are lost."},
	EventClockJumped:             {"clock.jumped", AboutInstance, "The server's clock jumped; `reason` has the times before and after. Where it went back, the times of the log stand still until it has passed them."},
}

// typesByName finds types by their names in the log.
var typesByName = func() map[string]EventType {
	types := map[string]EventType{}
	for _, t := range EventTypes() {
		types[t.String()] = t
	}
	return types
}()

// EventTypes returns all types, in the order of the documentation.
func EventTypes() []EventType {
	types := make([]EventType, 0, eventTypesEnd-1)
	for t := EventType(1); t < eventTypesEnd; t++ {
		types = append(types, t)
	}
	return types
}

// EventTypeNamed returns the type with a name of the log, such as "tag.set"; false if there is none.
func EventTypeNamed(name string) (EventType, bool) {
	t, ok := typesByName[name]
	return t, ok
}

// String returns the type's name in the log and in filters, such as "tag.set".
func (t EventType) String() string { return typeRows[t].name }

// About returns the kind of thing that events of the type are about.
func (t EventType) About() Subject { return typeRows[t].about }

// Text returns a sentence or two for the documentation, in Markdown.
func (t EventType) Text() string { return typeRows[t].text }

// CloudEvent returns the type's name in CloudEvents, such as "dev.slipway.tag.set.v1".
func (t EventType) CloudEvent() string { return EventTypePrefix + t.String() + EventTypeSuffix }

// EventTypeGroups returns the globs that match all types of one kind, such as "tag.*".
func EventTypeGroups() []string {
	var groups []string
	for _, t := range EventTypes() {
		kind, _, _ := strings.Cut(t.String(), ".")
		if glob := kind + ".*"; !slices.Contains(groups, glob) {
			groups = append(groups, glob)
		}
	}
	return groups
}

// maxTypeGlobBytes bounds a glob over types.
const maxTypeGlobBytes = 64

// ShortTypes returns globs over event types as filters keep them, without EventTypePrefix and EventTypeSuffix. Invalid: one of
// the globs matches no type, so the filter would never match.
func ShortTypes(globs []string, about Subject) ([]string, error) {
	short := make([]string, len(globs))
	for i, glob := range globs {
		short[i] = ShortType(glob)
		if len(short[i]) > maxTypeGlobBytes || !slices.ContainsFunc(typeRows[1:], func(r typeRow) bool { return MatchGlob(short[i], r.name) }) {
			return nil, unknownType(glob, about)
		}
	}
	return short, nil
}

// unknownType is the error for a glob that matches no type.
func unknownType(glob string, about Subject) error {
	groups := EventTypeGroups()
	known := slices.Clone(groups)
	for _, t := range EventTypes() {
		known = append(known, t.String())
	}
	return Errorf(Invalid, about, "%s", NoSuch("event type", ShortType(glob), known, groups))
}

// ShortType cuts EventTypePrefix and EventTypeSuffix off a type.
func ShortType(t string) string {
	return strings.TrimSuffix(strings.TrimPrefix(t, EventTypePrefix), EventTypeSuffix)
}
