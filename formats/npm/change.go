package npm

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/publish"
)

const (
	maxMaintainers = 1000
	byUnpublish    = "npm unpublish"
)

// putRevision answers PUT /<name>/-rev/<rev>: the second step of npm unpublish <name>@<version> and of npm owner.
func (h *handlers) putRevision(w http.ResponseWriter, r *http.Request, t target) error {
	name, err := t.named()
	if err != nil {
		return err
	}
	// The needed right is known only once the document is read, so callers with neither right are refused before that.
	if err := h.site.Parts.Core.AuthorizeAny(r.Context(), t.repository, access.Publish, access.Delete); err != nil {
		return err
	}
	doc, err := readDocument(h.body(r), noAttachment)
	if err != nil {
		return err
	}
	return h.change(w, r, name, doc, t.rev)
}

// change applies a packument that the client has edited (npm.md 6). Its members tell the command, never a header: "versions"
// mean a deprecation or, under a revision, an unpublish; without them "maintainers" mean npm owner and "users" npm star.
// Members that the document lacks stay as they are.
func (h *handlers) change(w http.ResponseWriter, r *http.Request, name registry.Name, doc document, rev string) error {
	sentRev, err := doc.text("_rev")
	if err != nil {
		return err
	}
	actor := access.From(r.Context()).Name
	err = h.site.Parts.Publisher.Edit(r.Context(), name, rightsOf(doc, rev), func(e *publish.Edit) error {
		if e.Package().VersionCount == 0 {
			return absent(name.Package)
		}
		return unlessStale(e, []string{rev, sentRev}, func() error {
			switch {
			case doc.hasVersions && rev != "":
				return removeVersions(e, doc)
			case doc.hasVersions:
				return deprecateVersions(e, doc)
			case doc.fields["maintainers"] != nil:
				return setMaintainers(e, doc)
			case doc.fields["users"] != nil:
				return star(e, doc, actor)
			}
			return invalid("there is nothing to change in this document, and no attachment to publish")
		})
	})
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusCreated, published{OK: true, ID: name.Package, Rev: h.rev(r.Context(), name), Success: true})
}

// unlessStale runs a change and takes it back if the client had read another revision. fn runs before the comparison, so that
// a caller without the right is told that rather than to try again.
func unlessStale(e *publish.Edit, revs []string, fn func() error) error {
	current := revision(e.Package())
	stale := slices.ContainsFunc(revs, func(rev string) bool { return rev != "" && rev != current })
	err := fn()
	if k := registry.KindOf(err); stale && (err == nil || k == registry.Invalid || k == registry.NotFound) {
		return updateConflict()
	}
	return err
}

// removeVersions deletes the versions that the client left out. The core moves the tag latest: the client's choice may be a
// prerelease.
func removeVersions(e *publish.Edit, doc document) error {
	if len(doc.versions) == 0 {
		return invalid("a document without versions does not unpublish the package; delete it as a whole")
	}
	stay := make(map[string]bool, len(doc.versions))
	for _, v := range doc.versions {
		if _, err := e.Version(v.name); err != nil {
			return err
		}
		stay[v.name] = true
	}
	return deleteWhere(e, func(v registry.Version) bool { return !stay[v.Name] })
}

// deleteWhere deletes versions from the lowest up, so that the tag latest, mostly on a high version, moves once.
func deleteWhere(e *publish.Edit, gone func(registry.Version) bool) error {
	have, err := e.Versions()
	if err != nil {
		return err
	}
	for _, v := range have {
		if !gone(v) {
			continue
		}
		if err := e.Delete(v.Name, byUnpublish); err != nil {
			return err
		}
	}
	return nil
}

// deprecateVersions applies the differences in "deprecated"; an empty text ends a deprecation, an absent key changes nothing.
func deprecateVersions(e *publish.Edit, doc document) error {
	have, err := e.Versions()
	if err != nil {
		return err
	}
	byName := make(map[string]registry.Version, len(have))
	for _, v := range have {
		byName[v.Name] = v
	}
	for _, s := range doc.versions {
		v, ok := byName[s.name]
		if !ok {
			return invalid("version %q does not exist here, and there is no attachment to publish it from", formats.Clip(s.name))
		}
		text := deprecatedText(s.deprecated)
		if s.deprecated == nil || text == deprecation(v) {
			continue
		}
		state := registry.Deprecated
		if text == "" {
			state = registry.Published
		}
		if err := e.SetState(v.Name, state, text); err != nil {
			return err
		}
	}
	return nil
}

func setMaintainers(e *publish.Edit, doc document) error {
	var list []person
	if json.Unmarshal(doc.fields["maintainers"], &list) != nil || len(list) == 0 || len(list) > maxMaintainers {
		return invalid("\"maintainers\" must be a list of 1 to %d names", maxMaintainers)
	}
	for _, p := range list {
		if p.Name == "" || len(p.Name) > maxNameBytes || len(p.Email) > maxNameBytes {
			return invalid("a maintainer has a name, and name and email have at most %d characters", maxNameBytes)
		}
	}
	return editAbout(e, func(a *about) { a.Maintainers = list })
}

// star adds or removes the caller's own star, whatever else the sent list says.
func star(e *publish.Edit, doc document, actor string) error {
	var users map[string]any
	if json.Unmarshal(doc.fields["users"], &users) != nil {
		return invalid("\"users\" must be an object")
	}
	return editAbout(e, func(a *about) {
		if _, on := users[actor]; !on {
			delete(a.Users, actor)
			return
		}
		if a.Users == nil {
			a.Users = map[string]bool{}
		}
		a.Users[actor] = true
	})
}

func editAbout(e *publish.Edit, fn func(a *about)) error {
	a, err := readAbout(e.Package().Descriptor)
	if err != nil {
		return err
	}
	fn(&a)
	raw, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return e.SetDescriptor(raw)
}

// rightsOf are those of which an edited packument needs one.
func rightsOf(doc document, rev string) publish.Rights {
	if doc.hasVersions && rev != "" {
		return publish.Rights{access.Delete}
	}
	return publish.Rights{access.Publish}
}

// deletePackage answers DELETE /<name>/-rev/<rev>: npm unpublish <name> --force, or of the last version.
func (h *handlers) deletePackage(w http.ResponseWriter, r *http.Request, t target) error {
	name, err := t.named()
	if err != nil {
		return err
	}
	err = h.site.Parts.Publisher.Edit(r.Context(), name, publish.Rights{access.Delete}, func(e *publish.Edit) error {
		if e.Package().VersionCount == 0 {
			return absent(name.Package)
		}
		return unlessStale(e, []string{t.rev}, func() error {
			return deleteWhere(e, func(registry.Version) bool { return true })
		})
	})
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, done{true})
}

// deleteTarball answers DELETE /<path of dist.tarball>/-rev/<rev>, the last step of npm unpublish <name>@<version>: the
// version is deleted by then, and the answer is success. A client that sends this request alone deletes the version.
func (h *handlers) deleteTarball(w http.ResponseWriter, r *http.Request, t target) error {
	name, err := t.named()
	if err != nil {
		return err
	}
	err = h.site.Parts.Publisher.Edit(r.Context(), name, publish.Rights{access.Delete}, func(e *publish.Edit) error {
		v, err := e.Holder(t.version, t.file)
		if registry.KindOf(err) == registry.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		return unlessStale(e, []string{t.rev}, func() error { return e.Delete(v.Name, byUnpublish) })
	})
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, done{true})
}

// noAttachment refuses attachments, for documents that are no publish.
func noAttachment(string, io.Reader) error {
	return registry.Errorf(registry.Invalid, registry.AboutRequest, "a change under a revision can't publish anything")
}
