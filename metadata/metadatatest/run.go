// Package metadatatest is the suite that every metadata.Store passes, and wrappers that make a store fail.
package metadatatest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// Factory makes an empty store that takes its time from now. The suite closes it.
type Factory func(t *testing.T, now func() time.Time) metadata.Store

// Run runs the suite.
func Run(t *testing.T, open Factory) {
	for _, c := range []struct {
		name string
		test func(*env)
	}{
		{"Repositories", testRepositories},
		{"RepositoryPages", testRepositoryPages},
		{"Upstreams", testUpstreams},
		{"Claims", testClaims},
		{"Origins", testOrigins},
		{"NameOrigins", testNameOrigins},
		{"NameUses", testNameUses},
		{"Pulls", testPulls},
		{"Dependencies", testDependencies},
		{"CachedFiles", testCachedFiles},
		{"Evicted", testEvicted},
		{"UpstreamIndexes", testUpstreamIndexes},
		{"Sightings", testSightings},
		{"Rules", testRules},
		{"Refusals", testRefusals},
		{"Packages", testPackages},
		{"Usages", testUsages},
		{"Keepings", testKeepings},
		{"PackagesNamed", testPackagesNamed},
		{"PackageLike", testPackageLike},
		{"PackageQueries", testPackageQueries},
		{"Versions", testVersions},
		{"VersionPages", testVersionPages},
		{"Highest", testHighest},
		{"VersionByDigest", testVersionByDigest},
		{"VersionsByNames", testVersionsByNames},
		{"Files", testFiles},
		{"FilesByPackage", testFilesByPackage},
		{"ReservedPaths", testReservedPaths},
		{"Folders", testFolders},
		{"FileBeside", testFileBeside},
		{"SetDigest", testSetDigest},
		{"Blobs", testBlobs},
		{"Leases", testLeases},
		{"Unreferenced", testUnreferenced},
		{"Trash", testTrash},
		{"Condemn", testCondemn},
		{"Collected", testCollected},
		{"CondemnRace", testCondemnRace},
		{"Tags", testTags},
		{"TagIntervals", testTagIntervals},
		{"TagHistory", testTagHistory},
		{"Facts", testFacts},
		{"Texts", testTexts},
		{"Append", testAppend},
		{"AppendRefuses", testAppendRefuses},
		{"Entries", testEntries},
		{"EntriesOfManyRepositories", testEntriesOfMany},
		{"SeqAt", testSeqAt},
		{"Tree", testTree},
		{"Checkpoint", testCheckpoint},
		{"ConcurrentAppends", testConcurrentAppends},
		{"Users", testUsers},
		{"Groups", testGroups},
		{"Roles", testRoles},
		{"Tokens", testTokens},
		{"Sessions", testSessions},
		{"Uploads", testUploads},
		{"References", testReferences},
		{"Stagings", testStagings},
		{"Search", testSearch},
		{"SearchInCrowd", testSearchInCrowd},
		{"SearchAgain", testSearchAgain},
		{"Overview", testOverview},
		{"PackagesThen", testPackagesThen},
		{"Parts", testParts},
		{"Environments", testEnvironments},
		{"Deployments", testDeployments},
		{"DeploymentQueries", testDeploymentQueries},
		{"Runs", testRuns},
		{"Subscriptions", testSubscriptions},
		{"Deliveries", testDeliveries},
		{"DeliveryQueries", testDeliveryQueries},
		{"DeliveryLanes", testDeliveryLanes},
		{"PurgeSubscriptions", testPurgeSubscriptions},
		{"Consumers", testConsumers},
		{"Duties", testDuties},
		{"DutyRace", testDutyRace},
		{"Settings", testSettings},
		{"Generations", testGenerations},
		{"Generations of files", testFileGenerations},
		{"Generations of people", testPeopleGenerations},
		{"Watch", testWatch},
		{"WatchMissesNothing", testWatchMissesNothing},
		{"FailedUpdate", testFailedUpdate},
		{"FailedNeighbours", testFailedNeighbours},
		{"SwallowedError", testSwallowedError},
		{"Snapshot", testSnapshot},
		{"ReadOnly", testReadOnly},
		{"Panic", testPanic},
		{"Goexit", testGoexit},
		{"Context", testContext},
		{"Time", testTime},
		{"Clock", testClock},
		{"Sync", testSync},
		{"Hints", testHints},
		{"EndedTx", testEndedTx},
		{"Close", testClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := &env{T: t, clock: NewClock()}
			e.store = open(t, e.clock.Now)
			t.Cleanup(func() {
				if err := e.store.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			c.test(e)
		})
	}
}

// Clock is a clock that moves only when a test moves it.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// NewClock returns a clock that stands at a moment with nanoseconds, which stores must not keep.
func NewClock() *Clock {
	return &Clock{t: time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.FixedZone("", 3600))}
}

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

var errTest = errors.New("error of the test")

// env is a store under test.
type env struct {
	*testing.T
	store metadata.Store
	clock *Clock
}

// now is the clock as a transaction shows it.
func (e *env) now() time.Time { return e.clock.Now().UTC().Truncate(time.Microsecond) }

func (e *env) update(fn func(tx metadata.Tx) error) {
	e.Helper()
	if err := e.store.Update(context.Background(), fn); err != nil {
		e.Fatalf("Update: %v", err)
	}
}

// change is Store.Update without hints.
func (e *env) change(ctx context.Context, fn func(tx metadata.Tx) error) error {
	return e.store.Update(ctx, fn)
}

func (e *env) view(fn func(tx metadata.Tx) error) {
	e.Helper()
	if err := e.store.View(context.Background(), fn); err != nil {
		e.Fatalf("View: %v", err)
	}
}

// fails runs an update that must fail with target.
func (e *env) fails(target error, fn func(tx metadata.Tx) error) {
	e.Helper()
	if err := e.store.Update(context.Background(), fn); !errors.Is(err, target) {
		e.Fatalf("Update: %v, want %v", err, target)
	}
}

// read returns one value of a view.
func read[T any](e *env, fn func(tx metadata.Tx) (T, error)) T {
	e.Helper()
	var out T
	e.view(func(tx metadata.Tx) (err error) {
		out, err = fn(tx)
		return err
	})
	return out
}

// missing checks that a look-up answers ErrNotExist.
func missing[T any](e *env, what string, fn func(tx metadata.Tx) (T, error)) {
	e.Helper()
	err := e.store.View(context.Background(), func(tx metadata.Tx) error {
		_, err := fn(tx)
		return err
	})
	if !errors.Is(err, metadata.ErrNotExist) {
		e.Fatalf("%s: %v, want ErrNotExist", what, err)
	}
}

func equal[T any](e *env, what string, got, want T) {
	e.Helper()
	if !reflect.DeepEqual(got, want) {
		e.Fatalf("%s:\ngot  %+v\nwant %+v", what, got, want)
	}
}

// names maps a list to one field.
func names[T, F any](list []T, field func(T) F) []F {
	var out []F
	for _, v := range list {
		out = append(out, field(v))
	}
	return out
}

func sumOf(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// Fixtures.

func (e *env) repository(name string) metadata.Repository {
	e.Helper()
	var r metadata.Repository
	e.update(func(tx metadata.Tx) (err error) {
		r, err = tx.Repositories().CreateRepository(metadata.Repository{Name: name})
		return err
	})
	return r
}

func (e *env) pkg(r metadata.Repository, format, key string) metadata.Package {
	e.Helper()
	var p metadata.Package
	e.update(func(tx metadata.Tx) (err error) {
		p, err = tx.Packages().CreatePackage(metadata.Package{RepositoryID: r.ID, Format: format, Key: key, Name: key})
		return err
	})
	return p
}

// crowd is more repositories than a statement can have placeholders, id among them.
func crowd(id int64) []int64 {
	list := make([]int64, 40_000)
	for i := range list {
		list[i] = int64(1_000 + i)
	}
	list[len(list)/2] = id
	return list
}

// main is a package in a repository.
func (e *env) main() metadata.Package { return e.pkg(e.repository("main"), "npm", "left-pad") }

func (e *env) version(p metadata.Package, name string) metadata.Version {
	e.Helper()
	var v metadata.Version
	e.update(func(tx metadata.Tx) (err error) {
		v, err = tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: name, SortKey: []byte(name),
			Digest: digest.FromString(name)})
		return err
	})
	return v
}

func (e *env) blob(content string) metadata.Blob {
	e.Helper()
	var b metadata.Blob
	e.update(func(tx metadata.Tx) (err error) {
		b, err = tx.Blobs().PutBlob(metadata.Blob{Digest: digest.FromString(content), Size: int64(len(content))})
		return err
	})
	return b
}

func (e *env) file(v metadata.Version, path string, b metadata.Blob, seq int64) {
	e.Helper()
	e.update(func(tx metadata.Tx) error {
		return tx.Files().AddFile(metadata.File{VersionID: v.ID, PackageID: v.PackageID, Path: path, Blob: b, Seq: seq})
	})
}

func entry(typ string) metadata.Entry {
	return metadata.Entry{Type: typ, Subject: "pkg:npm/left-pad", Actor: metadata.Actor{Type: "user", ID: "user:1"},
		Data: fmt.Appendf(nil, `{"type":%q}`, typ)}
}
