package api

import (
	"net/http"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/web/openapi"
)

// searchRoutes are the endpoints of the query over all versions.
func (h *handlers) searchRoutes() []endpoint {
	return []endpoint{
		{"GET", "/versions", "api.versions.search", h.search, openapi.Operation{
			Rights: anyCaller, ID: "searchVersions", Group: "Versions", Summary: "Ask for versions by what is known of them",
			About: "Words are joined by AND; `OR`, parentheses, `-` for not, `*` globs, quotes. Fields: `repo: format: name: version: purl: tag: commit: source: ref: build: " +
				"builder: by: token: state: digest: published:>2026-01-01 origin:cached upstream:npm entered:>2026-01-01 verified:none has:provenance is:attached file:web-1.4.2.tgz env:prod custom.team.ticket:ABC-1`. `by:` finds what a user published with any of its tokens, and what a token of that name published; `token:` finds the latter only. `origin:` is `published`, `cached` (a registry elsewhere delivered it, which `upstream:` names, at the time of `entered:`, with the checksum of `verified:`) or `promoted`. `file:` finds a file by its path or the last part of it, `env:` what a service of an environment runs. What is attached to other versions, as signatures are, is found by `is:attached` and where the query names versions, tags or digests. `is:part` are images that are only parts of an index, without a tag of their own. With `as_of`, a coordinate that was deleted and published " +
				"again is found from its latest publish on; what it was before is in the log.",
			Query: paged(openapi.Param{Name: "q", About: "The query.", Example: "commit:4f2a9c1 -state:yanked"}, asOfParam,
				openapi.Param{Name: "why", About: "With the terms that each version meets.", Of: openapi.Object{"type": "boolean", "default": false}}, overviewParam),
			Answers: success("The versions that you may read, those published last first.", api.List[api.Hit]{Items: []api.Hit{hitExample}})}},
	}
}

var hitExample = api.Hit{
	PURL: versionExample.PURL, Repository: "main", Format: "npm", Name: "@acme/web", Version: "1.4.2", State: string(registry.Published),
	Digest: digestExample, Size: 20_480, PublishedAt: momentExample, PublishedBy: "token ci of user jane", Seq: 42, Matched: []string{"commit:4f2a9c1"},
}

func hitOf(h catalog.Hit) api.Hit {
	v := h.Version
	return api.Hit{PURL: v.PURL, Repository: h.Repository, Format: h.Format, Name: h.Package, Version: v.Name, State: string(v.State),
		Digest: api.Digest(v.Digest), Size: v.Size, PublishedAt: timeText(v.PublishedAt), PublishedBy: v.PublishedBy, Seq: v.Seq, Matched: h.Matched}
}

// search answers GET /versions?q=&as_of=: the auditors' query, newest first. The language is that of catalog.ParseQuery.
func (h *handlers) search(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	s := catalog.VersionSearch{Query: in.text("q"), AsOf: in.asOf(), Why: in.flag("why")}
	overview := in.flag("overview")
	if in.err != nil {
		return in.err
	}
	var listed []catalog.Listed
	list, err := listOf(page, func(p registry.Page) ([]catalog.Hit, error) {
		s.After, s.Limit = p.After, p.Limit
		return h.svc.History.Search(r.Context(), s)
	}, func(h catalog.Hit) string { return numberText(h.Version.Seq) }, func(h catalog.Hit) api.Hit {
		listed = append(listed, catalog.Listed{Format: h.Format, Version: h.Version})
		return hitOf(h)
	})
	if err != nil {
		return err
	}
	if overview {
		known, err := h.svc.History.Overviews(r.Context(), listed, s.AsOf)
		if err != nil {
			return err
		}
		for i := range list.Items {
			list.Items[i].Overview = overviewOf(known[i])
		}
	}
	return httpserver.JSON(w, http.StatusOK, list)
}
