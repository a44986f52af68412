package oci

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
)

// page is the paging of a list: at most n entries after last. n is -1 where the client asks for all.
type page struct {
	n    int
	last string
}

func parsePage(r *http.Request) (page, error) {
	q := r.URL.Query()
	p := page{n: -1, last: q.Get("last")}
	if text := q.Get("n"); text != "" {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return p, registry.Errorf(registry.Invalid, aboutPage, "n is %q, not a number of entries", formats.Clip(text))
		}
		p.n = int(n)
	}
	return p, nil
}

// cut returns the page of a whole list in byte order.
func (p page) cut(all []string) (list []string, more bool) {
	if p.last != "" {
		i, found := slices.BinarySearch(all, p.last)
		if found {
			i++
		}
		all = all[i:]
	}
	if p.n < 0 || p.n >= len(all) {
		return all, false
	}
	return all[:p.n], p.n > 0
}

// linkNext points at the next page (RFC 8288), without host.
func linkNext(h http.Header, path string, q url.Values) {
	h.Set("Link", "<"+path+"?"+q.Encode()+`>; rel="next"`)
}

// listTags answers the tags of an image in byte order (end-8), all of them unless the client asks for pages.
func (h *handlers) listTags(w http.ResponseWriter, r *http.Request) error {
	at, err := parseName(r)
	if err != nil {
		return err
	}
	p, err := parsePage(r)
	if err != nil {
		return err
	}
	read := registry.Page{After: p.last}
	if p.n >= 0 {
		read.Limit = p.n + 1 // whether there are more
	}
	tags, err := h.svc.Catalog.TagPage(r.Context(), at, read)
	if err != nil {
		return err
	}
	all := make([]string, len(tags))
	for i, t := range tags {
		all[i] = t.Name
	}
	list, more := p.cut(all)
	apiVersion(w)
	if more {
		linkNext(w.Header(), "/v2/"+full(at)+"/tags/list", url.Values{"n": {strconv.Itoa(p.n)}, "last": {list[len(list)-1]}})
	}
	return httpserver.JSON(w, http.StatusOK, struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{full(at), filled(list)})
}

// filled returns a list that is never null in JSON.
func filled(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// maxCatalog is how many images one page of the catalog has at most.
const maxCatalog = 1000

// catalog lists the images that the caller may pull, by repository and name. It is an extension that old clients know.
func (h *handlers) catalog(w http.ResponseWriter, r *http.Request) error {
	r, err := h.authenticator(listAll)(r)
	if err != nil {
		return err
	}
	p, err := parsePage(r)
	if err != nil {
		return err
	}
	if p.n < 0 || p.n > maxCatalog {
		p.n = maxCatalog
	}
	list, err := h.images(r, p.last, p.n+1)
	if err != nil {
		return err
	}
	apiVersion(w)
	if len(list) > p.n {
		if list = list[:p.n]; p.n > 0 {
			linkNext(w.Header(), "/v2/_catalog", url.Values{"n": {strconv.Itoa(p.n)}, "last": {list[p.n-1]}})
		}
	}
	return httpserver.JSON(w, http.StatusOK, struct {
		Repositories []string `json:"repositories"`
	}{filled(list)})
}

// images returns at most n full names after last.
func (h *handlers) images(r *http.Request, last string, n int) ([]string, error) {
	after, image, _ := strings.Cut(last, "/")
	var out []string
	for pg := (registry.Page{Limit: registry.MaxPage}); ; {
		repos, next, err := h.svc.Core.Repositories(r.Context(), pg)
		if err != nil {
			return nil, err
		}
		for _, repo := range repos {
			if repo.Name < after {
				continue
			}
			from := ""
			if repo.Name == after {
				from = image
			}
			if out, err = h.imagesOf(r, repo.Name, from, n, out); err != nil || len(out) >= n {
				return out, err
			}
		}
		if next == "" {
			return out, nil
		}
		pg.After = next
	}
}

func (h *handlers) imagesOf(r *http.Request, repository, last string, n int, out []string) ([]string, error) {
	for {
		q := catalog.PackageQuery{Format: name, Limit: registry.MaxPage}
		if last != "" {
			q.After = name + "/" + last
		}
		list, err := h.svc.Catalog.Packages(r.Context(), repository, q)
		if err != nil {
			return out, err
		}
		for _, p := range list {
			last = p.Key
			if p.VersionCount == 0 {
				continue
			}
			if out = append(out, repository+"/"+p.Key); len(out) >= n {
				return out, nil
			}
		}
		if len(list) < registry.MaxPage {
			return out, nil
		}
	}
}
