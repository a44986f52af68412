package metadatatest

import (
	"context"

	"slipway/metadata"
)

// LateReads wraps a store and calls late for each query of an update that comes after the update's first log entry. A store
// with several writers locks the log from that entry to the commit, so each such query keeps all writers waiting for a
// round trip.
func LateReads(store metadata.Store, late func(rows int)) metadata.Store {
	return &lateStore{store, late}
}

type lateStore struct {
	metadata.Store
	late func(rows int)
}

func (s *lateStore) Update(ctx context.Context, fn func(tx metadata.Tx) error, hints ...metadata.Hint) error {
	return s.Store.Update(ctx, func(tx metadata.Tx) error {
		l := &lateTx{Tx: tx}
		return intercept(nil, func(rows int) {
			if l.logged {
				s.late(rows)
			}
		}, func(metadata.Tx) error { return fn(l) })(tx)
	}, hints...)
}

// lateTx notes that its update has written to the log.
type lateTx struct {
	metadata.Tx
	logged bool
}

func (l *lateTx) Log() metadata.Log { return lateLog{l.Tx.Log(), l} }

type lateLog struct {
	metadata.Log
	tx *lateTx
}

func (l lateLog) Append(e metadata.Entry) (metadata.Entry, error) {
	l.tx.logged = true
	return l.Log.Append(e)
}
