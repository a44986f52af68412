package api

import (
	"net/http"
	"time"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

const cachePath = repositoryPath + "/cache"

// cacheRoutes are the endpoints of what came to a repository from registries elsewhere.
func (h *handlers) cacheRoutes() []endpoint {
	return []endpoint{
		{"GET", cachePath, "api.cache.list", h.listCached, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "listCached", Group: "Upstreams", Summary: "List the files that came from registries elsewhere",
			About: "Those of versions that are not deleted, also if their bytes went. Of images, layers are files of the manifests that name them.",
			Query: paged(openapi.Param{Name: "q", About: "Files with this text in the name of their package, or in their path."},
				openapi.Param{Name: "state", About: "Files that are `here`, `evicted`, `changed` or `denied`. A file that the registry has changed is here or evicted as well."}),
			Answers: success("The files, by format, package and version.", api.List[api.CachedFile]{Items: []api.CachedFile{cachedExample}})}},
		{"POST", cachePath + "/evict", "api.cache.evict", h.evict, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "evict", Group: "Upstreams", Summary: "Let bytes go that can come again",
			About: "Files that were not used for longest go first. What is deployed, has a tag that was set here, is pinned by a rule or is on its way stays, and so do bytes that something else needs. " +
				"A file that went is fetched when it is asked for: the same bytes, or none. Without a field all files go.",
			Request: openapi.Takes[api.Eviction](`{"unused":"720h","dry_run":true}`), Answers: success("What went, or would.", api.Evicted{Files: 12, Bytes: 52_428_800}), Errors: []int{http.StatusNotFound}}},
		{"POST", cachePath + "/accept", "api.cache.accept", h.acceptCached, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "acceptCached", Group: "Upstreams", Summary: "Take what a registry elsewhere has changed",
			About: "Other bytes than those that entered are fetched, and take their place; the log has both digests. Without a version: the package's list of versions is taken, although it has lost most of them. " +
				"404: nothing of the kind waits. 502 and 503: the registry does not deliver what it announces.",
			Request: openapi.Takes[api.CachedCoordinate](`{"format":"npm","package":"left-pad","version":"1.3.0","path":"left-pad-1.3.0.tgz"}`, "format", "package"),
			Answers: empty("They are here.")}},
		{"POST", cachePath + "/deny", "api.cache.deny", h.denyCached, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "denyCached", Group: "Upstreams", Summary: "Refuse what a registry elsewhere has changed",
			About:   "The bytes that entered stay, and no event tells of these others again. 404: nothing of the kind waits.",
			Request: openapi.Takes[api.CachedCoordinate](`{"format":"npm","package":"left-pad","version":"1.3.0"}`, "format", "package", "version"), Answers: empty("They are refused.")}},
		{"POST", cachePath + "/restore", "api.cache.restore", h.restoreCached, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "restoreCached", Group: "Upstreams", Summary: "Let a deleted version come again",
			About:   "One that came from a registry elsewhere and was deleted here. Bytes that are collected are fetched when they are asked for.",
			Request: openapi.Takes[api.CachedVersion](`{"format":"npm","package":"left-pad","version":"1.3.0","reason":"deleted by mistake"}`, "format", "package", "version"),
			Answers: success("The version.", versionExample.VersionSummary), Errors: []int{http.StatusConflict}}},
	}
}

var cachedExample = api.CachedFile{PURL: "pkg:npm/left-pad@1.3.0", Format: "npm", Name: "left-pad", Version: "1.3.0", Path: "left-pad-1.3.0.tgz", State: upstreams.CachedHere, Here: true,
	Digest: digestExample, Size: 20_480, Upstream: "npm", URL: "https://registry.example.com/left-pad/-/left-pad-1.3.0.tgz", Verified: "sha512",
	EnteredAt: momentExample, EnteredBy: "token ci of user jane", UsedAt: laterExample, UpstreamPublishedAt: momentExample}

func cachedOf(c upstreams.CachedEntry) api.CachedFile {
	out := api.CachedFile{PURL: c.Version.PURL, Format: c.Format, Name: c.Package, Version: c.Version.Name, Path: c.Path, State: upstreams.CachedHere, Here: !c.Evicted,
		Digest: c.Digest.String(), Size: c.Size, Upstream: c.Upstream, URL: c.URL, Verified: c.Verified, Changed: c.Changed, EnteredAt: timeText(c.EnteredAt), EnteredBy: c.EnteredBy, UsedAt: timeText(c.UsedAt)}
	switch {
	case c.Denied:
		out.State = upstreams.CachedDenied
	case c.Changed != "":
		out.State = upstreams.CachedChanged
	case c.Evicted:
		out.State = upstreams.CachedEvicted
	}
	for to, at := range map[*string]time.Time{&out.UpstreamPublishedAt: c.PublishedAt, &out.FirstSeenAt: c.FirstSeenAt} {
		if !at.IsZero() {
			*to = timeText(at)
		}
	}
	return out
}

// listCached answers GET …/cache?q=&state=.
func (h *handlers) listCached(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository, page := in.segment("repository"), in.page()
	q := upstreams.CachedQuery{Text: in.text("q"), State: in.text("state")}
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]upstreams.CachedEntry, error) {
		q.After, q.Limit = p.After, p.Limit
		return h.svc.Upstreams.Cached(r.Context(), repository, q)
	}, upstreams.CachedCursor, cachedOf)
}

// evict answers POST …/cache/evict {"upstream","format","package","unused","keep","dry_run"}: 200 with what went.
func (h *handlers) evict(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository := in.segment("repository")
	var body api.Eviction
	in.body(&body)
	if in.err == nil && body.Package != "" && body.Format == "" {
		in.err = wire.Invalid("package needs a format")
	}
	if in.err == nil && body.Keep != nil && *body.Keep < 0 {
		in.err = wire.Invalid("keep can't be negative")
	}
	e := upstreams.Eviction{Upstream: body.Upstream, Format: body.Format, Bytes: body.Keep, DryRun: body.DryRun}
	if body.Package != "" {
		e.Package = read(in, func() (registry.Name, error) { return h.svc.Core.Rules.NameOf(repository, body.Format, body.Package) }).Package
	}
	if in.err == nil && body.Unused != "" {
		d, err := time.ParseDuration(body.Unused)
		if err != nil || d < 0 {
			in.err = wire.Invalid("unused must be a duration such as 720h")
		}
		e.Unused = &d
	}
	if in.err != nil {
		return in.err
	}
	went, err := h.svc.Upstreams.Evict(r.Context(), repository, e)
	return writeOne(w, http.StatusOK, went, err, func(e upstreams.Evicted) api.Evicted { return api.Evicted(e) })
}

// cachedAt reads what a body names of the repository in the path; version may be "" if it is optional.
func (in *input) cachedAt(format, pkg, version string, optional bool) registry.Coordinate {
	repository := in.segment("repository")
	at := read(in, func() (registry.Name, error) { return in.h.svc.Core.Rules.NameOf(repository, format, pkg) })
	if version == "" && optional {
		return at.At("")
	}
	return in.version(at, version)
}

// acceptCached answers POST …/cache/accept {"format","package","version","path"}: 204.
func (h *handlers) acceptCached(w http.ResponseWriter, r *http.Request) error {
	return h.decideCached(w, r, true)
}

// denyCached answers POST …/cache/deny {"format","package","version","path"}: 204.
func (h *handlers) denyCached(w http.ResponseWriter, r *http.Request) error {
	return h.decideCached(w, r, false)
}

func (h *handlers) decideCached(w http.ResponseWriter, r *http.Request, accept bool) error {
	in := h.parse(r)
	var body api.CachedCoordinate
	in.body(&body)
	at := in.cachedAt(body.Format, body.Package, body.Version, accept)
	if in.err == nil && body.Path != "" {
		in.err = registry.CheckPath(body.Path)
	}
	if in.err == nil && at.Version == "" && body.Path != "" {
		in.err = wire.Invalid("path needs a version")
	}
	if in.err != nil {
		return in.err
	}
	if accept {
		return writeNothing(w, h.svc.Upstreams.Accept(r.Context(), at, body.Path))
	}
	return writeNothing(w, h.svc.Upstreams.Deny(r.Context(), at, body.Path))
}

// restoreCached answers POST …/cache/restore {"format","package","version","reason"}: 200 with the version.
func (h *handlers) restoreCached(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	var body api.CachedVersion
	in.body(&body)
	at := in.cachedAt(body.Format, body.Package, body.Version, false)
	if in.err != nil {
		return in.err
	}
	pkg, v, err := h.svc.Upstreams.Restore(r.Context(), at, body.Reason)
	return writeOne(w, http.StatusOK, v, err, func(v registry.Version) api.VersionSummary { return versionOf(pkg, v) })
}
