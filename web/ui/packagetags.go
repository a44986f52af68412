package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// Bounds of the page with the tags of a package.
const (
	historyLimit  = 50
	proposedLimit = 50 // versions that the form proposes
)

// tagsView has the values of the page with the tags of a package.
type tagsView struct {
	packageFrame
	Tags  []api.Tag
	Shown string    // the tag whose history is shown; "": there is none
	Holds *api.Tag  // what it names; nil: it is not there
	Moves []api.Tag // what it named, the newest first
	Next  string

	May      bool     // the visitor may try to move tags
	Versions []string // that a tag can be moved to, the newest first
	Form     tagForm
	Error    string // why it was refused
}

// tagForm is what the forms of the page say, besides the generation of the tag that the page showed; 0: there was none.
type tagForm struct{ Do, Tag, Version, Reason string }

// Generation is that of the tag that is shown.
func (v tagsView) Generation() int64 {
	if v.Holds == nil {
		return 0
	}
	return v.Holds.Generation
}

// packageTags answers GET /r/{repository}/{format}/{package}/-/tags?tag=: the tags, and the history of one of them.
func (u *Pages) packageTags(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	shown, err := q.Text("tag")
	if err != nil {
		return err
	}
	return u.writeTags(w, r, http.StatusOK, tagsView{Shown: shown})
}

func (u *Pages) writeTags(w http.ResponseWriter, r *http.Request, status int, v tagsView) (err error) {
	if v.packageFrame, err = u.aboutPackage(r, "tags"); err != nil {
		return err
	}
	v.crumb(v.At.Name, packagePath(v.At.Repository, v.At.Format, v.At.Name))
	if v.Tags, err = u.tags(r, v.At); err != nil {
		return err
	}
	if v.Shown == "" && len(v.Tags) > 0 {
		v.Shown = v.Tags[0].Tag
	}
	if i := slices.IndexFunc(v.Tags, func(t api.Tag) bool { return t.Tag == v.Shown }); i >= 0 {
		v.Holds = &v.Tags[i]
	}
	if v.Shown != "" {
		if err := u.tagMoves(r, &v); err != nil {
			return err
		}
	}
	actor := access.From(r.Context())
	for _, a := range []access.Action{access.Tag, access.Publish} { // which of them moves a tag is said by its guard
		v.May = v.May || v.AsOf == "" && access.Decide(actor, a, v.At.Repository) == access.Allow
	}
	if v.May {
		page := client.Page{Limit: proposedLimit}
		for version, err := range u.api.Versions(client.OnePage(r.Context(), &page), v.At, client.VersionFilter{}) {
			if err != nil {
				return err
			}
			v.Versions = append(v.Versions, version.Version)
		}
	}
	v.about("Tags of "+v.At.Name, "repositories", v.At.Repository, "packages", v.At.Format, v.At.Name, "tags")
	return write(w, r, status, "tags", v)
}

// tagMoves reads a page of the history of the tag that is shown.
func (u *Pages) tagMoves(r *http.Request, v *tagsView) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	page, err := pageOf(q, historyLimit)
	if err != nil {
		return err
	}
	for move, err := range u.api.TagHistory(client.OnePage(r.Context(), &page), v.At, v.Shown) {
		if client.IsStatus(err, http.StatusNotFound) && v.Error != "" { // a form named a tag that never was
			return nil
		}
		if client.IsStatus(err, http.StatusNotFound) && slices.ContainsFunc(v.Tags, func(t api.Tag) bool { return t.Tag == v.Shown }) {
			return nil // a registry elsewhere has the tag: its moves are not in the log here
		}
		if err != nil {
			return err
		}
		v.Moves = append(v.Moves, move)
	}
	v.Next = v.next(page)
	return nil
}

// moveTag answers POST of the same page: it moves a tag, back or on, or removes it, if it names what the page showed.
func (u *Pages) moveTag(w http.ResponseWriter, r *http.Request) error {
	at, err := packageAt(r)
	if err != nil {
		return err
	}
	text := posted(r)
	form := tagForm{Do: text("do"), Tag: text("tag"), Version: text("version"), Reason: text("reason")}
	generation, err := strconv.ParseInt(text("generation"), 10, 64)
	if err != nil || generation < 0 {
		return wire.Invalid("the form does not say what the page showed: load the page again")
	}
	switch {
	case form.Tag == "":
		err = wire.Invalid("name the tag")
	case form.Do == "move" && form.Version == "":
		err = wire.Invalid("name the version that it is to name")
	case form.Do == "move":
		_, err = u.api.SetTag(r.Context(), at, form.Tag, api.TagChange{Version: form.Version, Reason: form.Reason}, &generation)
	case form.Do == "remove":
		err = u.api.RemoveTag(r.Context(), at, form.Tag, form.Reason, &generation)
	default:
		err = errUnknownButton
	}
	if detail, status, ok := formRefusal(err); ok {
		if status == http.StatusPreconditionFailed {
			detail = "Nothing was changed: " + detail
		}
		return u.writeTags(w, r, status, tagsView{Shown: form.Tag, Form: form, Error: detail})
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, packagePath(at.Repository, at.Format, at.Name)+"/-/tags?tag="+url.QueryEscape(form.Tag))
}
