package ui

import (
	"net/http"
	"strconv"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

const cachedLimit = 50 // files of a page

// cachePath is the path of the page with what came to a repository from registries elsewhere.
func cachePath(repository string) string { return repositoryPath(repository) + "/-/cache" }

func (u *Pages) cachePages() []page {
	return []page{{path: repositoryRoute + "/-/cache", name: "web.repository.cache", show: u.cached, act: u.changeCached}}
}

// evictForm is what the form of an eviction says.
type evictForm struct{ Upstream, Format, Package, Unused, Keep string }

// restoreForm names a version that is to come again.
type restoreForm struct{ Format, Package, Version, Reason string }

// cacheView has the values of the page with what came from registries elsewhere.
type cacheView struct {
	repositoryFrame
	Files   []api.CachedFile
	Next    string
	Part    string
	States  []choice
	Evict   evictForm
	Would   *api.Evicted // what the eviction of the form would do
	Restore restoreForm

	EvictFormats, RestoreFormats []choice

	Error, EvictError, RestoreError string
}

var cachedStates = []choice{{Value: "", Text: "any"}, {Value: "here", Text: "here"}, {Value: "evicted", Text: "evicted"}, {Value: "changed", Text: "changed elsewhere, undecided"}, {Value: "denied", Text: "changed elsewhere, refused"}}

// cached answers GET /r/{repository}/-/cache?q=&state=&after=: the files that came from registries elsewhere.
func (u *Pages) cached(w http.ResponseWriter, r *http.Request) error {
	return u.writeCached(w, r, http.StatusOK, cacheView{})
}

func (u *Pages) writeCached(w http.ResponseWriter, r *http.Request, status int, v cacheView) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	if v.repositoryFrame, err = u.aboutRepository(r, "cache"); err != nil {
		return err
	}
	state := ""
	if err := texts(q, map[string]*string{"q": &v.Part, "state": &state}); err != nil {
		return err
	}
	page, err := pageOf(q, cachedLimit)
	if err != nil {
		return err
	}
	for file, err := range u.api.Cached(client.OnePage(r.Context(), &page), v.Repository.Name, client.CachedFilter{Part: v.Part, State: state}) {
		if err != nil {
			return err
		}
		v.Files = append(v.Files, file)
	}
	v.Next, v.States = v.next(page), chosen(cachedStates, state)
	v.EvictFormats, v.RestoreFormats = u.formatChoices("all", v.Evict.Format), u.formatChoices("choose", v.Restore.Format)
	v.about("What came to "+v.Repository.Name+" from elsewhere", "repositories", v.Repository.Name, "cache")
	return write(w, r, status, "cache", v)
}

// changeCached answers POST /r/{repository}/-/cache: it decides about bytes that changed elsewhere, lets bytes go, or lets a deleted version come again.
func (u *Pages) changeCached(w http.ResponseWriter, r *http.Request) error {
	repository, err := wire.Segment(r, "repository")
	if err != nil {
		return err
	}
	v, text := cacheView{}, posted(r)
	told := &v.Error
	file := api.CachedCoordinate{Format: text("format"), Package: text("package"), Version: text("version"), Path: text("path")}
	switch text("do") {
	case "accept":
		err = u.api.AcceptCached(r.Context(), repository, file)
	case "deny":
		err = u.api.DenyCached(r.Context(), repository, file)
	case "preview", "evict":
		told = &v.EvictError
		v.Evict = evictForm{Upstream: text("upstream"), Format: text("format"), Package: text("package"), Unused: text("unused"), Keep: text("keep")}
		preview := text("do") == "preview"
		var went api.Evicted
		if went, err = u.evict(r, repository, v.Evict, preview); err == nil && preview {
			v.Would = &went
			return u.writeCached(w, r, http.StatusOK, v)
		}
	case "restore":
		told = &v.RestoreError
		v.Restore = restoreForm{Format: text("format"), Package: text("package"), Version: text("version"), Reason: text("reason")}
		_, err = u.api.RestoreCached(r.Context(), repository, api.CachedVersion{Format: v.Restore.Format, Package: v.Restore.Package, Version: v.Restore.Version, Reason: v.Restore.Reason})
	default:
		err = errUnknownButton
	}
	if detail, status, ok := formRefusal(err); ok {
		*told = detail
		return u.writeCached(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, cachePath(repository))
}

func (u *Pages) evict(r *http.Request, repository string, f evictForm, preview bool) (api.Evicted, error) {
	e := api.Eviction{Upstream: f.Upstream, Format: f.Format, Package: f.Package, Unused: f.Unused, DryRun: preview}
	if f.Keep != "" {
		n, err := strconv.ParseInt(f.Keep, 10, 64)
		if err != nil {
			return api.Evicted{}, wire.Invalid("bytes that may stay: %q is no whole number", f.Keep)
		}
		e.Keep = &n
	}
	return u.api.Evict(r.Context(), repository, e)
}
