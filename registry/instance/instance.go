// Package instance puts the parts of the core together over one pair of stores.
package instance

import (
	"context"
	"fmt"
	"sync"
	"time"

	"slipway/integration"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/catalog"
	"slipway/registry/content"
	"slipway/registry/deploy"
	"slipway/registry/ledger"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/staging"
)

// Instance is one installation: the kernel and every part of the core over it.
type Instance struct {
	Core          *registry.Core
	Accounts      *accounts.Accounts
	Catalog       *catalog.Catalog
	Content       *content.Store
	Publisher     *publish.Publisher
	Staging       *staging.Areas
	Ledger        *ledger.Ledger
	Deploy        *deploy.Records
	Maintain      *maintain.Maintainer
	Subscriptions *integration.Subscriptions

	cfg  Config
	stop context.CancelFunc
	done sync.WaitGroup
}

// Open is New and Start.
func Open(ctx context.Context, cfg Config) (*Instance, error) {
	i, err := New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return i, i.Start(ctx)
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
	i := &Instance{Core: core, cfg: cfg, stop: func() {}}
	if i.Subscriptions, err = integration.NewSubscriptions(core, cfg.Renderer, cfg.SealKey); err != nil {
		return nil, err
	}
	auth := access.NewAuthenticator(cfg.Metadata, cfg.AnonymousRead, cfg.PasswordCost, core.Now)
	i.Accounts = accounts.New(core, auth, cfg.PasswordCost)
	i.Catalog = catalog.New(core, cfg.SearchTime)
	i.Content = content.New(core, cfg.UploadTTL, cfg.Metrics)
	i.Deploy = deploy.New(core)
	i.Publisher = publish.New(core, i.Content, []publish.Keeper{i.Deploy}, cfg.Metrics)
	i.Staging = staging.New(core, i.Content, i.Publisher, auth, cfg.Assemblers)
	i.Ledger = ledger.New(core, cfg.Metrics)
	i.Maintain = maintain.New(core, i.Content, i.Staging, cfg.GCGrace, cfg.Metrics)
	return i, nil
}

// Start finishes what a crash cut off, signs the log, and starts the background work, which Close ends.
func (i *Instance) Start(ctx context.Context) error {
	if err := i.Maintain.FinishCollection(ctx); err != nil {
		return fmt.Errorf("finish an interrupted collection: %w", err)
	}
	grown := i.Core.Grown()
	if err := i.Ledger.SignCheckpoint(ctx); err != nil {
		return fmt.Errorf("sign the log: %w", err)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	i.stop = stop
	i.done.Go(func() { i.Ledger.SignEvery(background, grown, i.cfg.SignInterval) })
	if i.cfg.SettleInterval > 0 {
		i.done.Go(func() { i.Staging.SettleEvery(background, i.cfg.SettleInterval) })
	}
	if i.cfg.GCInterval > 0 {
		i.done.Go(func() { i.Maintain.CollectEvery(background, i.cfg.GCInterval) })
	}
	return nil
}

// Close stops the background work and waits for it.
func (i *Instance) Close() error {
	i.stop()
	i.done.Wait()
	return nil
}
