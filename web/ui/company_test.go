package ui_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"slipway/api"
	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/integration"
	integrations "slipway/integration/all"
	"slipway/internal/httpserver"
	"slipway/internal/outbound"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

// company is a small one: three teams that build, publish and deploy for a month. Its packages come from commits in git repositories, by the clients
// that people use; its time is the test's own.
type company struct {
	*site
	clock   *formatstest.Clock
	start   time.Time
	builder *builder
	tokens  map[string]string // by service account
	builds  int
}

// passwordOf is the password of a person of the company.
func passwordOf(person string) string { return "password of " + person }

// companyLasts is how long it has been there: its history takes so long, and ended some minutes ago.
const companyLasts = 31*24*time.Hour + 65*time.Minute

// newCompany makes it with its whole history, which ends now. The pages are published at an address of their own, behind a proxy.
func newCompany(t *testing.T) *company {
	t.Helper()
	c := &company{clock: formatstest.NewClock(), tokens: map[string]string{}, builds: 800}
	c.clock.Later(-companyLasts)
	c.start = c.clock.Now()
	allow, err := outbound.ParseAllow([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	o := formatstest.Options{Site: httpserver.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	o.Core = append(o.Core, c.clock.Option(), registrytest.StoreClock(c.clock.Now), registrytest.With(func(cfg *instance.Config) { cfg.Sinks = integrations.Sinks(outbound.Options{Allow: allow}, "1.0.0") }))
	c.site = newSite(t, "1.0.0", o, all.All()...)
	sending := integration.Start(c.Subscriptions.Outbox(), integration.Options{Now: c.clock.Now})
	t.Cleanup(func() { _ = sending.Close() })
	c.organise()
	c.builder = newBuilder(t, c)
	c.subscribed()
	c.history()
	c.do("admin", http.MethodPost, "/storage/count", "")
	return c
}

// do asks the API as a person, who has a password.
func (c *company) do(person, method, path, body string) formatstest.Response {
	c.t.Helper()
	password := passwordOf(person)
	if person == "admin" {
		password = registrytest.AdminPassword
	}
	return c.ask("Basic "+base64.StdEncoding.EncodeToString([]byte(person+":"+password)), method, path, body)
}

func (c *company) ask(credentials, method, path, body string) formatstest.Response {
	c.t.Helper()
	q := formatstest.Request{Method: method, Path: "/api/v1" + path, Body: []byte(body)}.With("Content-Type", "application/json").With("Authorization", credentials)
	res := c.Do(formatstest.Anonymous, q)
	if res.Status >= http.StatusMultipleChoices {
		c.t.Fatalf("%s %s %s: %v", method, path, body, res)
	}
	return res
}

// organise makes repositories, people, groups, service accounts with their tokens, and environments.
func (c *company) organise() {
	c.t.Helper()
	c.do("admin", http.MethodDelete, "/repositories/other", "")
	c.do("admin", http.MethodPatch, "/repositories/main", `{"description":"Tools for everybody"}`)
	for name, about := range map[string]string{"web": "The shop: its pages and its images", "data": "Forecasts and what they need", "platform": "Services, and the libraries that they share"} {
		c.do("admin", http.MethodPost, "/repositories", fmt.Sprintf(`{"name":%q,"description":%q}`, name, about))
	}
	for _, person := range []string{"ann", "bo", "chris", "dana", "ed"} {
		c.do("admin", http.MethodPost, "/users", fmt.Sprintf(`{"name":%q,"password":%q}`, person, passwordOf(person)))
	}
	read := `{"repository":"*","actions":["read"]}`
	for _, group := range [][3]string{
		{"everybody", "All who work here", `"permissions":[` + read + `],"members":["ann","bo","chris","dana","ed"]`},
		{"web-team", "Pages of the shop", `"permissions":[{"repository":"web","role":"publisher"}],"members":["ann","bo"]`},
		{"data-team", "Forecasts", `"permissions":[{"repository":"data","role":"publisher"}],"members":["chris"]`},
		{"release-managers", "Who says what production runs", `"permissions":[{"repository":"*","actions":["read","tag","deploy"]},{"environment":"*","actions":["deploy"]}],"members":["ann"]`},
		{"auditors", "", `"permissions":[{"repository":"*","actions":["read","audit"]}],"members":["ed"]`},
		{"operators", "On call for this server", `"permissions":[{"repository":"*","actions":["admin"]}],"members":["dana"]`},
	} {
		c.do("admin", http.MethodPost, "/groups", fmt.Sprintf(`{"name":%q,"description":%q,%s}`, group[0], group[1], group[2]))
	}
	for account, may := range map[string]string{"ci-web": `{"repository":"web","actions":["read","publish","tag"]}`, "ci-data": `{"repository":"data","actions":["read","publish","tag"]}`,
		"ci-platform": `{"repository":"*","actions":["read"]},{"repository":"platform","actions":["read","publish","tag"]},{"repository":"main","actions":["read","publish","tag"]}`, "deployer": `{"repository":"*","actions":["read","deploy"]}`} {
		c.do("admin", http.MethodPost, "/users", fmt.Sprintf(`{"name":%q,"kind":"service","permissions":[%s]}`, account, may))
		var made api.NewToken
		if err := json.Unmarshal(c.do("admin", http.MethodPost, "/tokens", fmt.Sprintf(`{"name":"woodpecker","user":%q,"permissions":[%s],"expires_in":"8760h"}`, account, may)).Body, &made); err != nil {
			c.t.Fatal(err)
		}
		c.tokens[account] = made.Secret
	}
	c.do("admin", http.MethodPost, "/environments", `{"name":"staging","description":"Every commit that passed its tests","tag":"staging","owner":"deployer"}`)
	c.do("admin", http.MethodPost, "/environments", `{"name":"production","description":"What customers use","tag":"production","owner":"deployer"}`)
}

// subscribed tells the deploy system of tags that move, and a chat that does not answer.
func (c *company) subscribed() {
	c.t.Helper()
	deploys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "queued") }))
	c.t.Cleanup(deploys.Close)
	chat := httptest.NewServer(http.NotFoundHandler())
	c.t.Cleanup(chat.Close)
	c.do("dana", http.MethodPost, "/subscriptions", fmt.Sprintf(`{"name":"deploys","url":"%s/hooks/slipway","types":["tag.set"],"repositories":["web","data","platform"]}`, deploys.URL))
	c.do("dana", http.MethodPost, "/subscriptions", fmt.Sprintf(`{"name":"chat","url":"%s/services/T024/B7","types":["deployment.failed","deployment.rolled_back"],"repositories":["*"]}`, chat.URL))
}

// later moves the time on.
func (c *company) later(days float64) { c.clock.Later(time.Duration(days * float64(24*time.Hour))) }

// ware is a version that was published.
type ware struct {
	repository, format, name, version, purl string
	commit                                  string
}

func (w ware) path() string {
	return "/repositories/" + w.repository + "/packages/" + w.format + "/" + url.PathEscape(w.name)
}

// built says by which run of the build system a version was made, as that system does when it has published.
func (c *company) built(w ware) ware {
	c.t.Helper()
	c.builds += 3
	account := "ci-" + w.repository
	if w.repository == "main" {
		account = "ci-platform"
	}
	ends := c.clock.Now().UTC().Format(time.RFC3339)
	c.ask("Bearer "+c.tokens[account], http.MethodPut, w.path()+"/versions/"+w.version+"/metadata", fmt.Sprintf(
		`{"source":{"repository":"https://git.acme.example/%[1]s","commit":%[2]q,"ref":"main"},"build":{"system":"woodpecker","id":"%[3]d","url":"https://ci.acme.example/%[1]s/%[3]d","finished_at":%[4]q}}`,
		w.repository, w.commit, c.builds, ends))
	return w
}

// tag moves a tag of a package, by its build or by a person.
func (c *company) tag(who string, w ware, tag, reason string) {
	c.t.Helper()
	body := fmt.Sprintf(`{"version":%q,"reason":%q}`, w.version, reason)
	if secret := c.tokens[who]; secret != "" {
		c.ask("Bearer "+secret, http.MethodPut, w.path()+"/tags/"+tag, body)
		return
	}
	c.do(who, http.MethodPut, w.path()+"/tags/"+tag, body)
}

// deploy reports a deployment as a deployer does: that it began, and how it ended.
func (c *company) deploy(w ware, environment, service, status, reason string) string {
	c.t.Helper()
	c.builds++
	report := func(status, reason string) api.Deployment {
		body, err := json.Marshal(api.DeploymentReport{Environment: environment, Service: service, Repository: w.repository, PURL: w.purl, Status: status, Reason: reason,
			ExternalID: fmt.Sprintf("deploy-%d", c.builds), URL: fmt.Sprintf("https://ci.acme.example/deploy/%d", c.builds)})
		if err != nil {
			c.t.Fatal(err)
		}
		var made api.Deployment
		if err := json.Unmarshal(c.ask("Bearer "+c.tokens["deployer"], http.MethodPost, "/deployments", string(body)).Body, &made); err != nil {
			c.t.Fatal(err)
		}
		return made
	}
	report("running", "")
	c.clock.Later(97 * time.Second)
	return report(status, reason).ID
}

// ship brings a version to staging and, some time later, to production.
func (c *company) ship(w ware, service, reason string) {
	c.t.Helper()
	c.tag("ci-"+w.repository, w, "staging", "")
	c.deploy(w, "staging", service, "succeeded", "")
	c.later(0.9)
	c.tag("ann", w, "production", reason)
	c.clock.Later(2 * time.Minute)
	c.deploy(w, "production", service, "succeeded", reason)
}

// proxied publishes the site at https://packages.acme.example, as a proxy does, for a browser that is told where that is.
func (c *company) proxied() *httptest.Server {
	c.t.Helper()
	proxy := httptest.NewTLSServer(reverse(c.URL))
	c.t.Cleanup(proxy.Close)
	return proxy
}

// began is when its history begins.
func (c *company) began() time.Time { return c.start }

// tokenOf makes a token of a person.
func (c *company) tokenOf(person, may string) string {
	c.t.Helper()
	var made api.NewToken
	if err := json.Unmarshal(c.do(person, http.MethodPost, "/tokens", fmt.Sprintf(`{"name":"laptop","permissions":[%s],"expires_in":"720h"}`, may)).Body, &made); err != nil {
		c.t.Fatal(err)
	}
	return made.Secret
}
