package installation

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

	"slipway/cmd/slipway/internal/command"
	"slipway/formats"
	"slipway/integration"
	"slipway/integration/preset"
	"slipway/internal/httpserver"
	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry/instance"
	"slipway/registry/upstreams"
	"slipway/storage"
	"slipway/storage/local"
	"slipway/storage/s3"
)

// Stores are the database and the blobs of an installation, opened and closed together.
type Stores struct {
	Meta  metadata.Store
	Blobs storage.Store
	Keys  Keys
}

// Open opens the stores and makes missing ones; observe, which may be nil, hears of commits to the database. No other process uses
// them meanwhile. The caller closes.
func Open(ctx context.Context, c *Config, observe func(metadata.Batch)) (*Stores, error) {
	return open(ctx, c, false, observe)
}

// Join is Open beside other processes that have joined, where the stores can be shared: those of PostgreSQL and S3.
func Join(ctx context.Context, c *Config, observe func(metadata.Batch)) (*Stores, error) {
	return open(ctx, c, true, observe)
}

func open(ctx context.Context, c *Config, peers bool, observe func(metadata.Batch)) (_ *Stores, err error) {
	db, err := c.database()
	if err != nil {
		return nil, err
	}
	target, err := c.blobTarget()
	if err != nil {
		return nil, err
	}
	s := &Stores{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if target.s3 != nil { // first: when the bucket can't be opened, nothing is made here
		if s.Blobs, err = target.open(ctx, false); err != nil {
			return nil, err
		}
	}
	if err := makeDirs(c.Data, db.dir()); err != nil {
		return nil, err
	}
	if s.Keys, err = c.logKey(); err != nil {
		return nil, err
	}
	if shareable, ok := s.Blobs.(storage.Sharer); ok && peers && db.server != "" {
		if err := shareable.Share(ctx); err != nil {
			return nil, command.Usagef("--blobs: several processes can't share the store: %w", err)
		}
	}
	if s.Meta, err = c.openMetadata(ctx, db, target.s3 != nil, peers, observe); err != nil {
		return nil, err
	}
	if db.server != "" {
		if err = c.keepLogKey(ctx, s.Meta, s.Keys.Verifier); err != nil {
			return nil, err
		}
	}
	if target.s3 == nil {
		s.Blobs, err = target.open(ctx, false)
	}
	return s, err
}

// MakeDirs makes the directories of the database and of the log's key.
func (c *Config) MakeDirs() error {
	db, err := c.database()
	if err != nil {
		return err
	}
	return makeDirs(c.Data, db.dir(), filepath.Dir(c.LogKeyPath()))
}

func makeDirs(list ...string) error {
	for _, dir := range list {
		if dir == "" {
			continue // of a database on a server
		}
		if err := os.MkdirAll(dir, command.DirMode); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
	}
	return nil
}

// OpenBlobs opens the blobs alone, beside a server if one runs. The caller closes.
func (c *Config) OpenBlobs(ctx context.Context, attached bool) (storage.Store, error) {
	target, err := c.blobTarget()
	if err != nil {
		return nil, err
	}
	return target.open(ctx, attached)
}

func (t blobTarget) open(ctx context.Context, attached bool) (storage.Store, error) {
	if t.s3 == nil {
		var options []local.Option
		if attached {
			options = append(options, local.Attached())
		}
		files, err := local.New(t.dir, options...)
		if err != nil {
			return nil, err
		}
		return files, nil
	}
	o := *t.s3
	o.Attached = attached
	bucket, err := s3.New(ctx, o)
	if err != nil {
		return nil, command.Usagef("--blobs: %w", err)
	}
	return bucket, nil
}

// Close closes what is open.
func (s *Stores) Close() error {
	var errs []error
	if s.Meta != nil {
		errs = append(errs, s.Meta.Close())
	}
	if s.Blobs != nil {
		errs = append(errs, s.Blobs.Close())
	}
	return errors.Join(errs...)
}

// MustExist refuses to make a new installation: tools that look at one must not.
func (c *Config) MustExist() error {
	if err := c.CheckStores(); err != nil {
		return err
	}
	db, err := c.database()
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
	type file struct{ setting, path string }
	var needed []file
	if db.server == "" {
		needed = append(needed, file{setting("--metadata", c.Metadata), db.file})
	}
	if c.LogKeyText == "" {
		needed = append(needed, file{setting("--log-key", c.LogKey), c.LogKeyPath()})
	}
	if blobs.s3 == nil {
		needed = append(needed, file{setting("--blobs", c.Blobs), filepath.Join(blobs.dir, "blobs")})
	}
	for _, want := range needed {
		if _, err := os.Stat(want.path); errors.Is(err, fs.ErrNotExist) {
			return command.Usagef("%s: there is no Slipway here: %s does not exist", want.setting, want.path)
		} else if err != nil {
			return command.Usagef("%s: %w", want.setting, err)
		}
	}
	return nil
}

// settleInterval is how often the server looks for staged files whose clients never ended their set.
const settleInterval = time.Second

// Core makes the core of a tool over the stores: it finishes what a crash cut off and signs what the tool logs. The caller closes.
func (s *Stores) Core(ctx context.Context, c *Config, logger *slog.Logger) (*instance.Instance, error) {
	return instance.Open(ctx, s.config(c, nil, logger))
}

// ServerCore makes the core of a server over the stores. sinks are those that subscriptions can name, network is how remotes are reached. It starts nothing: that is duty.Start with its duties.
func (s *Stores) ServerCore(ctx context.Context, c *Config, sinks integration.Sinks, network origin.Environment, reg prometheus.Registerer, logger *slog.Logger) (*instance.Instance, error) {
	cfg := s.config(c, reg, logger)
	cfg.Sinks, cfg.Upstreams.Network, cfg.Upstreams.SecretsDir = sinks, network, c.UpstreamSecrets
	cfg.Upstreams.SpoolBytes, cfg.Upstreams.Free = int64(c.UpstreamSpool), c.spoolFree
	cfg.RequestID = httpserver.RequestID
	cfg.GCInterval, cfg.SettleInterval = c.GCInterval, settleInterval
	return instance.New(ctx, cfg)
}

// spoolFree returns the free bytes of the disk on which files lie that are on their way from remotes.
func (c *Config) spoolFree() (int64, bool) {
	blobs, err := c.blobTarget()
	if err != nil {
		return 0, false
	}
	dir := blobs.dir
	if blobs.s3 != nil {
		dir = blobs.s3.Spool
	}
	free, _, err := room(dir)
	return free, err == nil
}

func (s *Stores) config(c *Config, reg prometheus.Registerer, logger *slog.Logger) instance.Config {
	list := c.AllFormats()
	rules := formats.Rules(list)
	return instance.Config{
		Metadata: s.Meta, Storage: s.Blobs, Signer: s.Keys.Signer, Verifier: s.Keys.Verifier, SealKey: s.Keys.Seal, PasswordCost: c.PasswordCost,
		Renderer: preset.Set{Rules: rules}, Rules: rules, Assemblers: formats.Assemblers(list), Upstreams: upstreams.Options{Sources: formats.Sources(list)}, AnonymousRead: c.AnonymousRead, URL: c.URL, GCGrace: c.GCGrace, DeletedGrace: c.DeletedGrace, PullsKept: c.PullsKept, Metrics: reg, Logger: logger,
	}
}

// Paths are the files and directories that hold the installation; only the installation's own files are in the directories.
func (c *Config) Paths() ([]string, error) {
	db, err := c.database()
	if err != nil {
		return nil, err
	}
	blobs, err := c.blobTarget()
	if err != nil {
		return nil, err
	}
	out := []string{c.Data}
	for _, path := range []string{db.file, blobs.dir} {
		rel, err := filepath.Rel(c.Data, path)
		if path != "" && (err != nil || !filepath.IsLocal(rel)) { // "" is a bucket
			out = append(out, path)
		}
	}
	return out, nil
}

// Apart refuses a backup directory that is one of the installation's: each would treat the other's files as its own.
func (c *Config) Apart(dir string) error {
	db, err := c.database()
	if err != nil {
		return err
	}
	blobs, err := c.blobTarget()
	if err != nil {
		return err
	}
	here, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return command.Usagef("DIR: %w", err)
	}
	for _, own := range []string{c.Data, db.dir(), blobs.dir} {
		if there, err := os.Stat(own); err == nil && os.SameFile(here, there) {
			return command.Usagef("DIR: %s is the installation itself", dir)
		}
	}
	return nil
}
