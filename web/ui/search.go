package ui

import (
	"errors"
	"net/http"
	"net/url"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

const searchLimit = 50 // hits of a page

func (u *Pages) searchPages() []page {
	return []page{{path: "/search", name: "web.search", show: u.search, past: true}}
}

// searchView has the values of the search page.
type searchView struct {
	*frame
	Asked bool
	Wrong string // what is wrong with the query
	Hits  []api.Hit
	Next  string // address of the next page; "": there is none
}

// search answers GET /search?q=&as_of=&after=: the versions that a query finds.
func (u *Pages) search(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	f := frameOf(r)
	if f.Query, err = q.Text("q"); err != nil {
		return err
	}
	v := searchView{frame: f, Asked: f.Query != ""}
	f.about("Search")
	status := http.StatusOK
	if v.Asked {
		page, err := pageOf(q, searchLimit)
		if err != nil {
			return err
		}
		for hit, err := range u.api.Search(client.OnePage(r.Context(), &page), f.Query, f.AsOf) {
			var problem *client.Error
			if errors.As(err, &problem) && problem.Status == http.StatusBadRequest {
				v.Wrong, status = problem.Detail, problem.Status
				break
			}
			if err != nil {
				return err
			}
			v.Hits = append(v.Hits, hit)
		}
		v.Next = f.next(page)
	}
	f.JSON = f.Link(api.Prefix + "/versions?q=" + url.QueryEscape(f.Query))
	return write(w, r, status, "search", v)
}
