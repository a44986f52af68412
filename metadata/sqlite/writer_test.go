package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"slipway/metadata"
	"slipway/metadata/internal/group"
	"slipway/metadata/metadatatest"
)

var errTest = errors.New("error of the test")

// batches collects the batches that an observer receives.
type batches struct {
	mu   sync.Mutex
	list []Batch
}

func (b *batches) add(v Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, v)
}

// take waits for n batches, since callers are answered before the observer is.
func (b *batches) take(n int) []Batch {
	for range 5000 {
		b.mu.Lock()
		out := b.list
		if len(out) >= n {
			b.list = nil
			b.mu.Unlock()
			return out
		}
		b.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	return nil
}

// together runs the functions as updates of one group: the first holds the transaction until the others wait. It returns
// their errors.
func together(t *testing.T, s *Store, fns ...func(metadata.Tx) error) []error {
	t.Helper()
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	entered, wait := make(chan struct{}), make(chan struct{})
	var once sync.Once
	run := func(i int, fn func(metadata.Tx) error) {
		defer func() {
			if p := recover(); p != nil {
				errs[i] = fmt.Errorf("panic: %v", p)
			}
		}()
		errs[i] = s.Update(context.Background(), fn)
	}
	wg.Go(func() {
		run(0, func(tx metadata.Tx) error {
			once.Do(func() {
				close(entered)
				<-wait
			})
			return fns[0](tx)
		})
	})
	<-entered
	for i, fn := range fns[1:] {
		wg.Go(func() { run(i+1, fn) })
		for s.writer.Queued() < i+1 { // in this order
			time.Sleep(100 * time.Microsecond)
		}
	}
	close(wait)
	wg.Wait()
	return errs
}

func put(key string) func(metadata.Tx) error {
	return func(tx metadata.Tx) error {
		if err := tx.Settings().PutSetting(key, "x"); err != nil {
			return err
		}
		_, err := tx.Log().Append(event())
		return err
	}
}

func has(t *testing.T, s *Store, key string) bool {
	t.Helper()
	err := s.View(context.Background(), func(tx metadata.Tx) error {
		_, err := tx.Settings().Setting(key)
		return err
	})
	if err != nil && !errors.Is(err, metadata.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func size(t *testing.T, s *Store) int64 {
	t.Helper()
	var n int64
	if err := s.View(context.Background(), func(tx metadata.Tx) (err error) {
		n, err = tx.Log().LogSize()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func then(first, second func(metadata.Tx) error) func(metadata.Tx) error {
	return func(tx metadata.Tx) error {
		if err := first(tx); err != nil {
			return err
		}
		return second(tx)
	}
}

func fail(metadata.Tx) error { return errTest }

func TestGroupCommit(t *testing.T) {
	var seen batches
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"), WithObserver(seen.add))
	errs := together(t, s, put("a"), then(put("b"), fail), put("c"), then(put("d"), func(metadata.Tx) error { panic("d") }), put("e"))
	if errs[0] != nil || errs[1] != errTest || errs[2] != nil || !strings.HasPrefix(errs[3].Error(), "panic: d\n\ngoroutine ") || errs[4] != nil {
		t.Errorf("errors %v", errs)
	}
	for key, want := range map[string]bool{"a": true, "b": false, "c": true, "d": false, "e": true} {
		if got := has(t, s, key); got != want {
			t.Errorf("%s: %v", key, got)
		}
	}
	metadatatest.CheckLog(t, s)
	list := seen.take(1)
	if len(list) != 1 || list[0].Updates != 5 || list[0].Failed != 2 || list[0].Entries != 3 || list[0].Err != nil || list[0].Commit <= 0 || list[0].WALBytes == 0 {
		t.Errorf("batches %+v", list)
	}
}

// TestFirstFails: the first update to write in a group has no savepoint, and its failure does not harm the others.
func TestFirstFails(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"))
	reads := func(tx metadata.Tx) error {
		if _, err := tx.Settings().Setting("a"); !errors.Is(err, metadata.ErrNotExist) {
			t.Errorf("what a failed neighbour wrote: %v", err)
		}
		return errTest
	}
	errs := together(t, s, then(put("a"), fail), reads, then(put("b"), fail), put("c"), then(put("d"), fail), put("e"))
	for i, want := range []error{errTest, errTest, errTest, nil, errTest, nil} {
		if errs[i] != want {
			t.Errorf("update %d: %v, want %v", i, errs[i], want)
		}
	}
	for key, want := range map[string]bool{"a": false, "b": false, "c": true, "d": false, "e": true} {
		if got := has(t, s, key); got != want {
			t.Errorf("%s: %v", key, got)
		}
	}
	metadatatest.CheckLog(t, s)
}

// TestExitInGroup: an update that ends its goroutine runs on the goroutine of another caller, which still gets its own
// answer.
func TestExitInGroup(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"))
	exit := func(tx metadata.Tx) error {
		runtime.Goexit()
		return nil
	}
	errs := together(t, s, put("a"), then(put("b"), exit), put("c"), then(put("d"), fail), exit, put("e"))
	for i, want := range []error{nil, nil, nil, errTest, nil, nil} {
		if errs[i] != want {
			t.Errorf("update %d: %v, want %v", i, errs[i], want)
		}
	}
	for key, want := range map[string]bool{"a": true, "b": false, "c": true, "d": false, "e": true} {
		if got := has(t, s, key); got != want {
			t.Errorf("%s: %v", key, got)
		}
	}
	metadatatest.CheckLog(t, s)
}

func TestGroupBound(t *testing.T) {
	var seen batches
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"), WithObserver(seen.add), func(c *config) { c.maxBatch = 3 })
	var fns []func(metadata.Tx) error
	for i := range 8 {
		fns = append(fns, put(fmt.Sprint(i)))
	}
	if err := errors.Join(together(t, s, fns...)...); err != nil {
		t.Fatal(err)
	}
	list := seen.take(3)
	if len(list) != 3 || list[0].Updates != 3 || list[0].Queued != 5 || list[1].Updates != 3 || list[2].Updates != 2 {
		t.Errorf("batches %+v", list)
	}
}

// TestReadingUpdate: an update that changes nothing costs no flush, and neither does a failed update.
func TestReadingUpdate(t *testing.T) {
	var seen batches
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"), WithObserver(seen.add))
	if err := s.Update(context.Background(), func(tx metadata.Tx) error { return tx.Leases().DropLease("nobody") }); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(context.Background(), then(put("a"), fail)); err != errTest {
		t.Fatal(err)
	}
	for _, b := range seen.take(2) {
		if b.Commit != 0 {
			t.Errorf("batch %+v", b)
		}
	}
	if seq, err := appendOne(s); seq != 0 || err != nil {
		t.Errorf("seq %d, %v", seq, err)
	}
	metadatatest.CheckLog(t, s)
}

// limitPages makes the database full at its present size; 0 lifts it.
func limitPages(t *testing.T, s *Store, n int) {
	t.Helper()
	if n == 0 {
		n = 1 << 30
	}
	var got int
	if err := s.writer.session.Row(fmt.Sprintf(`PRAGMA max_page_count = %d`, n), &got); err != nil {
		t.Fatal(err)
	}
}

// grow fills some pages, each time with other bytes, as unchanged pages would not be written.
func grow(key string) func(metadata.Tx) error {
	return func(tx metadata.Tx) error {
		return tx.Settings().PutSetting(key, strings.Repeat(fmt.Sprintf("%08d", grown.Add(1)), 1<<17))
	}
}

var grown atomic.Int64

// TestTransactionLost: one update makes SQLite roll back the whole transaction; the other updates of the group succeed all
// the same.
func TestTransactionLost(t *testing.T) {
	var seen batches
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"), WithObserver(seen.add))
	if err := s.Update(context.Background(), put("first")); err != nil {
		t.Fatal(err)
	}
	limitPages(t, s, 1)
	looksAway := func(tx metadata.Tx) error {
		_ = grow("huge")(tx)
		// Outside of a transaction this write would take effect at once.
		if err := tx.Settings().PutSetting("stray", "x"); err == nil {
			t.Error("a call after the lost transaction was answered")
		}
		return nil
	}
	errs := together(t, s, put("a"), then(put("b"), grow("big")), put("c"), then(put("d"), fail), looksAway,
		then(put("e"), func(metadata.Tx) error { panic("e") }), put("f"))
	for i, want := range []error{nil, metadata.ErrNoSpace, nil, errTest, metadata.ErrNoSpace, nil, nil} {
		if i == 5 {
			if errs[i] == nil || !strings.HasPrefix(errs[i].Error(), "panic: e\n\ngoroutine ") {
				t.Errorf("update 5: %v", errs[i])
			}
		} else if !errors.Is(errs[i], want) || (want == nil) != (errs[i] == nil) {
			t.Errorf("update %d: %v, want %v", i, errs[i], want)
		}
	}
	for key, want := range map[string]bool{"first": true, "a": true, "b": false, "big": false, "c": true, "d": false, "huge": false, "stray": false, "e": false, "f": true} {
		if got := has(t, s, key); got != want {
			t.Errorf("%s: %v", key, got)
		}
	}
	if n := size(t, s); n != 4 {
		t.Errorf("%d entries, want 4", n)
	}
	if list := seen.take(7); len(list) < 7 {
		t.Errorf("SQLite did not give up the transaction: %+v", list)
	}
	metadatatest.CheckLog(t, s)

	limitPages(t, s, 0) // space returns
	if err := s.Update(context.Background(), then(put("b"), grow("big"))); err != nil {
		t.Error(err)
	}
	metadatatest.CheckLog(t, s)
}

// failCommits makes the next n commits fail, as a disk would.
func failCommits(t *testing.T, s *Store, n int) {
	t.Helper()
	s.writer.session.Conn().(*sqlite3.SQLiteConn).RegisterCommitHook(func() int {
		n--
		if n >= 0 {
			return 1
		}
		return 0
	})
}

// TestCommitFails: every update of the group fails and leaves nothing, and the store goes on by itself.
func TestCommitFails(t *testing.T) {
	var seen batches
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"), WithObserver(seen.add))
	if err := s.Update(context.Background(), put("first")); err != nil {
		t.Fatal(err)
	}
	failCommits(t, s, 1)
	errs := together(t, s, put("a"), put("b"), then(put("c"), fail), func(tx metadata.Tx) error {
		if _, err := tx.Settings().Setting("a"); err == nil {
			return errTest // because of another update that fails in the end
		}
		return nil
	})
	for i, err := range errs {
		var code sqlite3.Error
		if !errors.As(err, &code) {
			t.Errorf("update %d: %v", i, err)
		}
	}
	for _, key := range []string{"a", "b", "c"} {
		if has(t, s, key) {
			t.Errorf("%s is there", key)
		}
	}
	if list := seen.take(2); len(list) != 2 || list[1].Err == nil || list[1].Entries != 0 {
		t.Errorf("batches %+v", list)
	}
	if seq, err := appendOne(s); seq != 1 || err != nil {
		t.Errorf("seq %d, %v", seq, err)
	}
	metadatatest.CheckLog(t, s)
}

// TestWriterReopens: a connection that could not be rolled back is replaced.
func TestWriterReopens(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"))
	if err := s.Update(context.Background(), put("a")); err != nil {
		t.Fatal(err)
	}
	// As rollback leaves it. The writer waits for the next update.
	if err := s.writer.session.Close(); err != nil {
		t.Fatal(err)
	}
	s.writer.session = nil
	s.writer.log.Forget()
	if err := s.Update(context.Background(), put("b")); err != nil {
		t.Error(err)
	}
	if !has(t, s, "a") || !has(t, s, "b") {
		t.Error("something is missing")
	}
	metadatatest.CheckLog(t, s)
}

// TestQueueOfThoseWhoGaveUp: callers that all gave up while the writer was blocked leave a full queue, and the next caller
// gets through it.
func TestQueueOfThoseWhoGaveUp(t *testing.T) {
	held, stalled := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"), WithObserver(func(Batch) {
		once.Do(func() { close(stalled); <-held }) // behind the commit, where nothing is taken from the queue
	}))
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := appendOne(s); err != nil {
			t.Error(err)
		}
	})
	<-stalled
	ctx, giveUp := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range group.QueueLength {
		waiting.Go(func() {
			err := s.Update(ctx, func(metadata.Tx) error { t.Error("it ran"); return nil })
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	for s.writer.Queued() < group.QueueLength {
		time.Sleep(time.Millisecond)
	}
	giveUp()
	waiting.Wait()
	close(held)
	first.Wait()
	if _, err := appendOne(s); err != nil {
		t.Error(err)
	}
}

// TestTimeOfUpdate: the time of an update is not before the call of Update, also when it joins a group that runs already.
func TestTimeOfUpdate(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"))
	running, held := make(chan struct{}), make(chan struct{})
	var updates sync.WaitGroup
	updates.Go(func() {
		_ = s.Update(t.Context(), func(metadata.Tx) error { close(running); <-held; return nil })
	})
	<-running
	time.Sleep(5 * time.Millisecond)
	asked := time.Now().Truncate(time.Microsecond)
	updates.Go(func() {
		err := s.Update(t.Context(), func(tx metadata.Tx) error {
			if now := tx.Now(); now.Before(asked) {
				t.Errorf("asked for at %v, it is of %v", asked, now)
			}
			_, err := tx.Log().Append(event())
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	for s.writer.Queued() == 0 {
		time.Sleep(time.Millisecond)
	}
	close(held)
	updates.Wait()
}

// TestWatchIsExact: only a committed update that left an entry or called Notify wakes.
func TestWatchIsExact(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "slipway.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put := func(tx metadata.Tx) error { return tx.Settings().PutSetting("key", "value") }
	for _, c := range []struct {
		what string
		fn   func(tx metadata.Tx) error
		want bool
	}{
		{"an update without an entry", put, false},
		{"a failed update", func(tx metadata.Tx) error {
			tx.Notify()
			_, err := tx.Log().Append(metadata.Entry{Type: "a", Data: []byte("{}")})
			return errors.Join(err, errTest)
		}, false},
		{"Notify", func(tx metadata.Tx) error { tx.Notify(); return put(tx) }, true},
		{"an entry", func(tx metadata.Tx) error {
			_, err := tx.Log().Append(metadata.Entry{Type: "a", Data: []byte("{}")})
			return err
		}, true},
	} {
		news := s.Watch()
		_ = s.Update(t.Context(), c.fn) // one of them fails
		got := false
		select {
		case <-news:
			got = true
		default:
		}
		if got != c.want {
			t.Errorf("%s wakes: %v", c.what, got)
		}
	}
}
