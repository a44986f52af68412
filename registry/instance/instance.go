// Package instance puts the parts of the core together over one pair of stores.
package instance

import (
	"context"
	"fmt"
	"time"

	"slipway/integration"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/catalog"
	"slipway/registry/content"
	"slipway/registry/dependents"
	"slipway/registry/deploy"
	"slipway/registry/duty"
	"slipway/registry/ledger"
	"slipway/registry/maintain"
	"slipway/registry/mirror"
	"slipway/registry/policy"
	"slipway/registry/publish"
	"slipway/registry/pulls"
	"slipway/registry/staging"
	"slipway/registry/upstreams"
)

// Instance is one installation: the kernel and every part of the core over it.
type Instance struct {
	Core          *registry.Core
	Accounts      *accounts.Accounts
	Catalog       *catalog.Catalog // of the own versions of each repository
	History       *catalog.History // of the same, for auditors
	Upstreams     *upstreams.Upstreams
	Reader        *policy.Reader    // what clients see: Catalog with what upstreams have, without what rules refuse
	Everything    *upstreams.Reader // Reader, with what rules refuse
	Mirror        *mirror.Mirror
	Content       *content.Store
	Publisher     *publish.Publisher
	Pulls         *pulls.Pulls
	Dependents    *dependents.Dependents
	Staging       *staging.Areas
	Ledger        *ledger.Ledger
	Deploy        *deploy.Records
	Maintain      *maintain.Maintainer
	Subscriptions *integration.Subscriptions
	Policies      *policy.Policies

	cfg     Config
	running *duty.Runner // nil unless Open made the instance
}

// Open is New, and also runs the duties of the instance until Close. It is for tools, and for servers without further duties.
func Open(ctx context.Context, cfg Config) (*Instance, error) {
	i, err := New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	i.running, err = duty.Start(ctx, i.Core, i.Duties(), duty.Options{})
	return i, err
}

// New makes the parts over their stores and prepares an empty database. It starts nothing. The stores stay the caller's.
func New(ctx context.Context, cfg Config) (*Instance, error) {
	core, err := registry.NewCore(ctx, registry.CoreConfig{
		Store: cfg.Metadata, Blobs: cfg.Storage, Signer: cfg.Signer, Verifier: cfg.Verifier, Rules: cfg.Rules, URL: cfg.URL,
		Log: cfg.Logger, Now: cfg.Now,
	})
	if err != nil {
		return nil, err
	}
	if cfg.SignInterval == 0 {
		cfg.SignInterval = time.Second
	}
	i := &Instance{Core: core, cfg: cfg}
	if i.Subscriptions, err = integration.NewSubscriptions(core, cfg.Renderer, cfg.Sinks, cfg.SealKey); err != nil {
		return nil, err
	}
	auth := access.NewAuthenticator(cfg.Metadata, cfg.AnonymousRead, cfg.PasswordCost, core.Now)
	core.Callers = auth
	i.Accounts = accounts.New(core, auth, cfg.PasswordCost, cfg.Metrics)
	i.Catalog = catalog.New(core)
	i.History = catalog.NewHistory(core, i.Catalog, cfg.SearchTime)
	i.Content = content.New(core, cfg.UploadTTL, cfg.Metrics)
	i.Deploy = deploy.New(core)
	i.Publisher = publish.New(core, i.Content, []publish.Keeper{i.Deploy}, cfg.Metrics)
	cfg.Upstreams.SealKey, cfg.Upstreams.Metrics = cfg.SealKey, cfg.Metrics
	if i.Upstreams, err = upstreams.New(core, i.Catalog, i.Publisher, cfg.Upstreams); err != nil {
		return nil, err
	}
	i.Policies = policy.New(core, cfg.RequestID, cfg.Metrics)
	i.Everything = i.Upstreams.Reader(i.Catalog)
	i.Reader = i.Policies.Reader(i.Everything, i.Upstreams)
	core.Policy = i.Policies
	i.Dependents = dependents.New(core, i.Catalog)
	i.Pulls = pulls.New(core, i.Everything, cfg.PullsKept)
	i.Staging = staging.New(core, i.Content, i.Publisher, auth, cfg.Assemblers)
	i.Ledger = ledger.New(core, cfg.Metrics)
	i.Mirror = mirror.New(mirror.Parts{Core: core, Reader: i.Reader, Upstreams: i.Upstreams, Content: i.Content, Publisher: i.Publisher, Ledger: i.Ledger}, cfg.Upstreams.Sources)
	i.Maintain = maintain.New(core, i.Content, i.Staging, maintain.Grace{Blobs: cfg.GCGrace, Deleted: cfg.DeletedGrace}, cfg.Metrics)
	i.Maintain.Unfinished = []func(context.Context) error{i.Accounts.RevokeEnded, i.Publisher.FinishDeletions}
	core.ClearDeleted = i.Maintain.ClearDeleted
	return i, nil
}

// Names of the duties.
const (
	Collect = "collect"
	Sign    = "sign"
	Settle  = "settle"
	Expire  = "expire"
	Evict   = "evict"
	Count   = "count"
	Index   = "index"
)

// Duties are the background work of the instance. Their first steps finish work that a crash interrupted, and sign the log.
func (i *Instance) Duties() []duty.Duty {
	var grown <-chan struct{}
	list := []duty.Duty{{
		Name: Collect,
		First: func(ctx context.Context) error {
			if _, err := i.Maintain.FinishCollection(ctx); err != nil {
				return wrap("finish an interrupted collection", err)
			}
			return wrap("finish interrupted deletions", i.Maintain.FinishDeletions(ctx))
		},
		Do: func(ctx context.Context) error { return i.Maintain.CollectEvery(ctx, i.cfg.GCInterval) },
	}, {
		Name: Sign,
		First: func(ctx context.Context) error {
			grown = i.Core.Grown()
			return wrap("sign the log", i.Ledger.SignCheckpoint(ctx))
		},
		Do: func(ctx context.Context) error {
			i.Ledger.SignEvery(ctx, grown, i.cfg.SignInterval)
			return nil
		},
	}, {
		Name: Expire,
		Do: func(ctx context.Context) error {
			i.Policies.NoteExpiredEvery(ctx, expireInterval)
			return nil
		},
	}, {
		Name: Evict,
		Do:   func(ctx context.Context) error { return i.Upstreams.EvictEvery(ctx, evictInterval) },
	}, {
		Name: Count,
		Do:   func(ctx context.Context) error { return i.Maintain.CountEvery(ctx, countInterval) },
	}, {
		Name: Index,
		Do: func(ctx context.Context) error {
			i.Dependents.IndexEvery(ctx)
			return nil
		},
	}}
	if i.cfg.SettleInterval > 0 {
		list = append(list, duty.Duty{Name: Settle, Do: func(ctx context.Context) error {
			i.Staging.SettleEvery(ctx, i.cfg.SettleInterval)
			return nil
		}})
	}
	return list
}

// expireInterval is how often the end of rules is noted in the log. They end by themselves.
const expireInterval = time.Minute

// evictInterval is how often bytes from remotes go that are not kept.
const evictInterval = time.Hour

// countInterval is how often it is counted what packages hold, if something changed.
const countInterval = time.Minute

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Close ends the work that Open began and waits for it.
func (i *Instance) Close() error {
	if i.running != nil {
		i.running.Close()
	}
	i.Maintain.Close()
	i.Mirror.Close()
	i.Upstreams.Close()
	return nil
}
