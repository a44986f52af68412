package ui_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
)

// TestMe: a visitor sees who he is and what he may do in words, makes a token with the least rights, and finds what used it.
func TestMe(t *testing.T) {
	s := newPeople(t, formatstest.Options{})
	v := s.visitor()
	v.login("ann", passwordOfAnn)
	if page := v.want(200, "/me", nil).body; !strings.Contains(page, "<li>read and publish in the repository main</li>") || !strings.Contains(page, "no group") || !strings.Contains(page, "/api/v1/whoami") {
		t.Errorf("/me: %s", page)
	}
	page := v.want(200, "/me/tokens", nil).body
	if strings.Count(page, " checked") != 1 || !strings.Contains(page, `value="read" checked`) || !strings.Contains(page, `value="90" selected`) || !strings.Contains(page, "You have none.") ||
		!strings.Contains(page, `<option value="main">`) || strings.Contains(page, `<option value="`+formatstest.OtherRepository+`">`) {
		t.Errorf("/me/tokens: %s", page)
	}
	made := v.send(200, "/me/tokens", "name", `ci <b>"`, "repository", "main", "action", "read", "days", "30")
	m := regexp.MustCompile(`<code>(slp_[A-Za-z0-9_-]+)</code>`).FindStringSubmatch(made.body)
	if m == nil || made.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("no secret: %s", made.body)
	}
	if res := s.Do(formatstest.As(m[1]), formatstest.Request{Method: http.MethodGet, Path: "/api/v1/repositories/main"}); res.Status != 200 {
		t.Errorf("the token: %v", res)
	}
	page = v.want(200, "/me/tokens", nil).body
	if strings.Contains(page, m[1]) || !strings.Contains(page, "ci &lt;b&gt;") || !strings.Contains(page, `<td class="value">read in the repository main</td>`) || !strings.Contains(page, "from 127.0.0.1") {
		t.Errorf("the list: %s", page)
	}
	list, err := s.Accounts.Tokens(s.Admin, accounts.TokenQuery{User: "ann"})
	if err != nil || len(list) != 1 || list[0].ExpiresAt.Sub(list[0].CreatedAt).Round(time.Hour) != 30*24*time.Hour || len(list[0].Grants) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	refused := v.send(403, "/me/tokens", "name", "more", "repository", "main", "action", "read", "action", "delete", "days", "7")
	if !strings.Contains(refused.body, `role="alert"`) || !strings.Contains(refused.body, `value="more"`) || !strings.Contains(refused.body, `value="delete" checked`) || !strings.Contains(refused.body, `value="7" selected`) {
		t.Errorf("too much: %s", refused.body)
	}
	v.send(400, "/me/tokens", "name", "none", "repository", "main", "days", "7")
	v.send(400, "/me/tokens", "name", "none", "repository", "main", "action", "read", "days", "-1")
	v.send(303, "/me/tokens", "revoke", fmt.Sprint(list[0].ID))
	if page := v.want(200, "/me/tokens", nil).body; !strings.Contains(page, "You have none.") {
		t.Errorf("after the revocation: %s", page)
	}
	s.AddUser(t, "bob", "password of bob", access.Grant{Repository: "*", Actions: []access.Action{access.Admin}})
	_, bobs, err := s.Accounts.CreateToken(s.Login(access.Credentials{User: "bob", Password: "password of bob"}), accounts.TokenRequest{Name: "bobs", Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Read}}}})
	if err != nil {
		t.Fatal(err)
	}
	v.send(404, "/me/tokens", "revoke", fmt.Sprint(bobs.ID))
}

// TestMySessions: the browsers of a visitor are listed, and ended one by one or all others at once; those of others are not there.
func TestMySessions(t *testing.T) {
	s := newPeople(t, formatstest.Options{})
	var browsers []*visitor
	for range 4 {
		v := s.visitor()
		v.header = map[string]string{"User-Agent": `Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0`}
		v.login("ann", passwordOfAnn)
		browsers = append(browsers, v)
	}
	admin := s.visitor()
	admin.login("admin", registrytest.AdminPassword)
	page := browsers[0].want(200, "/me/sessions", nil).body
	if strings.Count(page, "Firefox on Linux") < 4 || strings.Count(page, ">this one<") != 1 || strings.Count(page, `name="end"`) != 3 || strings.Contains(page, "Go-http-client") {
		t.Errorf("the list: %s", page)
	}
	id := regexp.MustCompile(`name="end" value="(\d+)"`).FindStringSubmatch(page)[1]
	admin.send(303, "/me/sessions", "others", "1")
	browsers[0].send(303, "/me/sessions", "end", id)
	if browsers[1].loggedIn() || !browsers[2].loggedIn() {
		t.Error("it is another session that ended")
	}
	browsers[0].send(404, "/me/sessions", "end", id)
	browsers[0].send(400, "/me/sessions")
	browsers[0].send(303, "/me/sessions", "others", "1")
	if browsers[2].loggedIn() || browsers[3].loggedIn() || !browsers[0].loggedIn() || !admin.loggedIn() {
		t.Error("not all others ended, or more")
	}
	if page := browsers[0].want(200, "/me/sessions", nil).body; strings.Contains(page, `name="others"`) || strings.Contains(page, `name="end"`) {
		t.Errorf("nothing is left to end: %s", page)
	}
}

// TestHiddenFromVisitor: whoever is logged in and may not read a repository is shown no name, number or size of it, by any page, also not by
// what a search counts or a form proposes.
func TestHiddenFromVisitor(t *testing.T) {
	s := shop(t)
	const secret = "zqx-secret"
	big := formatstest.Request{Method: http.MethodPut, Path: "/raw/main/" + secret + "/77.0.0/zqx-file", Body: make([]byte, 7_654_321)}
	if res := s.Do(formatstest.Admin, big); res.Status != http.StatusCreated {
		t.Fatal(res)
	}
	description := "zqx-description"
	if _, err := s.Core.UpdateRepository(s.Admin, "main", registry.RepositoryChange{Description: &description}); err != nil {
		t.Fatal(err)
	}
	s.AddUser(t, "bob", "password of bob", access.Grant{Repository: formatstest.OtherRepository, Actions: access.Actions})
	v := s.visitor()
	v.login("bob", "password of bob")
	paths := []string{"/r/main/raw/" + secret, "/r/main/raw/" + secret + "/v/77.0.0", "/search?q=" + secret, "/search?q=zqx", "/search?q=repo:main", "/r/main/raw/absent"}
	for _, list := range examples {
		paths = append(paths, list...)
	}
	for _, path := range paths {
		a := v.do(path, nil)
		for _, hidden := range []string{"zqx-f", "zqx-d", "77.0.0", "7.7 MB", "7654321", "tool.txt", ">1.1.0<", "/r/main\"", "<strong>main<"} {
			if strings.Contains(a.body, hidden) && !strings.Contains(path, hidden) {
				t.Errorf("%s: %s shows %q", path, a.Status, hidden)
			}
		}
		if below := strings.HasPrefix(path, "/r/main"); below && a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	lead := regexp.MustCompile(`<p class="lead sentence">.*</p>`)
	there, absent := v.do("/r/main/raw/"+secret, nil), v.do("/r/main/raw/zqx-absent", nil)
	if got, want := lead.FindString(there.body), strings.ReplaceAll(lead.FindString(absent.body), "zqx-absent", secret); got == "" || got != want {
		t.Errorf("what is hidden: %s, what is not there: %s", got, want)
	}
}
