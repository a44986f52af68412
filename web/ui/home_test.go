package ui_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/registry/access"
	"slipway/registry/registrytest"
)

// TestHomeTells: the front page tells what happened in words, with links, to people who may read what it is about; of a past moment, what had happened
// then.
func TestHomeTells(t *testing.T) {
	s := shop(t)
	page := parsed(t, s.get(formatstest.Admin, "/").Body)
	var told []string
	for _, n := range elements(page, classed("event")) {
		told = append(told, shownText(n))
	}
	for i, want := range []string{
		`admin deployed tool 1\.0\.0 in prod/web #\d+$`, `admin deployed tool 1\.1\.0 in prod/web #\d+$`, `admin deployed tool 1\.1\.0 in staging/web`,
		`admin set production to tool 1\.0\.0 from 1\.1\.0: 1\.1\.0 loses orders, see INC-7 #\d+$`, `admin set production to tool 1\.1\.0: release 11 #`, `admin published tool 1\.1\.0 in main #`,
	} {
		if i >= len(told) || !regexp.MustCompile(want).MatchString(told[i]) {
			t.Errorf("entry %d: no %q in %q", i, want, told)
		}
	}
	stranger := s.UserToken("eve", 0, access.Grant{Repository: "none", Actions: []access.Action{access.Read}})
	if page := s.page(stranger, "/"); strings.Contains(page, "tool 1.") || strings.Contains(page, "INC-7") {
		t.Error("what the visitor may not read is told")
	}
	if page := s.page(formatstest.Anonymous, "/"); strings.Contains(page, "tool 1.") || strings.Contains(page, "data-shows-on") {
		t.Error("a visitor who is not known is told")
	}
	moves := regexp.MustCompile(`#(\d+)$`).FindStringSubmatch(told[4])
	then := s.page(formatstest.Admin, "/?as_of=seq:"+moves[1])
	if !strings.Contains(then, "release 11") || strings.Contains(then, "INC-7") || strings.Contains(then, "data-shows") || !strings.Contains(then, "What had just happened") {
		t.Error("the past has what came later, or is live")
	}
}

// TestHomeShows: the front page shows what runs where, with versions, times and a mark where that is not what is wanted, and repositories with what
// they hold, as it was counted last.
func TestHomeShows(t *testing.T) {
	s := deployed(t)
	s.call("POST", "/storage/count", "")
	page := parsed(t, s.get(formatstest.Admin, "/").Body)
	matrix := shownText(elements(page, identified("matrix"))[0])
	for _, want := range []string{`Running now`, `Service.*\blive\b.*\bprod\b.*\bstaging\b`, `web 1\.1\.0 since .* drift`, `1\.0\.0 since`} {
		if !regexp.MustCompile(`(?s)` + want).MatchString(matrix) {
			t.Errorf("no %q in %q", want, matrix)
		}
	}
	if n := strings.Count(matrix, "drift"); n != 2 { // of live and of staging
		t.Errorf("%d marks of drift in %q", n, matrix)
	}
	list := shownText(elements(page, identified("repositories"))[0].Parent)
	if !regexp.MustCompile(`main *1 package, 2 versions, \d+ B`).MatchString(list) {
		t.Errorf("the repositories: %q", list)
	}
}

// TestHomePause: the front page shows what happens while it is open, and its button holds that back.
func TestHomePause(t *testing.T) {
	s := shop(t)
	c := newChromium(t, s)
	c.window(1440, false, true)
	c.open("/")
	c.await(`new Promise(done => {
  const look = () => document.querySelector("[data-shows-on]").hidden ? setTimeout(look, 20) : done("");
  look();
})`)
	shows := func(text string) string {
		return `new Promise(done => {
  const look = () => document.getElementById("happened").textContent.includes("` + text + `") ? done("") : setTimeout(look, 20);
  look();
})`
	}
	s.send(http.MethodPut, "/raw/main/open/1.0.0/a.txt", "a", http.StatusCreated)
	c.await(shows("open 1.0.0"))
	c.evaluate(`document.querySelector("[data-shows-on] button").click(), ""`)
	s.send(http.MethodPut, "/raw/main/paused/1.0.0/a.txt", "a", http.StatusCreated)
	held := c.await(`new Promise(done => {
  const says = document.querySelector("[data-shows-on] [role=status]");
  const look = () => /held back/.test(says.textContent) ? done(String(document.getElementById("happened").textContent.includes("paused"))) : setTimeout(look, 20);
  look();
})`)
	if held != "false" {
		t.Error("what happens while the page is paused is shown")
	}
	c.evaluate(`document.querySelector("[data-shows-on] button").click(), ""`)
	c.await(shows("paused 1.0.0"))
}

// shell runs commands as a person does who pastes them, with the clients that are installed under the names that people use. What is special to this
// machine is set around them: Maven's plugins lie in a folder, and Docker's daemon is the test's own.
func (c *client) shell(commands string) (string, error) {
	c.t.Helper()
	plugins := c.write("global.xml", "<settings><mirrors><mirror><id>plugins</id><mirrorOf>*,!slipway</mirrorOf><url>file://"+installedClient(c.t, "m2")+"</url></mirror></mirrors></settings>")
	for name, program := range map[string]string{
		"npm":    "exec node " + filepath.Join(installedClient(c.t, "npm-11.19.1"), "node_modules/npm/bin/npm-cli.js") + ` "$@"`,
		"twine":  "PYTHONPATH=" + installedClient(c.t, "twine-7.0.0") + ` exec python3 -m twine "$@" --non-interactive --disable-progress-bar`,
		"mvn":    "exec " + filepath.Join(installedClient(c.t, "maven-3.9.16"), "bin", "mvn") + " -B -q -gs " + plugins + ` "$@"`,
		"docker": `exec /usr/bin/docker "$@"`, // in the daemon's own version: another one may stand before it
	} {
		if err := os.Chmod(c.write("bin/"+name, "#!/bin/sh\n"+program), 0o700); err != nil { //nolint:gosec // a program
			c.t.Fatal(err)
		}
	}
	c.env = append(c.env, "PATH="+filepath.Join(c.home, "bin")+":"+os.Getenv("PATH"), "npm_config_update_notifier=false", "MAVEN_OPTS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.home="+c.home)
	return c.run("", "bash", "-ec", commands)
}

// TestFirstPublish: an empty installation leads a person to the first publish of each format by copy and paste only: the front page makes a token,
// has the commands, and says that each came, while it stays open.
func TestFirstPublish(t *testing.T) {
	s := newPage(t, formatstest.Options{}, all.All()...)
	c := newChromium(t, s)
	c.window(1440, false, true)
	c.logIn("admin", registrytest.AdminPassword)
	c.open("/")
	if got := c.text("#steps h2"); got != "Nothing is published in main yet" {
		t.Errorf("at first the page says %q", got)
	}
	c.do(chromedp.Click("#steps form button"), chromedp.WaitReady("#steps pre"))
	export := c.evaluate(`document.querySelector("#steps pre code").textContent`)
	var steps []string
	if err := json.Unmarshal([]byte(c.evaluate(`JSON.stringify([...document.querySelectorAll("#formats pre code")].map(e => e.textContent))`)), &steps); err != nil || len(steps) != 5 {
		t.Fatalf("%q, %v", steps, err)
	}
	c.await(`new Promise(done => {
  const look = () => document.querySelector("[data-shows-on]").hidden ? setTimeout(look, 20) : done("");
  look();
})`)
	docker := formatstest.DockerDaemon(t, "/usr/sbin/dockerd", os.Environ())
	for _, want := range []struct{ part, step string }{{"/raw/main/", "hello 1.0.0"}, {"/npm/main/", "hello-npm 1.0.0"}, {"/pypi/main/", "hello-python 1.0.0"}, {"/maven/main", "com.example:hello-maven 1.0.0"},
		{"docker push", "hello-image"}} {
		commands := ""
		for _, text := range steps {
			if strings.Contains(text, want.part) {
				commands = text
			}
		}
		machine := &client{t: t, home: t.TempDir(), env: []string{"DOCKER_HOST=" + docker}}
		if out, err := machine.shell(export + "\n" + commands); err != nil {
			t.Fatalf("%s: %v: %s", commands, err, out)
		}
		if got := c.await(fmt.Sprintf(`new Promise(done => {
  let left = 300;
  const look = () => {
    const told = [...document.querySelectorAll("#formats .note.good")].map(e => e.textContent).join(" | ");
    if (told.includes(%[1]q) && document.getElementById("happened").textContent.includes(%[1]q) || left-- === 0) done(told); else setTimeout(look, 50);
  };
  look();
})`, want.step)); !strings.Contains(got, want.step+" ") {
			t.Errorf("after the commands the page says %q", got)
		}
	}
	c.screenshot("first-publish")
	if got := c.text("#steps pre"); !strings.Contains(got, "export SLIPWAY_TOKEN=slp_") {
		t.Errorf("the token is gone: %q", got)
	}
	if page := s.page(formatstest.Admin, "/"); strings.Contains(page, `id="steps"`) {
		t.Error("the first steps stay where something is published")
	}
	if page := s.page(formatstest.Admin, "/?first=1"); !strings.Contains(page, "It is there: 5 of 5 formats have a first version in main") {
		t.Error("without scripts the page does not tell what is there")
	}
	if res := s.Do(formatstest.Anonymous, formatstest.Request{Method: http.MethodPost, Path: "/"}.With("Accept", browser).With("Content-Type", "application/x-www-form-urlencoded")); res.Status != http.StatusForbidden {
		t.Errorf("a visitor makes a token: %v", res)
	}
}
