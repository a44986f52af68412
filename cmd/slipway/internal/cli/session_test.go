package cli_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"slipway/api"
	"slipway/cmd/slipway/internal/commandtest"
)

// TestSessions: the browsers that are logged in by the form of the pages are listed, completed and ended; the cookie goes on as long as its
// session.
func TestSessions(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	browse := func(path string, form url.Values, cookie *http.Cookie) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+path, nil)
		if form != nil {
			req, err = http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL+path, strings.NewReader(form.Encode()))
		}
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html")
		req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if cookie != nil {
			req.AddCookie(cookie)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res
	}
	login := func() *http.Cookie {
		t.Helper()
		res := browse("/login", url.Values{"user": {"admin"}, "password": {commandtest.Password}}, nil)
		if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 1 {
			t.Fatalf("login: %s", res.Status)
		}
		return res.Cookies()[0]
	}
	works := func(cookie *http.Cookie) bool {
		t.Helper()
		return browse("/me", nil, cookie).StatusCode == http.StatusOK
	}
	first, second := login(), login()
	if !works(first) || !works(second) {
		t.Fatal("the login does not work")
	}
	var list []api.Session
	if err := json.Unmarshal([]byte(r.CLI(0, "session", "ls", "-o", "json")), &list); err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if out := r.CLI(0, "session", "ls"); strings.Count(out, "Firefox on Linux") != 2 || !strings.Contains(out, "127.0.0.1") {
		t.Errorf("session ls: %s", out)
	}
	code, out, msg := commandtest.Command(t.Context(), "", r.Env(), "__complete", "session", "end", "")
	if code != 0 || !strings.Contains(out, list[0].ID+"\tFirefox on Linux") {
		t.Errorf("session end completes to %q (%s)", out, msg)
	}
	r.CLI(0, "session", "end", list[0].ID)
	if works(first) || !works(second) {
		t.Error("another session ended")
	}
	if msg := r.CLI(1, "session", "end", list[0].ID); !strings.Contains(msg, "there is no session") {
		t.Errorf("again: %s", msg)
	}
	for _, args := range [][]string{{}, {"1", "2"}, {"1", "--all"}, {"1", "--user", "admin"}, {"--user", "admin"}} {
		r.CLI(2, append([]string{"session", "end"}, args...)...)
	}
	r.CLI(0, "session", "end", "--all", "--user", "admin", "--yes")
	if works(second) {
		t.Error("a session goes on")
	}
	third := login()
	r.CLI(0, "session", "end", "--all", "--yes")
	if works(third) {
		t.Error("the own session goes on")
	}
	if msg := r.CLI(1, "session", "ls", "--user", "carl"); !strings.Contains(msg, `no user "carl"`) {
		t.Errorf("of nobody: %s", msg)
	}
}
