package metadatatest

import (
	"context"

	"slipway/metadata"
)

// LostAnswers wraps a store so that blow is asked after every update that was committed, and its error is what the update
// answers: as when the database has done it and its answer gets lost.
func LostAnswers(store metadata.Store, blow func() error) metadata.Store {
	return &forgetful{store, blow}
}

type forgetful struct {
	metadata.Store
	blow func() error
}

func (s *forgetful) Update(ctx context.Context, fn func(tx metadata.Tx) error) error {
	if err := s.Store.Update(ctx, fn); err != nil {
		return err
	}
	return s.blow()
}
