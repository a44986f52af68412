package registry

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry/access"
)

// EventData is the payload of an event; fields that do not apply are absent.
type EventData struct {
	Repository string        `json:"repository,omitempty"`
	Format     string        `json:"format,omitempty"`
	Package    string        `json:"package,omitempty"`
	Version    string        `json:"version,omitempty"`
	PURL       string        `json:"purl,omitempty"`
	Digest     digest.Digest `json:"digest,omitempty"`
	MediaType  string        `json:"media_type,omitempty"` // of the manifest with the digest, in OCI
	Files      []EventFile   `json:"files,omitempty"`
	Former     []EventFile   `json:"former,omitempty"` // files that were replaced, with their old digests
	Tag        string        `json:"tag,omitempty"`
	Generation int64         `json:"generation,omitempty"`
	Previous   *EventVersion `json:"previous,omitempty"`
	Reason     string        `json:"reason,omitempty"`
	Actor      string        `json:"actor,omitempty"`
	Token      string        `json:"token,omitempty"` // name of the token that was used, made or revoked
	Facts      []FactInput   `json:"facts,omitempty"`
	Name       string        `json:"name,omitempty"`    // of a user, token, group, role, subscription, browser or instance
	User       string        `json:"user,omitempty"`    // name of the user whose token was made or revoked, or whose session began or ended
	Members    []string      `json:"members,omitempty"` // of a group, after the change
	Changed    []string      `json:"changed,omitempty"` // names of what changed of a repository
	// Permissions are those that a user, group, token or role has from then on; of a role, one with its actions.
	Permissions  []metadata.Grant `json:"permissions,omitempty"`
	Count        int64            `json:"count,omitempty"`        // of failed logins, of refusals, or of versions
	Versions     []string         `json:"versions,omitempty"`     // that a remote lists no more
	Callers      []string         `json:"callers,omitempty"`      // who got the name from elsewhere
	Upstream     *EventUpstream   `json:"upstream,omitempty"`     // the remote that files came from, or that the event is about
	Rule         *EventRule       `json:"rule,omitempty"`         // that was made, removed or has ended, or that refused
	Prefetch     *EventPrefetch   `json:"prefetch,omitempty"`     // what became of a list
	Bundle       *EventBundle     `json:"bundle,omitempty"`       // that was written, or taken in
	Evicted      *EventEvicted    `json:"evicted,omitempty"`      // what went
	Promoted     *EventPromotion  `json:"promoted,omitempty"`     // with the cause CausePromotion
	Subscription string           `json:"subscription,omitempty"` // its id
	EventRelease
	EventDeployment
}

// EventRule is a rule, or what it decided.
type EventRule struct {
	ID        string `json:"id,omitempty"` // absent: the minimum age of an upstream
	Action    string `json:"action"`
	Mode      string `json:"mode"`
	MinAge    string `json:"min_age,omitempty"`
	ExpiresAt string `json:"expires_at,omitempty"` // of what was refused: when that ends
}

// EventUpstream names a remote, and says of a file how it came from it.
type EventUpstream struct {
	Name        string `json:"name"`
	PublishedAt string `json:"published_at,omitempty"`  // as the remote says
	Verified    string `json:"verified,omitempty"`      // of files that came: the strongest sum that the remote announced: sha512, sha256, sha1, md5 or none
	FirstSeenAt string `json:"first_seen_at,omitempty"` // when the remote listed it first; absent: it did when the package was first asked for
	// Facts: these fields are facts of the version from this entry on, beside EventData.Facts, which do not repeat them.
	Facts bool `json:"facts,omitempty"`
}

// Seen are the facts that the server has of where the files came from; none of nil.
func (u *EventUpstream) Seen() []FactInput {
	if u == nil {
		return nil
	}
	var out []FactInput
	for _, f := range [...]FactInput{
		{Key: FactUpstreamName, Value: u.Name}, {Key: FactUpstreamVerified, Value: u.Verified},
		{Key: FactUpstreamPublishedAt, Value: u.PublishedAt}, {Key: FactUpstreamFirstSeenAt, Value: u.FirstSeenAt},
	} {
		if f.Value != "" {
			f.Source, f.Rank = "upstream:"+u.Name, RankObserved
			out = append(out, f)
		}
	}
	return out
}

// State puts facts of a version into the payload of the entry by which it gets them. What Upstream says already is marked there instead of
// repeated, as it is a third of the entry of a file that came; where not all of that is new to the version, what is new is repeated.
func (d *EventData) State(facts []FactInput) {
	d.Facts = facts
	rest := slices.Clone(facts)
	for _, f := range d.Upstream.Seen() {
		i := slices.Index(rest, f)
		if i < 0 {
			return
		}
		rest = slices.Delete(rest, i, i+1)
	}
	if d.Upstream != nil {
		u := *d.Upstream
		u.Facts = true
		d.Upstream, d.Facts = &u, rest
	}
}

// Stated are the facts that State was given, in another order.
func (d *EventData) Stated() []FactInput {
	if d.Upstream == nil || !d.Upstream.Facts {
		return d.Facts
	}
	return append(slices.Clip(d.Facts), d.Upstream.Seen()...)
}

// EventBundle says what a bundle held.
type EventBundle struct {
	From     string `json:"from"`          // the log whose key signed it
	Seq      int64  `json:"seq,omitempty"` // entries of that log at the time, of a bundle that was taken in
	Versions int    `json:"versions"`      // of one that was taken in: those that are new
	Blobs    int    `json:"blobs"`
	Bytes    int64  `json:"bytes"` // of these
}

// EventEvicted counts files whose bytes went.
type EventEvicted struct {
	Files int64  `json:"files"`
	Bytes int64  `json:"bytes"` // that nothing else holds
	Rule  string `json:"rule"`  // "unused" or "bytes": the setting that did not keep them; "asked": somebody did
}

// EventPrefetch counts what became of the items of a list that was fetched ahead of time.
type EventPrefetch struct {
	Job     string `json:"job"`
	Items   int    `json:"items"`
	Present int    `json:"present"` // they were here before
	Fetched int    `json:"fetched"`
	Missing int    `json:"missing"`
}

// CausePromotion is EventDeployment.Cause of a version that was promoted.
const CausePromotion = "promotion"

// EventPromotion says which version was promoted.
type EventPromotion struct {
	Repository string `json:"repository"`
	Seq        int64  `json:"seq"`              // log entry of the version there
	Origin     string `json:"origin,omitempty"` // "promoted": it came from a remote; "": it was published
}

// EventRelease is the release metadata known when the event is written.
type EventRelease struct {
	Source *Source `json:"source,omitempty"`
	Build  *Build  `json:"build,omitempty"`
	Ref    string  `json:"ref,omitempty"`
}

// EventDeployment is the payload of a deployment event beside the version. Previous is the version that ran before, if it was
// another.
type EventDeployment struct {
	Environment string           `json:"environment,omitempty"`
	Owner       string           `json:"owner,omitempty"` // the environment's, in its events
	Service     string           `json:"service,omitempty"`
	Deployment  string           `json:"deployment,omitempty"` // its id
	Status      DeploymentStatus `json:"status,omitempty"`
	ExternalID  string           `json:"external_id,omitempty"`
	URL         string           `json:"url,omitempty"`
	Cause       string           `json:"cause,omitempty"`    // id of the event that caused the deployment
	Restored    *EventVersion    `json:"restored,omitempty"` // the version that runs again after a rollback
}

// EventFile is a file in an event.
type EventFile struct {
	Path      string `json:"path"`
	Size      int64  `json:"size"`
	MediaType string `json:"media_type,omitempty"`
	SHA256    string `json:"sha256"`
}

// EventVersion names a version in an event.
type EventVersion struct {
	Version    string        `json:"version"`
	Digest     digest.Digest `json:"digest,omitempty"`
	PURL       string        `json:"purl,omitempty"`       // only in deployment events
	Repository string        `json:"repository,omitempty"` // only in deployment events, where it may be another than the event's
	Deployment string        `json:"deployment,omitempty"` // the deployment that brought the version
}

func EventFiles(files []File) []EventFile {
	out := make([]EventFile, len(files))
	for i, f := range files {
		out[i] = EventFile{Path: f.Path, Size: f.Blob.Size, MediaType: f.MediaType, SHA256: f.Blob.Digest.Encoded()}
	}
	return out
}

func EventReleaseOf(facts []FactInput) EventRelease {
	rows := make([]Fact, len(facts))
	for i, f := range facts {
		rows[i] = Fact{Key: f.Key, Value: f.Value, Rank: f.Rank, Seq: int64(i)}
	}
	rel := ReleaseOf(rows)
	out := EventRelease{Source: rel.Source, Build: rel.Build}
	if rel.Source != nil {
		out.Ref = rel.Source.Ref
	}
	return out
}

// EventTypePrefix and EventTypeSuffix enclose an entry's type in a CloudEvent.
const (
	EventTypePrefix = "dev.slipway."
	EventTypeSuffix = ".v1"
)

// Event is a log entry as CloudEvents 1.0 JSON (structured mode).
type Event struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            string          `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Sequence        string          `json:"sequence"` // log sequence, 20 digits, so that it orders as text
	PartitionKey    string          `json:"partitionkey,omitempty"`
	AuthType        string          `json:"authtype"`
	AuthID          string          `json:"authid"`
	Data            json.RawMessage `json:"data,omitempty"`

	Seq int64 `json:"-"`
}

// authTypes are the names of the CloudEvents auth-context extension.
var authTypes = map[string]string{
	access.TypeUser: "user", access.TypeToken: "api_key", access.TypeSystem: "system", access.TypeAnonymous: "unauthenticated",
}

// Event renders an entry. Erased data is left out.
func (s *Core) Event(e Entry) Event {
	ev := Event{
		SpecVersion: "1.0", ID: e.ID, Source: s.Source(), Type: EventTypePrefix + e.Type + EventTypeSuffix,
		Subject: e.Subject, Time: metadata.FormatTime(e.Time), DataContentType: "application/json",
		Sequence: fmt.Sprintf("%020d", e.Seq), AuthType: authTypes[e.Actor.Type], AuthID: e.Actor.ID,
		Data: e.Data, Seq: e.Seq,
	}
	ev.PartitionKey = s.partition(e)
	return ev
}

// WithoutOthers returns an entry without the versions in its data that sees does not allow. The versions that a deployment
// replaced and brought back may be of other repositories than the entry, whose readers must not learn of them.
func WithoutOthers(e Entry, sees func(EventVersion) (bool, error)) (Entry, error) {
	if t, _ := EventTypeNamed(e.Type); t.About() != AboutDeployment {
		return e, nil
	}
	var about struct{ Previous, Restored *EventVersion }
	if json.Unmarshal(e.Data, &about) != nil { // erased
		return e, nil
	}
	var hidden []string
	for key, v := range map[string]*EventVersion{"previous": about.Previous, "restored": about.Restored} {
		if v == nil {
			continue
		}
		if ok, err := sees(*v); err != nil {
			return e, err
		} else if !ok {
			hidden = append(hidden, key)
		}
	}
	if len(hidden) == 0 {
		return e, nil
	}
	var data map[string]json.RawMessage
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return e, fmt.Errorf("log entry %d: %w", e.Seq, err)
	}
	for _, key := range hidden {
		delete(data, key)
	}
	raw, err := json.Marshal(data)
	e.Data = raw
	return e, err
}

// partition names the package or service whose entries must stay in order: by words that a copy of the data in another database
// has too. "" for what is about none, and where the data were erased.
func (s *Core) partition(e Entry) string {
	var d struct{ Repository, Format, Package, Environment, Service string }
	if json.Unmarshal(e.Data, &d) != nil {
		return ""
	}
	if t, _ := EventTypeNamed(e.Type); t.About() == AboutDeployment && d.Service != "" {
		return "service:" + d.Environment + "/" + d.Service
	}
	if d.Package == "" {
		return ""
	}
	rules := s.Rules[d.Format]
	key := d.Package // as shown, which may differ from event to event
	if rules.Normalize != nil {
		if normal, err := rules.Normalize(d.Package); err == nil {
			key = normal
		}
	}
	if rules.PackagePURL == nil {
		return d.Repository + "/" + d.Format + ":" + key
	}
	return d.Repository + "/" + rules.PackagePURL(key)
}
