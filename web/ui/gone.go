package ui

import (
	"net/http"

	"slipway/api"
	"slipway/api/client"
)

// deletion passes on what is known of a deletion; nil: nothing is, or the visitor may not see it.
func (u *Pages) deletion(d api.Deletion, err error) (*api.Deletion, error) {
	if client.IsStatus(err, http.StatusNotFound) || client.IsStatus(err, http.StatusForbidden) {
		return nil, nil //nolint:nilnil // it is no error that nothing is known
	}
	return &d, err
}

// goneView has the values of the page of a repository that was deleted.
type goneView struct {
	*frame
	Repository string
	Gone       *api.Deletion
}

// goneRepository answers with 410 for every page of a repository that was deleted, to those who may read repositories of its name. It returns err,
// the error of the page, where there is no such deletion.
func (u *Pages) goneRepository(w http.ResponseWriter, r *http.Request, repository string, err error) error {
	gone, failed := u.deletion(u.api.RepositoryDeletion(r.Context(), repository))
	if gone == nil || failed != nil {
		return err
	}
	f := frameOf(r)
	f.Crumbs = nil
	f.about(repository, "repositories", repository, "deletion")
	return write(w, r, http.StatusGone, "gone", goneView{f, repository, gone})
}
