package metadatatest

import (
	"fmt"
	"time"

	"slipway/metadata"
)

func (e *env) subscription(name string) metadata.Subscription {
	e.Helper()
	var out metadata.Subscription
	e.update(func(tx metadata.Tx) (err error) {
		out, err = tx.Subscriptions().CreateSubscription(metadata.Subscription{Name: name, Sink: "webhook", URL: "https://ci.example.com/" + name,
			Preset: "cloudevents", Filter: []byte(`{"types":["tag.*"]}`), Secrets: []byte("sealed"), BaseURL: "https://slipway.example.com",
			OwnerID: "user:1", Owner: "ann", Cursor: 5, ReplayTo: -1})
		return err
	})
	return out
}

// deliver puts deliveries of these messages, one a second.
func (e *env) deliver(s metadata.Subscription, messages ...string) []int64 {
	e.Helper()
	var out []int64
	for _, m := range messages {
		e.clock.Add(time.Second)
		e.update(func(tx metadata.Tx) error {
			id, err := tx.Deliveries().PutDelivery(metadata.Delivery{SubscriptionID: s.ID, Seq: int64(len(m)), MessageID: m, EventType: "tag.set", Subject: "pkg:npm/x@1",
				Sink: "webhook", ContentType: "application/json", Header: []byte(`{"a":"b"}`), Body: []byte("body of " + m)})
			out = append(out, id)
			return err
		})
	}
	return out
}

func (e *env) delivery(id int64) metadata.Delivery {
	e.Helper()
	return read(e, func(tx metadata.Tx) (metadata.Delivery, error) { return tx.Deliveries().Delivery(id) })
}

func (e *env) settle(id int64, state metadata.DeliveryState) {
	e.Helper()
	e.update(func(tx metadata.Tx) error {
		d, err := tx.Deliveries().Delivery(id)
		if err != nil {
			return err
		}
		d.State, d.DoneAt = state, tx.Now()
		return tx.Deliveries().UpdateDelivery(d)
	})
}

func testSubscriptions(e *env) {
	made := e.subscription("a")
	want := metadata.Subscription{ID: made.ID, Name: "a", Sink: "webhook", URL: "https://ci.example.com/a", Preset: "cloudevents",
		Filter: []byte(`{"types":["tag.*"]}`), Secrets: []byte("sealed"), BaseURL: "https://slipway.example.com", OwnerID: "user:1", Owner: "ann",
		Cursor: 5, ReplayTo: -1, CreatedAt: e.now(), UpdatedAt: e.now()}
	get := func(tx metadata.Tx) (metadata.Subscription, error) { return tx.Subscriptions().Subscription(made.ID) }
	equal(e, "made", made, want)
	equal(e, "read", read(e, get), want)

	e.clock.Add(time.Second)
	want.Name, want.URL, want.Preset, want.Filter, want.Secrets, want.BaseURL = "b", "u", "harbor", []byte("{}"), []byte("s"), "b"
	want.Cursor, want.ReplayTo, want.DisabledAt, want.DisabledReason, want.FailingSince, want.FailingReason, want.UpdatedAt = 7, 6, e.now(), "r", e.now(), "f", e.now()
	var changed metadata.Subscription
	e.update(func(tx metadata.Tx) (err error) {
		changed, err = tx.Subscriptions().UpdateSubscription(want)
		return err
	})
	equal(e, "changed", changed, want)
	equal(e, "read again", read(e, get), want)
	for range 2 { // changes are told apart by their times, though the clock stands still
		e.update(func(tx metadata.Tx) (err error) {
			changed, err = tx.Subscriptions().UpdateSubscription(changed)
			return err
		})
		want.UpdatedAt = want.UpdatedAt.Add(time.Microsecond)
		equal(e, "changed at the same time", changed, want)
	}
	equal(e, "read once more", read(e, get), want)

	e.clock.Add(time.Second)
	e.update(func(tx metadata.Tx) error { return tx.Subscriptions().MoveCursor(made.ID, 9) })
	e.update(func(tx metadata.Tx) error { return tx.Subscriptions().SetFailing(made.ID, time.Time{}, "") })
	want.Cursor, want.FailingSince, want.FailingReason = 9, time.Time{}, ""
	equal(e, "moved", read(e, get), want)
	for _, at := range []time.Time{e.now(), {}} { // the second has delivered nothing
		e.update(func(tx metadata.Tx) error { return tx.Subscriptions().MoveStream(made.ID, 11, at) })
		e.update(func(tx metadata.Tx) error { return tx.Subscriptions().SetFailing(made.ID, e.now(), "no stream") })
		want.Cursor, want.DeliveredAt, want.FailingSince, want.FailingReason = 11, e.now(), e.now(), "no stream"
		equal(e, "a stream moved", read(e, get), want)
	}

	b, c := e.subscription("b"), e.subscription("c")
	list := func(after int64, limit int) []int64 {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Subscription, error) {
			return tx.Subscriptions().Subscriptions(after, limit)
		}),
			func(s metadata.Subscription) int64 { return s.ID })
	}
	equal(e, "list", list(0, 0), []int64{made.ID, b.ID, c.ID})
	equal(e, "page", list(made.ID, 1), []int64{b.ID})
	e.update(func(tx metadata.Tx) error { return tx.Subscriptions().DeleteSubscription(b.ID) })
	equal(e, "without b", list(0, 5), []int64{made.ID, c.ID})
	for what, fn := range map[string]func(tx metadata.Tx) error{
		"change":  func(tx metadata.Tx) error { _, err := tx.Subscriptions().UpdateSubscription(b); return err },
		"cursor":  func(tx metadata.Tx) error { return tx.Subscriptions().MoveCursor(b.ID, 1) },
		"failing": func(tx metadata.Tx) error { return tx.Subscriptions().SetFailing(b.ID, e.now(), "no") },
		"stream":  func(tx metadata.Tx) error { return tx.Subscriptions().MoveStream(b.ID, 1, e.now()) },
		"delete":  func(tx metadata.Tx) error { return tx.Subscriptions().DeleteSubscription(b.ID) },
		"look-up": func(tx metadata.Tx) error { _, err := tx.Subscriptions().Subscription(b.ID); return err },
	} {
		e.Log(what)
		e.fails(metadata.ErrNotExist, fn)
	}
}

func testDeliveries(e *env) {
	s := e.subscription("a")
	id := e.deliver(s, "m1")[0]
	want := metadata.Delivery{ID: id, SubscriptionID: s.ID, Seq: 2, MessageID: "m1", EventType: "tag.set", Subject: "pkg:npm/x@1",
		State: metadata.DeliveryPending, NextAt: e.now(), CreatedAt: e.now(), Sink: "webhook", ContentType: "application/json", Header: []byte(`{"a":"b"}`),
		Body: []byte("body of m1")}
	equal(e, "made", e.delivery(id), want)
	first := metadata.Attempt{DeliveryID: id, Number: 1, At: e.now(), Duration: 3 * time.Millisecond, Error: "no answer"}
	second := metadata.Attempt{DeliveryID: id, Number: 2, At: e.now(), Status: 200, Answer: []byte("thanks")}
	want.State, want.Attempts, want.Tries, want.NextAt, want.Redelivery = metadata.DeliveryDead, 2, 2, e.now().Add(time.Minute), true
	want.DoneAt, want.Status, want.Error = e.now(), 500, "HTTP 500"
	e.update(func(tx metadata.Tx) error {
		if err := tx.Deliveries().UpdateDelivery(want); err != nil {
			return err
		}
		if err := tx.Deliveries().AddAttempt(second); err != nil {
			return err
		}
		return tx.Deliveries().AddAttempt(first)
	})
	equal(e, "updated", e.delivery(id), want)
	equal(e, "attempts", read(e, func(tx metadata.Tx) ([]metadata.Attempt, error) { return tx.Deliveries().Attempts(id) }), []metadata.Attempt{first, second})

	// The same message again is the same delivery with the bytes that it had.
	e.update(func(tx metadata.Tx) error {
		again, err := tx.Deliveries().PutDelivery(metadata.Delivery{SubscriptionID: s.ID, MessageID: "m1", Body: []byte("other")})
		equal(e, "id of the known one", again, id)
		return err
	})
	want.State, want.Tries, want.NextAt, want.DoneAt = metadata.DeliveryPending, 0, e.now(), time.Time{}
	equal(e, "again", e.delivery(id), want)
	for range 2 {
		e.update(func(tx metadata.Tx) error {
			_, err := tx.Deliveries().PutDelivery(metadata.Delivery{SubscriptionID: s.ID, MessageID: "m1"})
			return err
		})
		want.NextAt = want.NextAt.Add(time.Microsecond)
		equal(e, "again at the same time", e.delivery(id), want)
	}
	if other := e.deliver(e.subscription("b"), "m1")[0]; other == id {
		e.Error("two subscriptions share a delivery")
	}
	missing(e, "absent", func(tx metadata.Tx) (metadata.Delivery, error) { return tx.Deliveries().Delivery(99) })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Deliveries().UpdateDelivery(metadata.Delivery{ID: 99}) })
}

func testDeliveryQueries(e *env) {
	s, other := e.subscription("a"), e.subscription("b")
	ids := e.deliver(s, "m1", "m2", "m3", "m4", "m5")
	e.deliver(other, "m1")
	began := e.now()
	e.settle(ids[1], metadata.DeliveryDelivered)
	e.clock.Add(time.Hour)
	e.settle(ids[3], metadata.DeliveryDead)
	list := func(q metadata.DeliveryQuery) string {
		q.SubscriptionID = s.ID
		return fmt.Sprint(names(read(e, func(tx metadata.Tx) ([]metadata.Delivery, error) { return tx.Deliveries().Deliveries(q) }),
			func(d metadata.Delivery) string { return d.MessageID + string(d.Body) }))
	}
	equal(e, "all", list(metadata.DeliveryQuery{}), "[m5 m4 m3 m2 m1]")
	equal(e, "of a message", list(metadata.DeliveryQuery{MessageID: "m2"}), "[m2]")
	equal(e, "page", list(metadata.DeliveryQuery{BeforeID: ids[3], Limit: 2}), "[m3 m2]")
	equal(e, "pending", list(metadata.DeliveryQuery{State: metadata.DeliveryPending, Limit: 2}), "[m5 m3]")
	equal(e, "pending page", list(metadata.DeliveryQuery{State: metadata.DeliveryPending, BeforeID: ids[2]}), "[m1]")

	e.update(func(tx metadata.Tx) error { // put off
		d, err := tx.Deliveries().Delivery(ids[0])
		d.NextAt = tx.Now().Add(time.Minute)
		if err != nil {
			return err
		}
		return tx.Deliveries().UpdateDelivery(d)
	})
	due := read(e, func(tx metadata.Tx) ([]metadata.Due, error) { return tx.Deliveries().DueDeliveries(s.ID, 5) })
	equal(e, "due", names(due, func(d metadata.Due) int64 { return d.ID }), []int64{ids[2], ids[4], ids[0]})
	equal(e, "when", due[2].At, e.now().Add(time.Minute))
	equal(e, "the most urgent", len(read(e, func(tx metadata.Tx) ([]metadata.Due, error) { return tx.Deliveries().DueDeliveries(s.ID, 1) })), 1)

	count := func(state metadata.DeliveryState) (n int64, oldest time.Time) {
		e.view(func(tx metadata.Tx) (err error) {
			n, oldest, err = tx.Deliveries().CountDeliveries(s.ID, state)
			return err
		})
		return n, oldest
	}
	n, oldest := count(metadata.DeliveryPending)
	equal(e, "backlog", []any{n, oldest}, []any{int64(3), e.delivery(ids[0]).CreatedAt})
	skip := func(want int64) {
		e.update(func(tx metadata.Tx) error {
			n, err := tx.Deliveries().SkipPending(s.ID, "skipped", 2)
			equal(e, "skipped", n, want)
			return err
		})
	}
	skip(2)
	skip(1)
	skip(0)
	n, _ = count(metadata.DeliveryPending)
	equal(e, "nothing pends", n, 0)
	skipped := e.delivery(ids[0])
	equal(e, "skipped", []any{skipped.State, skipped.DoneAt, skipped.Error}, []any{metadata.DeliveryDead, e.now(), "skipped"})

	e.update(func(tx metadata.Tx) error {
		n, err := tx.Deliveries().ExpireDeliveries(began.Add(time.Second), 5)
		equal(e, "expired", n, 1)
		return err
	})
	equal(e, "the rest", list(metadata.DeliveryQuery{}), "[m5 m4 m3 m1]")
}

// testDeliveryLanes: of a lane only the first in the order of the log is due, whatever its time; other lanes, and what is in no
// lane, overtake it.
func testDeliveryLanes(e *env) {
	s, other := e.subscription("a"), e.subscription("b")
	put := func(s metadata.Subscription, message, lane string, seq int64) int64 {
		var id int64
		e.clock.Add(time.Second)
		e.update(func(tx metadata.Tx) (err error) {
			id, err = tx.Deliveries().PutDelivery(metadata.Delivery{SubscriptionID: s.ID, Seq: seq, MessageID: message, Sink: "queue", Lane: lane})
			return err
		})
		return id
	}
	x1, x2, y1, free1, free2 := put(s, "x1", "x", 1), put(s, "x2", "x", 2), put(s, "y1", "y", 3), put(s, "f1", "", 4), put(s, "f2", "", 5)
	twin := put(s, "x2 too", "x", 2) // an event may become two messages
	elsewhere := put(other, "x1", "x", 1)
	equal(e, "kept", []string{e.delivery(x1).Sink, e.delivery(x1).Lane}, []string{"queue", "x"})
	due := func(s metadata.Subscription, limit int) []int64 {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Due, error) { return tx.Deliveries().DueDeliveries(s.ID, limit) }),
			func(d metadata.Due) int64 { return d.ID })
	}
	equal(e, "due", due(s, 9), []int64{x1, y1, free1, free2})
	equal(e, "the most urgent", due(s, 2), []int64{x1, y1})
	equal(e, "of another subscription", due(other, 9), []int64{elsewhere})
	e.update(func(tx metadata.Tx) error { // put off: the lane waits
		d, err := tx.Deliveries().Delivery(x1)
		if err != nil {
			return err
		}
		d.NextAt = tx.Now().Add(time.Hour)
		return tx.Deliveries().UpdateDelivery(d)
	})
	equal(e, "put off", due(s, 9), []int64{y1, free1, free2, x1})
	e.settle(x1, metadata.DeliveryDead)
	equal(e, "dead", due(s, 9), []int64{x2, y1, free1, free2})
	e.settle(x2, metadata.DeliveryDelivered)
	equal(e, "delivered", due(s, 9), []int64{y1, free1, free2, twin})
	older := put(s, "x0", "x", 0) // sent again from further back: its entry comes first
	equal(e, "sent again", due(s, 9), []int64{y1, free1, free2, older})
	e.settle(older, metadata.DeliveryDelivered)
	e.settle(twin, metadata.DeliveryDelivered)
	put(s, "x3", "x", 6)
	put(s, "x1", "x", 1)
	equal(e, "asked for again", due(s, 9), []int64{y1, free1, free2, x1})
	put(s, "y2", "y", 7)
	put(s, "f3", "", 8)
	last := put(s, "y3", "y", 9)
	for want := due(s, 9); len(want) > 0; want = due(s, 9) { // whatever a batch of skipped ones leaves of a lane goes on
		e.update(func(tx metadata.Tx) error { _, err := tx.Deliveries().SkipPending(s.ID, "skipped", 1); return err })
		var pending []int64
		for _, d := range read(e, func(tx metadata.Tx) ([]metadata.Delivery, error) {
			return tx.Deliveries().Deliveries(metadata.DeliveryQuery{SubscriptionID: s.ID, State: metadata.DeliveryPending})
		}) {
			pending = append(pending, d.ID)
		}
		if len(pending) > 0 && len(due(s, 9)) == 0 {
			e.Fatalf("%v pend, and none is due", pending)
		}
	}
	equal(e, "the last", e.delivery(last).State, metadata.DeliveryDead)
}

func testPurgeSubscriptions(e *env) {
	s, stays := e.subscription("a"), e.subscription("b")
	ids := e.deliver(s, "m1", "m2", "m3")
	kept := e.deliver(stays, "m1")[0]
	e.update(func(tx metadata.Tx) error {
		return tx.Deliveries().AddAttempt(metadata.Attempt{DeliveryID: ids[0], Number: 1, At: tx.Now()})
	})
	e.update(func(tx metadata.Tx) error { return tx.Subscriptions().DeleteSubscription(s.ID) })
	missing(e, "a delivery of it", func(tx metadata.Tx) (metadata.Delivery, error) { return tx.Deliveries().Delivery(ids[0]) })
	for _, want := range []int64{2, 1, 1, 0, 0} { // deliveries, the rest of them, itself
		e.update(func(tx metadata.Tx) error {
			n, err := tx.Subscriptions().PurgeSubscriptions(2)
			equal(e, "purged", n, want)
			return err
		})
	}
	equal(e, "of another", e.delivery(kept).SubscriptionID, stays.ID)
}
