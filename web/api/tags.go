package api

import (
	"fmt"
	"net/http"

	"slipway/formats"
	"slipway/registry"
)

// listTags answers GET …/tags: those that hold, by name.
func (h *handlers) listTags(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, page := in.name(), in.page()
	if in.err != nil {
		return in.err
	}
	all, err := h.svc.Tags(r.Context(), at)
	if err != nil {
		return err
	}
	out := list[tagJSON]{Items: []tagJSON{}}
	for _, t := range all {
		if t.Name <= page.After {
			continue
		}
		if len(out.Items) == page.Limit {
			out.Next = out.Items[page.Limit-1].Tag
			break
		}
		out.Items = append(out.Items, tagJSONOf(t))
	}
	return formats.JSON(w, http.StatusOK, out)
}

// getTag answers GET …/tags/{tag}?as_of=: what it names now, or named then.
func (h *handlers) getTag(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, tag := in.tag()
	when := in.asOf()
	if in.err != nil {
		return in.err
	}
	t, err := h.svc.TagAt(r.Context(), at, tag, when)
	if err != nil {
		return err
	}
	return writeTag(w, t)
}

func writeTag(w http.ResponseWriter, t registry.Tag) error {
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, t.Generation))
	return formats.JSON(w, http.StatusOK, tagJSONOf(t))
}

// tagChange is the body of PUT.
type tagChange struct {
	Version string `json:"version"`
	Reason  string `json:"reason"`
}

// setTag answers PUT …/tags/{tag} {"version","reason"}: 200 with the tag. With If-Match: "<generation>" it is
// compare-and-swap: 412 with the tag as it is.
func (h *handlers) setTag(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, tag := in.tag()
	expect := in.generation()
	var body tagChange
	in.body(&body)
	to := in.version(at, body.Version)
	if in.err != nil {
		return in.err
	}
	t, err := h.svc.SetTag(r.Context(), at, tag, registry.TagChange{Version: to.Version, Reason: body.Reason, IfGeneration: expect})
	if err != nil {
		return lost(err, t)
	}
	return writeTag(w, t)
}

// removeTag answers DELETE …/tags/{tag}?reason=: 204. If-Match as in setTag.
func (h *handlers) removeTag(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, tag := in.tag()
	change := registry.TagChange{IfGeneration: in.generation(), Reason: in.text("reason")}
	if in.err != nil {
		return in.err
	}
	t, err := h.svc.RemoveTag(r.Context(), at, tag, change)
	if err != nil {
		err = lost(err, t)
	}
	return writeNothing(w, err)
}

// lost puts the current tag into the problem of a compare-and-swap that lost.
func lost(err error, current registry.Tag) error {
	if registry.KindOf(err) != registry.PreconditionFailed {
		return err
	}
	stale := &staleTag{}
	if current.Generation != 0 {
		t := tagJSONOf(current)
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
		return h.svc.TagHistory(r.Context(), at, tag, p)
	}, func(t registry.Tag) string { return numberText(t.Generation) }, tagJSONOf)
}
