package web

import (
	"fmt"
	"net/http"
	"strconv"

	"slipway/formats"
	"slipway/registry"
)

// listTags answers GET …/tags: those that hold, by name.
func (h *handlers) listTags(w http.ResponseWriter, r *http.Request) error {
	at, err := h.name(r)
	if err != nil {
		return err
	}
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	page, err := q.page()
	if err != nil {
		return err
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
	at, tag, err := h.tagOf(r)
	if err != nil {
		return err
	}
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	when, err := q.asOf()
	if err != nil {
		return err
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
	at, tag, err := h.tagOf(r)
	if err != nil {
		return err
	}
	expect, err := generation(r)
	if err != nil {
		return err
	}
	var body tagChange
	if err := decode(r, &body); err != nil {
		return err
	}
	if err := registry.CheckVersion(body.Version); err != nil {
		return err
	}
	to, err := h.svc.Spelled(r.Context(), at.At(body.Version))
	if err != nil {
		return err
	}
	t, err := h.svc.SetTag(r.Context(), at, tag, registry.TagChange{Version: to.Version, Reason: body.Reason, IfGeneration: expect})
	if err != nil {
		return lost(err, t)
	}
	return writeTag(w, t)
}

// removeTag answers DELETE …/tags/{tag}?reason=: 204. If-Match as in setTag.
func (h *handlers) removeTag(w http.ResponseWriter, r *http.Request) error {
	at, tag, err := h.tagOf(r)
	if err != nil {
		return err
	}
	expect, err := generation(r)
	if err != nil {
		return err
	}
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	reason, err := q.text("reason")
	if err != nil {
		return err
	}
	if t, err := h.svc.RemoveTag(r.Context(), at, tag, registry.TagChange{Reason: reason, IfGeneration: expect}); err != nil {
		return lost(err, t)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
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
	at, tag, err := h.tagOf(r)
	if err != nil {
		return err
	}
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	page, err := q.page()
	if err != nil {
		return err
	}
	if page.After != "" {
		if _, err := strconv.ParseInt(page.After, 10, 64); err != nil {
			return invalid("after must be a cursor of this list")
		}
	}
	out, err := listOf(page, func(p registry.Page) ([]registry.Tag, error) {
		return h.svc.TagHistory(r.Context(), at, tag, p)
	}, func(t registry.Tag) string { return strconv.FormatInt(t.Generation, 10) }, tagJSONOf)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, out)
}
