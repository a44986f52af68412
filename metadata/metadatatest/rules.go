package metadatatest

import (
	"fmt"
	"time"

	"slipway/metadata"
)

func testRules(e *env) {
	create := func(r metadata.Rule) metadata.Rule {
		var out metadata.Rule
		e.update(func(tx metadata.Tx) (err error) {
			out, err = tx.Policies().CreateRule(r)
			return err
		})
		r.ID, r.CreatedAt = out.ID, e.now()
		equal(e, "created", out, r)
		return out
	}
	list := func() []metadata.Rule {
		return read(e, func(tx metadata.Tx) ([]metadata.Rule, error) { return tx.Policies().Rules() })
	}
	equal(e, "none", list(), nil)
	last := create(metadata.Rule{RepositoryID: 7, Position: 1, Action: "deny", Match: "pkg:npm/a", Reason: "x", Mode: "audit", CreatedBy: "ann"})
	first := create(metadata.Rule{RepositoryID: 7, Action: "hold", Match: "pkg:npm/*", MinAge: 72 * time.Hour, ExpiresAt: e.now().Add(time.Hour), Mode: "enforce"})
	server := create(metadata.Rule{Position: 9, Action: "allow", Match: "pkg:npm/b", Mode: "enforce"})
	equal(e, "those of the server first, then by position", list(), []metadata.Rule{server, first, last})
	first.Expired = true
	e.update(func(tx metadata.Tx) error { return tx.Policies().UpdateRule(first) })
	e.update(func(tx metadata.Tx) error { return tx.Policies().DeleteRule(last.ID) })
	equal(e, "after a change and a deletion", list(), []metadata.Rule{server, first})
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Policies().DeleteRule(last.ID) })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Policies().UpdateRule(last) })
}

func testRefusals(e *env) {
	put := func(r metadata.Refusal) { e.update(func(tx metadata.Tx) error { return tx.Policies().PutRefusal(r) }) }
	want := metadata.Refusal{RequestID: "one", At: e.now(), RuleID: 3, RepositoryID: 7, Subject: "pkg:npm/a@1", Caller: "ann", Outcome: "hold", Mode: "enforce",
		Reason: "too new", Until: e.now().Add(time.Hour)}
	missing(e, "none", func(tx metadata.Tx) (metadata.Refusal, error) { return tx.Policies().Refusal("one") })
	put(want)
	equal(e, "by request", read(e, func(tx metadata.Tx) (metadata.Refusal, error) { return tx.Policies().Refusal("one") }), want)
	for since, refused := range map[time.Time]bool{e.now(): true, e.now().Add(time.Second): false} {
		equal(e, fmt.Sprint("since ", since), read(e, func(tx metadata.Tx) (bool, error) { return tx.Policies().RefusedSince(3, "pkg:npm/a@1", since) }), refused)
	}
	equal(e, "another rule", read(e, func(tx metadata.Tx) (bool, error) { return tx.Policies().RefusedSince(4, "pkg:npm/a@1", e.now()) }), false)
}
