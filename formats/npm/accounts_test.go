package npm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
)

func (e *env) login(user, password string, as formatstest.As) formatstest.Response {
	e.t.Helper()
	body := marshal(map[string]any{"_id": userPrefix + user, "name": user, "password": password, "type": "user", "roles": []string{}, "date": "2026-01-01T00:00:00.000Z"})
	return e.do(as, http.MethodPut, "/-/user/"+url.PathEscape(userPrefix+user), body)
}

func TestLogin(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	password, own := e.user("alice", access.Read, access.Publish)
	for _, stale := range []formatstest.As{formatstest.Anonymous, "slp_stale", own, formatstest.Admin} {
		res := e.want(http.StatusCreated, "", e.login("alice", password, stale))
		var in loggedIn
		must(t, json.Unmarshal(res.Body, &in))
		if !in.OK || in.ID != userPrefix+"alice" || !strings.HasPrefix(in.Token, access.TokenPrefix) {
			t.Fatalf("%+v", in)
		}
		token := formatstest.As(in.Token)
		if who := e.want(http.StatusOK, "", e.do(token, http.MethodGet, "/-/whoami", nil)); parsed(t, who.Body)["username"] != "alice" {
			t.Errorf("whoami: %v", who)
		}
		e.want(http.StatusCreated, "", e.do(token, http.MethodPut, "/web", pub{name: "web", version: "1.0.0"}.body(t)))
		e.want(http.StatusForbidden, "", e.do(token, http.MethodPut, "/-/package/web/dist-tags/x", []byte(`"1.0.0"`)))
		e.want(http.StatusOK, "", e.do(token, http.MethodDelete, "/-/user/token/"+in.Token, nil))
		e.want(http.StatusUnauthorized, "", e.do(token, http.MethodGet, "/-/whoami", nil))
		if strings.Contains(e.Log(), in.Token) {
			t.Error("the token is in the log")
		}
	}
	for _, wrong := range []struct {
		user, password string
		status         int
	}{
		{"alice", "wrong password", 401}, {"nobody", password, 401}, {"alice", "", 400}, {"alice", "slp_wrong", 401},
	} {
		res := e.want(wrong.status, "", e.login(wrong.user, wrong.password, own))
		if wrong.status == http.StatusUnauthorized && !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("challenge %q: npm would talk of tokens", res.Header.Get("WWW-Authenticate"))
		}
	}
	// A token in the place of the password comes back as it is: its rights and its end stay.
	res := e.want(http.StatusCreated, "", e.login("alice", string(own), formatstest.Anonymous))
	if got := parsed(t, res.Body)["token"]; got != string(own) {
		t.Errorf("%v", got)
	}
	body := []byte(`{"name":"bob","password":"x"}`)
	e.want(http.StatusBadRequest, "", e.do(formatstest.Anonymous, http.MethodPut, "/-/user/"+userPrefix+"alice", body))

	secret := "password of nobody"
	_, err := e.Accounts.CreateUser(e.Admin, "nobody", accounts.UserChange{Password: &secret})
	must(t, err)
	e.want(http.StatusForbidden, "no rights", e.login("nobody", secret, formatstest.Anonymous))
}

// TestAccountsNeedLogin: routes about accounts answer 401 to who is not logged in, and to a stale token.
func TestAccountsNeedLogin(t *testing.T) {
	e := newEnv(t, formatstest.Options{AnonymousRead: true})
	for _, c := range []struct{ method, path string }{
		{"GET", "/-/whoami"}, {"GET", "/-/user/org.couchdb.user:alice"}, {"GET", "/-/npm/v1/user"}, {"POST", "/-/npm/v1/user"},
		{"GET", "/-/npm/v1/tokens"}, {"POST", "/-/npm/v1/tokens"}, {"DELETE", "/-/npm/v1/tokens/token/x"}, {"DELETE", "/-/user/token/slp_x"},
	} {
		for _, as := range []formatstest.As{formatstest.Anonymous, "slp_stale"} {
			res := e.want(http.StatusUnauthorized, "", e.do(as, c.method, c.path, []byte("{}")))
			if !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("%s %s: challenge %q", c.method, c.path, res.Header.Get("WWW-Authenticate"))
			}
		}
	}
}

func TestProfile(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	password, token := e.user("alice", access.Read)
	p := parsed(t, e.want(http.StatusOK, "", e.do(token, http.MethodGet, "/-/npm/v1/user", nil)).Body)
	if p["name"] != "alice" || p["tfa"] != false {
		t.Errorf("%v", p)
	}
	change := func(old, with string) formatstest.Response {
		return e.do(token, http.MethodPost, "/-/npm/v1/user", marshal(map[string]any{"password": map[string]string{"old": old, "new": with}}))
	}
	e.want(http.StatusForbidden, "password is wrong", change("wrong", "another password"))
	e.want(http.StatusForbidden, "password is wrong", change(string(token), "another password"))
	e.want(http.StatusForbidden, "Only the password", e.do(token, http.MethodPost, "/-/npm/v1/user", []byte(`{"email":"a@example.com"}`)))
	e.want(http.StatusOK, "", change(password, "another password"))
	e.want(http.StatusUnauthorized, "", e.login("alice", password, formatstest.Anonymous))
	e.want(http.StatusCreated, "", e.login("alice", "another password", formatstest.Anonymous))
	if u := parsed(t, e.want(http.StatusOK, "", e.do(token, http.MethodGet, "/-/user/org.couchdb.user:bob", nil)).Body); u["name"] != "bob" {
		t.Errorf("%v", u)
	}
}

func TestTokens(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "web", version: "1.0.0"})
	_, token := e.user("alice", access.Read, access.Publish)
	create := func(body string) formatstest.Response {
		return e.do(token, http.MethodPost, "/-/npm/v1/tokens", []byte(body))
	}
	made := parsed(t, e.want(http.StatusCreated, "", create(`{"password":"password of alice","readonly":true,"cidr_whitelist":[]}`)).Body)
	ro := formatstest.As(made["token"].(string))
	e.want(http.StatusOK, "", e.do(ro, http.MethodGet, "/web", nil))
	e.want(http.StatusForbidden, "", e.do(ro, http.MethodPut, "/web", nil))
	e.want(http.StatusCreated, "", create(`{"name":"ci","expires":7,"packages_and_scopes_permission":"read-write"}`))
	for body, words := range map[string]string{
		`{"password":"wrong"}`: "wrong", `{"cidr_whitelist":["10.0.0.0/8"]}`: "addresses", `{"packages":["web"]}`: "repositories",
		`{"expires":-1}`: "expires", `{"expires":100000}`: "expires", `{"name":"` + strings.Repeat("a", 200) + `"}`: "name",
	} {
		if res := create(body); res.Status/100 != 4 || !strings.Contains(string(res.Body), words) {
			t.Errorf("%s: %v", body, res)
		}
	}
	list := parsed(t, e.want(http.StatusOK, "", e.do(token, http.MethodGet, "/-/npm/v1/tokens?perPage=2", nil)).Body)
	objects := list["objects"].([]any)
	next, _ := list["urls"].(map[string]any)["next"].(string)
	if len(objects) != 2 || list["total"] != 3.0 || !strings.Contains(next, "page=1") {
		t.Errorf("%v", list)
	}
	for _, o := range objects {
		if m := o.(map[string]any); len(m["key"].(string)) != 128 || len(m["token"].(string)) > 10 {
			t.Errorf("%v", m)
		}
	}
	rest := parsed(t, e.want(http.StatusOK, "", e.do(token, http.MethodGet, "/-/npm/v1/tokens?perPage=2&page=1", nil)).Body)
	if len(rest["objects"].([]any)) != 1 || rest["urls"] == nil {
		t.Errorf("%v", rest)
	}
	for role, want := range map[string]bool{"publisher": false, "reader": true} {
		secret, _, err := e.Accounts.CreateToken(e.Admin, accounts.TokenRequest{Name: role, User: "alice", Grants: []access.Grant{{Repository: "main", Role: role}}})
		registrytest.Must(t, err)
		shown := parsed(t, e.want(http.StatusOK, "", e.do(formatstest.As(secret), http.MethodGet, "/-/npm/v1/tokens", nil)).Body)["objects"].([]any)
		if len(shown) != 1 || shown[0].(map[string]any)["readonly"] != want {
			t.Errorf("a token by the role %s: %v", role, shown)
		}
	}
	// One's own only, also for an administrator.
	if all := string(e.do(formatstest.Admin, http.MethodGet, "/-/npm/v1/tokens?perPage=100", nil).Body); strings.Contains(all, made["key"].(string)) {
		t.Errorf("%s", all)
	}
	e.want(http.StatusNotFound, "no such token", e.do(formatstest.Admin, http.MethodDelete, "/-/npm/v1/tokens/token/"+made["key"].(string), nil))
	e.want(http.StatusNoContent, "", e.do(token, http.MethodDelete, "/-/npm/v1/tokens/token/"+made["key"].(string), nil))
	e.want(http.StatusUnauthorized, "", e.do(ro, http.MethodGet, "/web", nil))
	e.want(http.StatusNoContent, "", e.do(token, http.MethodDelete, "/-/npm/v1/tokens/token/"+string(token), nil))
	e.want(http.StatusUnauthorized, "", e.do(token, http.MethodGet, "/-/whoami", nil))
	if strings.Contains(e.Log(), string(token)) || strings.Contains(e.Log(), registrytest.AdminPassword) {
		t.Error("a secret is in the log")
	}
}

// TestTokenWishes is J3: a token is never wider than it was asked for. What each body gets: "write", "read", or words of a 400.
func TestTokenWishes(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "web", version: "1.0.0"})
	_, token := e.user("alice", access.Read, access.Publish)
	const packages, orgs = `"packages_and_scopes_permission":`, `"orgs_permission":`
	for body, want := range map[string]string{
		`{}`:                             "write",
		`{"name":null,"password":null}`:  "write",
		`{"readonly":false}`:             "write",
		`{"readonly":true}`:              "read",
		`{` + packages + `null}`:         "write",
		`{` + packages + `"read-write"}`: "write",
		`{` + packages + `"read-only"}`:  "read",
		`{` + orgs + `"read-only"}`:      "read",
		`{` + orgs + `"read-write"}`:     "write",
		`{` + packages + `"read-only",` + orgs + `"read-write"}`:                "read",
		`{` + packages + `"read-only",` + orgs + `"read-only"}`:                 "read",
		`{` + packages + `"read-write",` + orgs + `"read-write"}`:               "write",
		`{` + packages + `"read-write",` + orgs + `"read-only"}`:                "no organizations",
		`{"readonly":true,` + packages + `"read-write"}`:                        "read",
		`{"readonly":false,` + packages + `"read-only"}`:                        "read",
		`{` + packages + `"no-access"}`:                                         "packages_and_scopes_permission can be",
		`{` + packages + `"no-access","packages_all":true}`:                     "packages_and_scopes_permission can be",
		`{` + packages + `"read-write-stage-only"}`:                             "packages_and_scopes_permission can be",
		`{` + packages + `"READ-ONLY"}`:                                         "packages_and_scopes_permission can be",
		`{` + packages + `"read_only"}`:                                         "packages_and_scopes_permission can be",
		`{` + packages + `"bogus"}`:                                             "packages_and_scopes_permission can be",
		`{` + packages + `""}`:                                                  "packages_and_scopes_permission can be",
		`{` + packages + `true}`:                                                "packages_and_scopes_permission can be",
		`{` + packages + `["read-only"]}`:                                       "packages_and_scopes_permission can be",
		`{` + orgs + `"no-access"}`:                                             "orgs_permission can be",
		`{` + orgs + `"bogus"}`:                                                 "orgs_permission can be",
		`{` + orgs + `"READ-ONLY",` + packages + `"read-write"}`:                "orgs_permission can be",
		`{"Readonly":true}`:                                                     `"Readonly" is not known`,
		`{"read_only":true}`:                                                    `"read_only" is not known`,
		`{"automation":true}`:                                                   `"automation" is not known`,
		`{"readonly":"true"}`:                                                   "wrong kind",
		`{"name":7}`:                                                            "wrong kind",
		`{"packages_all":true,"bypass_2fa":true,"description":"for the build"}`: "write",
		`{"packages_all":false}`:                                                "packages_all",
		`{"packages":["web"]}`:                                                  "repositories",
		`{"packages":"web"}`:                                                    "repositories",
		`{"scopes":["@acme"]}`:                                                  "repositories",
		`{"orgs":["acme"]}`:                                                     "repositories",
		`{"packages":[],"scopes":[],"orgs":[],"cidr_whitelist":[]}`:             "write",
		`{"cidr_whitelist":["10.0.0.0/8"]}`:                                     "addresses",
		`{"cidr_whitelist":"10.0.0.0/8"}`:                                       "addresses",
		`{"expires":7}`:                                                         "write",
		`{"expires":0}`:                                                         "expires",
		`{"expires":null}`:                                                      "expires", // what npm makes of a text
		`{"expires":"7"}`:                                                       "expires",
		`{"expires":1.5}`:                                                       "expires",
		`[]`:                                                                    "JSON object",
	} {
		res := e.do(token, http.MethodPost, "/-/npm/v1/tokens", []byte(body))
		got := string(res.Body)
		if res.Status == http.StatusCreated {
			made := formatstest.As(parsed(t, res.Body)["token"].(string))
			e.want(http.StatusOK, "", e.do(made, http.MethodGet, "/web", nil))
			switch status := e.do(made, http.MethodPut, "/web", nil).Status; status {
			case http.StatusForbidden:
				got = "read"
			case http.StatusBadRequest: // of a body that is none
				got = "write"
			default:
				t.Errorf("%s: its publish is answered with %d", body, status)
			}
		} else if got, _ = parsed(t, res.Body)["error"].(string); res.Status != http.StatusBadRequest {
			t.Errorf("%s: %v", body, res)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s; want %s", body, got, want)
		}
	}
}

// TestTokenInPath: no answer to a path with a token in it, also one that leads nowhere, puts the token into the log.
func TestTokenInPath(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions} {
		for _, path := range []string{
			"/-/user/token/slp_canary", "/-/user/token/slp_canary/x", "/-//user/token//slp_canary", "/-/user%2ftoken/slp_canary", "/x/../-/user/token/slp_canary",
			"/-/npm/v1/tokens/token/slp_canary", "/-/npm/v1/tokens/token/slp_canary/x", "/-/npm/v1/tokens/token/slp_canary" + strings.Repeat("/x", 20),
		} {
			res := e.do(formatstest.Admin, method, path, nil)
			if said := string(res.Body) + fmt.Sprint(res.Header); strings.Contains(said, "canary") {
				t.Errorf("%s %s: %v", method, path, res)
			}
		}
	}
	if log := e.Log(); strings.Contains(log, "canary") || !strings.Contains(log, "path=/npm/main/-/user/token/…") {
		t.Errorf("%s", log)
	}
}
