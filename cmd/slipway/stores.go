package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"slipway/formats/all"
	"slipway/integration/preset"
	"slipway/metadata"
	"slipway/metadata/sqlite"
	"slipway/registry"
	"slipway/storage"
	"slipway/storage/local"
	"slipway/storage/s3"
)

// stores are what keeps everything: they are opened together and closed together.
type stores struct {
	meta  metadata.Store
	blobs storage.Store
	keys  keys
}

// openStores makes what is missing and opens it. The caller closes.
func openStores(ctx context.Context, c *config, options ...sqlite.Option) (_ *stores, err error) {
	db, err := c.databasePath()
	if err != nil {
		return nil, err
	}
	target, err := c.blobTarget()
	if err != nil {
		return nil, err
	}
	s := &stores{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if target.s3 != nil { // first: where the bucket can't be opened nothing is made here
		if s.blobs, err = target.open(ctx, false); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{c.data, filepath.Dir(db)} {
		if err := os.MkdirAll(dir, dirMode); err != nil {
			return nil, fmt.Errorf("data directory: %w", err)
		}
	}
	if s.keys, err = c.logKey(); err != nil {
		return nil, err
	}
	meta, err := sqlite.Open(ctx, db, options...)
	if err != nil {
		return nil, err
	}
	s.meta = meta
	if target.s3 == nil {
		s.blobs, err = target.open(ctx, false)
	}
	return s, err
}

// openBlobs opens the blobs alone, beside a server if one runs. The caller closes.
func (c *config) openBlobs(ctx context.Context, beside bool) (storage.Store, error) {
	target, err := c.blobTarget()
	if err != nil {
		return nil, err
	}
	return target.open(ctx, beside)
}

func (t blobTarget) open(ctx context.Context, beside bool) (storage.Store, error) {
	if t.s3 == nil {
		var options []local.Option
		if beside {
			options = append(options, local.Beside())
		}
		files, err := local.New(t.dir, options...)
		if err != nil {
			return nil, err
		}
		return files, nil
	}
	o := *t.s3
	o.Beside = beside
	bucket, err := s3.New(ctx, o)
	if err != nil {
		return nil, usagef("--blobs: %w", err)
	}
	return bucket, nil
}

func (s *stores) close() error {
	var errs []error
	if s.meta != nil {
		errs = append(errs, s.meta.Close())
	}
	if s.blobs != nil {
		errs = append(errs, s.blobs.Close())
	}
	return errors.Join(errs...)
}

// mustExist refuses to make a new installation: tools that look at one must not.
func (c *config) mustExist() error {
	if err := c.checkStores(); err != nil {
		return err
	}
	db, err := c.databasePath()
	if err != nil {
		return err
	}
	blobs, err := c.blobTarget()
	if err != nil {
		return err
	}
	setting := func(own, value string) string {
		if value == "" {
			return "--data"
		}
		return own
	}
	needed := []struct{ setting, path string }{{setting("--metadata", c.metadata), db}, {"--data", c.logKeyPath()}}
	if blobs.s3 == nil {
		needed = append(needed, struct{ setting, path string }{setting("--blobs", c.blobs), filepath.Join(blobs.dir, "blobs")})
	}
	for _, want := range needed {
		if _, err := os.Stat(want.path); errors.Is(err, fs.ErrNotExist) {
			return usagef("%s: there is no Slipway here: %s does not exist", want.setting, want.path)
		} else if err != nil {
			return usagef("%s: %w", want.setting, err)
		}
	}
	return nil
}

// settleInterval is how often staged files are looked at that their clients left without a last word.
const settleInterval = time.Second

// core makes the service over the stores; with background, also the work that it does by itself.
func (s *stores) core(ctx context.Context, c *config, reg prometheus.Registerer, logger *slog.Logger, background bool) (*registry.Service, error) {
	cfg := registry.Config{
		Metadata: s.meta, Storage: s.blobs, Signer: s.keys.signer, Verifier: s.keys.verifier, SealKey: s.keys.seal,
		Renderer: preset.Set{}, Rules: all.Rules(), Assemblers: all.Assemblers(), AnonymousRead: c.anonymousRead, URL: c.url, GCGrace: c.gcGrace, Metrics: reg, Logger: logger,
	}
	if background {
		cfg.GCInterval, cfg.SettleInterval = c.gcInterval, settleInterval
	}
	return registry.New(ctx, cfg)
}

// inUse explains that another process has the database.
func inUse(err error) error {
	if errors.Is(err, metadata.ErrInUse) {
		return fmt.Errorf("another Slipway runs on this data directory: %w", err)
	}
	return err
}
