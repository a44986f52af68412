package metadatatest

import (
	"time"

	"slipway/metadata"
)

func testPulls(e *env) {
	start := e.now()
	put := func(version int64, caller string, after time.Duration) {
		e.update(func(tx metadata.Tx) error {
			return tx.Pulls().PutPull(metadata.Pull{VersionID: version, Caller: caller, LastAt: start.Add(after)})
		})
	}
	put(1, "jane", time.Hour)
	put(1, "jane", 3*time.Hour)
	put(1, "jane", 2*time.Hour) // one that was noted late
	put(1, "ann", 2*time.Hour)
	put(2, "jane", 0)
	list := func(version int64, page metadata.Page) []metadata.Pull {
		return read(e, func(tx metadata.Tx) ([]metadata.Pull, error) { return tx.Pulls().Pulls(version, page) })
	}
	pull := func(version int64, caller string, first, last time.Duration) metadata.Pull {
		return metadata.Pull{VersionID: version, Caller: caller, FirstAt: start.Add(first), LastAt: start.Add(last)}
	}
	both := []metadata.Pull{pull(1, "ann", 2*time.Hour, 2*time.Hour), pull(1, "jane", time.Hour, 3*time.Hour)}
	other := []metadata.Pull{pull(2, "jane", 0, 0)}
	equal(e, "by caller", list(1, metadata.Page{}), both)
	equal(e, "a bound", list(1, metadata.Page{Limit: 1}), both[:1])
	equal(e, "behind a caller", list(1, metadata.Page{After: "ann"}), both[1:])
	equal(e, "another version", list(2, metadata.Page{}), other)
	drop := func(before time.Duration, limit int) {
		e.update(func(tx metadata.Tx) error { return tx.Pulls().DropPulls(start.Add(before), limit) })
	}
	drop(150*time.Minute, 1) // the oldest
	equal(e, "one dropped", list(2, metadata.Page{}), nil)
	equal(e, "the next one stays", list(1, metadata.Page{}), both)
	drop(150*time.Minute, 10)
	equal(e, "newer ones stay", list(1, metadata.Page{}), both[1:])
}
