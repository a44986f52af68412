package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
)

// readOnlyCopy is a metadata.Copy. It makes no other file beside the database.
type readOnlyCopy struct {
	path    string
	dialect sqlstore.Dialect

	mu      sync.Mutex
	session *session
}

// OpenSnapshot implements metadata.Snapshotter.
func (Location) OpenSnapshot(file string) (metadata.Copy, error) {
	path, err := existing(file)
	if err != nil {
		return nil, err
	}
	session, err := connect(path, readOnly)
	if err != nil {
		return nil, err
	}
	c := &readOnlyCopy{path: path, dialect: dialect, session: session}
	if _, err := c.applied(); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return c, nil
}

func (c *readOnlyCopy) applied() (steps []sqlstore.Migration, err error) {
	if steps, err = migrations(); err != nil {
		return nil, err
	}
	n, err := sqlstore.Applied(c.session, steps)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, classify(err))
	}
	return steps[:n], nil
}

// Close implements metadata.Copy.
func (c *readOnlyCopy) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.Close()
}

// View implements metadata.Copy.
func (c *readOnlyCopy) View(ctx context.Context, fn func(tx metadata.Tx) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.session.Verb(beginRead); err != nil {
		return classify(err)
	}
	tx := sqlstore.NewView(ctx, c.session, &c.dialect, time.Now)
	err := fn(tx)
	tx.End()
	return errors.Join(err, classify(c.session.Verb(commit)))
}

// Check implements metadata.Copy: SQLite finds it whole, and it has exactly the tables, indexes, triggers and views that
// the migrations make.
func (c *readOnlyCopy) Check(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var verdict string
	if err := c.session.RowContext(ctx, `SELECT group_concat(integrity_check, '; ') FROM pragma_integrity_check`, &verdict); err != nil {
		return classify(err)
	}
	if verdict != "ok" {
		return fmt.Errorf("%s is damaged: %s", c.path, verdict)
	}
	steps, err := c.applied()
	if err != nil {
		return err
	}
	want, err := schemaOf(steps)
	if err != nil {
		return err
	}
	have, err := schema(c.session)
	if err != nil {
		return err
	}
	for _, pair := range []struct {
		in, notIn []string
		what      string
	}{{have, want, "has something that Slipway did not make"}, {want, have, "lacks"}} {
		for _, item := range pair.in {
			if !slices.Contains(pair.notIn, item) {
				head, _, _ := strings.Cut(item, "\n")
				return fmt.Errorf("%s %s: %.200s", c.path, pair.what, head)
			}
		}
	}
	return nil
}

// schemaOf returns what these migrations make of an empty database.
func schemaOf(steps []sqlstore.Migration) ([]string, error) {
	conn, err := newDriver(reading).Open(":memory:")
	if err != nil {
		return nil, classify(err)
	}
	s := newSession(conn)
	defer s.Close()
	if err := sqlstore.Migrate(s, steps, beginWrite, time.Now); err != nil {
		return nil, classify(err)
	}
	return schema(s)
}

// schema lists the tables, indexes, triggers and views of a database, each with the statement that made it, without the
// tables that ANALYZE makes.
func schema(s *session) ([]string, error) {
	var all string
	err := s.Row(`SELECT coalesce(group_concat(type || ' ' || name || ' of ' || tbl_name || char(10) || coalesce(sql, ''), char(30)), '')
		FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'`, &all)
	return strings.Split(all, "\x1e"), classify(err)
}
