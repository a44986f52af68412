package ui

import (
	"net/http"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

func (u *Pages) publishPages() []page {
	return []page{{path: repositoryRoute + "/-/publishes", name: "web.repository.publishes", show: u.publishes, act: u.changePublishes}}
}

// publishesPath is the path of the page with what was sent to a repository and is not visible yet.
func publishesPath(repository string) string { return repositoryPath(repository) + "/-/publishes" }

// waitingTable has the values of a table of what was sent and is not visible yet.
type waitingTable struct {
	*frame
	To    string // address that takes the forms
	Items []api.WaitingPublish
	Ends  bool // the visitor may end some of them
}

func newWaitingTable(f *frame, path string, items []api.WaitingPublish) waitingTable {
	t := waitingTable{frame: f, To: f.Link(path), Items: items}
	for _, item := range items {
		t.Ends = t.Ends || item.MayEnd
	}
	return t
}

// publishesView has the values of the page.
type publishesView struct {
	repositoryFrame
	Waiting waitingTable
	Error   string
}

// publishes answers GET /r/{repository}/-/publishes: what the visitor has sent and others do not see yet; to administrators, what all have.
func (u *Pages) publishes(w http.ResponseWriter, r *http.Request) error {
	return u.writePublishes(w, r, http.StatusOK, publishesView{})
}

func (u *Pages) writePublishes(w http.ResponseWriter, r *http.Request, status int, v publishesView) error {
	var err error
	if v.repositoryFrame, err = u.aboutRepository(r, "publishes"); err != nil {
		return err
	}
	var items []api.WaitingPublish
	for p, err := range u.api.Publishes(r.Context(), v.Repository.Name) {
		if err != nil {
			return err
		}
		items = append(items, p)
	}
	v.Waiting = newWaitingTable(v.frame, publishesPath(v.Repository.Name), items)
	v.about("Under way in " + v.Repository.Name)
	v.JSON = v.Link(api.Prefix + "/publishes" + filterQuery("repository", v.Repository.Name))
	return write(w, r, status, "publishes", v)
}

// changePublishes answers POST /r/{repository}/-/publishes: it ends one of them.
func (u *Pages) changePublishes(w http.ResponseWriter, r *http.Request) error {
	repository, err := wire.Segment(r, "repository")
	if err != nil {
		return err
	}
	if err = u.endPublish(r, repository); err != nil {
		if detail, status, ok := formRefusal(err); ok {
			return u.writePublishes(w, r, status, publishesView{Error: detail})
		}
		return err
	}
	return u.seeOther(w, r, publishesPath(repository))
}

// endPublish does what a form of the table says.
func (u *Pages) endPublish(r *http.Request, repository string) error {
	text := posted(r)
	p := client.Publish{Repository: repository, ID: text("publish"), Owner: text("owner"), Area: text("area") != ""}
	switch text("do") {
	case "commit":
		_, err := u.api.CommitPublish(r.Context(), p)
		return err
	case "drop":
		if err := confirmed(r, p.ID); err != nil {
			return err
		}
		return u.api.DropPublish(r.Context(), p)
	}
	return doesNothing()
}
