package registry

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"slipway/metadata"
)

// Ranks say how well a fact is known.
const (
	RankDeclared = 1 // declared by the publisher
	RankSigned   = 2 // signed by an unknown identity
	RankTrusted  = 3 // signed by an identity that the policy trusts
	RankObserved = 4 // seen by the server itself
)

// Keys of facts that Slipway understands; publishers add others as custom.<name>.
const (
	FactSourceRepository = "source.repository"
	FactSourceCommit     = "source.commit"
	FactSourceRevision   = "source.revision" // the text that a commit was read from, where it is more than the commit
	FactSourceRef        = "source.ref"
	FactSourceDirty      = "source.dirty"
	FactBuildSystem      = "build.system"
	FactBuildID          = "build.id"
	FactBuildURL         = "build.url"
	FactBuildStartedAt   = "build.started_at"
	FactBuildFinishedAt  = "build.finished_at"
	FactCustomPrefix     = "custom."

	// Of versions that came from a remote: its name, the strongest sum that it announced of a file, and its times.
	FactUpstreamName        = "upstream.name"
	FactUpstreamVerified    = "upstream.verified"
	FactUpstreamPublishedAt = "upstream.published_at"
	FactUpstreamFirstSeenAt = "upstream.first_seen_at"
	FactPromotedFrom        = "promoted.from" // the repository that a version was promoted from
)

// Bounds of declared facts.
const (
	maxCustomKeys  = 64
	MaxFactBytes   = 4096
	maxCustomBytes = 100 // of a custom key
)

// FactInput is a fact about to be stored.
type FactInput struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Source string `json:"source"` // where the value was read: npm:gitHead, api …
	Rank   int    `json:"rank"`
}

// FactInputs turns stored facts back into the inputs that they were made from.
func FactInputs(facts []Fact) []FactInput {
	out := make([]FactInput, len(facts))
	for i, f := range facts {
		out[i] = FactInput{Key: f.Key, Value: f.Value, Source: f.Source, Rank: f.Rank}
	}
	return out
}

// Source is where a version was built from.
type Source struct {
	Repository string `json:"repository,omitempty"`
	Commit     string `json:"commit,omitempty"`
	Ref        string `json:"ref,omitempty"`
	Dirty      *bool  `json:"dirty,omitempty"`
}

// Build is how a version was built. Times are RFC 3339.
type Build struct {
	System     string `json:"system,omitempty"`
	ID         string `json:"id,omitempty"`
	URL        string `json:"url,omitempty"`
	StartedAt  string `json:"started_at,omitempty"`
	FinishedAt string `json:"finished_at,omitempty"`
}

// ReleaseInfo is the best known value of every fact. Conflicts lists the identity keys, such as commit and repository, that
// have more than one value.
type ReleaseInfo struct {
	Source    *Source           `json:"source,omitempty"`
	Build     *Build            `json:"build,omitempty"`
	Custom    map[string]string `json:"custom,omitempty"`
	Conflicts []string          `json:"conflicts,omitempty"`
}

// ReleaseOf shows the highest rank, then the latest, of each key.
func ReleaseOf(facts []Fact) ReleaseInfo {
	best := map[string]Fact{}
	for _, f := range facts {
		if b, ok := best[f.Key]; !ok || cmp.Or(cmp.Compare(f.Rank, b.Rank), cmp.Compare(f.Seq, b.Seq)) > 0 {
			best[f.Key] = f
		}
	}
	get := func(key string) string { return best[key].Value }
	var r ReleaseInfo
	src := Source{Repository: get(FactSourceRepository), Commit: get(FactSourceCommit), Ref: get(FactSourceRef)}
	if d := get(FactSourceDirty); d != "" {
		dirty := d == "true"
		src.Dirty = &dirty
	}
	if src != (Source{}) {
		r.Source = &src
	}
	b := Build{System: get(FactBuildSystem), ID: get(FactBuildID), URL: get(FactBuildURL),
		StartedAt: get(FactBuildStartedAt), FinishedAt: get(FactBuildFinishedAt)}
	if b != (Build{}) {
		r.Build = &b
	}
	for key, f := range best {
		if name, ok := strings.CutPrefix(key, FactCustomPrefix); ok {
			if r.Custom == nil {
				r.Custom = map[string]string{}
			}
			r.Custom[name] = f.Value
		}
	}
	r.Conflicts = conflicts(facts)
	return r
}

// conflicts returns the identity keys that hold more than one value, whatever their ranks: a gitHead that differs from the
// commit signed by the build system is the sign of a hand-edited package.
func conflicts(facts []Fact) []string {
	var out []string
	for _, key := range []string{FactSourceCommit, FactSourceRepository} {
		same := func(a, b string) bool { return a == b || key == FactSourceCommit && sameCommit(a, b) }
		value := ""
		for _, f := range facts {
			if f.Key != key {
				continue
			}
			if value != "" && !same(f.Value, value) && !slices.Contains(out, key) {
				out = append(out, key)
			}
			value = f.Value
		}
	}
	return out
}

// Declared is release metadata as a publisher sends it.
type Declared struct {
	Source *Source           `json:"source"`
	Build  *Build            `json:"build"`
	Custom map[string]string `json:"custom"`
}

var CustomKey = regexp.MustCompile(`^[a-z0-9_-]+(\.[a-z0-9_-]+)*$`)

// Facts checks d and spreads it into facts of the given source and rank. Invalid.
func (d Declared) Facts(source string, rank int) ([]FactInput, error) {
	var out []FactInput
	add := func(key, value string) {
		if value != "" {
			out = append(out, FactInput{Key: key, Value: value, Source: source, Rank: rank})
		}
	}
	if s := d.Source; s != nil {
		add(FactSourceRepository, NormalizeSource(s.Repository))
		commit := CommitFacts(s.Commit, source, rank)
		if commit == nil {
			add(FactSourceCommit, s.Commit) // which check refuses, or there is none
		}
		for _, f := range commit {
			if f.Key != FactSourceDirty || s.Dirty == nil {
				out = append(out, f)
			}
		}
		add(FactSourceRef, s.Ref)
		if s.Dirty != nil {
			add(FactSourceDirty, map[bool]string{true: "true", false: "false"}[*s.Dirty])
		}
	}
	if b := d.Build; b != nil {
		add(FactBuildSystem, b.System)
		add(FactBuildID, b.ID)
		add(FactBuildURL, CleanURL(b.URL))
		for key, value := range map[string]string{FactBuildStartedAt: b.StartedAt, FactBuildFinishedAt: b.FinishedAt} {
			if value == "" {
				continue
			}
			t, err := time.Parse(time.RFC3339Nano, value)
			if err != nil {
				return nil, Errorf(Invalid, AboutVersion, "%s is not an RFC 3339 time: %q", key, Clip(value))
			}
			add(key, metadata.FormatTime(t))
		}
	}
	if len(d.Custom) > maxCustomKeys {
		return nil, Errorf(Invalid, AboutVersion, "at most %d custom keys are kept", maxCustomKeys)
	}
	for key, value := range d.Custom {
		if len(key) > maxCustomBytes || !CustomKey.MatchString(key) {
			return nil, Errorf(Invalid, AboutVersion, "custom key %q: lower-case letters, digits, '_', '-', parts joined by '.'", Clip(key))
		}
		add(FactCustomPrefix+key, value)
	}
	for _, f := range out {
		if err := f.check(); err != nil {
			return nil, err
		}
	}
	if len(out) == 0 {
		return nil, Errorf(Invalid, AboutVersion, "there is nothing to store: give source, build or custom")
	}
	slices.SortFunc(out, func(a, b FactInput) int { return strings.Compare(a.Key, b.Key) })
	return out, nil
}

// check refuses a declared value that a reader could take for something else.
func (f FactInput) check() error {
	switch {
	case len(f.Value) > MaxFactBytes:
		return Errorf(Invalid, AboutVersion, "%s is longer than %d bytes", f.Key, MaxFactBytes)
	case !IsLine(f.Value) && !strings.HasPrefix(f.Key, FactCustomPrefix), !isText(f.Value):
		return Errorf(Invalid, AboutVersion, "%s holds control characters: %q", f.Key, Clip(f.Value))
	case f.Key == FactSourceCommit && len(f.Value) > maxRevisionBytes:
		return Errorf(Invalid, AboutVersion, "%s is longer than %d bytes", f.Key, maxRevisionBytes)
	case f.Key == FactBuildURL && !strings.HasPrefix(f.Value, "https://") && !strings.HasPrefix(f.Value, "http://"):
		return Errorf(Invalid, AboutVersion, "%s is no http or https URL: %q", f.Key, Clip(f.Value))
	}
	return nil
}

// UpstreamOf returns the name of the remote that a version with these facts came from; "": it was published, or promoted.
func UpstreamOf(facts []Fact) string {
	name := ""
	for _, f := range facts {
		switch f.Key {
		case FactPromotedFrom:
			return ""
		case FactUpstreamName:
			if name == "" {
				name = f.Value
			}
		}
	}
	return name
}
