// Package upstreams lets a repository answer from other places: an ordered list of upstreams, each another repository or a remote
// registry. It keeps their settings, decides which place may answer for a name (the guard), and is the catalog.Reader that
// front-ends read through.
package upstreams

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/internal/origin"
	"slipway/internal/seal"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/lookup"
	"slipway/registry/publish"
)

// Upstreams keeps the upstreams of repositories, the claims on names and the origins of packages. It is one type because lists, claims,
// origins and what was fetched decide together where a name comes from: a change of any is settled with the others.
type Upstreams struct {
	core      *registry.Core
	local     *catalog.Catalog // without checks of rights
	plain     *catalog.Catalog // with them
	publisher *publish.Publisher
	graphs    *lookup.Cache[struct{}, *graph]
	rows      *lookup.Cache[rowsKey, rows]
	remotes   remotes
	documents *documents
	flights   flights
	spool     spool
	checked   checked
	served    served
	told      told
	outages   queue[event] // that remotes do not answer, and that they answer again
	contested contested
	uses      uses
	recent    recent
	pinned    Pins   // nil: nothing is
	policy    Policy // nil: everything is let in
	metrics   *metrics
	// recordTime is how long clients wait for a file that is right to be stored and entered.
	recordTime time.Duration
	key        [16]byte // makes the ids of composed packages of this process unguessable
}

// Options are what remotes need; without sources there are none.
type Options struct {
	Sources map[string]Source // by format
	Network origin.Environment
	// SealKey are 32 bytes that secrets are kept under; nil: none can be kept.
	SealKey []byte
	// SecretsDir is where the secrets are that settings name by their files; "": none are.
	SecretsDir string
	Metrics    prometheus.Registerer // nil: none
	// SpoolBytes bounds the files that are on their way at once; 0: 20 GiB, or a quarter of the disk if that is less.
	SpoolBytes int64
	// RecordTime is how long clients wait for a file that is right to be stored and entered; then they get it before, unless its repository has
	// the setting strict_record. 0: 10 s.
	RecordTime time.Duration
	// Free tells how many bytes of the disk are free on which files on their way lie; nil: it is not known.
	Free func() (bytes int64, ok bool)
}

// New makes the part over the catalog of the same instance.
func New(core *registry.Core, local *catalog.Catalog, publisher *publish.Publisher, o Options) (*Upstreams, error) {
	o.Network.Instance = core.Identity().ID
	sealer, err := seal.New(o.SealKey, "upstreams")
	if err != nil {
		return nil, err
	}
	s := &Upstreams{core: core, local: local.Trusted(), plain: local, publisher: publisher, documents: newDocuments(),
		remotes: remotes{env: o.Network, sources: o.Sources, sealer: sealer, secretsDir: o.SecretsDir, clients: map[int64]client{}}, flights: newFlights(), spool: spool{bound: o.SpoolBytes, free: o.Free}, recordTime: cmp.Or(o.RecordTime, recordTime)}
	s.remotes.changed = s.changed
	s.metrics = newMetrics(o.Metrics, s)
	s.remotes.env.Observe, s.remotes.known = s.metrics.observe, s.metrics.known
	_, _ = rand.Read(s.key[:]) // it never fails
	s.graphs = lookup.New[struct{}](core.Store, (*graph).bytes, func(m metadata.Versioned, _ *graph) uint64 { return m.GenerationOf(metadata.RepositoryRows) })
	s.rows = lookup.New[rowsKey](core.Store, rows.bytes, func(m metadata.Versioned, r rows) uint64 { return r.since(m) })
	core.Forward, core.Shadows, core.Moved, core.MayPublish, core.UsedBlob = s.forward, s.shadows, s.moved, s.mayPublish, s.usedBlob
	return s, nil
}

// Close ends the transfers and the questions that are under way, and waits for them.
func (s *Upstreams) Close() {
	s.flights.stop()
	s.writeUsed(context.Background())
	s.uses.waiting.drain(context.Background(), s.writeUses) // what the end of the transfers left over
	s.remotes.close()
}

// Reader returns what front-ends read, over the catalog that New was given.
func (s *Upstreams) Reader(local *catalog.Catalog) *Reader { return &Reader{s: s, plain: local} }

// Origin is what an administrator has set for a package.
type Origin = metadata.Origin

// Types of upstreams.
const (
	TypeRepository = metadata.UpstreamRepository // another repository of the server
	TypeRemote     = metadata.UpstreamRemote     // a registry elsewhere
)

// Upstream is one entry of a repository's list.
type Upstream struct {
	metadata.Upstream
	Settings Settings
	Member   string // name of the other repository; "" of a remote
}

// State is how a remote was found when it was asked last.
type State struct {
	Breaker      string // "closed": it is asked; "open": it is not, for a while; "half-open": one request finds out
	LastError    string // of the last failure that counted; "" if there was none
	LastErrorAt  time.Time
	LastAnswerAt time.Time // of the last answer that was no failure
	NextTry      time.Time // zero unless it is not asked for a while
	PausedUntil  time.Time // zero unless it asked to wait
	Requests     int64     // since the server started or the settings changed
	Failures     int64     // of these: no answer, or a 5xx
	UnderWay     int       // requests
	Queued       int
	Limit        int // of its own: requests in the time that it counts; -1: it does not tell
	Remaining    int
	Origin       string  // scheme, host and port
	Others       []State // the same of other hosts that its redirects and links led to
}

// State returns how a remote that List or Get returned was found; nil of one that was not asked since the server started.
func (s *Upstreams) State(u Upstream) *State { return s.remotes.state(u.ID) }

// List returns the upstreams of a repository in their order, to callers who may read it. A repository that the caller may not read
// is left out, unless it is open to the readers of this one, or the caller administers the list. Only those who do get the URLs of
// remotes, the hosts that they may lead to, and how they are asked; secrets are shown to no caller. NotFound.
func (s *Upstreams) List(ctx context.Context, repository string) ([]Upstream, error) {
	if _, err := s.core.Authorize(ctx, access.Read, repository); err != nil {
		return nil, err
	}
	r, err := s.core.RepositoryRow(ctx, repository)
	if err != nil {
		return nil, err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	actor := access.From(ctx)
	all := access.Decide(actor, access.Admin, repository) == access.Allow
	var out []Upstream
	for _, l := range g.links[r.ID] {
		if all || l.Type == metadata.UpstreamRemote || l.Settings.Through || access.Decide(actor, access.Read, l.Member) == access.Allow {
			u := *l
			u.Secret = nil
			if !all {
				u.URL, u.Settings, u.Upstream.Settings = "", u.Settings.withoutConnection(), nil
			}
			out = append(out, u)
		}
	}
	return out, nil
}

// Get returns one upstream of a repository. NotFound.
func (s *Upstreams) Get(ctx context.Context, repository, name string) (Upstream, error) {
	list, err := s.List(ctx, repository)
	if err != nil {
		return Upstream{}, err
	}
	if i := slices.IndexFunc(list, func(u Upstream) bool { return u.Name == name }); i >= 0 {
		return list[i], nil
	}
	return Upstream{}, noUpstream(repository, name)
}

func noUpstream(repository, name string) error {
	return registry.Errorf(registry.NotFound, registry.AboutUpstream, "repository %q has no upstream %q", registry.Clip(repository), registry.Clip(name))
}

// generationKey is the setting that counts changes of what this package keeps.
const generationKey = "upstreams.generation"

// changed counts a change, so that documents made from several places are made anew.
func changed(settings metadata.Settings) error {
	now, err := generation(settings)
	if err != nil {
		return err
	}
	return settings.PutSetting(generationKey, strconv.FormatInt(now+1, 10))
}

// generation is the number of changes so far.
func generation(settings metadata.Settings) (int64, error) {
	text, err := settings.Setting(generationKey)
	if errors.Is(err, metadata.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// fold is the form in which names are compared with claims, whose case does not count.
func fold(name string) string { return strings.ToLower(name) }
