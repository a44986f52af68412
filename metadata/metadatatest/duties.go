package metadatatest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"slipway/metadata"
)

// taking is TakeDuty or SeizeDuty.
type taking func(metadata.Duties, metadata.Duty) (metadata.Duty, error)

func testDuties(e *env) {
	at := func(d time.Duration) time.Time { return e.now().Add(d) }
	get := func(tx metadata.Tx) (metadata.Duty, error) { return tx.Duties().Duty("collect") }
	do := func(take taking, d metadata.Duty) metadata.Duty {
		e.Helper()
		var out metadata.Duty
		e.update(func(tx metadata.Tx) (err error) {
			out, err = take(tx.Duties(), d)
			return err
		})
		return out
	}
	held := func(what string, epoch int64, want error) {
		e.Helper()
		check := func(tx metadata.Tx) error { return tx.Duties().CheckDuty("collect", epoch) }
		if err := e.store.View(context.Background(), check); !errors.Is(err, want) {
			e.Fatalf("%s: epoch %d: %v, want %v", what, epoch, err, want)
		}
		written := fmt.Sprint(what, epoch)
		err := e.store.Update(context.Background(), func(tx metadata.Tx) error {
			return errors.Join(tx.Settings().PutSetting(written, ""), check(tx))
		})
		if !errors.Is(err, want) {
			e.Fatalf("%s: a write under epoch %d: %v, want %v", what, epoch, err, want)
		}
		if want != nil {
			missing(e, written, func(tx metadata.Tx) (string, error) { return tx.Settings().Setting(written) })
		}
	}

	missing(e, "never taken", get)
	held("never taken", 0, metadata.ErrDutyLost)
	held("never taken", 1, metadata.ErrDutyLost)

	// One holder at a time, as long as it says.
	want := metadata.Duty{Name: "collect", Holder: "a", Epoch: 1, Until: at(15 * time.Second)}
	equal(e, "taken", do(metadata.Duties.TakeDuty, metadata.Duty{Name: "collect", Holder: "a", Until: want.Until}), want)
	equal(e, "read", read(e, get), want)
	held("taken", 1, nil)
	for _, holder := range []string{"a", "b"} {
		e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
			_, err := tx.Duties().TakeDuty(metadata.Duty{Name: "collect", Holder: holder, Until: at(time.Hour)})
			return err
		})
	}
	equal(e, "another duty", do(metadata.Duties.TakeDuty, metadata.Duty{Name: "sign", Holder: "b"}), metadata.Duty{Name: "sign", Holder: "b", Epoch: 1})

	// It is renewed.
	e.clock.Add(10 * time.Second)
	want.Until = at(15 * time.Second)
	e.update(func(tx metadata.Tx) error { return tx.Duties().RenewDuty("collect", 1, want.Until) })
	equal(e, "renewed", read(e, get), want)
	e.clock.Add(15*time.Second - time.Microsecond)
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Duties().TakeDuty(metadata.Duty{Name: "collect", Holder: "b"})
		return err
	})

	// Its time is over: it still has the duty until another holder takes it.
	e.clock.Add(time.Microsecond)
	held("over", 1, nil)
	want = metadata.Duty{Name: "collect", Holder: "b", Epoch: 2, Until: at(15 * time.Second)}
	equal(e, "taken over", do(metadata.Duties.TakeDuty, metadata.Duty{Name: "collect", Holder: "b", Until: want.Until}), want)
	for _, stale := range []int64{0, 1, 3} {
		held("taken over", stale, metadata.ErrDutyLost)
		e.fails(metadata.ErrDutyLost, func(tx metadata.Tx) error { return tx.Duties().RenewDuty("collect", stale, at(time.Hour)) })
		e.fails(metadata.ErrDutyLost, func(tx metadata.Tx) error { return tx.Duties().ReleaseDuty("collect", stale) })
	}
	held("taken over", 2, nil)
	equal(e, "as it was", read(e, get), want)

	// Released, it is free at once, and its epoch is over.
	e.update(func(tx metadata.Tx) error { return tx.Duties().ReleaseDuty("collect", 2) })
	equal(e, "released", read(e, get), metadata.Duty{Name: "collect", Epoch: 2})
	held("released", 2, metadata.ErrDutyLost)
	e.fails(metadata.ErrDutyLost, func(tx metadata.Tx) error { return tx.Duties().RenewDuty("collect", 2, at(time.Hour)) })
	e.fails(metadata.ErrDutyLost, func(tx metadata.Tx) error { return tx.Duties().ReleaseDuty("collect", 2) })
	want = metadata.Duty{Name: "collect", Holder: "a", Epoch: 3}
	equal(e, "taken again", do(metadata.Duties.TakeDuty, metadata.Duty{Name: "collect", Holder: "a"}), want)

	// Without an end it is held until it is released, or seized.
	e.clock.Add(1000 * time.Hour)
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Duties().TakeDuty(metadata.Duty{Name: "collect", Holder: "b"})
		return err
	})
	equal(e, "seized", do(metadata.Duties.SeizeDuty, metadata.Duty{Name: "collect", Holder: "b"}), metadata.Duty{Name: "collect", Holder: "b", Epoch: 4})
	held("seized", 3, metadata.ErrDutyLost)
	held("seized", 4, nil)
	equal(e, "seized from nobody", do(metadata.Duties.SeizeDuty, metadata.Duty{Name: "settle", Holder: "b"}), metadata.Duty{Name: "settle", Holder: "b", Epoch: 1})
	equal(e, "the other one", read(e, func(tx metadata.Tx) (metadata.Duty, error) { return tx.Duties().Duty("sign") }),
		metadata.Duty{Name: "sign", Holder: "b", Epoch: 1})
	equal(e, "all", read(e, func(tx metadata.Tx) ([]metadata.Duty, error) { return tx.Duties().Duties() }),
		[]metadata.Duty{{Name: "collect", Holder: "b", Epoch: 4}, {Name: "settle", Holder: "b", Epoch: 1}, {Name: "sign", Holder: "b", Epoch: 1}})
}

// testDutyRace makes holders race for a duty, again and again: each epoch has one holder, and no write of a holder that
// lost the duty is kept.
func testDutyRace(e *env) {
	const holders, rounds = 4, 10
	var taken [holders * rounds * 2]atomic.Int32 // by epoch
	var wg sync.WaitGroup
	for i := range holders {
		wg.Go(func() {
			for range rounds {
				var mine metadata.Duty
				err := e.store.Update(context.Background(), func(tx metadata.Tx) (err error) {
					mine, err = tx.Duties().TakeDuty(metadata.Duty{Name: "collect", Holder: fmt.Sprint(i), Until: tx.Now().Add(time.Minute)})
					return err
				})
				if errors.Is(err, metadata.ErrExists) {
					e.clock.Add(30 * time.Second)
					continue
				}
				if err != nil {
					e.Errorf("take: %v", err)
					return
				}
				taken[mine.Epoch].Add(1)
				err = e.store.Update(context.Background(), func(tx metadata.Tx) error {
					if err := tx.Duties().CheckDuty("collect", mine.Epoch); err != nil {
						return err
					}
					now, err := tx.Duties().Duty("collect")
					if err == nil && now.Holder != mine.Holder {
						e.Errorf("%s writes while %s has the duty", mine.Holder, now.Holder)
					}
					return err
				})
				if err != nil && !errors.Is(err, metadata.ErrDutyLost) {
					e.Errorf("write: %v", err)
				}
			}
		})
	}
	wg.Wait()
	last := read(e, func(tx metadata.Tx) (metadata.Duty, error) { return tx.Duties().Duty("collect") })
	for epoch := range taken {
		want := int32(0)
		if epoch >= 1 && int64(epoch) <= last.Epoch {
			want = 1
		}
		if n := taken[epoch].Load(); n != want {
			e.Errorf("epoch %d of %d was taken %d times", epoch, last.Epoch, n)
		}
	}
}
