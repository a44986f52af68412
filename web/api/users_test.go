package api_test

import (
	"fmt"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

// TestUsersAndGroups walks through what an administrator does: a service account with a token, a group, its rights, and the
// questions of an auditor.
func TestUsersAndGroups(t *testing.T) {
	a := newAPI(t)
	var bot struct {
		Kind        string
		Groups      []string
		Permissions []access.Grant
	}
	a.want(201, "POST", "/users", `{"name":"bot","kind":"service","permissions":[{"environment":"prod-*","role":"deployer"},{"repository":"main","actions":["read"]}]}`, &bot)
	if bot.Kind != "service" || len(bot.Permissions) != 2 {
		t.Errorf("the service account: %+v", bot)
	}
	var made newToken
	a.want(201, "POST", "/tokens", `{"name":"deploys","user":"bot","permissions":[{"environment":"prod-eu","actions":["deploy"]}]}`, &made, byPassword...)
	var me struct {
		Type, Name, Kind, Token string
		ExpiresAt               *string `json:"expires_at"`
		Permissions             []struct {
			Environment string
			Actions     []string
		}
	}
	a.want(200, "GET", "/whoami", "", &me, "Authorization", "Bearer "+made.Token)
	if me.Name != "bot" || me.Kind != "service" || me.Token != "deploys" || me.ExpiresAt != nil || fmt.Sprint(me.Permissions) != "[{prod-eu [deploy]}]" {
		t.Errorf("whoami: %+v", me)
	}
	a.want(403, "POST", "/tokens", `{"name":"x","user":"bot","permissions":[{"repository":"main","actions":["tag"]}]}`, nil)
	a.want(404, "POST", "/tokens", `{"name":"x","user":"nobody","permissions":[{"repository":"main","actions":["read"]}]}`, nil)

	a.want(201, "POST", "/groups", `{"name":"ops","permissions":[{"repository":"main","role":"releaser"}],"members":["bot"]}`, nil)
	a.want(409, "POST", "/groups", `{"name":"ops"}`, nil)
	a.want(200, "GET", "/users/bot", "", &bot)
	if fmt.Sprint(bot.Groups) != "[ops]" {
		t.Errorf("its groups: %+v", bot)
	}
	var who struct {
		Items []struct {
			User    string
			Because []struct {
				Group      string
				Permission struct{ Role string }
			}
		}
		Next string
	}
	a.want(200, "GET", "/access?repository=main&action=tag&limit=1", "", &who)
	if len(who.Items) != 1 || who.Items[0].User != "admin" || who.Next == "" {
		t.Errorf("who may tag: %+v", who)
	}
	a.want(200, "GET", "/access?repository=main&action=tag&limit=1&after="+who.Next, "", &who)
	if len(who.Items) != 1 || who.Items[0].User != "bot" || who.Items[0].Because[0].Group != "ops" || who.Items[0].Because[0].Permission.Role != "releaser" {
		t.Errorf("who else may tag: %+v", who)
	}
	var guard struct {
		Rule       string
		FollowedBy []string `json:"followed_by"`
		MovedWith  []string `json:"moved_with"`
	}
	a.want(200, "GET", "/access/tag?repository=main&tag=latest", "", &guard)
	if fmt.Sprint(guard) != "{ [] [tag publish]}" {
		t.Errorf("what keeps a free tag: %v", guard)
	}
	a.want(200, "PATCH", "/repositories/main", `{"settings":{"tag_rules":[{"pattern":"v*","rule":"immutable"}]}}`, nil)
	a.want(201, "POST", "/environments", `{"name":"prod","tag":"production"}`, nil)
	a.want(200, "GET", "/access/tag?repository=main&tag=production", "", &guard)
	if fmt.Sprint(guard) != "{ [prod] [tag]}" {
		t.Errorf("what keeps a followed tag: %v", guard)
	}
	a.AddUser(t, "dev", "a good password", access.Grant{Repository: "main", Role: "publisher"})
	for tag, want := range map[string]string{"latest": "admin bot dev ", "production": "admin bot ", "v1": "admin "} {
		a.want(200, "GET", "/access?repository=main&tag="+tag, "", &who)
		got := ""
		for _, h := range who.Items {
			got += h.User + " "
		}
		if got != want {
			t.Errorf("who may move %s: %s, want %s", tag, got, want)
		}
	}
	var owns struct {
		Items []struct{ Because []struct{ Ownership string } }
	}
	a.want(200, "GET", "/access?environment=prod&repository=main&action=deploy", "", &owns)
	if len(owns.Items) != 1 || owns.Items[0].Because[1].Ownership != "owner" {
		t.Errorf("who may deploy: %+v", owns)
	}
	for _, query := range []string{"tag=v1", "repository=main&tag=v1&action=publish", "repository=main&environment=prod&tag=v1", "repository=main&tag=v1&format=x", "repository=*&environment=prod"} {
		a.want(400, "GET", "/access?"+query, "", nil)
	}
	a.want(204, "DELETE", "/users/bot", "", nil)
	if res := a.call(formatstest.As(made.Token), "GET", "/whoami", ""); res.Status != 401 {
		t.Errorf("a token of a deleted user: %v", res)
	}
	a.want(409, "POST", "/users", `{"name":"bot","kind":"service"}`, nil)
	a.want(400, "POST", "/users", `{"name":"x","kind":"robot","password":"a good password"}`, nil)
	a.MustFsck(t)
}

// TestN4: a null never keeps what it seems to take away.
func TestN4(t *testing.T) {
	a := newAPI(t)
	a.AddUser(t, "ann", "a good password", access.Grant{Repository: "main", Actions: []access.Action{access.Read}})
	for path, body := range map[string]string{
		"/users/ann": `{"permissions":null}`, "/repositories/main": `{"settings":{"raw_redeploy":null}}`,
	} {
		if res := a.call(formatstest.Admin, "PATCH", path, body); res.Status != 400 || !strings.Contains(string(res.Body), "can't be null") {
			t.Errorf("%s %s: %v", path, body, res)
		}
	}
	var u struct{ Permissions []any }
	a.want(200, "PATCH", "/users/ann", `{"permissions":[]}`, &u)
	if len(u.Permissions) != 0 {
		t.Errorf("without permissions: %+v", u)
	}
}

// TestN6: with audit on the whole server a token sees everything and changes nothing.
func TestN6(t *testing.T) {
	p := prepare(t)
	p.AddUser(t, "eve", "a good password", access.Grant{Repository: "*", Actions: []access.Action{access.Audit}})
	var made newToken
	p.want(201, "POST", "/tokens", `{"name":"audit","user":"eve","permissions":[{"repository":"*","actions":["audit"]}]}`, &made, byPassword...)
	as := formatstest.As(made.Token)
	for path, words := range map[string]string{
		"/repositories": `"main"`, "/versions?q=lib": `"lib"`, packages + "/lib/versions": `"1.0.0"`, "/users": `"ann"`, "/tokens": `"ci"`, "/groups": `"ops"`,
		"/subscriptions": `"https://ci.example.com/…"`, "/subscriptions/1": `"https://ci.example.com/…"`, "/subscriptions/1/deliveries": "ping.v1",
		"/access?repository=main&action=tag": `"admin"`, "/environments/prod": `"web"`, "/events": "token.created", "/roles": "releaser",
	} {
		if res := p.call(as, "GET", path, ""); res.Status != 200 || !strings.Contains(string(res.Body), words) {
			t.Errorf("%s: %v lacks %s", path, res, words)
		}
	}
	for _, c := range [][3]string{
		{"PATCH", "/users/ann", `{"disabled":true}`}, {"DELETE", "/groups/ops", ""}, {"DELETE", "/tokens/" + p.token, ""}, {"DELETE", "/subscriptions/2", ""},
		{"PUT", packages + "/lib/tags/x", `{"version":"1.0.0"}`}, {"POST", "/repositories", `{"name":"x"}`}, {"POST", "/subscriptions/1/ping", ""},
	} {
		if res := p.call(as, c[0], c[1], c[2]); res.Status != 403 && res.Status != 404 {
			t.Errorf("an auditor: %s %s: %v", c[0], c[1], res)
		}
	}
}
