package metadatatest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"slipway/metadata"
)

// intercepted is a transaction that shows its statements to a test, as the transactions of every backend do: before runs
// before each statement, and its error is treated as an error of the database; read receives the number of rows of each
// query. nil keeps the present function.
type intercepted interface {
	Intercept(before func() error, read func(rows int))
}

// intercept hands the statements of every transaction of a store to before and read.
func intercept(before func() error, read func(rows int), fn func(tx metadata.Tx) error) func(tx metadata.Tx) error {
	return func(tx metadata.Tx) error {
		i, ok := tx.(intercepted)
		if !ok {
			return fmt.Errorf("metadatatest: statements of a %T cannot be intercepted", tx)
		}
		i.Intercept(before, read)
		return fn(tx)
	}
}

// Faulty wraps a store so that blow is called before every View, Update, Sync, statement of a transaction and commit, which then
// fails with the error of blow. Close does not fail. As with a real database, a transaction returns the error from every
// further call, and an update with a failed statement is never committed, even when its function ignores the error.
func Faulty(store metadata.Store, blow func() error) metadata.Store {
	return &faultyStore{store, blow}
}

type faultyStore struct {
	store metadata.Store
	blow  func() error
}

func (s *faultyStore) View(ctx context.Context, fn func(tx metadata.Tx) error) error {
	if err := s.blow(); err != nil {
		return err
	}
	return s.store.View(ctx, intercept(s.blow, nil, fn))
}

func (s *faultyStore) Update(ctx context.Context, fn func(tx metadata.Tx) error, hints ...metadata.Hint) error {
	if err := s.blow(); err != nil {
		return err
	}
	return s.store.Update(ctx, intercept(s.blow, nil, func(tx metadata.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return s.blow() // the commit
	}), hints...)
}

func (s *faultyStore) Sync(ctx context.Context) error {
	if err := s.blow(); err != nil {
		return err
	}
	return s.store.Sync(ctx)
}

func (s *faultyStore) Clock() time.Time { return s.store.Clock() }

func (s *faultyStore) Watch() <-chan struct{} { return s.store.Watch() }

func (s *faultyStore) Exclusive() bool { return s.store.Exclusive() }

func (s *faultyStore) Ready(ctx context.Context) error {
	if err := s.blow(); err != nil {
		return err
	}
	return s.store.Ready(ctx)
}

func (s *faultyStore) Close() error { return s.store.Close() }

// LostAnswers wraps a store so that blow is called after every committed update, which then returns the error of blow: as
// when the database has committed and its answer gets lost.
func LostAnswers(store metadata.Store, blow func() error) metadata.Store {
	return &forgetful{store, blow}
}

type forgetful struct {
	metadata.Store
	blow func() error
}

func (s *forgetful) Update(ctx context.Context, fn func(tx metadata.Tx) error, hints ...metadata.Hint) error {
	if err := s.Store.Update(ctx, fn, hints...); err != nil {
		return err
	}
	return s.blow()
}

// CountRows wraps a store and counts the rows of queries that return more than one row: the number of rows a publish reads
// must not grow with the version. The wrapper is no metadata.Versioned, so no cache remembers its answers.
func CountRows(store metadata.Store, rows *atomic.Int64) metadata.Store {
	return &countingStore{Store: store, rows: rows}
}

type countingStore struct {
	metadata.Store
	rows *atomic.Int64
}

func (s *countingStore) count(rows int) {
	if rows > 1 {
		s.rows.Add(int64(rows))
	}
}

func (s *countingStore) View(ctx context.Context, fn func(tx metadata.Tx) error) error {
	return s.Store.View(ctx, intercept(nil, s.count, fn))
}

func (s *countingStore) Update(ctx context.Context, fn func(tx metadata.Tx) error, hints ...metadata.Hint) error {
	return s.Store.Update(ctx, intercept(nil, s.count, fn), hints...)
}
