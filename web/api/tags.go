package api

import (
	"context"
	"fmt"
	"net/http"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/publish"
	"slipway/web/openapi"
)

// tagRoutes are the endpoints of a package's tags.
func (h *handlers) tagRoutes() []endpoint {
	return []endpoint{
		{"GET", packagePath + "/tags", "api.tags.list", h.listTags, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "listTags", Group: "Tags", Summary: "List the tags of a package",
			About: "With `as_of`, those of the repository itself that held then.",
			Query: paged(asOfParam), Answers: success("The tags that hold, by name.", api.List[api.Tag]{Items: []api.Tag{tagExample}})}},
		{"GET", tagPath, "api.tags.get", h.getTag, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "getTag", Group: "Tags", Summary: "Show what a tag names, or named",
			Query: []openapi.Param{asOfParam}, Answers: success("The tag.", tagExample, generationOf)}},
		{"PUT", tagPath, "api.tags.set", h.setTag, openapi.Operation{
			Rights: needs(scopeRepository, access.Tag), ID: "setTag", Group: "Tags", Summary: "Make or move a tag", Header: ifMatch,
			Request: openapi.Takes[api.TagChange](`{"version":"1.4.2","reason":"release 12"}`, "version"),
			Answers: success("The tag.", tagExample, generationOf), Errors: []int{http.StatusConflict, http.StatusPreconditionFailed}}},
		{"DELETE", tagPath, "api.tags.remove", h.removeTag, openapi.Operation{
			Rights: removesTag, ID: "removeTag", Group: "Tags", Summary: "Remove a tag", About: "Its past stays.", Header: ifMatch,
			Query: []openapi.Param{reasonParam}, Answers: empty("It is gone."), Errors: []int{http.StatusConflict, http.StatusPreconditionFailed}}},
		{"GET", tagPath + "/history", "api.tags.history", h.tagHistory, openapi.Operation{
			Rights: seesHistory, ID: "listTagHistory", Group: "Tags", Summary: "List what a tag has named",
			Query: paged(), Answers: success("Every interval, newest first.", api.List[api.Tag]{Items: []api.Tag{tagExample, endedTagExample}})}},
	}
}

var (
	ifMatch = []openapi.Param{
		{Name: "If-Match", About: "The generation in which the tag must be, in quotes: compare-and-swap.", Example: `"3"`},
		{Name: "If-None-Match", About: "`*`: the tag must not be there."},
	}
	generationOf = openapi.Param{Name: "ETag", About: "The tag's generation, for `If-Match`.", Example: `"3"`}
)

var tagExample = api.Tag{
	Tag: "production", Version: "1.4.2", Digest: digestExample, Generation: 3, SetAt: laterExample, SetBy: "token release of user jane", Reason: "release 12", Seq: seqExample,
}

var endedTagExample = api.Tag{
	Tag: "production", Version: "1.4.1", Digest: digestExample, Generation: 2, SetAt: momentExample, SetBy: "jane", Reason: "release 11", Seq: 40,
	EndedAt: &laterExample,
}

func tagOf(t registry.Tag) api.Tag {
	return api.Tag{Tag: t.Name, Version: t.Version, Digest: api.Digest(t.Digest), Generation: t.Generation,
		SetAt: timeText(t.SetAt), SetBy: t.SetBy, Reason: t.Reason, Seq: t.SeqFrom, EndedAt: timeOrNull(t.EndedAt)}
}

// listTags answers GET …/tags?as_of=: the tags that hold, or held then, by name.
func (h *handlers) listTags(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, page, when := in.name(), in.page(), in.asOf()
	if in.err != nil {
		return in.err
	}
	limit := page.Limit
	page.Limit++ // whether there are more
	read := h.svc.Everything.TagPage
	if !when.IsNow() {
		read = func(ctx context.Context, at registry.Name, p registry.Page) ([]registry.Tag, error) {
			return h.svc.History.TagPageAt(ctx, at, when, p)
		}
	}
	all, err := read(r.Context(), at, page)
	if err != nil {
		return err
	}
	out := api.List[api.Tag]{Items: []api.Tag{}}
	for _, t := range all {
		if len(out.Items) == limit {
			out.Next = out.Items[limit-1].Tag
			break
		}
		out.Items = append(out.Items, tagOf(t))
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// getTag answers GET …/tags/{tag}?as_of=: the tag now, or as of a moment.
func (h *handlers) getTag(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, tag := in.tag()
	when := in.asOf()
	if in.err != nil {
		return in.err
	}
	look := h.svc.Everything.TagNow
	if !when.IsNow() {
		look = func(ctx context.Context, at registry.Name, tag string) (registry.Tag, error) {
			return h.svc.Catalog.TagAt(ctx, at, tag, when)
		}
	}
	t, err := look(r.Context(), at, tag)
	if err != nil {
		return err
	}
	return writeTag(w, t)
}

func writeTag(w http.ResponseWriter, t registry.Tag) error {
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, t.Generation))
	return httpserver.JSON(w, http.StatusOK, tagOf(t))
}

// setTag answers PUT …/tags/{tag} {"version","reason"}: 200 with the tag. With If-Match: "<generation>" it is a
// compare-and-swap: 412 with the current tag.
func (h *handlers) setTag(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, tag := in.tag()
	expect := in.generation()
	var body api.TagChange
	in.body(&body)
	to := in.version(at, body.Version)
	if in.err != nil {
		return in.err
	}
	t, err := h.svc.Publisher.SetTag(r.Context(), at, tag, publish.TagChange{Version: to.Version, Reason: body.Reason, IfGeneration: expect})
	if err != nil {
		return withCurrentTag(err, t)
	}
	return writeTag(w, t)
}

// removeTag answers DELETE …/tags/{tag}?reason=: 204. If-Match as in setTag.
func (h *handlers) removeTag(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, tag := in.tag()
	change := publish.TagChange{IfGeneration: in.generation(), Reason: in.text("reason")}
	if in.err != nil {
		return in.err
	}
	t, err := h.svc.Publisher.RemoveTag(r.Context(), at, tag, change)
	if err != nil {
		err = withCurrentTag(err, t)
	}
	return writeNothing(w, err)
}

// withCurrentTag puts the current tag into the problem of a failed compare-and-swap.
func withCurrentTag(err error, current registry.Tag) error {
	if registry.KindOf(err) != registry.PreconditionFailed {
		return err
	}
	stale := &staleTag{}
	if current.Generation != 0 {
		t := tagOf(current)
		stale.current = &t
	}
	return &registry.Error{Kind: registry.PreconditionFailed, Subject: registry.AboutTag, Detail: registry.AsError(err).Detail, Err: stale}
}

// tagHistory answers GET …/tags/{tag}/history: every interval, newest first.
func (h *handlers) tagHistory(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, tag := in.tag()
	page := in.numbered()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Tag, error) {
		return h.svc.Catalog.TagHistory(r.Context(), at, tag, p)
	}, func(t registry.Tag) string { return numberText(t.Generation) }, tagOf)
}
