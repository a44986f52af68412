package ui_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"slipway/api"
	"slipway/formats/formatstest"
)

// hostile is a text that a page must show as a text.
const hostile = `<script>alert(1)</script> & more`

// call asks the API as the administrator.
func (s *site) call(method, path, body string) formatstest.Response {
	s.t.Helper()
	res := s.Do(formatstest.Admin, formatstest.Request{Method: method, Path: "/api/v1" + path, Body: []byte(body)}.With("Content-Type", "application/json"))
	if res.Status >= 300 {
		s.t.Fatalf("%s %s: %v", method, path, res)
	}
	return res
}

// deployed is a shop with another environment, whose second deployment is hostile: deployments 4 and 5.
func deployed(t *testing.T) *site {
	t.Helper()
	s := shop(t)
	s.call("POST", "/environments", `{"name":"live","description":"what customers use","tag":"production"}`)
	report := func(version, more string) {
		s.call("POST", "/deployments", `{"environment":"live","service":"web","repository":"main","purl":"pkg:generic/tool@`+version+`","status":"succeeded"`+more+`}`)
	}
	report("1.0.0", `,"reason":"release 12","url":"https://ci.example.com/runs/1"`)
	report("1.1.0", `,"event_id":"evt_unknown","external_id":"run-2","reason":"`+hostile+`"`)
	return s
}

// subscribe tells a system of what happens in the shop.
func (s *site) subscribe() {
	s.t.Helper()
	s.call("POST", "/subscriptions", `{"name":"`+hostile+`","url":"https://ci.example.com/hook/aVeryLongSecretInThePath?token=hush","repositories":["main"]}`)
	s.call("POST", "/subscriptions/1/ping", "")
}

// post sends a form as the administrator.
func (s *site) post(path string, form url.Values) formatstest.Response {
	s.t.Helper()
	return s.Do(formatstest.Admin, formatstest.Request{Method: http.MethodPost, Path: path, Body: []byte(form.Encode())}.
		With("Accept", browser).With("Content-Type", "application/x-www-form-urlencoded"))
}

// field finds the value of a hidden field in a page.
func field(t *testing.T, page, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no field %q", name)
	}
	return m[1]
}

// TestEnvironmentPages: an environment shows what runs, ran and is wanted, now and then, and its form rolls back what the page showed.
func TestEnvironmentPages(t *testing.T) {
	s := deployed(t)
	has := func(path string, texts ...string) string {
		t.Helper()
		page := s.page(formatstest.Admin, path)
		for _, text := range texts {
			if !strings.Contains(page, text) {
				t.Errorf("%s: no %q", path, text)
			}
		}
		if strings.Contains(page, "<script>alert") || strings.Contains(page, `href="javascript`) {
			t.Errorf("%s has markup of a client", path)
		}
		return page
	}
	has("/env", `href="`+s.URL+`/env/live"`, "1 service drifts", "what customers use")
	page := has("/env/live", "drift", `href="`+s.URL+`/r/main/raw/tool/v/1.1.0"`, `<rect class="run tone-`, "&lt;script&gt;", `href="`+s.URL+`/deployments/5"`, s.URL+"/api/v1/environments/live\"",
		`name="running"`, "The same as a table")
	form := url.Values{"deployment": {field(t, page, "deployment")}, "running": {field(t, page, "running")}, "reason": {"too slow, see javascript:alert(2)"}}
	began := form.Get("running")
	stale := url.Values{"deployment": {"4"}, "running": {began}, "reason": {"kept <text>"}}
	if res := s.post("/env/live", stale); res.Status != http.StatusPreconditionFailed || !strings.Contains(string(res.Body), "Nothing was changed: ") || !strings.Contains(string(res.Body), `value="kept &lt;text&gt;"`) {
		t.Errorf("a rollback of what does not run: %v", res)
	}
	if res := s.post("/env/live", form); res.Status != http.StatusSeeOther || res.Header.Get("Location") != s.URL+"/env/live" {
		t.Fatalf("a rollback: %v", res)
	}
	if res := s.post("/env/live", form); res.Status != http.StatusPreconditionFailed {
		t.Errorf("the rollback again: %v", res)
	}
	has("/env/live", ">rolled_back<", "too slow", `href="`+s.URL+`/r/main/raw/tool/v/1.0.0"`)
	then := has("/env/live?as_of=seq:"+began, "What ran then", "drift", `/r/main/raw/tool/v/1.1.0?as_of=seq%3A`+began)
	if strings.Contains(then, "rolled_back") || strings.Contains(then, `name="running"`) {
		t.Error("the past shows what came later, or a form")
	}
	has("/deployments/5", "It replaced", "Since then", "too slow", "run-2", "evt_unknown")
	has("/deployments/4", `<a href="https://ci.example.com/runs/1" rel="nofollow noopener noreferrer">`)
	has("/deployments?status=rolled_back", `href="`+s.URL+`/deployments/5"`)
	if page := has("/deployments?status=failed", "No deployment is like that"); strings.Contains(page, "/deployments/5") {
		t.Error("the filter selects what it must not")
	}
	for path, status := range map[string]int{"/deployments?status=odd": 400, "/deployments?environment=absent": 404, "/env/absent": 404, "/env/live?days=x": 400, "/env/live?as_of=seq:0": 404} {
		if res := s.get(formatstest.Admin, path); res.Status != status {
			t.Errorf("%s: %v", path, res)
		}
	}
	bob := formatstest.As(s.ReadToken(formatstest.OtherRepository))
	for _, path := range []string{"/env/live", "/deployments", "/log"} {
		if res := s.get(bob, path); res.Status != http.StatusOK || strings.Contains(string(res.Body), "1.1.0") {
			t.Errorf("%s of others: %v", path, res)
		}
	}
	for _, path := range []string{"/deployments/5", "/subscriptions/1", "/subscriptions/1/deliveries/1"} {
		if res := s.get(bob, path); res.Status != http.StatusNotFound {
			t.Errorf("%s of others: %v", path, res)
		}
	}
}

// TestLogPages: the log is shown from its end, page by page, and an entry has its neighbours, its proof and how to check it.
func TestLogPages(t *testing.T) {
	s := shop(t)
	if err := s.Ledger.SignCheckpoint(s.Admin); err != nil {
		t.Fatal(err)
	}
	page := s.page(formatstest.Admin, "/log")
	entries := regexp.MustCompile(`<th scope="row"><a href="[^"]*/log/(\d+)">`).FindAllStringSubmatch(page, -1)
	if len(entries) < 8 {
		t.Fatalf("%d entries", len(entries))
	}
	last := entries[0][1]
	if entries[1][1] >= last && len(entries[1][1]) >= len(last) || !strings.Contains(page, `data-stream="`+s.URL+`/log/stream?after=`+last+`"`) {
		t.Errorf("the newest is not first: %s, %s", last, entries[1][1])
	}
	some := s.page(formatstest.Admin, "/log?types=tag.*")
	if got := strings.Count(some, "<code>tag.set</code>"); got != 2 || strings.Contains(some, "artifact.published</code>") {
		t.Errorf("%d entries about tags", got)
	}
	then := s.page(formatstest.Admin, "/log?as_of=seq:1")
	if strings.Count(then, `<th scope="row">`) != 2 || strings.Contains(then, "data-stream") {
		t.Error("the log as of entry 1 has others")
	}
	tagged := regexp.MustCompile(`/log/(\d+)">`).FindStringSubmatch(some)[1]
	entry := s.page(formatstest.Admin, "/log/"+tagged)
	for _, text := range []string{"Log entry " + tagged, "Previous", "Next", "slipway log verify-proof slipway-" + tagged + ".tlog-proof --key", "loses orders", `href="` + s.URL + `/log/` + tagged + `/proof"`, "&#34;generation&#34;: 2"} {
		if !strings.Contains(entry, text) {
			t.Errorf("the entry has no %q", text)
		}
	}
	proof := s.get(formatstest.Admin, "/log/"+tagged+"/proof")
	if !strings.HasPrefix(string(proof.Body), "c2sp.org/tlog-proof@v1\n") || !strings.Contains(proof.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the proof: %v", proof)
	}
	if newest := s.page(formatstest.Admin, "/log/"+last); strings.Contains(newest, `rel="next"`) || !strings.Contains(newest, `rel="prev"`) {
		t.Error("the newest entry has no neighbour but the one before it")
	}
	for path, status := range map[string]int{"/log/99999": 404, "/log?types=no.such": 400, "/log?since=yesterday": 400, "/log/99999/proof": 404} {
		if res := s.get(formatstest.Admin, path); res.Status != status {
			t.Errorf("%s: %v", path, res)
		}
	}
}

// TestLogStream: the page's stream has what the API's has, goes on where a browser was cut off, and says what is wrong before it begins.
func TestLogStream(t *testing.T) {
	s := shop(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/log/stream?types=tag.*", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Last-Event-ID", "0")
	req.Header.Set("Authorization", "Bearer "+s.ReadToken("main"))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	found := false
	for lines := bufio.NewScanner(res.Body); !found && lines.Scan(); {
		found = strings.HasPrefix(lines.Text(), "data: ") && strings.Contains(lines.Text(), "dev.slipway.tag.set.v1")
	}
	if !found {
		t.Error("the stream has no event")
	}
	if res := s.get(formatstest.Admin, "/log/stream?types=no.such"); res.Status != http.StatusBadRequest {
		t.Errorf("a wrong filter: %v", res)
	}
	if res := s.get(formatstest.Anonymous, "/log/stream"); res.Status == http.StatusOK {
		t.Errorf("without credentials: %v", res)
	}
}

// TestSubscriptionPages: a subscription is tried, made, looked at and changed by forms; secrets are shown once, and what may be one is masked.
func TestSubscriptionPages(t *testing.T) {
	s := shop(t)
	list := s.page(formatstest.Admin, "/subscriptions")
	for _, text := range []string{"&lt;script&gt;", "nothing sent yet", "https://ci.example.com/hook/••••••?token=••••••"} {
		if !strings.Contains(list, text) {
			t.Errorf("the list has no %q", text)
		}
	}
	form := url.Values{"name": {"deploys"}, "url": {"https://ci.example.com/x"}, "preset": {"cloudevents"}, "types": {"tag.*, artifact.published"}, "repositories": {"main"}, "do": {"preview"}}
	res := s.post("/subscriptions/new", form)
	if want := "it would have sent <strong>4</strong>"; res.Status != http.StatusOK || !strings.Contains(string(res.Body), want) || !strings.Contains(string(res.Body), `value="deploys"`) {
		t.Errorf("a preview: %v", res)
	}
	form.Set("types", "no.such")
	if res := s.post("/subscriptions/new", form); res.Status != http.StatusBadRequest || !strings.Contains(string(res.Body), `role="alert"`) || !strings.Contains(string(res.Body), `value="no.such"`) {
		t.Errorf("a wrong preview: %v", res)
	}
	form.Set("types", "")
	form.Set("do", "create")
	res = s.post("/subscriptions/new", form)
	if res.Status != http.StatusOK || !strings.Contains(string(res.Body), "whsec_") || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a new subscription: %v", res)
	}
	page := s.page(formatstest.Admin, "/subscriptions/2")
	if strings.Contains(page, "whsec_") || !strings.Contains(page, "Send a ping") {
		t.Errorf("the page of the new one: %s", page)
	}
	do := func(status int, what string, more ...string) string {
		t.Helper()
		form := url.Values{"do": {what}}
		for i := 0; i < len(more); i += 2 {
			form.Add(more[i], more[i+1])
		}
		res := s.post("/subscriptions/2", form)
		if res.Status != status {
			t.Errorf("%s: %v", what, res)
		}
		return string(res.Body) + res.Header.Get("Location")
	}
	ping := strings.TrimPrefix(do(303, "ping"), s.URL)
	if !strings.Contains(s.page(formatstest.Admin, ping), "POST https://ci.example.com/x") {
		t.Errorf("%s is no page of a delivery", ping)
	}
	if !strings.Contains(do(200, "rotate"), "whsec_") {
		t.Error("no new secret")
	}
	do(303, "replay", "since", "0")
	do(400, "replay", "since", "x")
	do(400, "redeliver")
	do(400, "odd")
	do(303, "redeliver", "delivery", ping[strings.LastIndex(ping, "/")+1:])
	do(404, "redeliver", "delivery", "1") // of another subscription
	do(303, "pause")
	do(409, "ping")
	do(303, "skip")
	if res := s.post("/subscriptions/1"+strings.TrimPrefix(ping, "/subscriptions/2"), url.Values{}); res.Status != http.StatusNotFound {
		t.Errorf("a delivery of another subscription: %v", res)
	}
	if res := s.post(ping, url.Values{}); res.Status != http.StatusSeeOther {
		t.Errorf("sending it again: %v", res)
	}
	do(303, "delete")
	if res := s.get(formatstest.Admin, "/subscriptions/2"); res.Status != http.StatusNotFound {
		t.Errorf("deleted: %v", res)
	}
	if page := s.page(formatstest.Admin, "/"); !strings.Contains(page, `href="`+s.URL+`/subscriptions"`) {
		t.Error("the header does not lead there")
	}
	if page := s.page(formatstest.As(s.ReadToken("main")), "/"); strings.Contains(page, `href="`+s.URL+`/subscriptions"`) {
		t.Error("the header leads a reader there")
	}
}

// TestEnvironmentAtMoments: at every moment of a history the page of an environment shows what the API answers for that moment.
func TestEnvironmentAtMoments(t *testing.T) {
	s := deployed(t)
	report := func(service, version, status string) {
		s.call("POST", "/deployments", `{"environment":"live","service":"`+service+`","repository":"main","purl":"pkg:generic/tool@`+version+`","status":"`+status+`","external_id":"`+service+version+`"}`)
	}
	report("api", "1.0.0", "queued")
	report("api", "1.0.0", "succeeded")
	report("api", "1.1.0", "failed")
	s.call("PATCH", "/deployments/5", `{"status":"rolled_back"}`)
	s.call("PUT", "/repositories/main/packages/raw/tool/tags/production", `{"version":"1.1.0"}`)
	s.call("DELETE", "/environments/live/services/api", "")
	s.call("DELETE", "/environments/live", "")
	s.call("POST", "/environments", `{"name":"live"}`)
	rows := regexp.MustCompile(`(?s)<h2 id="services">.*?</section>`)
	for seq := 0; ; seq++ {
		moment := fmt.Sprintf("?as_of=seq:%d", seq)
		if events := s.get(formatstest.Admin, fmt.Sprintf("/api/v1/events?after=%d&limit=1", seq-1)); string(events.Body) == "[]" {
			if seq < 20 {
				t.Errorf("only %d moments", seq)
			}
			break
		}
		answer := s.get(formatstest.Admin, "/api/v1/environments/live"+moment)
		page := s.get(formatstest.Admin, "/env/live"+moment)
		if page.Status != answer.Status {
			t.Errorf("%s: the page is %d, the API's answer %d", moment, page.Status, answer.Status)
		}
		if answer.Status != http.StatusOK {
			continue
		}
		var state api.EnvironmentState
		if err := json.Unmarshal(answer.Body, &state); err != nil {
			t.Fatal(err)
		}
		var want []string
		drifts := 0
		for _, service := range state.Services {
			want = append(want, ">"+service.Service+"<")
			if service.Drift {
				drifts++
			}
			for _, run := range []struct {
				there bool
				of    func() string
			}{{service.Running != nil, func() string { return service.Running.Version }}, {service.Previous != nil, func() string { return service.Previous.Version }}} {
				if run.there {
					want = append(want, ">tool "+run.of()+"</a>")
				} else {
					want = append(want, ">nothing<")
				}
			}
			if service.Wanted != nil {
				want = append(want, ">"+service.Wanted.Version+"</a>")
			} else {
				want = append(want, ">nothing<")
			}
			want = append(want, ">"+service.Recorded.Status+"</a> "+service.Recorded.Version+"<")
		}
		shown := rows.FindString(strings.ReplaceAll(string(page.Body), `<br><span class="chip warn">drift</span>`, `<drift>`))
		if got := strings.Count(shown, "<drift>"); got != drifts {
			t.Errorf("%s: %d services drift on the page, %d in the API", moment, got, drifts)
		}
		for _, text := range want {
			at := strings.Index(shown, text)
			if at < 0 {
				t.Errorf("%s: the page lacks %s, in this order: %v", moment, text, want)
				break
			}
			shown = shown[at+len(text)-1:]
		}
	}
}

// TestFormsCarryTokens: every form that changes something has the token of the session in it; the login comes before there is one.
func TestFormsCarryTokens(t *testing.T) {
	names, err := filepath.Glob("page/*.html")
	if err != nil {
		t.Fatal(err)
	}
	forms := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "<form")[1:] {
			head, rest, _ := strings.Cut(part, "\">")
			body, _, _ := strings.Cut(rest, "</form>")
			if strings.Contains(head, `method="post`) && !strings.Contains(head, "/login") {
				if forms++; !strings.Contains(body, `{{template "csrf"`) {
					t.Errorf("%s: a form without the token: %.200s", name, part)
				}
			}
		}
	}
	if forms < 10 {
		t.Errorf("only %d forms", forms)
	}
}
