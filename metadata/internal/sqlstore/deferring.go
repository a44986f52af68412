package sqlstore

import (
	"errors"
	"slices"

	"slipway/metadata"
)

// Deferring is a Session that sends statements which write together with the next one that does not wait, in one round trip.
type Deferring interface {
	Session
	// Defer lets a statement wait. some: it is taken to change a row.
	Defer(text string, args []any, some bool) error
}

// ErrDeferred is the error of a statement when one that waited failed, or changed no row that was taken to change one. The update that
// deferred it has gone on as if it had, so all updates of the transaction run again, and defer nothing.
var ErrDeferred = errors.New("metadata: an earlier statement did not do what it was taken to do")

// Defer lets statements of the transaction wait.
func (t *Tx) Defer(s Deferring) { t.later = s }

// write runs a writing statement. none is the error when it changed no row, nil when that is none.
func (t *Tx) write(none error, text string, args ...any) error {
	if t.later == nil {
		n, err := t.exec(text, args...)
		if err == nil && n == 0 {
			return none
		}
		return err
	}
	scope := t.scope
	t.scope = 0
	if err := t.writable(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.begin(); err != nil {
		return err
	}
	if !texts(args) {
		return metadata.ErrText
	}
	if err := t.later.Defer(text, slices.Clone(args), none != nil); err != nil {
		return t.fail(err)
	}
	t.changed(text, scope)
	return nil
}

// insertRow runs an INSERT … ON CONFLICT … RETURNING id whose last argument is the row's ID (see newID). ErrExists when it inserts nothing.
func (t *Tx) insertRow(text string, args ...any) (int64, error) {
	id, known := args[len(args)-1].(int64)
	if t.later == nil || !known {
		return insert(t, scanInt, text, args...)
	}
	return id, t.write(metadata.ErrExists, text, args...)
}
