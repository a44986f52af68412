package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
	"slipway/metadata/sqlite"
)

// Bring implements metadata.Snapshotter. fn sees a database of SQLite in the scratch directory. When it is whole, all of its rows get into
// the empty schema in one transaction, of the connection that has the lock.
func (l *Location) Bring(ctx context.Context, snapshot string, fn func(db metadata.Store) error) (err error) {
	coming := filepath.Join(l.scratch, "coming.db")
	if err := removeFile(coming); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeFile(coming)) }()
	if err := sqlite.Location(coming).Bring(ctx, snapshot, fn); err != nil {
		return err
	}
	file, err := sqlite.ReadFile(coming)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return l.load(ctx, file)
}

// removeFile removes a database of SQLite, which no process has open.
func removeFile(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".restoring.lock"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// load fills the schema with the rows of a file. After an error, nothing is there.
func (l *Location) load(ctx context.Context, file *sqlite.File) error {
	if l.held == nil {
		return errors.New("metadata: the database is not locked")
	}
	conn, s := l.held, &session{conn: l.held}
	there, err := l.occupied(ctx, conn)
	if err == nil && there != "" {
		err = fmt.Errorf("%w: %s", metadata.ErrExists, there)
	}
	if err != nil {
		return err
	}
	steps, err := migrations()
	if err != nil {
		return err
	}
	if err := sqlstore.MakeTables(s, steps); err != nil {
		return classify(err)
	}
	tables := file.Tables()
	for i := len(tables) - 1; i >= 0; i-- {
		if err := s.Do(tables[i].Clear()); err != nil {
			return classify(err)
		}
	}
	for _, t := range tables {
		if err := copyIn(ctx, conn, file, t); err != nil {
			return err
		}
	}
	if err := l.begin(ctx, s, file); err != nil {
		return err
	}
	return l.commit(conn)
}

// copyIn copies the rows of a table.
func copyIn(ctx context.Context, conn *pgx.Conn, file *sqlite.File, t sqlstore.Table) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, ended := make(chan []any, 64), make(chan error, 1)
	go func() {
		defer close(rows)
		ended <- file.Rows(ctx, t, func(values []any) error {
			if err := t.CheckTexts(values); err != nil {
				return err
			}
			select {
			case rows <- values:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	sent := int64(0)
	var failed error // of the file
	n, err := conn.CopyFrom(ctx, pgx.Identifier{t.Name}, t.Columns, pgx.CopyFromFunc(func() ([]any, error) {
		row, more := <-rows
		if !more {
			failed = <-ended
			return nil, failed
		}
		sent++
		return row, nil
	}))
	if err != nil && failed == nil {
		cancel()
		for range rows { // until the file is at rest
		}
	}
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return fmt.Errorf("table %s: %w", t.Name, classify(err))
	case n != sent:
		return fmt.Errorf("metadata: table %s: %d of %d rows were copied", t.Name, n, sent)
	}
	return nil
}

// begin makes the tables that only PostgreSQL has, in the state that the next group goes on from.
func (l *Location) begin(ctx context.Context, s *session, file *sqlite.File) error {
	state, at, err := file.State(ctx)
	if err != nil {
		return err
	}
	if err := s.Do(ownTables + `; DELETE FROM batch`); err != nil {
		return classify(err)
	}
	_, err = s.Exec(addBatch, []any{int64(1), []byte{}, at.UnixMicro(), state.Size, state.Rows, state.Edge, state.Last, nil, int64(0)})
	return classify(err)
}

// commit ends the transaction. As with a group, only its own answer counts, and no context ends the wait for it.
func (l *Location) commit(conn *pgx.Conn) error {
	tag, err := conn.Exec(context.Background(), commit, pgx.QueryExecModeSimpleProtocol)
	switch {
	case err != nil:
		return fmt.Errorf("metadata: it is not known whether the database was filled: look at it with slipway fsck, or drop its schema and begin again: %w", classify(err))
	case tag.String() != commit:
		return fmt.Errorf("metadata: COMMIT was answered by %q", tag)
	}
	return nil
}
