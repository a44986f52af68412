package upstreams

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Replacing returns what registry.RepositoryChange.Also needs to make the list all upstreams of the repository, in its order. An upstream
// that was there under its name, and names the same place, keeps its identity; its settings are those of the list. The rights, errors
// and bounds are those of Add, Change and Remove.
func (s *Upstreams) Replacing(ctx context.Context, list []NewUpstream) func(metadata.Tx, registry.Repository) error {
	actor := access.From(ctx)
	return func(tx metadata.Tx, r registry.Repository) error {
		return s.editIn(tx, actor, r, func(e *edit) error { return e.replace(list) })
	}
}

func (e *edit) replace(list []NewUpstream) error {
	rows, err := e.tx.Upstreams().Upstreams()
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(u metadata.Upstream) bool { return u.RepositoryID != e.repository.ID })
	wanted := make([]metadata.Upstream, len(list))
	for i, n := range list {
		if wanted[i], _, err = e.row(n); err != nil {
			return err
		}
		wanted[i].Position = i
		if slices.ContainsFunc(wanted[:i], func(u metadata.Upstream) bool { return u.Name == wanted[i].Name }) {
			return invalid("the list has two upstreams %q", wanted[i].Name)
		}
	}
	e.unchanged = slices.EqualFunc(rows, wanted, func(had, w metadata.Upstream) bool {
		return same(had, w) && had.Position == w.Position && bytes.Equal(had.Settings, w.Settings) && bytes.Equal(had.Secret, w.Secret)
	})
	if e.unchanged {
		return nil
	}
	for _, had := range rows {
		if !slices.ContainsFunc(wanted, func(w metadata.Upstream) bool { return same(had, w) }) {
			if err := e.tx.Upstreams().RemoveUpstream(had.ID); err != nil {
				return err
			}
		}
	}
	for _, w := range wanted {
		i := slices.IndexFunc(rows, func(had metadata.Upstream) bool { return same(had, w) })
		if i < 0 {
			_, err = e.tx.Upstreams().CreateUpstream(w)
		} else {
			w.ID = rows[i].ID
			err = e.tx.Upstreams().UpdateUpstream(w)
		}
		if errors.Is(err, metadata.ErrExists) {
			return registry.Errorf(registry.AlreadyExists, registry.AboutUpstream, "repository %q has an upstream %q already", e.repository.Name, w.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// same reports whether two rows are the same upstream.
func same(a, b metadata.Upstream) bool {
	return a.Name == b.Name && a.Type == b.Type && a.MemberID == b.MemberID && a.Format == b.Format && a.URL == b.URL
}
