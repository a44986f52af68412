package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/metadata/postgres"
	"slipway/metadata/postgres/postgrestest"
)

// passed is a store that writes through one process and reads through another, as clients of a balancer do.
type passed struct{ reads, writes *postgres.Store }

func (p passed) View(ctx context.Context, fn func(tx metadata.Tx) error) error {
	return p.reads.View(ctx, fn)
}

func (p passed) Update(ctx context.Context, fn func(tx metadata.Tx) error, hints ...metadata.Hint) error {
	return p.writes.Update(ctx, fn, hints...)
}

func (p passed) Sync(ctx context.Context) error  { return p.reads.Sync(ctx) }
func (p passed) Clock() time.Time                { return p.writes.Clock() }
func (p passed) Watch() <-chan struct{}          { return p.reads.Watch() }
func (p passed) Exclusive() bool                 { return false }
func (p passed) Ready(ctx context.Context) error { return p.reads.Ready(ctx) }
func (p passed) Close() error                    { return errors.Join(p.reads.Close(), p.writes.Close()) }

func (p passed) Generation() uint64 {
	_ = p.reads.Sync(context.Background()) // what is missed fails the test
	return p.reads.Generation()
}

func (p passed) GenerationOf(part metadata.Part) uint64 {
	_ = p.reads.Sync(context.Background()) // what is missed fails the test
	return p.reads.GenerationOf(part)
}

// TestStoreOfTwo runs the suite over two processes: what is written through one is found, and counts, in the other.
func TestStoreOfTwo(t *testing.T) {
	metadatatest.Run(t, func(t *testing.T, now func() time.Time) metadata.Store {
		url := postgrestest.URL(t)
		return passed{
			open(t, url, postgres.WithClock(now), postgres.WithPeers(), postgres.WithName("a")),
			open(t, url, postgres.WithClock(now), postgres.WithPeers(), postgres.WithName("b")),
		}
	})
}

// TestPeers: processes that write at once make one log without a gap, and what one has acknowledged is what the others find.
func TestPeers(t *testing.T) {
	url := postgrestest.URL(t)
	var peers []*postgres.Store
	for _, name := range []string{"a", "b", "c"} {
		peers = append(peers, open(t, url, postgres.WithPeers(), postgres.WithName(name)))
	}
	const writers, each = 6, 40
	var clients sync.WaitGroup
	for i, s := range peers {
		for w := range writers {
			clients.Go(func() {
				for n := range each {
					name := fmt.Sprint(i, ".", w, ".", n)
					before := make([]uint64, len(peers))
					for j, other := range peers {
						before[j] = other.Generation()
					}
					if err := s.Update(t.Context(), note(name)); err != nil {
						t.Errorf("update %s: %v", name, err)
						return
					}
					j := rand.IntN(len(peers))
					err := peers[j].Sync(t.Context())
					if peers[j].Generation() <= before[j] {
						t.Errorf("update %s does not count in process %d", name, j)
					}
					if err := errors.Join(err, peers[j].View(t.Context(), func(tx metadata.Tx) error {
						_, err := tx.Settings().Setting(name)
						return err
					})); err != nil {
						t.Errorf("update %s in process %d: %v", name, j, err)
					}
				}
			})
		}
	}
	clients.Wait()
	if found := subjects(t, peers[0]); len(found) != len(peers)*writers*each {
		t.Errorf("%d of %d updates", len(found), len(peers)*writers*each)
	}
	for _, s := range peers {
		metadatatest.CheckLog(t, s)
	}
}

// TestCompany: a process that is to be alone enters beside no other, none enters beside it, and each has a name of its own.
func TestCompany(t *testing.T) {
	url := postgrestest.URL(t)
	try := func(opts ...postgres.Option) error {
		s, err := postgres.Open(t.Context(), url, append(opts, postgres.WithPatience(2*time.Second))...)
		if err == nil {
			err = s.Close()
		}
		return err
	}
	a := open(t, url, postgres.WithPeers(), postgres.WithName("a"))
	if err := try(postgres.WithPeers(), postgres.WithName("b")); err != nil {
		t.Errorf("another name: %v", err)
	}
	if err := try(postgres.WithPeers(), postgres.WithName("a")); !errors.Is(err, metadata.ErrInUse) {
		t.Errorf("the same name: %v", err)
	}
	if err := try(postgres.WithName("b")); !errors.Is(err, metadata.ErrInUse) {
		t.Errorf("one to be alone: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	tool := open(t, url, postgres.WithName("a"), postgres.WithSharedBlobs())
	if err := try(postgres.WithPeers(), postgres.WithName("b")); !errors.Is(err, metadata.ErrInUse) || tool.Exclusive() {
		t.Errorf("beside a tool: %v; the tool is exclusive: %t", err, tool.Exclusive())
	}
	if err := tool.Close(); err != nil {
		t.Fatal(err)
	}
	if own := open(t, url, postgres.WithName("a")); !own.Exclusive() {
		t.Error("a process with blobs of its own is not exclusive")
	}
	if err := try(postgres.WithPeers(), postgres.WithName("b")); !errors.Is(err, metadata.ErrInUse) {
		t.Errorf("beside one that is alone: %v", err)
	}
}

// TestMissedGroups: a process that has missed more groups than a look reads forgets all that it knew.
func TestMissedGroups(t *testing.T) {
	url := postgrestest.URL(t)
	a, b := open(t, url, postgres.WithPeers(), postgres.WithName("a")), open(t, url, postgres.WithPeers(), postgres.WithName("b"))
	for _, missed := range []int{postgres.MostMissed - 1, postgres.MostMissed + 5} {
		if err := b.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := b.Generation()
		for i := range missed {
			if err := a.Update(t.Context(), note(fmt.Sprint(missed, ".", i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if forgot, want := b.GenerationOf(metadata.People) > before, missed > postgres.MostMissed; forgot != want || b.Generation() != before+uint64(missed) {
			t.Errorf("%d groups missed: generation %d becomes %d, and the rest is forgotten: %t", missed, before, b.Generation(), forgot)
		}
	}
}

// TestNews: those that wait for news in one process hear of another's, also after the connection was lost that brings them.
func TestNews(t *testing.T) {
	url := postgrestest.URL(t)
	a, b := open(t, url, postgres.WithPeers(), postgres.WithName("a")), open(t, url, postgres.WithPeers(), postgres.WithName("b"))
	admin := administrator(t, url)
	hears := func(name string) {
		t.Helper()
		news := b.Watch()
		if err := a.Update(t.Context(), note(name)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-news:
		case <-time.After(20 * time.Second):
			t.Errorf("%s: no news", name)
		}
	}
	for i := range 5 {
		hears(fmt.Sprint("heard", i))
	}
	if _, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'`); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		hears(fmt.Sprint("looked", i))
	}
}

// TestStandby: what a server that only reads shows may be past, so it is not asked: neither for what others wrote nor for anything else.
func TestStandby(t *testing.T) {
	url := postgrestest.URL(t)
	a, b := open(t, url, postgres.WithPeers(), postgres.WithName("a")), open(t, url, postgres.WithPeers(), postgres.WithName("b"))
	if err := errors.Join(a.Update(t.Context(), note("one")), b.Sync(t.Context())); err != nil {
		t.Fatal(err)
	}
	admin := administrator(t, url)
	var name string
	if err := admin.QueryRow(t.Context(), `SELECT current_database()`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	become := func(setting string) {
		t.Helper()
		do(t, admin, `SET transaction_read_only = off`)
		do(t, admin, fmt.Sprintf(`ALTER DATABASE %s %s`, name, setting))
		do(t, admin, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	}
	become(`SET default_transaction_read_only = on`)
	reads := func() error {
		return b.View(t.Context(), func(tx metadata.Tx) error { _, err := tx.Log().LogSize(); return err })
	}
	_ = reads() // by the connection that was ended
	for what, err := range map[string]error{"Sync": b.Sync(t.Context()), "View": reads()} {
		if !errors.Is(err, metadata.ErrUnavailable) {
			t.Errorf("%s at a server that only reads: %v", what, err)
		}
	}
	become(`RESET default_transaction_read_only`)
	for end := time.Now().Add(20 * time.Second); errors.Join(b.Sync(t.Context()), reads()) != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not go on")
		}
	}
}
