package api

import (
	"encoding/hex"
	"net/http"
	"slices"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/publish"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// versionRoutes are the endpoints of a package's versions.
func (h *handlers) versionRoutes() []endpoint {
	return []endpoint{
		{"GET", packagePath + "/versions", "api.versions.list", h.listVersions, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "listVersions", Group: "Versions", Summary: "List the versions of a package",
			Query: paged(openapi.Param{Name: "deleted", About: "With the tombstones of deleted versions.", Of: openapi.Object{"type": "boolean", "default": false}},
				openapi.Param{Name: "attached", About: "With what belongs to other versions, such as signatures, attestations and SBOMs of images.", Of: openapi.Object{"type": "boolean", "default": false}},
				openapi.Param{Name: "whole", About: "Without what is only a part of an index that is there, and has no tag of its own: the images of its platforms.", Of: openapi.Object{"type": "boolean", "default": false}},
				overviewParam, openapi.Param{Name: "q", About: "A query as that over all versions, for those of this package.", Example: "env:prod"}, asOfParam),
			About:   "With `q` or `as_of`, those that the repository itself has.",
			Answers: success("The versions, newest first.", api.List[api.VersionSummary]{Items: []api.VersionSummary{versionExample.VersionSummary}})}},
		{"GET", versionPath, "api.versions.get", h.getVersion, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "getVersion", Group: "Versions", Summary: "Show a version with everything that is known of it",
			About: "A deleted version shows as its tombstone. With `as_of`, what the repository itself had then: the tags, and what had been said; a version that was deleted later counts as published.",
			Query: []openapi.Param{asOfParam}, Answers: success("The version.", versionExample)}},
		{"GET", versionPath + "/readme", "api.versions.readme", h.getReadme, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "getReadme", Group: "Versions", Summary: "Show what the publishers wrote for the readers of a version",
			Query: []openapi.Param{asOfParam},
			About: "As it was written: a program that shows it as HTML cleans it. 404 where the version has none.", Answers: success("The text.", readmeExample)}},
		{"GET", versionPath + "/pulls", "api.versions.pulls", h.listPulls, openapi.Operation{
			Rights: needs(scopeRepository, access.Read, access.Audit), ID: "listPulls", Group: "Versions", Summary: "List who downloaded a version",
			About: "By every route: files of the version, the manifest of an image. Each caller is noted once a day; the last minute is lost when the server is killed. Downloads are remembered for " +
				"365 days unless the server was started with another `--pulls-kept`. Needs the rights `read` and `audit`.",
			Query: paged(), Answers: success("The callers, by name.", api.List[api.Pull]{Items: []api.Pull{pullExample}})}},
		{"GET", versionPath + "/description", "api.versions.describe", h.getDescription, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "describeVersion", Group: "Versions", Summary: "Show what a version says of itself, as its format reads it",
			About: "Dependencies, scripts and platforms of a package, layers and configuration of an image. It is read out of what is on this server; nothing is fetched for it. " +
				"All texts are those of publishers. With `as_of`, 404 where the version was not there then.",
			Query: []openapi.Param{asOfParam}, Answers: success("The description; what a format does not have is absent.", descriptionExample)}},
		{"GET", versionPath + "/referrers", "api.versions.referrers", h.getReferrers, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "listReferrers", Group: "Versions", Summary: "Show what belongs to a version: signatures, SBOMs, attestations",
			About: "Of what is on this server, by the subject that it names, and by the tags of cosign. Whether a signature is right, and whose it is, the server has not looked at.",
			Query: []openapi.Param{asOfParam}, Answers: success("What belongs to it, as a tree.", referrersExample)}},
		{"PATCH", versionPath, "api.versions.change", h.changeVersion, openapi.Operation{
			Rights: needs(scopeRepository, access.Publish), ID: "changeVersion", Group: "Versions", Summary: "Yank or deprecate a version, or take that back",
			About:   "Which states beside `published` there are is the format's: a yanked version is not chosen unless it is asked for, a deprecated one comes with a warning.",
			Request: openapi.Takes[api.VersionChange](`{"state":"deprecated","reason":"use 2.0.0"}`, "state"),
			Answers: success("The version.", versionExample.VersionSummary), Errors: []int{http.StatusConflict}}},
		{"DELETE", versionPath, "api.versions.delete", h.deleteVersion, openapi.Operation{
			Rights: needs(scopeRepository, access.Delete), ID: "deleteVersion", Group: "Versions", Summary: "Delete a version",
			About: "A tombstone stays, and the name stays taken; the version can be restored for a time. A protected version is refused with 409 and the reasons.",
			Query: []openapi.Param{reasonParam}, Answers: empty("It is gone."), Errors: []int{http.StatusConflict}}},
		{"POST", versionPath + "/restore", "api.versions.restore", h.restoreVersion, openapi.Operation{
			Rights: needs(scopeRepository, access.Delete, access.Publish), ID: "restoreVersion", Group: "Versions", Summary: "Restore a deleted version",
			About: "It comes back as it was: files, facts, state; its tags stay ended, and `latest` is computed again. A deleted version is kept for 7 days unless the server was started with another " +
				"`--deleted-grace`. 409 where its files are collected, or where it is there or was published again. Needs the rights `delete` and `publish`.",
			Query: []openapi.Param{reasonParam}, Answers: success("The version.", versionExample.VersionSummary), Errors: []int{http.StatusConflict}}},
		{"POST", versionPath + "/promote", "api.versions.promote", h.promoteVersion, openapi.Operation{
			Rights: openapi.Rights{{scopeRepository: {string(access.Read)}, scopeRequested: {}}}, ID: "promoteVersion", Group: "Versions", Summary: "Make a version one of another repository",
			About: "The other repository gets the same bytes, with the facts and the state of the version; of an image for several platforms, all of them. What only a registry elsewhere has is fetched first. " +
				"Needs the right `publish` in the other repository. The same again changes nothing; other content there is 409.",
			Request: openapi.Takes[api.Promotion](`{"to":"main","tags":["production"]}`, "to"),
			Answers: success("The version, in the other repository.", versionExample.VersionSummary), Errors: []int{http.StatusConflict}}},
		{"PUT", versionPath + "/metadata", "api.versions.annotate", h.putMetadata, openapi.Operation{
			Rights: needs(scopeRepository, access.Publish), ID: "annotateVersion", Group: "Versions", Summary: "Declare where a version comes from",
			About: "Adds facts; what was declared before stays among the version's facts.",
			Request: openapi.Takes[api.DeclaredMetadata](`{"source":{"repository":"https://git.example.com/acme/web","commit":"4f2a9c1"},` +
				`"build":{"system":"ci","id":"812","url":"https://ci.example.com/812"},"custom":{"team.ticket":"ABC-1"}}`),
			Answers: empty("It is kept.")}},
	}
}

var overviewParam = openapi.Param{Name: "overview", About: "With what else is known of each at a glance: commit, tags, where it runs, evidence.", Of: openapi.Object{"type": "boolean", "default": false}}

var sourceExample = &api.Source{Repository: "https://git.example.com/acme/web", Commit: "4f2a9c1", Ref: "refs/tags/v1.4.2"}

var versionExample = api.Version{
	VersionSummary: api.VersionSummary{
		PURL: "pkg:npm/%40acme/web@1.4.2", Format: "npm", Name: "@acme/web", Version: "1.4.2", State: string(registry.Published),
		Digest: digestExample, Size: 20_480, PublishedAt: momentExample, PublishedBy: "token ci of user jane", Seq: 42,
	},
	Files: []api.File{{Path: "web-1.4.2.tgz", Size: 20_480, MediaType: "application/gzip", Digest: digestExample,
		SHA256: digestExample[len("sha256:"):], AddedAt: momentExample}},
	Tags:   []string{"latest", "production"},
	Origin: "published", Release: api.Release{Source: sourceExample, Custom: map[string]string{"team.ticket": "ABC-1"}},
	Facts: []api.Fact{{Key: "source.commit", Value: "4f2a9c1", Source: "npm:gitHead", Rank: registry.RankDeclared, At: momentExample, Seq: 42}},
}

func versionOf(p registry.Package, v registry.Version) api.VersionSummary {
	out := api.VersionSummary{
		PURL: v.PURL, Format: p.Format, Name: p.Name, Version: v.Name, State: string(v.State), Reason: v.Reason,
		Digest: api.Digest(v.Digest), Size: v.Size, Prerelease: v.Prerelease, Attached: v.Attached,
		PublishedBy: v.PublishedBy, Seq: v.Seq,
	}
	if !v.PublishedAt.IsZero() {
		out.PublishedAt = timeText(v.PublishedAt)
	}
	return out
}

func releaseOf(r registry.ReleaseInfo) api.Release {
	return api.Release{Source: (*api.Source)(r.Source), Build: (*api.Build)(r.Build), Custom: r.Custom, Conflicts: r.Conflicts}
}

func detailOf(d catalog.VersionDetail) api.Version {
	out := api.Version{
		VersionSummary: versionOf(d.Package, d.Version), Release: releaseOf(registry.ReleaseOf(d.Facts)),
		Files: make([]api.File, len(d.Files)), Tags: make([]string, len(d.Tags)), Facts: make([]api.Fact, len(d.Facts)),
	}
	for i, f := range d.Files {
		out.Files[i] = api.File{
			Path: f.Path, Size: f.Blob.Size, MediaType: f.MediaType, Digest: f.Blob.Digest.String(),
			SHA1: hex.EncodeToString(f.Blob.SHA1), MD5: hex.EncodeToString(f.Blob.MD5),
			SHA512: hex.EncodeToString(f.Blob.SHA512), AddedAt: timeText(f.AddedAt), Here: f.Blob.ID != 0,
		}
		if f.Blob.Digest != "" { // else only a registry elsewhere has it, which announces another sum
			out.Files[i].SHA256 = f.Blob.Digest.Encoded()
		}
	}
	cameFrom(&out, d)
	for i, t := range d.Tags {
		out.Tags[i] = t.Name
	}
	for i, f := range d.Facts {
		out.Facts[i] = api.Fact{Key: f.Key, Value: f.Value, Source: f.Source, Rank: f.Rank, At: timeText(f.At), Seq: f.Seq}
	}
	return out
}

// cameFrom fills in where a version came from.
func cameFrom(out *api.Version, d catalog.VersionDetail) {
	fact := func(key string) string {
		i := slices.IndexFunc(d.Facts, func(f registry.Fact) bool { return f.Key == key })
		if i < 0 {
			return ""
		}
		return d.Facts[i].Value
	}
	switch name := registry.UpstreamOf(d.Facts); {
	case fact(registry.FactPromotedFrom) != "":
		out.Origin = "promoted"
	case name == "":
		out.Origin = "published"
	default:
		out.Origin, out.Upstream = "cached", &api.VersionUpstream{Name: name}
	}
	var first registry.CachedFile
	for _, c := range d.Cached {
		if first.EnteredAt.IsZero() || c.EnteredAt.Before(first.EnteredAt) {
			first = c
		}
		for i := range out.Files {
			if out.Files[i].Path == c.Path {
				out.Files[i].Verified = c.Verified
			}
		}
	}
	if first.EnteredAt.IsZero() {
		return
	}
	out.EnteredAt, out.EnteredBy = timeText(first.EnteredAt), first.EnteredBy
	if !first.PublishedAt.IsZero() {
		out.UpstreamPublishedAt = timeText(first.PublishedAt)
	}
	if !first.FirstSeenAt.IsZero() {
		out.FirstSeenAt = timeText(first.FirstSeenAt)
	}
}

// listVersions answers GET …/versions, newest first; with ?deleted=true tombstones too, with ?attached=true also signatures and
// what else belongs to other versions, with ?whole=true without the images of an index.
func (h *handlers) listVersions(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, page, query, when, overview := in.name(), in.page(), in.text("q"), in.asOf(), in.flag("overview")
	vq := catalog.VersionQuery{Deleted: in.flag("deleted"), Attached: in.flag("attached"), NoParts: in.flag("whole")}
	if in.err != nil {
		return in.err
	}
	pkg, err := h.svc.Everything.Package(r.Context(), at)
	if err != nil {
		return err
	}
	var listed []catalog.Listed
	list, err := listOf(page, func(p registry.Page) ([]registry.Version, error) {
		vq.After, vq.Limit = p.After, p.Limit
		if query != "" || !when.IsNow() {
			return h.svc.History.VersionsWhere(r.Context(), at, vq, query, when)
		}
		return h.svc.Everything.Versions(r.Context(), at, vq)
	}, func(v registry.Version) string { return v.Name }, func(v registry.Version) api.VersionSummary {
		listed = append(listed, catalog.Listed{Format: at.Format, Version: v})
		return versionOf(pkg, v)
	})
	if err != nil || !overview {
		return writeOne(w, http.StatusOK, list, err, func(l api.List[api.VersionSummary]) api.List[api.VersionSummary] { return l })
	}
	known, err := h.svc.History.Overviews(r.Context(), listed, when)
	for i := range known {
		list.Items[i].Overview = overviewOf(known[i])
	}
	return writeOne(w, http.StatusOK, list, err, func(l api.List[api.VersionSummary]) api.List[api.VersionSummary] { return l })
}

func overviewOf(o catalog.Overview) *api.Overview {
	out := &api.Overview{Commit: o.Commit, Source: o.Source, Tags: o.Tags, Evidence: o.Evidence, Parts: o.Parts}
	for _, r := range o.Runs {
		out.Runs = append(out.Runs, api.RunsIn{Environment: r.Environment, Service: r.Service})
	}
	return out
}

// getVersion answers GET …/versions/{version}?as_of= with everything known, now or then; a deleted version is shown as its tombstone.
func (h *handlers) getVersion(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, when := in.coordinate(), in.asOf()
	if in.err != nil {
		return in.err
	}
	if !when.IsNow() {
		d, err := h.svc.History.VersionDetailAt(r.Context(), at, when)
		return writeOne(w, http.StatusOK, d, err, detailOf)
	}
	d, err := h.svc.Everything.VersionDetail(r.Context(), at)
	return writeOne(w, http.StatusOK, d, err, detailOf)
}

// changeVersion answers PATCH …/versions/{version} {"state","reason"}: 200 with the version. The format decides which states
// there are beside published: a yanked version is not chosen unless it is named exactly, a deprecated one comes with a
// warning.
func (h *handlers) changeVersion(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.coordinate()
	var body api.VersionChange
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	pkg, v, err := h.svc.Publisher.SetState(r.Context(), at, registry.State(body.State), body.Reason)
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, versionOf(pkg, v))
}

// deleteVersion answers DELETE …/versions/{version}?reason=: 204; a tombstone stays.
func (h *handlers) deleteVersion(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, reason := in.coordinate(), in.text("reason")
	if in.err != nil {
		return in.err
	}
	lacking, err := h.svc.Publisher.Remove(r.Context(), at, reason)
	if len(lacking) > 0 && err == nil {
		httpserver.Warn(w.Header(), "the "+publish.TagNames(lacking)+" can't be pulled whole any more: the deleted version is a part")
	}
	return writeNothing(w, err)
}

// restoreVersion answers POST …/versions/{version}/restore?reason=: 200 with the version.
func (h *handlers) restoreVersion(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, reason := in.coordinate(), in.text("reason")
	if in.err != nil {
		return in.err
	}
	pkg, v, err := h.svc.Publisher.Restore(r.Context(), at, reason)
	return writeOne(w, http.StatusOK, v, err, func(v registry.Version) api.VersionSummary { return versionOf(pkg, v) })
}

// promoteVersion answers POST …/versions/{version}/promote {"to","tags"}: 200 with the version as it is in the other repository.
func (h *handlers) promoteVersion(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.coordinate()
	var body api.Promotion
	in.body(&body)
	if in.err == nil && !registry.ValidRepository(body.To) {
		in.err = wire.Invalid("%q can't name a repository", registry.Clip(body.To))
	}
	if in.err != nil {
		return in.err
	}
	pkg, v, err := h.svc.Upstreams.Promote(r.Context(), at, body.To, body.Tags)
	return writeOne(w, http.StatusOK, v, err, func(v registry.Version) api.VersionSummary { return versionOf(pkg, v) })
}

// putMetadata answers PUT …/versions/{version}/metadata: 204. It adds facts; facts that were declared before stay.
func (h *handlers) putMetadata(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.coordinate()
	var body api.DeclaredMetadata
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Publisher.Declare(r.Context(), at, registry.Declared{Source: (*registry.Source)(body.Source), Build: (*registry.Build)(body.Build), Custom: body.Custom}))
}
