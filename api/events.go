package api

import "encoding/json"

// Event is an entry of the log as a CloudEvent (1.0, structured mode). Data is an EventData; it is absent when it was erased.
type Event struct {
	SpecVersion     string          `json:"specversion" const:"1.0" doc:"Of CloudEvents."`
	ID              string          `json:"id" doc:"The same wherever the event is delivered."`
	Source          string          `json:"source" doc:"The server."`
	Type            string          `json:"type" as:"EventType" doc:"Event type."`
	Subject         string          `json:"subject,omitempty" doc:"Package URL of the version, where there is one."`
	Time            string          `json:"time" format:"date-time" doc:"When it happened."`
	DataContentType string          `json:"datacontenttype" doc:"Of 'data'."`
	Sequence        string          `json:"sequence" pattern:"^[0-9]{20}$" doc:"Sequence number of the entry, 20 digits, so that it orders as text."`
	PartitionKey    string          `json:"partitionkey,omitempty" doc:"What must stay in order: the repository and the package URL without version and qualifiers, or service:environment/name."`
	AuthType        string          `json:"authtype" doc:"'user', 'api_key', 'system' or 'unauthenticated'."`
	AuthID          string          `json:"authid" doc:"Id of the caller that caused the event."`
	Data            json.RawMessage `json:"data,omitempty" as:"EventData" doc:"What happened; absent when it was erased."`
}

// EventData is what happened. Which fields an event has depends on its type.
type EventData struct {
	Repository   string          `json:"repository,omitempty" doc:"Name of the repository."`
	Format       string          `json:"format,omitempty" doc:"Format of the package."`
	Package      string          `json:"package,omitempty" doc:"Name of the package."`
	Version      string          `json:"version,omitempty" doc:"The version, as its format writes it."`
	PURL         string          `json:"purl,omitempty" doc:"Package URL of the version."`
	Digest       Digest          `json:"digest,omitempty"`
	MediaType    string          `json:"media_type,omitempty" doc:"Media type that the file is served with; may be empty."`
	Files        []EventFile     `json:"files,omitempty" doc:"Its files."`
	Former       []EventFile     `json:"former,omitempty" doc:"Files that were replaced, as they were."`
	Tag          string          `json:"tag,omitempty" doc:"Name of the tag."`
	Generation   int64           `json:"generation,omitempty" minimum:"1" doc:"Grows by one with every change of the tag."`
	Previous     *EventVersion   `json:"previous,omitempty" doc:"The version that the tag named, or that ran, before; absent also where you may not read its repository."`
	Reason       string          `json:"reason,omitempty" doc:"The reason that the caller gave."`
	Actor        string          `json:"actor,omitempty" doc:"The caller that caused the event: a user, or 'token ci of user jane'."`
	Token        string          `json:"token,omitempty" doc:"Name of the token that was used, made or revoked."`
	Facts        []FactInput     `json:"facts,omitempty" doc:"Everything that was said about the version, by whom and when."`
	Name         string          `json:"name,omitempty" doc:"Name of the user, token, group, role, subscription or instance that it is about."`
	User         string          `json:"user,omitempty" doc:"Name of the user whose token was made or revoked."`
	Members      []string        `json:"members,omitempty" doc:"The members of the group, after the change."`
	Changed      []string        `json:"changed,omitempty" doc:"Names of what changed of the repository, such as 'upstreams'."`
	Permissions  []Permission    `json:"permissions,omitempty" doc:"What the user, group, token or role may do from then on."`
	Count        int64           `json:"count,omitempty" minimum:"1" doc:"How many logins were refused, or how often a rule refused something."`
	Versions     []string        `json:"versions,omitempty" doc:"The versions that a registry elsewhere lists no more."`
	Callers      []string        `json:"callers,omitempty" doc:"Who got the name from a registry elsewhere before it was published here."`
	Upstream     *EventUpstream  `json:"upstream,omitempty" doc:"The registry elsewhere that the files came from."`
	Rule         *EventRule      `json:"rule,omitempty" doc:"The rule that was made, removed or has ended, or that refused something."`
	Prefetch     *EventPrefetch  `json:"prefetch,omitempty" doc:"What became of a list that was fetched ahead of time."`
	Bundle       *EventBundle    `json:"bundle,omitempty" doc:"The bundle that was written, or taken in."`
	Evicted      *EventEvicted   `json:"evicted,omitempty" doc:"The files from registries elsewhere whose bytes went."`
	Promoted     *EventPromotion `json:"promoted,omitempty" doc:"Of a version that was promoted: the one that it was made of."`
	Subscription string          `json:"subscription,omitempty" doc:"Id of the subscription."`
	Source       *Source         `json:"source,omitempty" doc:"The source that the version was built from."`
	Build        *Build          `json:"build,omitempty" doc:"How it was built."`
	Ref          string          `json:"ref,omitempty" doc:"Branch or tag of the source."`
	Environment  string          `json:"environment,omitempty" doc:"Name of the environment."`
	Owner        string          `json:"owner,omitempty" doc:"The user who owns the environment, in events about it."`
	Service      string          `json:"service,omitempty" doc:"Name of the service."`
	Deployment   string          `json:"deployment,omitempty" doc:"Id of the deployment."`
	Status       string          `json:"status,omitempty" doc:"Status of the deployment."`
	ExternalID   string          `json:"external_id,omitempty" doc:"Id of the deployment where it was made; the same one is the same deployment."`
	URL          string          `json:"url,omitempty" doc:"Page of the deployment."`
	Cause        string          `json:"cause,omitempty" doc:"Id of the event that led to it."`
	Restored     *EventVersion   `json:"restored,omitempty" doc:"The version that runs again after a rollback; absent also where you may not read its repository."`
}

// EventFile is a file in an event.
type EventFile struct {
	Path      string `json:"path" doc:"Path within the version."`
	Size      int64  `json:"size" doc:"Bytes."`
	MediaType string `json:"media_type,omitempty" doc:"Media type that the file is served with; may be empty."`
	SHA256    string `json:"sha256" pattern:"^[0-9a-f]{64}$" doc:"In hex."`
}

// EventVersion names a version in an event. PURL and Deployment are there when it stands for a deployment.
type EventVersion struct {
	Version    string `json:"version" doc:"The version, as its format writes it."`
	Digest     Digest `json:"digest,omitempty"`
	PURL       string `json:"purl,omitempty" doc:"Package URL of the version."`
	Repository string `json:"repository,omitempty" doc:"Name of its repository, in events of deployments."`
	Deployment string `json:"deployment,omitempty" doc:"Id of the deployment."`
}

// FactInput is a fact in an event.
type FactInput struct {
	Key    string `json:"key" doc:"Name of the property, such as 'source.commit'."`
	Value  string `json:"value" doc:"The value of the property."`
	Source string `json:"source" doc:"Where it was read: 'npm:gitHead', 'api' and so on."`
	Rank   int    `json:"rank" doc:"Weight of the source; the highest wins, then the latest."`
}

// Consumer is a named reader of the events. Acked is the sequence number of the last event that the consumer has handled;
// -1: none.
type Consumer struct {
	Name      string `json:"name" doc:"Its name."`
	Acked     int64  `json:"acked" doc:"Sequence number of the last event that was dealt with; -1: none."`
	CreatedAt string `json:"created_at" format:"date-time" doc:"When it was made."`
	UpdatedAt string `json:"updated_at" format:"date-time" doc:"When it last changed."`
}

// ConsumerChange is the body of PUT /consumers/{name}.
type ConsumerChange struct {
	Acked *int64 `json:"acked,omitempty" doc:"Sequence number of the last event that was dealt with; -1: none."`
	Reset bool   `json:"reset,omitempty" doc:"Let 'acked' go back."`
}

// EventPromotion says which version was promoted.
type EventPromotion struct {
	Repository string `json:"repository" doc:"Its repository."`
	Seq        int64  `json:"seq" doc:"The entry of the log by which it came there."`
	Origin     string `json:"origin,omitempty" doc:"'promoted': it came from a registry elsewhere; absent: it was published."`
}

// EventRule is a rule, or what it decided.
type EventRule struct {
	ID        string `json:"id,omitempty" doc:"Of the rule; absent: the minimum age of an upstream."`
	Action    string `json:"action" doc:"Of the rule, or what was decided: allow, deny, hide, hold or pin."`
	Mode      string `json:"mode" enum:"enforce,audit" doc:"With audit, what it refuses is served."`
	MinAge    string `json:"min_age,omitempty" doc:"Of hold: how old a version must be."`
	ExpiresAt string `json:"expires_at,omitempty" format:"date-time" doc:"When it ends."`
}

// EventBundle says what a bundle held.
type EventBundle struct {
	From     string `json:"from" doc:"Name of the log whose key signed it."`
	Seq      int64  `json:"seq,omitempty" doc:"Of a bundle that was taken in: how many entries that log had."`
	Versions int    `json:"versions" doc:"Its versions; of a bundle that was taken in, those that are new."`
	Blobs    int    `json:"blobs" doc:"Contents of its files, each counted once."`
	Bytes    int64  `json:"bytes" doc:"Their size."`
}

// EventEvicted counts the files from registries elsewhere whose bytes went.
type EventEvicted struct {
	Files int64  `json:"files" doc:"How many went."`
	Bytes int64  `json:"bytes" doc:"Their size, of what nothing else holds."`
	Rule  string `json:"rule" enum:"unused,bytes,asked" doc:"The setting that did not keep them, or 'asked': somebody did."`
}

// EventPrefetch counts what became of the items of a list that was fetched ahead of time.
type EventPrefetch struct {
	Job     string `json:"job" doc:"Id of the job."`
	Items   int    `json:"items" doc:"All items of the list."`
	Present int    `json:"present" doc:"Those of which everything was here before."`
	Fetched int    `json:"fetched" doc:"Those that were fetched."`
	Missing int    `json:"missing" doc:"Those of which something is not here."`
}

// EventUpstream is where a file came from that a registry elsewhere delivered.
type EventUpstream struct {
	Name        string `json:"name" doc:"Of the upstream."`
	PublishedAt string `json:"published_at,omitempty" doc:"When it was published, as the registry says."`
	Verified    string `json:"verified,omitempty" enum:"sha512,sha256,sha1,md5,none" doc:"The strongest sum that the registry announced; absent of a tag."`
	FirstSeenAt string `json:"first_seen_at,omitempty" format:"date-time" doc:"When the registry was first seen to list it; absent: it did when the package was first asked for."`
	Facts       bool   `json:"facts,omitempty" doc:"These fields are facts of the version since this event, with the keys upstream.name, upstream.verified and so on; the event's 'facts' do not repeat them."`
}
