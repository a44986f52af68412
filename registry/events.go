package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry/access"
)

// EventData is the payload of an event; fields that do not apply are absent.
type EventData struct {
	Repository   string        `json:"repository,omitempty"`
	Format       string        `json:"format,omitempty"`
	Package      string        `json:"package,omitempty"`
	Version      string        `json:"version,omitempty"`
	PURL         string        `json:"purl,omitempty"`
	Digest       digest.Digest `json:"digest,omitempty"`
	MediaType    string        `json:"media_type,omitempty"` // of what the digest is of, in OCI
	Files        []EventFile   `json:"files,omitempty"`
	Former       []EventFile   `json:"former,omitempty"` // files that were replaced, as they were
	Tag          string        `json:"tag,omitempty"`
	Generation   int64         `json:"generation,omitempty"`
	Previous     *EventVersion `json:"previous,omitempty"`
	Reason       string        `json:"reason,omitempty"`
	Actor        string        `json:"actor,omitempty"`
	Token        string        `json:"token,omitempty"` // name of the token that was used, or of the one made or revoked
	Facts        []FactInput   `json:"facts,omitempty"`
	Name         string        `json:"name,omitempty"`         // of a user, token, subscription or instance
	Subscription string        `json:"subscription,omitempty"` // its id
	eventRelease
	eventDeployment
}

// eventRelease is what is known of a version's origin when the event is written.
type eventRelease struct {
	Source *Source `json:"source,omitempty"`
	Build  *Build  `json:"build,omitempty"`
	Ref    string  `json:"ref,omitempty"`
}

// eventDeployment is what a deployment event says beside the version. Previous is what ran before, if it was another one.
type eventDeployment struct {
	Environment string           `json:"environment,omitempty"`
	Service     string           `json:"service,omitempty"`
	Deployment  string           `json:"deployment,omitempty"` // its id
	Status      DeploymentStatus `json:"status,omitempty"`
	ExternalID  string           `json:"external_id,omitempty"`
	URL         string           `json:"url,omitempty"`
	Cause       string           `json:"cause,omitempty"`    // id of the event that made somebody deploy
	Restored    *EventVersion    `json:"restored,omitempty"` // what runs again after a rollback
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
	PURL       string        `json:"purl,omitempty"`       // where a deployment is meant
	Deployment string        `json:"deployment,omitempty"` // that brought it
}

func eventFiles(files []File) []EventFile {
	out := make([]EventFile, len(files))
	for i, f := range files {
		out[i] = EventFile{Path: f.Path, Size: f.Blob.Size, MediaType: f.MediaType, SHA256: f.Blob.Digest.Encoded()}
	}
	return out
}

func releaseOf(facts []FactInput) eventRelease {
	rows := make([]Fact, len(facts))
	for i, f := range facts {
		rows[i] = Fact{Key: f.Key, Value: f.Value, Rank: f.Rank, Seq: int64(i)}
	}
	rel := ReleaseOf(rows)
	out := eventRelease{Source: rel.Source, Build: rel.Build}
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

// event renders an entry. Erased data is left out.
func (s *Service) event(e Entry) Event {
	ev := Event{
		SpecVersion: "1.0", ID: e.ID, Source: s.Source(), Type: EventTypePrefix + e.Type + EventTypeSuffix,
		Subject: e.Subject, Time: metadata.FormatTime(e.Time), DataContentType: "application/json",
		Sequence: fmt.Sprintf("%020d", e.Seq), AuthType: authTypes[e.Actor.Type], AuthID: e.Actor.ID,
		Data: e.Data, Seq: e.Seq,
	}
	ev.PartitionKey = partition(e)
	return ev
}

// partition names what an entry must stay in order with: its package, or the service that it was deployed as.
func partition(e Entry) string {
	if t, _ := EventTypeNamed(e.Type); t.About() == AboutDeployment {
		var d eventDeployment
		if json.Unmarshal(e.Data, &d) == nil && d.Service != "" { // erased data is nil
			return "service:" + d.Environment + "/" + d.Service
		}
	}
	if e.PackageID != 0 {
		return fmt.Sprintf("package:%d", e.PackageID)
	}
	return ""
}

// EventQuery selects events behind a sequence number.
type EventQuery struct {
	After int64         // -1: from the start
	Types []string      // globs, each of which must match a type; prefix and suffix may be left out
	Limit int           // at most MaxPage
	Wait  time.Duration // how long to wait when there is nothing yet
}

// MaxPage bounds every list.
const MaxPage = 1000

// Events returns the events that the caller may see: those of repositories it may read, and those of the whole
// instance if it may audit it. With Wait it blocks until there is one or the time is over. next is where to go on: it
// also moves past events that the caller may not see. Invalid: a glob matches no type.
func (s *Service) Events(ctx context.Context, q EventQuery) (events []Event, next int64, err error) {
	if q.Types, err = shortTypes(q.Types, AboutRequest); err != nil {
		return nil, q.After, err
	}
	if q.Limit <= 0 || q.Limit > MaxPage {
		q.Limit = MaxPage
	}
	deadline := time.NewTimer(q.Wait)
	defer deadline.Stop()
	for {
		grown := s.Grown() // before the look, so that nothing falls between
		events, next, err = s.lookThrough(ctx, q)
		if err != nil || len(events) > 0 || q.Wait <= 0 {
			return events, next, err
		}
		q.After = next
		select {
		case <-grown:
		case <-deadline.C:
			return nil, next, nil
		case <-ctx.Done():
			return nil, next, AsError(ctx.Err())
		}
	}
}

// logWindow is how many entries one view looks through for those that a filter lets pass, so that it lasts milliseconds.
const logWindow = 20_000

// lookThrough returns the events up to the end of the log, or to the limit.
func (s *Service) lookThrough(ctx context.Context, q EventQuery) (events []Event, next int64, err error) {
	for next = q.After; ; {
		var some []Event
		var end bool
		rest := q
		rest.After, rest.Limit = next, q.Limit-len(events)
		if some, next, end, err = s.window(ctx, rest); err != nil {
			return events, next, err
		}
		if events = append(events, some...); end || len(events) >= q.Limit {
			return events, next, nil
		}
	}
}

func (s *Service) window(ctx context.Context, q EventQuery) (events []Event, next int64, end bool, err error) {
	actor := access.From(ctx)
	next = q.After
	err = s.meta.View(ctx, func(tx metadata.Tx) error {
		mq := metadata.EntryQuery{After: q.After, Before: q.After + 1 + logWindow, Types: q.Types, Limit: q.Limit}
		if access.Decide(actor, access.Audit, access.Instance) != access.Allow {
			ids, err := s.readable(tx.Repositories(), actor)
			if err != nil {
				return err
			}
			mq.Repositories = ids
		}
		size, err := tx.Log().LogSize()
		if err != nil {
			return err
		}
		entries, err := tx.Log().Entries(mq)
		if err != nil {
			return err
		}
		for _, e := range entries {
			events = append(events, s.event(e))
			next = e.Seq
		}
		if len(entries) < q.Limit {
			next = max(next, min(size, mq.Before)-1)
		}
		end = next >= size-1
		return nil
	})
	return events, next, end, err
}

// readable returns the ids of the repositories that the caller may read; Unauthenticated if it is anonymous and there
// is none. The list is never nil.
func (s *Service) readable(repositories metadata.Repositories, actor access.Actor) ([]int64, error) {
	ids := []int64{}
	repos, err := allRepositories(repositories)
	if err != nil {
		return nil, err
	}
	for _, r := range repos {
		if access.Decide(actor, access.Read, r.Name) == access.Allow {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 && actor.Type == access.TypeAnonymous {
		return nil, Errorf(Unauthenticated, AboutRequest, "log in to see this")
	}
	return ids, nil
}

func allRepositories(repositories metadata.Repositories) ([]Repository, error) {
	var all []Repository
	p := Page{Limit: MaxPage}
	for {
		rs, err := repositories.Repositories(p)
		all = append(all, rs...)
		if err != nil || len(rs) < p.Limit {
			return slices.Clip(all), err
		}
		p.After = rs[len(rs)-1].Name
	}
}
