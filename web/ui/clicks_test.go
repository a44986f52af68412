package ui_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"slipway/formats/formatstest"
)

// person finds the way on real pages by what they show, and counts clicks.
type person struct {
	t      *testing.T
	s      *site
	page   *html.Node
	clicks int
}

// begin opens the front page.
func begin(t *testing.T, s *site) *person {
	t.Helper()
	p := &person{t: t, s: s}
	p.open("/")
	p.clicks = 0
	return p
}

func (p *person) open(path string) {
	p.t.Helper()
	res := p.s.get(formatstest.Admin, strings.TrimPrefix(path, p.s.URL))
	if res.Status != http.StatusOK {
		p.t.Fatalf("%s: %v", path, res)
	}
	p.page, p.clicks = parsed(p.t, res.Body), p.clicks+1
}

// click follows the first link in the page's main part that shows a text.
func (p *person) click(text string) {
	p.t.Helper()
	for _, main := range elements(p.page, named("main")) {
		for _, a := range elements(main, named("a")) {
			if shownText(a) == text {
				p.open(attr(a, "href"))
				return
			}
		}
	}
	p.t.Fatalf("no link shows %q", text)
}

// unfold opens the details whose summary shows a text, and returns what is in them.
func (p *person) unfold(text string) *html.Node {
	p.t.Helper()
	for _, d := range elements(p.page, named("details")) {
		if s := elements(d, named("summary")); len(s) > 0 && shownText(s[0]) == text {
			p.clicks++
			return d
		}
	}
	p.t.Fatalf("nothing to unfold shows %q", text)
	return nil
}

// search types into the box of the header and presses Enter.
func (p *person) search(words string) {
	p.t.Helper()
	p.open("/search?q=" + url.QueryEscape(words))
}

// sees fails the test unless the page, or a part of it, shows all texts, after at most four clicks.
func (p *person) sees(part *html.Node, texts ...string) {
	p.t.Helper()
	shown := shownText(part)
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			p.t.Errorf("no %q in %s", text, shown)
		}
	}
	if p.clicks > 4 {
		p.t.Errorf("%d clicks", p.clicks)
	}
}

// TestClickPaths walks the ways that docs/ui.md promises, from the front page, by following links.
func TestClickPaths(t *testing.T) {
	s := shop(t)
	for _, file := range [][2]string{{"pom", `<project><modelVersion>4.0.0</modelVersion><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.17.1</version></project>`}, {"jar", "PK"}} {
		s.send(http.MethodPut, "/maven/main/org/apache/logging/log4j/log4j-core/2.17.1/log4j-core-2.17.1."+file[0], file[1], http.StatusCreated)
	}
	s.send(http.MethodPut, "/maven/main/org/apache/logging/log4j/log4j-core/maven-metadata.xml", `<metadata><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId>
<versioning><release>2.17.1</release><versions><version>2.17.1</version></versions></versioning></metadata>`, http.StatusCreated)
	s.send(http.MethodPost, "/api/v1/deployments", `{"environment":"prod","service":"jobs","repository":"main","purl":"pkg:maven/org.apache.logging.log4j/log4j-core@2.17.1","status":"succeeded","external_id":"jobs-1"}`, http.StatusCreated)

	p := begin(t, s) // who moved production, and why?
	p.click("1.0.0")
	p.click("production")
	p.sees(p.page, "1.1.0 loses orders, see INC-7", "release 11", "by admin (token test)")

	p = begin(t, s) // from which commit is what runs in prod?
	p.click("1.0.0")
	p.sees(p.page, "4f2a9c1d4f2a", "https://git.example.com/acme/tool", "812 by woodpecker")

	p = begin(t, s) // is log4j-core anywhere, and where does it run?
	p.search("log4j-core")
	p.sees(p.page, "org.apache.logging.log4j:log4j-core", "2.17.1")
	p.click("2.17.1")
	p.sees(p.page, "Where it runs and ran", "prod jobs succeeded")
	p.sees(p.unfold("Gradle"), "org.apache.logging.log4j:log4j-core:2.17.1") // how is it installed with Gradle?

	p = begin(t, s) // roll web back
	p.click("prod")
	p.unfold("Roll back")
	var form *html.Node
	for _, details := range elements(p.page, classed("confirm")) { // that of the service web
		if summary := elements(details, named("summary")); attr(summary[0], "aria-label") == "Roll back web" {
			form = elements(details, named("form"))[0]
		}
	}
	fields := url.Values{"reason": {"loses orders"}}
	for _, in := range elements(form, named("input")) {
		if name := attr(in, "name"); name != "reason" {
			fields.Set(name, attr(in, "value"))
		}
	}
	res := s.Do(formatstest.Admin, formatstest.Request{Method: http.MethodPost, Path: strings.TrimPrefix(attr(form, "action"), s.URL), Body: []byte(fields.Encode())}.
		With("Content-Type", "application/x-www-form-urlencoded").With("Accept", browser))
	if res.Status != http.StatusOK && res.Status != http.StatusSeeOther {
		t.Fatal(res)
	}
	p.open("/env/prod") // where the form leads
	p.sees(p.page, "tool 1.1.0", "loses orders")

	text, err := os.ReadFile("../../docs/ui.md")
	if err != nil || strings.Count(string(text), " clicks)") < 4 {
		t.Errorf("docs/ui.md does not tell the ways: %v", err)
	}
}

// TestLastReleasePath walks the way of docs/ui.md to what the last release changed: the environment, the form that compares it with the moment before,
// and from there the files of the service that changed, or its commits.
func TestLastReleasePath(t *testing.T) {
	s := shop(t)
	s.send(http.MethodPut, "/api/v1/repositories/main/packages/raw/tool/versions/1.1.0/metadata", `{"source":{"repository":"https://git.example.com/acme/tool","commit":"9e1b0c2d"}}`, http.StatusNoContent)
	before := time.Now().Truncate(time.Second).Add(time.Second) // the field of the form has seconds
	time.Sleep(time.Until(before.Add(10 * time.Millisecond)))
	s.send(http.MethodPost, "/api/v1/deployments", `{"environment":"prod","service":"web","repository":"main","purl":"pkg:generic/tool@1.1.0","status":"succeeded"}`, http.StatusCreated)

	p := begin(t, s)
	p.click("prod")
	p.click("Compare with another moment or environment")
	p.fill("filter", map[string]string{"at": before.UTC().Format("2006-01-02T15:04:05")})
	p.sees(p.page, "web", "changed", "1.0.0", "1.1.0", "prod now")
	var commits string
	for _, a := range elements(p.page, named("a")) {
		if shownText(a) == "commits" {
			commits = attr(a, "href")
		}
	}
	if want := "https://git.example.com/acme/tool/compare/4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d...9e1b0c2d"; commits != want {
		t.Errorf("its commits: %q, want %s", commits, want)
	}
	p.click("what changed")
	p.sees(p.page, "tool: 1.0.0 → 1.1.0", "tool.txt changed", "README.md added")
}

// fill fills in some fields of the first form of a class, leaves the others as they are, and sends it.
func (p *person) fill(class string, values map[string]string) {
	p.t.Helper()
	forms := elements(p.page, classed(class))
	if len(forms) == 0 {
		p.t.Fatalf("no form is a %q", class)
	}
	fields := url.Values{}
	for _, in := range elements(forms[0], func(n *html.Node) bool { return n.Data == "input" || n.Data == "select" }) {
		name, value := attr(in, "name"), attr(in, "value")
		if in.Data == "select" {
			value = chosen(in)
		}
		if given, ok := values[name]; ok {
			value = given
			delete(values, name)
		}
		fields.Set(name, value)
	}
	for name := range values {
		p.t.Fatalf("the form has no field %q", name)
	}
	p.open(attr(forms[0], "action") + "?" + fields.Encode())
}
