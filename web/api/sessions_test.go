package api_test

import (
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry/access"
	"slipway/registry/accounts"
)

type session struct {
	ID, User, Browser string
	Current           bool
	ExpiresAt         time.Time `json:"expires_at"`
	LastUsedAt        time.Time `json:"last_used_at"`
}

// TestSessions: the browsers of a user are listed, page by page, and ended, by the user and by an administrator; the cookie is no
// credential of the API.
func TestSessions(t *testing.T) {
	a := newAPI(t)
	a.AddUser(t, "ann", "password of ann", access.Grant{Repository: "main", Actions: []access.Action{access.Read}})
	start := func() string {
		t.Helper()
		cookie, _, err := a.Accounts.StartSession(t.Context(), accounts.SessionRequest{User: "ann", Password: "password of ann", Agent: "curl/8.5.0"})
		if err != nil {
			t.Fatal(err)
		}
		return cookie
	}
	cookie := start()
	start()
	start()
	asAnn := formatstest.Request{}.WithBasic("ann", "password of ann").Header["Authorization"]
	var list struct {
		Items []session
		Next  string
	}
	a.want(200, "GET", "/sessions?limit=2", "", &list, "Authorization", asAnn)
	if len(list.Items) != 2 || list.Next != list.Items[1].ID || list.Items[0].Browser != "curl/8.5.0" || list.Items[0].User != "ann" || list.Items[0].Current {
		t.Errorf("a page: %+v", list)
	}
	if end := list.Items[0].LastUsedAt.Add(12 * time.Hour); !list.Items[0].ExpiresAt.Equal(end) {
		t.Errorf("it ends at %v, want %v", list.Items[0].ExpiresAt, end)
	}
	a.want(204, "DELETE", "/sessions/"+list.Items[0].ID, "", nil, "Authorization", asAnn)
	a.want(404, "DELETE", "/sessions/"+list.Items[0].ID, "", nil, "Authorization", asAnn)
	a.want(404, "DELETE", "/sessions/x", "", nil)
	a.want(200, "GET", "/sessions?user=ann", "", &list)
	if len(list.Items) != 2 {
		t.Errorf("left: %+v", list)
	}
	a.want(400, "DELETE", "/sessions?usr=ann", "", nil)
	a.want(404, "GET", "/sessions?user=carl", "", nil)
	a.want(204, "DELETE", "/sessions?user=ann", "", nil)
	a.want(200, "GET", "/sessions?user=ann", "", &list)
	if len(list.Items) != 0 {
		t.Errorf("left: %+v", list)
	}
	for _, name := range []string{"slipway_session", "__Host-slipway_session"} {
		if res := a.call(formatstest.Anonymous, "GET", "/whoami", "", "Cookie", name+"="+cookie); res.Status != 401 {
			t.Errorf("the API takes a cookie: %v", res)
		}
	}
	var tokens struct {
		Items []struct {
			LastUsedAt   *time.Time `json:"last_used_at"`
			LastUsedFrom string     `json:"last_used_from"`
		}
	}
	a.want(200, "GET", "/tokens", "", &tokens)
	if len(tokens.Items) != 1 || tokens.Items[0].LastUsedAt == nil || tokens.Items[0].LastUsedFrom != "127.0.0.1" {
		t.Errorf("the token in use: %+v", tokens)
	}
}
