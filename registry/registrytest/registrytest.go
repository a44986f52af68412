// Package registrytest gives tests the real core over blobs in memory and SQLite in a temporary file, or PostgreSQL.
package registrytest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/mod/sumdb/note"

	"slipway/integration/all"
	"slipway/internal/outbound"
	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/metadata/postgres"
	"slipway/metadata/postgres/postgrestest"
	"slipway/metadata/sqlite"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/content"
	"slipway/registry/instance"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/staging"
	"slipway/storage"
	"slipway/storage/mem"
	"slipway/storage/storagetest"
)

// Format is a format for tests of the core: every name is its own key.
const Format = "test"

// AdminPassword is the password of the user admin.
const AdminPassword = "correct horse"

// Env is a core with its stores.
type Env struct {
	*instance.Instance
	Metadata metadata.Store // below the faults
	Database string         // path of its file; "" over PostgreSQL
	Blobs    storage.Store  // below the faults
	Admin    context.Context
	Config   instance.Config

	t     testing.TB
	when  storagetest.When // "": the stores do not fail
	only  Part
	fuse  *storagetest.Fuse                // of FailCall
	armed atomic.Pointer[storagetest.Fuse] // counts calls; nil: calls are not counted
}

// Part says which backends can fail.
type Part string

// Parts. AllParts are the metadata and the bytes.
const (
	AllParts  Part = ""
	BytesOnly Part = "bytes"
)

// Option changes the configuration of New.
type Option func(*Env)

// FailCall lets the n-th call of a backend fail, counted from when the core is ready. when says whether it
// fails before, amid or after its effect; in metadata, only an update has one, and amid is before.
func FailCall(n int, when storagetest.When) Option {
	return func(e *Env) {
		e.fuse, e.when = &storagetest.Fuse{N: n}, when
		e.Config.SignInterval = time.Hour // only the test's own calls count in a walk
	}
}

// Breakable lets the stores fail at the calls that Break names, after the test has set the scene, and repeatedly.
func Breakable(when storagetest.When, only Part) Option {
	return func(e *Env) { e.when, e.only = when, only }
}

// With changes the core's configuration.
func With(change func(*instance.Config)) Option { return func(e *Env) { change(&e.Config) } }

// WithBlobs stores the bytes in s.
func WithBlobs(s storage.Store) Option { return func(e *Env) { e.Blobs = s } }

// Restarted makes a core over the stores of another one, as after a restart of the server. The other one serves no more.
func Restarted(former *Env) Option {
	return func(e *Env) {
		_ = e.Metadata.Close()
		e.Metadata, e.Blobs, e.Database = former.Metadata, former.Blobs, former.Database
	}
}

// StoreClock gives the metadata a clock, which the times of the log come from.
func StoreClock(now func() time.Time) Option {
	return func(e *Env) {
		Must(e.t, e.Metadata.Close())
		if e.Database == "" {
			store, err := postgres.Open(context.Background(), postgrestest.URL(e.t), postgres.WithClock(now))
			Must(e.t, err)
			e.Metadata = store
			e.t.Cleanup(func() { _ = store.Close() })
			return
		}
		store, err := sqlite.Open(context.Background(), e.Database, sqlite.WithClock(now))
		Must(e.t, err)
		e.Metadata = store
		e.t.Cleanup(func() { _ = store.Close() })
	}
}

// CountRows counts the records that lists of the metadata return; see metadatatest.CountRows.
func CountRows(rows *atomic.Int64) Option {
	return func(e *Env) { e.Metadata = metadatatest.CountRows(e.Metadata, rows) }
}

// LateReads counts the queries of updates that come after their first log entry; see metadatatest.LateReads.
func LateReads(reads *atomic.Int64) Option {
	return func(e *Env) { e.Metadata = metadatatest.LateReads(e.Metadata, func(int) { reads.Add(1) }) }
}

// migrated is an empty database with the whole schema, as its file: made once for all cores of a process, as it takes longer than
// most of what a test does with one.
var migrated = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "slipway-schema")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "slipway.db")
	s, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// OverPostgres is the value of SLIPWAY_TEST_METADATA with which cores keep their metadata in PostgreSQL.
const OverPostgres = "postgres"

// openMetadata opens an empty database: of SQLite, unless SLIPWAY_TEST_METADATA names another.
func (e *Env) openMetadata() {
	e.t.Helper()
	if os.Getenv("SLIPWAY_TEST_METADATA") == OverPostgres {
		s, err := postgres.Open(context.Background(), postgrestest.URL(e.t))
		Must(e.t, err)
		e.Metadata = s
		return
	}
	e.Database = filepath.Join(e.t.TempDir(), "slipway.db")
	schema, err := migrated()
	Must(e.t, err)
	Must(e.t, os.WriteFile(e.Database, schema, 0o600))
	s, err := sqlite.Open(context.Background(), e.Database)
	Must(e.t, err)
	e.Metadata = s
}

// New makes a core with a repository "main" and a user "admin". It is closed with the test.
func New(t testing.TB, opts ...Option) *Env {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, "slipway-test")
	Must(t, err)
	signer, err := note.NewSigner(skey)
	Must(t, err)
	e := &Env{t: t, Blobs: mem.New(), Config: instance.Config{
		Signer: signer, Verifier: vkey, PasswordCost: bcrypt.MinCost, PullsKept: 365 * 24 * time.Hour, Renderer: Renderer{}, Sinks: all.Sinks(outbound.Options{}, "test"), SealKey: bytes.Repeat([]byte{7}, 32),
		Assemblers: map[string]staging.Assembler{},
		Rules: map[string]registry.Rules{Format: {
			PURLType: "generic", PackagePURL: func(key string) string { return "pkg:generic/" + key }, States: []registry.State{registry.Deprecated, registry.Yanked},
			Normalize: func(s string) (string, error) { return s, nil },
		}},
	}}
	e.openMetadata()
	t.Cleanup(func() { _ = e.Metadata.Close() })
	for _, o := range opts {
		o(e)
	}
	e.Config.Metadata, e.Config.Storage = e.Metadata, e.Blobs
	if e.when != "" {
		e.Config.Storage = storagetest.Faulty(e.Blobs, e.when, e.blow)
	}
	switch {
	case e.when == "" || e.only == BytesOnly:
	case e.when == storagetest.After:
		e.Config.Metadata = metadatatest.LostAnswers(e.Metadata, e.blow)
	default:
		e.Config.Metadata = metadatatest.Faulty(e.Metadata, e.blow)
	}
	e.Instance, err = instance.Open(context.Background(), e.Config)
	Must(t, err)
	t.Cleanup(func() { _ = e.Instance.Close() })
	if e.fuse != nil {
		// A walk makes hundreds of cores, so it does without passwords, which are slow by design.
		e.Admin = access.With(context.Background(), access.System())
		e.armed.Store(e.fuse)
		return e
	}
	_, err = e.Accounts.EnsureAdmin(context.Background(), AdminPassword)
	Must(t, err)
	e.Admin = e.Login(access.Credentials{User: accounts.AdminUser, Password: AdminPassword})
	return e
}

// Login returns a context of the caller with these credentials.
func (e *Env) Login(c access.Credentials) context.Context {
	e.t.Helper()
	a, err := e.Accounts.Authenticate(context.Background(), c)
	Must(e.t, err)
	return access.With(context.Background(), a)
}

// Token makes a token of admin and returns its secret.
func (e *Env) Token(repository string, actions ...access.Action) string {
	e.t.Helper()
	secret, _, err := e.Accounts.CreateToken(e.Admin, accounts.TokenRequest{Name: "test", ExpiresIn: time.Hour,
		Grants: []access.Grant{{Repository: repository, Actions: actions}}})
	Must(e.t, err)
	return secret
}

// WithoutFaults runs fn while calls are not counted, to set the scene.
func (e *Env) WithoutFaults(fn func()) {
	armed := e.armed.Swap(nil)
	fn()
	e.armed.Store(armed)
}

// Break lets the n-th call of a backend from now on fail, where the core is Breakable, until Mend.
func (e *Env) Break(n int) { e.armed.Store(&storagetest.Fuse{N: n}) }

// Mend ends what Break began and reports whether the call was reached.
func (e *Env) Mend() (tripped bool) { return e.armed.Swap(nil).Tripped() }

// blow counts a call of a backend once the core is ready.
func (e *Env) blow() error {
	if fuse := e.armed.Load(); fuse != nil {
		return fuse.Blow()
	}
	return nil
}

// Tripped reports whether the call of FailCall was reached.
func (e *Env) Tripped() bool { return e.fuse.Tripped() }

// Name is a package of the test format in main.
func (e *Env) Name(pkg string) registry.Name {
	return registry.Name{Repository: registry.DefaultRepository, Format: Format, Package: pkg, Display: pkg}
}

// Publish publishes a version whose files are path, content, path, content…; one file "file" when none is named.
func (e *Env) Publish(pkg, version string, files ...string) error {
	_, err := e.PublishRelease(pkg, publish.Release{Version: version}, files...)
	return err
}

// PublishRelease is Publish with all that a release can have.
func (e *Env) PublishRelease(pkg string, rel publish.Release, files ...string) (publish.Result, error) {
	p, err := e.Publisher.Begin(e.Admin, e.Name(pkg))
	if err != nil {
		return publish.Result{}, err
	}
	defer p.Abort()
	if len(files) == 0 {
		files = []string{"file", pkg + " " + rel.Version}
	}
	for i := 0; i < len(files); i += 2 {
		if _, err := p.Stage(e.Admin, content.StageFile{Path: files[i]}, strings.NewReader(files[i+1])); err != nil {
			return publish.Result{}, err
		}
	}
	if rel.SortKey == nil {
		rel.SortKey = []byte(rel.Version)
	}
	if rel.PURL == "" {
		rel.PURL = "pkg:generic/" + pkg + "@" + rel.Version
	}
	return p.Commit(e.Admin, rel)
}

// DropLeases ends the leases of a package, as a day without a push does.
func (e *Env) DropLeases(at registry.Name) {
	e.t.Helper()
	Must(e.t, e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
		return tx.Leases().DropLease(at.Repository + "/" + at.Format + "/" + at.Package)
	}))
}

// Has reports whether a version exists as a whole: its row, and every byte of its files.
func (e *Env) Has(pkg, version string) bool {
	e.t.Helper()
	d, err := e.intact().Catalog.VersionDetail(e.Admin, e.Name(pkg).At(version))
	if err != nil || d.Version.State == registry.Deleted {
		return false
	}
	for _, f := range d.Files {
		if st, err := e.Blobs.Stat(context.Background(), f.Blob.Digest); err != nil || st.Size != f.Blob.Size {
			e.t.Errorf("%s %s is visible without the bytes of %s: %v", pkg, version, f.Path, err)
		}
	}
	return true
}

// MustFsck fails the test unless a check over the stores below the faults is clean.
func (e *Env) MustFsck(t testing.TB) maintain.FsckSummary {
	t.Helper()
	sum, err := e.intact().Maintain.Fsck(e.Admin, maintain.FsckOptions{}, func(f maintain.Finding) {
		if !f.Note {
			t.Errorf("fsck: %s: %s", f.Subject, f.Detail)
		}
	})
	Must(t, err)
	return sum
}

// Replica is another core over the same stores, as another process of the installation has it.
func (e *Env) Replica() *instance.Instance {
	cfg := e.Config
	cfg.Metrics = nil
	s, err := instance.Open(context.Background(), cfg)
	Must(e.t, err)
	e.t.Cleanup(func() { _ = s.Close() })
	return s
}

// intact is a core over the stores without faults: e's own while none are armed.
func (e *Env) intact() *instance.Instance {
	if e.armed.Load() == nil {
		return e.Instance
	}
	cfg := e.Config
	cfg.Metadata, cfg.Storage, cfg.Metrics = e.Metadata, e.Blobs, nil
	s, err := instance.Open(context.Background(), cfg)
	Must(e.t, err)
	e.t.Cleanup(func() { _ = s.Close() })
	return s
}
