package metadatatest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// testFailedUpdate: an update that fails at its end leaves nothing, and its sequence numbers are used again.
func testFailedUpdate(e *env) {
	e.fails(errTest, func(tx metadata.Tx) error {
		if err := write(tx, "x"); err != nil {
			e.Errorf("write: %v", err)
		}
		return errTest
	})
	e.view(func(tx metadata.Tx) error {
		_, err := tx.Repositories().Repository("x")
		_, berr := tx.Blobs().Blob(digest.FromString("x"))
		size, serr := tx.Log().LogSize()
		if !errors.Is(err, metadata.ErrNotExist) || !errors.Is(berr, metadata.ErrNotExist) || size != 0 || serr != nil {
			e.Errorf("left behind: %v, %v, %d entries", err, berr, size)
		}
		return nil
	})
	equal(e, "seq", e.append(entry("a"))[0].Seq, 0)
	CheckLog(e.T, e.store)
}

// write makes a repository, a package, a version with a file, and an entry, all named name.
func write(tx metadata.Tx, name string) error {
	r, err := tx.Repositories().CreateRepository(metadata.Repository{Name: name})
	if err != nil {
		return err
	}
	p, err := tx.Packages().CreatePackage(metadata.Package{RepositoryID: r.ID, Format: "raw", Key: name, Name: name})
	if err != nil {
		return err
	}
	ev, err := tx.Log().Append(entry("artifact.published"))
	if err != nil {
		return err
	}
	v, err := tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: name, Seq: ev.Seq})
	if err != nil {
		return err
	}
	b, err := tx.Blobs().PutBlob(metadata.Blob{Digest: digest.FromString(name), Size: int64(len(name))})
	if err != nil {
		return err
	}
	if err := tx.Files().AddFile(metadata.File{VersionID: v.ID, PackageID: p.ID, Path: name, Blob: b, Seq: ev.Seq}); err != nil {
		return err
	}
	_, err = tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: "latest", VersionID: v.ID, SeqFrom: ev.Seq})
	return err
}

// testFailedNeighbours: of many updates at once, some fail in every possible way; the others are there whole.
func testFailedNeighbours(e *env) {
	const n = 60
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			name := fmt.Sprintf("r%02d", i)
			defer func() {
				if p := recover(); (p != nil) != (i%4 == 3) {
					e.Errorf("%s: panic %v", name, p)
				}
			}()
			err := e.store.Update(context.Background(), func(tx metadata.Tx) error {
				if err := write(tx, name); err != nil {
					return err
				}
				switch i % 4 {
				case 1:
					return errTest
				case 2: // an error of the database, which ends the transaction on some
					return tx.Files().AddFile(metadata.File{VersionID: 1 << 40, PackageID: 1, Path: "x", Blob: metadata.Blob{ID: 1}})
				case 3:
					panic(name)
				}
				return nil
			})
			if want := []error{nil, errTest, metadata.ErrNotExist}[i%4]; !errors.Is(err, want) || (want == nil) != (err == nil) {
				e.Errorf("%s: %v, want %v", name, err, want)
			}
		})
	}
	wg.Wait()
	list := read(e, func(tx metadata.Tx) ([]metadata.Repository, error) {
		return tx.Repositories().Repositories(metadata.Page{})
	})
	equal(e, "repositories", len(list), n/4)
	for _, r := range list {
		p := read(e, func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().Package(r.Name, "raw", r.Name) })
		tag := read(e, func(tx metadata.Tx) (metadata.Tag, error) { return tx.Tags().Tag(p.ID, "latest") })
		files := read(e, func(tx metadata.Tx) ([]metadata.File, error) {
			return tx.Files().Files(metadata.FileQuery{VersionID: tag.VersionID})
		})
		equal(e, "files", len(files), 1)
	}
	equal(e, "entries", read(e, func(tx metadata.Tx) (int64, error) { return tx.Log().LogSize() }), n/4)
	CheckLog(e.T, e.store)
}

// testSwallowedError: an update fails after an error of the database even when its function ignores the error.
func testSwallowedError(e *env) {
	var added, after error // of the last run: a store may take a write for done until it has sent it
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error {
		if _, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "x"}); err != nil {
			return err
		}
		added = tx.Files().AddFile(metadata.File{VersionID: 99, PackageID: 99, Path: "x", Blob: metadata.Blob{ID: 99}})
		_, after = tx.Log().LogSize()
		return nil
	})
	if added == nil || after == nil {
		e.Errorf("a file of nothing: %v, and behind it %v", added, after)
	}
	missing(e, "x", func(tx metadata.Tx) (metadata.Repository, error) { return tx.Repositories().Repository("x") })
	// ErrExists and ErrNotExist of a look-up are answers, not errors of the database.
	var errs []error
	e.update(func(tx metadata.Tx) error {
		_, err := tx.Repositories().Repository("x")
		errs = []error{err}
		for range 2 {
			_, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "x"})
			errs = append(errs, err)
		}
		return nil
	})
	for i, want := range []error{metadata.ErrNotExist, nil, metadata.ErrExists} {
		if !errors.Is(errs[i], want) {
			e.Errorf("%d: %v, want %v", i, errs[i], want)
		}
	}
	e.repository("y")
}

// testSnapshot: a view does not see what is committed while it runs.
func testSnapshot(e *env) {
	e.repository("a")
	e.append(entry("a"))
	e.view(func(tx metadata.Tx) error {
		look := func() [3]int64 {
			list, err := tx.Repositories().Repositories(metadata.Page{})
			size, err2 := tx.Log().LogSize()
			if err := errors.Join(err, err2); err != nil {
				e.Fatal(err)
			}
			return [3]int64{int64(len(list)), size, tx.Now().UnixMicro()}
		}
		before := look()
		e.clock.Add(time.Minute)
		e.repository("b")
		e.append(entry("b"))
		equal(e, "later look", look(), before)
		equal(e, "a new view", len(read(e, func(tx metadata.Tx) ([]metadata.Repository, error) {
			return tx.Repositories().Repositories(metadata.Page{})
		})), 2)
		return nil
	})
	e.view(func(tx metadata.Tx) error { // Now comes with the snapshot
		now := tx.Now()
		e.clock.Add(time.Minute)
		e.append(entry("c"))
		list, err := tx.Log().Entries(metadata.EntryQuery{After: -1})
		for _, v := range list {
			if v.Time.After(now) {
				e.Errorf("a view of %v sees an entry of %v", now, v.Time)
			}
		}
		return err
	})
}

func testReadOnly(e *env) {
	p := e.main()
	v, b := e.version(p, "1"), e.blob("x")
	e.file(v, "x", b, 0)
	for what, fn := range map[string]func(tx metadata.Tx) error{
		"CreateRepository": func(tx metadata.Tx) error {
			_, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "x"})
			return err
		},
		"UpdateRepository": func(tx metadata.Tx) error {
			return tx.Repositories().UpdateRepository(metadata.Repository{ID: p.RepositoryID})
		},
		"Cleared":          func(tx metadata.Tx) error { return tx.Repositories().Cleared(p.RepositoryID) },
		"DeleteRepository": func(tx metadata.Tx) error { return tx.Repositories().DeleteRepository(p.RepositoryID) },
		"CreatePackage":    func(tx metadata.Tx) error { _, err := tx.Packages().CreatePackage(p); return err },
		"UpdatePackage":    func(tx metadata.Tx) error { return tx.Packages().UpdatePackage(p) },
		"CreateVersion":    func(tx metadata.Tx) error { _, err := tx.Versions().CreateVersion(v); return err },
		"UpdateVersion":    func(tx metadata.Tx) error { return tx.Versions().UpdateVersion(v) },
		"AddFile": func(tx metadata.Tx) error {
			return tx.Files().AddFile(metadata.File{VersionID: v.ID, PackageID: p.ID, Path: "y", Blob: b})
		},
		"ReplaceFile": func(tx metadata.Tx) error {
			return tx.Files().ReplaceFile(metadata.File{VersionID: v.ID, PackageID: p.ID, Path: "x", Blob: b})
		},
		"SetDigest":   func(tx metadata.Tx) error { return tx.Versions().SetDigest(v.ID, "") },
		"RemoveFiles": func(tx metadata.Tx) error { return tx.Files().RemoveFiles(v.ID) },
		"RemoveFile":  func(tx metadata.Tx) error { return tx.Files().RemoveFile(v.ID, "x") },
		"PutEnvironment": func(tx metadata.Tx) error {
			_, err := tx.Environments().PutEnvironment(metadata.Environment{Name: "x"})
			return err
		},
		"EndRun": func(tx metadata.Tx) error { return tx.Runs().EndRun(1, "x", 1) },
		"CreateSubscription": func(tx metadata.Tx) error {
			_, err := tx.Subscriptions().CreateSubscription(metadata.Subscription{Name: "x"})
			return err
		},
		"UpdateDelivery":     func(tx metadata.Tx) error { return tx.Deliveries().UpdateDelivery(metadata.Delivery{ID: 1}) },
		"PurgeSubscriptions": func(tx metadata.Tx) error { _, err := tx.Subscriptions().PurgeSubscriptions(1); return err },
		"PutConsumer": func(tx metadata.Tx) error {
			_, err := tx.Consumers().PutConsumer(metadata.Consumer{Name: "x"})
			return err
		},
		"PutBlob":         func(tx metadata.Tx) error { _, err := tx.Blobs().PutBlob(b); return err },
		"Condemn":         func(tx metadata.Tx) error { _, err := tx.Collection().Condemn(b, e.now()); return err },
		"CondemnOrphan":   func(tx metadata.Tx) error { _, err := tx.Collection().CondemnOrphan(b.Digest, 1); return err },
		"CollectedDone":   func(tx metadata.Tx) error { return tx.Collection().CollectedDone(b.Digest, e.now()) },
		"TakeCollected":   func(tx metadata.Tx) error { _, err := tx.Collection().TakeCollected(b.Digest, e.now()); return err },
		"ForgetCollected": func(tx metadata.Tx) error { _, err := tx.Collection().ForgetCollected(e.now(), 1); return err },
		"PutLease":        func(tx metadata.Tx) error { return tx.Leases().PutLease(metadata.Lease{BlobID: b.ID, Holder: "x"}) },
		"DropLease":       func(tx metadata.Tx) error { return tx.Leases().DropLease("x") },
		"DropLeasesBelow": func(tx metadata.Tx) error { _, err := tx.Leases().DropLeasesBelow("x", 1); return err },
		"ExpireLeases":    func(tx metadata.Tx) error { _, err := tx.Leases().ExpireLeases(1); return err },
		"DropBlobLease":   func(tx metadata.Tx) error { return tx.Leases().DropBlobLease(b.ID, "x") },
		"AddReferences":   func(tx metadata.Tx) error { return tx.References().AddReferences(nil) },
		"TouchStaging": func(tx metadata.Tx) error {
			_, err := tx.Stagings().TouchStaging(metadata.Staging{ID: "x", RepositoryID: p.RepositoryID})
			return err
		},
		"PutStagedFile": func(tx metadata.Tx) error {
			return tx.Stagings().PutStagedFile(metadata.StagedFile{StagingID: "x", Blob: b})
		},
		"DropStaging":   func(tx metadata.Tx) error { _, err := tx.Stagings().DropStaging("x", 1); return err },
		"FinishStaging": func(tx metadata.Tx) error { _, err := tx.Stagings().FinishStaging("x", 1); return err },
		"DropStagings":  func(tx metadata.Tx) error { _, err := tx.Stagings().DropStagings(1, 1); return err },
		"EndStaging":    func(tx metadata.Tx) error { _, err := tx.Stagings().EndStaging("x", []byte("{}"), 1); return err },
		"SetTag": func(tx metadata.Tx) error {
			_, err := tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: "x", VersionID: v.ID})
			return err
		},
		"RemoveTag":     func(tx metadata.Tx) error { return tx.Tags().RemoveTag(p.ID, "x", 1) },
		"AddFacts":      func(tx metadata.Tx) error { return tx.Facts().AddFacts([]metadata.Fact{{VersionID: v.ID, Key: "x"}}) },
		"Append":        func(tx metadata.Tx) error { _, err := tx.Log().Append(entry("x")); return err },
		"PutCheckpoint": func(tx metadata.Tx) error { return tx.Log().PutCheckpoint(metadata.Checkpoint{}) },
		"CreateUser":    func(tx metadata.Tx) error { _, err := tx.Users().CreateUser(metadata.User{Name: "x"}); return err },
		"EndSessions":   func(tx metadata.Tx) error { return tx.Users().EndSessions(1, 0) },
		"SessionsEnded": func(tx metadata.Tx) error { return tx.Users().SessionsEnded(1) },
		"UpdateUser":    func(tx metadata.Tx) error { return tx.Users().UpdateUser(metadata.User{ID: 1}) },
		"NoteLogin":     func(tx metadata.Tx) error { return tx.Users().NoteLogin(1) },
		"CreateToken":   func(tx metadata.Tx) error { _, err := tx.Tokens().CreateToken(metadata.Token{UserID: 1}); return err },
		"RevokeToken":   func(tx metadata.Tx) error { return tx.Tokens().RevokeToken(1) },
		"NoteTokenUse":  func(tx metadata.Tx) error { return tx.Tokens().NoteUse(1, metadata.Use{}) },
		"CreateSession": func(tx metadata.Tx) error {
			_, err := tx.Sessions().CreateSession(metadata.Session{UserID: 1})
			return err
		},
		"NoteUse":       func(tx metadata.Tx) error { return tx.Sessions().NoteUse(1, metadata.Use{}) },
		"DeleteSession": func(tx metadata.Tx) error { return tx.Sessions().DeleteSession(1) },
		"DeleteUnused":  func(tx metadata.Tx) error { _, err := tx.Sessions().DeleteUnused(e.now(), 1); return err },
		"CreateUpload": func(tx metadata.Tx) error {
			return tx.Uploads().CreateUpload(metadata.UploadSession{ID: "x", RepositoryID: 1})
		},
		"UpdateUpload": func(tx metadata.Tx) error { return tx.Uploads().UpdateUpload(metadata.UploadSession{ID: "x"}, 0, "") },
		"DeleteUpload": func(tx metadata.Tx) error { return tx.Uploads().DeleteUpload("x") },
		"PutSetting":   func(tx metadata.Tx) error { return tx.Settings().PutSetting("x", "y") },
	} {
		if err := e.store.View(context.Background(), fn); !errors.Is(err, metadata.ErrReadOnly) {
			e.Errorf("%s in a view: %v, want ErrReadOnly", what, err)
		}
	}
	equal(e, "revision", read(e, func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().PackageByID(p.ID) }).Revision, 1)
}

func testPanic(e *env) {
	for what, run := range map[string]func(context.Context, func(metadata.Tx) error) error{"View": e.store.View, "Update": e.change} {
		func() {
			defer func() {
				if p, _ := recover().(error); !errors.Is(p, errTest) {
					e.Errorf("%s: panic %v", what, p)
				}
			}()
			_ = run(context.Background(), func(tx metadata.Tx) error { panic(errTest) })
			e.Errorf("%s returned", what)
		}()
	}
	e.repository("after")
}

// testGoexit: a function that ends its goroutine, as a failing test does, ends neither the store nor its neighbours.
func testGoexit(e *env) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_ = e.store.Update(context.Background(), func(tx metadata.Tx) error {
				_, err := tx.Log().Append(entry("x"))
				if err == nil {
					runtime.Goexit()
				}
				return err
			})
			e.Error("Update returned")
		})
		wg.Go(func() {
			_ = e.store.View(context.Background(), func(metadata.Tx) error {
				runtime.Goexit()
				return nil
			})
			e.Error("View returned")
		})
	}
	wg.Wait()
	equal(e, "seq", e.append(entry("a"))[0].Seq, 0)
	CheckLog(e.T, e.store)
}

func testContext(e *env) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	never := func(metadata.Tx) error {
		e.Error("a function ran although its context had ended")
		return nil
	}
	if err := e.store.Update(gone, never); !errors.Is(err, context.Canceled) {
		e.Errorf("Update: %v", err)
	}
	if err := e.store.View(gone, never); !errors.Is(err, context.Canceled) {
		e.Errorf("View: %v", err)
	}
	if err := e.store.Ready(gone); !errors.Is(err, context.Canceled) {
		e.Errorf("Ready: %v", err)
	}
	if err := e.store.Ready(context.Background()); err != nil {
		e.Errorf("Ready: %v", err)
	}

	// Once it runs, an update is not affected by its context.
	ctx, cancel := context.WithCancel(context.Background())
	if err := e.store.Update(ctx, func(tx metadata.Tx) error {
		cancel()
		_, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "x"})
		return err
	}); err != nil {
		e.Errorf("Update whose context ended while it ran: %v", err)
	}
	read(e, func(tx metadata.Tx) (metadata.Repository, error) { return tx.Repositories().Repository("x") })

	// An update that waits gives up.
	started, finish := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		e.update(func(tx metadata.Tx) error {
			close(started)
			<-finish
			return nil
		})
	})
	<-started
	ctx, cancel = context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := e.store.Update(ctx, never); !errors.Is(err, context.DeadlineExceeded) {
		e.Errorf("waiting Update: %v", err)
	}
	close(finish)
	wg.Wait()
	e.repository("y")

	// A view stops at its next call.
	ctx, cancel = context.WithCancel(context.Background())
	if err := e.store.View(ctx, func(tx metadata.Tx) error {
		if _, err := tx.Log().LogSize(); err != nil {
			return err
		}
		cancel()
		_, err := tx.Log().LogSize()
		return err
	}); !errors.Is(err, context.Canceled) {
		e.Errorf("View whose context ended: %v", err)
	}
}

// testTime: never back, whole microseconds, UTC.
func testTime(e *env) {
	start := e.now()
	check := func(what string, tx metadata.Tx, want time.Time) {
		e.Helper()
		if now := tx.Now(); !now.Equal(want) || now.Location() != time.UTC || now != tx.Now() {
			e.Errorf("%s: Now is %v, want %v", what, now, want)
		}
	}
	e.view(func(tx metadata.Tx) error { check("first view", tx, start); return nil })
	e.update(func(tx metadata.Tx) error { check("first", tx, start); return nil })
	e.clock.Add(-time.Hour)
	e.update(func(tx metadata.Tx) error {
		check("after the clock went back", tx, start)
		v, err := tx.Log().Append(entry("x"))
		equal(e, "entry", v.Time, start)
		return err
	})
	e.view(func(tx metadata.Tx) error { check("view after the clock went back", tx, start); return nil })
	e.clock.Add(2 * time.Hour)
	e.view(func(tx metadata.Tx) error { check("view later", tx, start.Add(time.Hour)); return nil })
	e.clock.Add(-time.Hour)
	e.update(func(tx metadata.Tx) error { check("views do not count", tx, start); return nil })
}

func testEndedTx(e *env) {
	var kept []metadata.Tx
	keep := func(tx metadata.Tx) error {
		kept = append(kept, tx)
		return nil
	}
	e.view(keep)
	e.update(keep)
	for _, tx := range kept {
		if _, err := tx.Log().LogSize(); err == nil {
			e.Error("a transaction answers after its end")
		}
	}
}

func testClose(e *env) {
	started, finish, closed := make(chan struct{}, 2), make(chan struct{}), make(chan error, 1)
	var wg sync.WaitGroup
	for _, run := range []func(context.Context, func(metadata.Tx) error) error{e.store.View, e.change} {
		wg.Go(func() {
			if err := run(context.Background(), func(tx metadata.Tx) error {
				started <- struct{}{}
				<-finish
				_, err := tx.Log().LogSize()
				return err
			}); err != nil {
				e.Errorf("transaction that Close waits for: %v", err)
			}
		})
	}
	<-started
	<-started
	go func() { closed <- e.store.Close() }()
	nothing := func(metadata.Tx) error { return nil }
	for e.store.View(context.Background(), nothing) == nil {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-closed:
		e.Errorf("Close returned before the transactions: %v", err)
	default:
	}
	close(finish)
	wg.Wait()
	if err := <-closed; err != nil {
		e.Errorf("Close: %v", err)
	}
	for what, err := range map[string]error{
		"View":   e.store.View(context.Background(), nothing),
		"Update": e.store.Update(context.Background(), nothing),
		"Ready":  e.store.Ready(context.Background()),
	} {
		if !errors.Is(err, metadata.ErrClosed) {
			e.Errorf("%s of a closed store: %v", what, err)
		}
	}
	if err := e.store.Close(); err != nil {
		e.Errorf("second Close: %v", err)
	}
}
