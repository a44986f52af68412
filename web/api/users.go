package api

import (
	"net/http"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

type userJSON struct {
	Name        string           `json:"name"`
	Disabled    bool             `json:"disabled"`
	Permissions []permissionJSON `json:"permissions"`
	CreatedAt   string           `json:"created_at"`
}

func userOf(u registry.User) userJSON {
	return userJSON{Name: u.Name, Disabled: u.Disabled, Permissions: permissionsOf(access.Grants(u.Grants)), CreatedAt: timeText(u.CreatedAt)}
}

// listUsers answers GET /users, for administrators of the instance.
func (h *handlers) listUsers(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.User, error) { return h.svc.Users(r.Context(), p) },
		func(u registry.User) string { return u.Name }, userOf)
}

// userChange is the body of POST and PATCH. Absent fields keep what is there.
type userChange struct {
	Name        string            `json:"name"`
	Password    *string           `json:"password"`
	Disabled    *bool             `json:"disabled"`
	Permissions *[]permissionJSON `json:"permissions"`
}

func (c userChange) change() registry.UserChange {
	out := registry.UserChange{Password: c.Password, Disabled: c.Disabled}
	if c.Permissions != nil {
		out.Grants = grantsOf(*c.Permissions)
	}
	return out
}

// createUser answers POST /users {"name","password","permissions"}: 201 with the user.
func (h *handlers) createUser(w http.ResponseWriter, r *http.Request) error {
	var body userChange
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	u, err := h.svc.CreateUser(r.Context(), body.Name, body.change())
	return writeOne(w, http.StatusCreated, u, err, userOf)
}

// changeUser answers PATCH /users/{name}: 200 with the user. Everybody may set the own password.
func (h *handlers) changeUser(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	var body userChange
	in.body(&body)
	in.unchanged(body.Name, name, "a user")
	if in.err != nil {
		return in.err
	}
	u, err := h.svc.UpdateUser(r.Context(), name, body.change())
	return writeOne(w, http.StatusOK, u, err, userOf)
}

// callerJSON is who asks, and as which token, if one was used.
type callerJSON struct {
	Type        string           `json:"type"`
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	Token       string           `json:"token,omitempty"` // its name
	Permissions []permissionJSON `json:"permissions"`
}

// whoami answers GET /whoami: the caller and its rights. A token never may more than the user behind it.
func (h *handlers) whoami(w http.ResponseWriter, r *http.Request) error {
	a := access.From(r.Context())
	if a.Type == access.TypeAnonymous && len(a.Grants) == 0 {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see who you are")
	}
	return formats.JSON(w, http.StatusOK, callerJSON{a.Type, a.ID, a.Name, a.Token, permissionsOf(a.Grants)})
}
