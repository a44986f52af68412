package npm

import (
	"net/http"
	"slices"
	"strings"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/publish"
)

// public reports whether a caller without credentials may read the repository.
func (h *handlers) public(r *http.Request, t target) (bool, error) {
	anyone, err := h.site.Parts.Accounts.Authenticate(r.Context(), access.Credentials{})
	return err == nil && access.Decide(anyone, access.Read, t.repository) == access.Allow, err
}

// visibility answers GET /-/package/<name>/visibility. npm asks before it makes a provenance statement.
func (h *handlers) visibility(w http.ResponseWriter, r *http.Request, t target) error {
	if _, _, err := h.find(r.Context(), t); err != nil {
		return err
	}
	public, err := h.public(r, t)
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, map[string]bool{"public": public})
}

// The words of npm for who may read a package: everybody, or those who are given the right to, which has two words.
const (
	accessPublic     = "public"
	accessRestricted = "restricted"
	accessPrivate    = "private"
)

// accessStatus answers GET /-/package/<name>/access, which pnpm's access get status reads where npm reads the visibility.
func (h *handlers) accessStatus(w http.ResponseWriter, r *http.Request, t target) error {
	if _, _, err := h.find(r.Context(), t); err != nil {
		return err
	}
	public, err := h.public(r, t)
	if err != nil {
		return err
	}
	status := accessRestricted
	if public {
		status = accessPublic
	}
	return httpserver.JSON(w, http.StatusOK, map[string]string{"access": status})
}

// access answers POST /-/package/<name>/access, for callers who may publish. The repository decides visibility, so only a
// request for the current visibility succeeds.
func (h *handlers) access(w http.ResponseWriter, r *http.Request, t target) error {
	name, err := t.named()
	if err != nil {
		return err
	}
	err = h.site.Parts.Publisher.Edit(r.Context(), name, publish.Rights{access.Publish}, func(e *publish.Edit) error {
		if e.Package().VersionCount == 0 {
			return absent(name.Package)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var wish struct {
		Access *string `json:"access"`
		TFA    *bool   `json:"publish_requires_tfa"`
	}
	if err := httpserver.DecodeJSON(r, maxSmallBody, &wish); err != nil {
		return err
	}
	public, err := h.public(r, t)
	if err != nil {
		return err
	}
	switch {
	case wish.TFA != nil && *wish.TFA:
		return registry.Errorf(registry.Denied, registry.AboutPackage, "This registry has no second factor for publishing.")
	case wish.Access != nil && !slices.Contains([]string{accessPublic, accessRestricted, accessPrivate}, *wish.Access):
		return invalid("the access %q is not known: public, restricted or private", formats.Clip(*wish.Access))
	case wish.Access != nil && (*wish.Access == accessPublic) != public:
		return registry.Errorf(registry.Denied, registry.AboutPackage, "Who may read a package is decided for the repository as a whole.")
	}
	return httpserver.JSON(w, http.StatusOK, done{true})
}

// collaborators answers GET /-/package/<name>/collaborators: the maintainers. pnpm wants a list where npm wants a map.
func (h *handlers) collaborators(w http.ResponseWriter, r *http.Request, t target) error {
	_, pkg, err := h.find(r.Context(), t)
	if err != nil {
		return err
	}
	a, err := readAbout(pkg.Descriptor)
	if err != nil {
		return err
	}
	if strings.HasPrefix(r.UserAgent(), "pnpm/") {
		type entry struct {
			User        string `json:"user"`
			Email       string `json:"email"`
			Permissions string `json:"permissions"`
		}
		list := make([]entry, len(a.Maintainers))
		for i, p := range a.Maintainers {
			list[i] = entry{p.Name, p.Email, "write"}
		}
		return httpserver.JSON(w, http.StatusOK, list)
	}
	out := map[string]string{}
	for _, p := range a.Maintainers {
		out[p.Name] = "write"
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// starred answers GET /-/_view/starredByUser: stars are shown with their package only.
func (h *handlers) starred(w http.ResponseWriter, r *http.Request, t target) error {
	if _, err := h.site.Parts.Core.Repository(r.Context(), t.repository); err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, map[string][]struct{}{"rows": {}})
}
