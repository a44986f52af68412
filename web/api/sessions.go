package api

import (
	"net/http"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// sessionRoutes are the endpoints of the sessions of browsers. Only the form of the pages makes one.
func (h *handlers) sessionRoutes() []endpoint {
	ofUser := openapi.Param{Name: "user", About: "Name of the user; absent: you."}
	return []endpoint{
		{"GET", "/sessions", "api.sessions.list", h.listSessions, openapi.Operation{
			Rights: anyCaller, ID: "listSessions", Group: "Access", Summary: "List the browsers that are logged in",
			About: "Yours, when you are logged in by password or by `slipway login`; another token sees none. An administrator or auditor of the server names any user.",
			Query: paged(ofUser), Answers: success("The sessions that have not ended.", api.List[api.Session]{Items: []api.Session{sessionExample}}),
			Errors: []int{http.StatusForbidden, http.StatusNotFound}}},
		{"DELETE", "/sessions/{id}", "api.sessions.end", h.endSession, openapi.Operation{
			Rights: onOwnOrServer, ID: "endSession", Group: "Access", Summary: "End a session", About: "Its browser has to log in again.",
			Answers: empty("It has ended."), Errors: []int{http.StatusNotFound}}},
		{"DELETE", "/sessions", "api.sessions.endall", h.endSessions, openapi.Operation{
			Rights: onOwnOrServer, ID: "endSessions", Group: "Access", Summary: "End all sessions of a user", About: "All but the one that asks: its browsers have to log in again. Tokens stay.",
			Query: []openapi.Param{ofUser}, Answers: empty("They have ended."), Errors: []int{http.StatusNotFound}}},
	}
}

var sessionExample = api.Session{ID: "7", User: "jane", Browser: "Firefox on Linux", CreatedAt: momentExample, LastUsedAt: momentExample, LastUsedFrom: "192.0.2.1", ExpiresAt: laterExample}

// sessionOf renders a session for a caller.
func sessionOf(s registry.Session, caller access.Actor) api.Session {
	end := s.ExpiresAt
	if idle := s.UsedAt.Add(access.SessionIdle); idle.Before(end) {
		end = idle
	}
	return api.Session{ID: numberText(s.ID), User: s.User, Browser: s.Agent, Current: s.ID == caller.WebSession, CreatedAt: timeText(s.CreatedAt),
		LastUsedAt: timeText(s.UsedAt), LastUsedFrom: s.UsedFrom, ExpiresAt: timeText(end)}
}

// listSessions answers GET /sessions?user=.
func (h *handlers) listSessions(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	user, page := in.text("user"), in.numbered()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Session, error) {
		return h.svc.Accounts.Sessions(r.Context(), user, wire.AfterNumber(p), p.Limit)
	}, func(s registry.Session) string { return numberText(s.ID) }, func(s registry.Session) api.Session { return sessionOf(s, access.From(r.Context())) })
}

// endSession answers DELETE /sessions/{id}.
func (h *handlers) endSession(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutSession)
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Accounts.EndSession(r.Context(), id))
}

// endSessions answers DELETE /sessions?user=.
func (h *handlers) endSessions(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	user := in.text("user")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Accounts.EndSessions(r.Context(), user))
}
