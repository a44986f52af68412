package metadatatest

import (
	"context"
	"sync/atomic"

	"slipway/metadata"
)

// CountRows is store, and counts the records of the lists that a publish may ask for: what it reads must not grow with what the
// version holds. Nobody remembers what such a store has answered (metadata.Versioned).
func CountRows(store metadata.Store, rows *atomic.Int64) metadata.Store {
	return &countingStore{Store: store, rows: rows}
}

type countingStore struct {
	metadata.Store
	rows *atomic.Int64
}

func (s *countingStore) View(ctx context.Context, fn func(tx metadata.Tx) error) error {
	return s.Store.View(ctx, func(tx metadata.Tx) error { return fn(&countingTx{tx, s.rows}) })
}

func (s *countingStore) Update(ctx context.Context, fn func(tx metadata.Tx) error) error {
	return s.Store.Update(ctx, func(tx metadata.Tx) error { return fn(&countingTx{tx, s.rows}) })
}

type countingTx struct {
	metadata.Tx
	rows *atomic.Int64
}

func counted[T any](t *countingTx, list []T, err error) ([]T, error) {
	t.rows.Add(int64(len(list)))
	return list, err
}

func (t *countingTx) Files(versionID int64) ([]metadata.File, error) {
	list, err := t.Tx.Files(versionID)
	return counted(t, list, err)
}

func (t *countingTx) FilesOfPackage(packageID int64) ([]metadata.File, error) {
	list, err := t.Tx.FilesOfPackage(packageID)
	return counted(t, list, err)
}

func (t *countingTx) FilesBelow(p metadata.FilePage) ([]metadata.File, error) {
	list, err := t.Tx.FilesBelow(p)
	return counted(t, list, err)
}

func (t *countingTx) Versions(p metadata.VersionPage) ([]metadata.Version, error) {
	list, err := t.Tx.Versions(p)
	return counted(t, list, err)
}

func (t *countingTx) Facts(versionID int64) ([]metadata.Fact, error) {
	list, err := t.Tx.Facts(versionID)
	return counted(t, list, err)
}

func (t *countingTx) StagingsOf(repositoryID int64, scope string) ([]metadata.Staging, error) {
	list, err := t.Tx.StagingsOf(repositoryID, scope)
	return counted(t, list, err)
}

func (t *countingTx) StagedFiles(stagingID string) ([]metadata.StagedFile, error) {
	list, err := t.Tx.StagedFiles(stagingID)
	return counted(t, list, err)
}

func (t *countingTx) StagedFilesAt(at metadata.StagedFile, paths []string) ([]metadata.StagedFile, error) {
	list, err := t.Tx.StagedFilesAt(at, paths)
	return counted(t, list, err)
}
