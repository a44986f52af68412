package upstreams

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"slipway/internal/origin"
	"slipway/internal/seal"
	"slipway/metadata"
	"slipway/registry"
)

// remote is one remote of a repository as it is asked: its client, what it said, and what is on its way from it.
type remote struct {
	*Upstream
	repository registry.Repository // whose upstream it is: what enters belongs to it
	client     *origin.Client
	source     Source
	way        []int64 // the repositories on the way, the asked one first
	images     Images  // source, where it is one of them
	prefix     string  // of names there
	service    *service
	offline    bool // it is not asked
	// elsewhereFiles: its files are not where Guesser thinks.
	elsewhereFiles *atomic.Bool
	// fingerprint is that of fingerprintOf.
	fingerprint string
}

// remotes keeps the clients of remotes, whose breakers and limits live as long as the settings of their upstream.
type remotes struct {
	env        origin.Environment
	sources    map[string]Source // by format
	sealer     seal.Sealer
	secretsDir string // "": no secret is in a file
	changed    func(*Upstream, registry.Repository, origin.Change)
	known      func(name, repository, format string) // of an upstream that gets a client, and whose it is

	mu      sync.Mutex
	clients map[int64]client // by upstream
}

type client struct {
	row metadata.Upstream
	*origin.Client
	prefix  string
	service *service
	// fingerprint is that of fingerprintOf: each look at a document needs it.
	fingerprint string

	elsewhereFiles *atomic.Bool
}

// service is what a remote calls itself where it wants a token.
type service struct {
	mu    sync.Mutex
	known bool
	name  string
}

// of returns the remote of an upstream.
func (r *remotes) of(u *Upstream, repository registry.Repository) (*remote, error) {
	source, ok := r.sources[u.Format]
	if !ok {
		return nil, fmt.Errorf("upstream %s: format %q has no remotes", u.Name, u.Format)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.clients[u.ID]
	if !ok || c.row.URL != u.URL || !bytes.Equal(c.row.Settings, u.Upstream.Settings) || !bytes.Equal(c.row.Secret, u.Secret) {
		made, prefix, err := r.connect(u, repository, source)
		if err != nil {
			return nil, badUpstream(err, "upstream %s can't be asked as it is set up: %s", u.Name, registry.AsError(err).Error())
		}
		if ok {
			c.Close()
		}
		c = client{u.Upstream, made, prefix, &service{}, fingerprintOf(u), &atomic.Bool{}}
		r.clients[u.ID] = c
	}
	images, _ := source.(Images)
	return &remote{Upstream: u, repository: repository, client: c.Client, source: source, images: images, prefix: c.prefix, service: c.service, elsewhereFiles: c.elsewhereFiles, offline: u.Settings.Offline || r.env.Offline,
		fingerprint: c.fingerprint}, nil
}

// state is how the client of an upstream found it; nil without a client.
func (r *remotes) state(upstreamID int64) *State {
	r.mu.Lock()
	c, ok := r.clients[upstreamID]
	r.mu.Unlock()
	if !ok {
		return nil
	}
	var out State
	for i, o := range c.State() {
		state := State{Origin: o.Origin, Breaker: o.Breaker.String(), LastError: o.LastFault, LastErrorAt: o.LastFaultAt, LastAnswerAt: o.LastAnswerAt, NextTry: o.NextProbe, PausedUntil: o.PausedUntil,
			Requests: o.Requests, Failures: o.Failures, UnderWay: o.UnderWay, Queued: o.Queued, Limit: o.Limit, Remaining: o.LimitRemaining}
		if i == 0 {
			out = state
		} else {
			out.Others = append(out.Others, state)
		}
	}
	return &out
}

// all are the clients that there are now.
func (r *remotes) all() []client {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.clients))
}

func (r *remotes) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.clients {
		c.Close()
	}
}

// connect makes the client of an upstream, and returns what names begin with there.
func (r *remotes) connect(u *Upstream, repository registry.Repository, source Source) (*origin.Client, string, error) {
	have, err := r.opened(u.Secret)
	if err != nil {
		return nil, "", err
	}
	settings, err := r.network(u.Upstream, u.Settings, have)
	if err != nil {
		return nil, "", err
	}
	prefix := ""
	if images, ok := source.(Images); ok {
		settings.URL, prefix = images.Root(settings.URL)
	}
	env := r.env
	env.OnChange = func(c origin.Change) { r.changed(u, repository, c) }
	r.known(u.Name, repository.Name, u.Format)
	made, err := origin.New(settings, env)
	return made, prefix, err
}

// network are the settings of the client of an upstream. Invalid.
func (r *remotes) network(row metadata.Upstream, v Settings, have secrets) (origin.Settings, error) {
	base, err := url.Parse(row.URL)
	if err != nil || row.URL == "" {
		return origin.Settings{}, invalid("url is the address of the registry: http or https, without credentials")
	}
	redirects, err := origin.ParseRedirects(v.Redirects...)
	if err != nil {
		return origin.Settings{}, invalid("redirects: %v", err)
	}
	auth, err := r.auth(v, have)
	if err != nil {
		return origin.Settings{}, err
	}
	proxy, err := r.proxy(v, have)
	t := v.Timeouts
	return origin.Settings{
		Name: row.Name, URL: base, Auth: auth, Redirects: redirects, Proxy: proxy, Offline: v.Offline, ForbiddenIsMissing: v.ForbiddenIsMissing,
		Timeouts:    origin.Timeouts{Connect: time.Duration(t.Connect), Document: time.Duration(t.Document), File: time.Duration(t.File), Idle: time.Duration(t.Idle)},
		Concurrency: v.Concurrency, Rate: v.Rate, MaxDocument: v.MaxDocument, MaxFile: v.MaxFile, UserAgent: v.UserAgent,
		TLS: origin.TLS{CA: []byte(v.TLS.CA), Certificate: []byte(v.TLS.Certificate), Key: []byte(have[ofTLS])},
	}, err
}

// aged is a Source whose documents stay fresh for another time than defaultTTL.
type aged interface{ TTL() time.Duration }

// Defaults of settings.
const (
	defaultTTL          = 5 * time.Minute
	defaultNegativeTTL  = 60 * time.Second
	defaultStaleAfter   = 2 * time.Second
	defaultStaleWhile   = time.Hour
	defaultStaleIfError = 30 * 24 * time.Hour
	defaultMaxFile      = 20 << 30
)

// ttl is how long a document or a mutable file is taken to be as it was.
func (r *remote) ttl() time.Duration {
	if r.Settings.TTL != nil {
		return time.Duration(*r.Settings.TTL)
	}
	if a, ok := r.source.(aged); ok {
		return a.TTL()
	}
	return defaultTTL
}

func (r *remote) negativeTTL() time.Duration {
	return orDefault(r.Settings.NegativeTTL, defaultNegativeTTL)
}

func (r *remote) staleWhile() time.Duration {
	return orDefault(r.Settings.StaleWhileRevalidate, defaultStaleWhile)
}

func (r *remote) staleAfter() time.Duration {
	return cmp.Or(time.Duration(r.Settings.Timeouts.StaleAfter), defaultStaleAfter)
}

func orDefault(d *Duration, value time.Duration) time.Duration {
	if d == nil {
		return value
	}
	return time.Duration(*d)
}

// maxWait is the longest time that a client is told to wait. Some (Yarn, Bun) sleep for all of it before each of their tries, without a word to
// their user; and the remote itself is asked no sooner because a client asks here.
const maxWait = 2 * time.Second

// fault turns what went wrong with a remote into the error that a client sees. Absence is only what the remote proved.
func fault(at registry.Name, err error) error {
	var f *origin.Fault
	if !errors.As(err, &f) {
		return err
	}
	wait := min(max(f.RetryAfter, time.Second), maxWait)
	switch f.Class {
	case origin.Absent:
		return &registry.Error{Kind: registry.NotFound, Subject: registry.AboutFile, Err: err,
			Detail: fmt.Sprintf("upstream %s of repository %q has no such thing", f.Upstream, at.Repository)}
	case origin.Refused:
		return badUpstream(err, "upstream %s refuses our credentials", f.Upstream)
	case origin.Legal, origin.Bad:
		return badUpstream(err, "upstream %s gave an answer that can't be used: it %s", f.Upstream, f.Text)
	default:
		why := "can't be asked now: " + f.Text
		if f.Class == origin.Open && f.Text == origin.Offline {
			why = "is offline"
		}
		return &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutUpstream, RetryAfter: wait, Err: err,
			Detail: fmt.Sprintf("not cached here, and upstream %s %s", f.Upstream, why)}
	}
}

func badUpstream(err error, format string, args ...any) error {
	return &registry.Error{Kind: registry.BadUpstream, Subject: registry.AboutUpstream, Detail: fmt.Sprintf(format, args...), Err: err}
}
