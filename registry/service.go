// Package registry is the core of Slipway: what a repository, a package and a version are, how a publish becomes
// visible, who may do what, and the log of everything that happened. Front-ends are written against Service and know
// nothing of the stores below it.
package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"

	"slipway/metadata"
	"slipway/registry/access"
	"slipway/storage"
)

// The records that Service returns; front-ends never import metadata.
type (
	Repository = metadata.Repository
	Package    = metadata.Package
	Version    = metadata.Version
	File       = metadata.File
	Blob       = metadata.Blob
	Tag        = metadata.Tag
	Fact       = metadata.Fact
	State      = metadata.State
	Entry      = metadata.Entry
	Checkpoint = metadata.Checkpoint
	User       = metadata.User
	Token      = metadata.Token
	Page       = metadata.Page
	StagedFile = metadata.StagedFile
	Staging    = metadata.Staging

	Environment      = metadata.Environment
	Deployment       = metadata.Deployment
	DeploymentStatus = metadata.DeploymentStatus
	Run              = metadata.Run

	Delivery      = metadata.Delivery
	DeliveryState = metadata.DeliveryState
	Attempt       = metadata.Attempt
	Due           = metadata.Due
)

// States of a version.
const (
	Published  = metadata.Published
	Yanked     = metadata.Yanked
	Deprecated = metadata.Deprecated
	Deleted    = metadata.Deleted
)

// Rules are what the core asks of a format where names come in through the common API.
type Rules struct {
	// PURLType is the type of the format's package URLs.
	PURLType string
	// FromPURL returns the name of the package in a package URL of that type. Invalid. nil: its namespace and its name, with
	// slashes between.
	FromPURL func(p PURL) (string, error)
	// Spelling returns the canonical spelling of a version, and the sort key that all versions share which are equal to it,
	// nil where only the canonical one is; "" for what is no version. nil: a version is written in one way only.
	Spelling func(version string) (canonical string, key []byte)
	// States are those that a version can be in beside published, as its clients or its readers understand them.
	States []State
	// Normalize returns the key under which a package name is looked up. Invalid when it is outside the grammar.
	Normalize func(name string) (string, error)
	// CheckTag says why a tag is not possible in this format, beyond CheckTag. nil: no further rule.
	CheckTag func(tag string) error
	// RequiredTag can be moved but not removed while the package has versions (npm's latest). "": none.
	RequiredTag string
}

// Config is what Service needs. Zero values of the optional fields are sensible.
type Config struct {
	Metadata metadata.Store
	Storage  storage.Store
	// Signer signs checkpoints; its name is the log's origin.
	Signer note.Signer
	// Verifier is the text form of its public key, served to auditors.
	Verifier string

	Rules         map[string]Rules     // by format
	Assemblers    map[string]Assembler // by format; versions of the other formats are never staged
	AnonymousRead bool
	Renderer      Renderer      // of subscriptions; nil: there can be none
	SealKey       []byte        // 32 bytes that secrets are kept under; nil: none can be kept
	URL           string        // public base URL; "" when it follows the request
	GCInterval    time.Duration // 0: no collection by itself
	GCGrace       time.Duration
	PasswordCost  int // of bcrypt; 0 is access.PasswordCost
	// SettleInterval is how often to look for sets of staged files that are whole (Assembler.Settle). 0: never.
	SettleInterval time.Duration
	SearchTime     time.Duration // that one search may take; 0 is 10 s
	SignInterval   time.Duration // between two checkpoints of a growing log; 0 is 1 s
	UploadTTL      time.Duration // an unfinished upload is dropped after this long without a byte; 0 is 24 h

	Metrics prometheus.Registerer // nil: none
	Logger  *slog.Logger          // nil: slog.Default
	Now     func() time.Time      // nil: time.Now; for leases and sessions, not for the log
}

// Service is the core. Methods take the caller from the context (access.From) and fail with *Error.
type Service struct {
	meta                           metadata.Store
	blobs                          storage.Store
	signer                         note.Signer
	verifier                       string
	rules                          map[string]Rules
	assemblers                     map[string]Assembler
	auth, owners                   *access.Authenticator
	cfg                            Config
	url                            string
	renderer                       Renderer
	passwordCost                   int
	searchTime, gcGrace, uploadTTL time.Duration
	publishSeconds                 *prometheus.HistogramVec
	received                       *prometheus.CounterVec
	logSize                        prometheus.Gauge
	collected                      collected
	sealed                         sealer // secrets of subscriptions
	log                            *slog.Logger
	now                            func() time.Time
	byRepository                   *recall[string, Repository]
	byName                         *recall[packageKey, Package]
	byPrefix                       *recall[prefixKey, packageAndMore]
	byTag                          *recall[taggedKey, Version]
	sets                           *knownSets
	keepers                        []Keeper

	instance  string // id of the installation, from the first start
	leases    leases
	uploading uploadLocks
	bodies    bodies
	settling  settling
	searching chan struct{} // holds the searches that run
	gcMu      sync.Mutex

	stop context.CancelFunc
	done sync.WaitGroup
}

// New makes the core over its stores, prepares an empty database, finishes what a crash cut off, and starts the
// background work. Close ends it; the stores stay the caller's.
func New(ctx context.Context, cfg Config) (*Service, error) {
	s := &Service{
		meta: cfg.Metadata, blobs: cfg.Storage, signer: cfg.Signer, verifier: cfg.Verifier,
		rules: cfg.Rules, assemblers: cfg.Assemblers, cfg: cfg, log: cfg.Logger, now: cfg.Now, searching: make(chan struct{}, searchers),
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.cfg.SearchTime == 0 {
		s.cfg.SearchTime = 10 * time.Second
	}
	if s.cfg.SignInterval == 0 {
		s.cfg.SignInterval = time.Second
	}
	if s.cfg.UploadTTL == 0 {
		s.cfg.UploadTTL = 24 * time.Hour
	}
	if s.cfg.PasswordCost == 0 {
		s.cfg.PasswordCost = access.PasswordCost
	}
	s.url, s.renderer, s.passwordCost = cfg.URL, cfg.Renderer, s.cfg.PasswordCost
	s.searchTime, s.gcGrace, s.uploadTTL = s.cfg.SearchTime, cfg.GCGrace, s.cfg.UploadTTL
	var err error
	if s.sealed, err = newSealer(cfg.SealKey, "subscriptions"); err != nil {
		return nil, err
	}
	s.publishSeconds, s.received = newPublishSeconds(cfg.Metrics), newReceived(cfg.Metrics)
	s.logSize, s.collected = newLogSize(cfg.Metrics), newCollected(cfg.Metrics)
	s.keepers = []Keeper{s}
	s.byName = newRecall[packageKey](s.meta, packageBytes, packageSince)
	s.byPrefix = newRecall[prefixKey](s.meta, packageAndMore.bytes, func(m metadata.Versioned, p packageAndMore) uint64 { return p.since(m) })
	s.byTag = newRecall[taggedKey](s.meta, versionBytes, versionSince)
	s.byRepository = newRecall[string](s.meta, repositoryBytes, repositorySince)
	s.sets = newKnownSets(s.meta)
	s.auth = access.NewAuthenticator(s.meta, cfg.AnonymousRead, s.cfg.PasswordCost, s.now)
	s.owners = s.auth
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	if err := s.finishCollection(ctx); err != nil {
		return nil, fmt.Errorf("finish an interrupted collection: %w", err)
	}
	grown := s.meta.Watch()
	if err := s.signCheckpoint(ctx); err != nil {
		return nil, fmt.Errorf("sign the log: %w", err)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.done.Go(func() { s.signEvery(background, grown, s.cfg.SignInterval) })
	if cfg.SettleInterval > 0 {
		s.done.Go(func() { s.settleEvery(background, cfg.SettleInterval) })
	}
	if cfg.GCInterval > 0 {
		s.done.Go(func() { s.collectEvery(background, cfg.GCInterval) })
	}
	return s, nil
}

// Close stops the background work and waits for it.
func (s *Service) Close() error {
	s.stop()
	s.done.Wait()
	return nil
}

// Ready reports whether metadata and blobs answer. Unavailable.
func (s *Service) Ready(ctx context.Context) error {
	if err := errors.Join(s.meta.Ready(ctx), s.blobs.Ready(ctx)); err != nil {
		return &Error{Kind: Unavailable, Detail: "metadata or blobs do not answer", Err: err, RetryAfter: time.Second}
	}
	return nil
}

// Instance returns the installation's id and the text form of the key that signs its log.
func (s *Service) Instance() (id, verifier string) { return s.instance, s.verifier }

// Source is what events name as their origin: the public base URL, or the installation's id without one.
func (s *Service) Source() string {
	if s.url != "" {
		return s.url
	}
	return "urn:slipway:" + s.instance
}

// authorize is the one place where a method asks whether its caller may act. It returns the caller.
func (s *Service) authorize(ctx context.Context, action access.Action, repository string) (access.Actor, error) {
	a := access.From(ctx)
	switch access.Decide(a, action, repository) {
	case access.Allow:
		return a, nil
	case access.Challenge:
		return a, Errorf(Unauthenticated, AboutRequest, "log in to %s here", action)
	case access.Hide:
		return a, Errorf(NotFound, AboutRepository, "there is no repository %q", clip(repository))
	default:
		if repository == access.Instance {
			return a, Errorf(Denied, AboutRequest, "this needs the right %q on the whole server", action)
		}
		return a, Errorf(Denied, AboutRepository, "%s may not %s in repository %q", describe(a), action, clip(repository))
	}
}

// May refuses a caller who may do none of the actions in a repository, for front-ends that read a request before they know
// which of them it is. Unauthenticated, NotFound, Denied: of the first.
func (s *Service) May(ctx context.Context, repository string, actions ...access.Action) (err error) {
	for i := len(actions) - 1; i >= 0; i-- {
		if _, err = s.authorize(ctx, actions[i], repository); err == nil {
			return nil
		}
	}
	return err
}

func describe(a access.Actor) string {
	switch a.Type {
	case access.TypeToken:
		return fmt.Sprintf("token %q of user %q", a.Token, a.Name)
	case access.TypeUser:
		return fmt.Sprintf("user %q", a.Name)
	default:
		return a.Name
	}
}

// update runs a change of the metadata.
func (s *Service) update(ctx context.Context, fn func(tx metadata.Tx) error) error {
	return s.meta.Update(ctx, fn)
}

// Grown returns a channel that closes when the log grows next, in this process or another one; see metadata.Store.Watch.
func (s *Service) Grown() <-chan struct{} { return s.meta.Watch() }
