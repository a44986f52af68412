package ui_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/registry/registrytest"
)

// client is a real client that the page sets up: it runs in a home of its own, which has what the page shows.
type client struct {
	t    *testing.T
	home string
	dir  string // below home, where it runs
	env  []string
}

// write puts a file into the client's home.
func (c *client) write(path, text string) string {
	c.t.Helper()
	path = filepath.Join(c.home, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// run runs a program with a token in the variable of the lines.
func (c *client) run(secret string, args ...string) (string, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.WaitDelay = filepath.Join(c.home, c.dir), 10*time.Second
	cmd.Env = append(os.Environ(), "HOME="+c.home, "SLIPWAY_TOKEN="+secret, "no_proxy=*")
	cmd.Env = append(cmd.Env, c.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// installedClient is a directory that make clients fills.
func installedClient(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("SLIPWAY_CLIENTS")
	if dir == "" {
		dir = filepath.Join("..", "..", ".cache", "clients")
	}
	dir, err := filepath.Abs(filepath.Join(dir, name))
	if err == nil {
		_, err = os.Stat(dir)
	}
	absent(t, err)
	return dir
}

// absent skips a test where a client is not installed, or fails it where make clients must have run.
func absent(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "":
		t.Fatalf("run make clients: %v", err)
	default:
		t.Skipf("run make clients: %v", err)
	}
}

// setUpCases are the clients that are set up by what the page shows and nothing else. lines has the texts of the page by the file that they belong
// into; use makes a request that needs the token, and is called with a wrong one first.
var setUpCases = []struct {
	client, name, works string
	use                 func(c *client, s *site, lines map[string]string, secret string) (string, error)
}{
	{"npm", "npm", `npm [0-9.]+ published @acme/web with token npm-`, func(c *client, _ *site, lines map[string]string, secret string) (string, error) {
		program := filepath.Join(installedClient(c.t, "npm-11.19.1"), "node_modules/npm/bin/npm-cli.js")
		c.env = []string{"npm_config_update_notifier=false", "npm_config_fetch_retries=0"}
		c.write(".npmrc", lines["~/.npmrc"])
		c.write("web/.npmrc", lines[".npmrc"])
		c.write("web/package.json", `{"name":"@acme/web","version":"1.4.2"}`)
		c.dir = "web"
		return c.run(secret, "node", program, "publish")
	}},
	{"pip", "pip", `pip [0-9.]+ installed acme_lib 2\.0 with token pip-`, func(c *client, s *site, lines map[string]string, secret string) (string, error) {
		s.wheel("acme_lib", "2.0")
		c.env = []string{"PIP_CONFIG_FILE=" + c.write("pip.conf", lines["pip.conf"]), "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_NO_INPUT=1", "PIP_CACHE_DIR=" + filepath.Join(c.home, "cache"),
			"PYTHONPATH=" + installedClient(c.t, "pip-26.3")}
		c.write(".netrc", strings.ReplaceAll(lines["~/.netrc"], tokenOf(lines), secret))
		return c.run(secret, "python3", "-m", "pip", "install", "--no-deps", "--target", filepath.Join(c.home, "lib"), "--root-user-action", "ignore", "acme-lib")
	}},
	{"maven", "Maven", `Apache Maven [0-9.]+ published com\.acme:parent 3\.1 with token maven-`, func(c *client, _ *site, lines map[string]string, secret string) (string, error) {
		plugins := installedClient(c.t, "m2")
		mirror := "<mirrors><mirror><id>plugins</id><mirrorOf>*,!slipway</mirrorOf><url>file://" + plugins + "</url></mirror></mirrors></settings>"
		settings := c.write(".m2/settings.xml", strings.Replace(lines["~/.m2/settings.xml"], "</settings>", mirror, 1))
		c.write("pom.xml", `<project><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId><artifactId>parent</artifactId><version>3.1</version><packaging>pom</packaging>`+lines["pom.xml"]+`</project>`)
		c.env = []string{"MAVEN_OPTS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.home=" + c.home}
		return c.run(secret, "mvn", "-B", "-q", "-s", settings, "org.apache.maven.plugins:maven-deploy-plugin:3.1.4:deploy")
	}},
	{"docker", "skopeo", `skopeo [0-9.]+ pushed main/app:1\.0 with token docker-`, func(c *client, s *site, _ map[string]string, secret string) (string, error) {
		_, err := exec.LookPath("skopeo")
		absent(c.t, err)
		c.imageLayout("image")
		to := "docker://" + strings.TrimPrefix(s.URL, "http://") + "/main/app:1.0"
		return c.run(secret, "skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", "ci:"+secret, "oci:"+filepath.Join(c.home, "image")+":1.0", to)
	}},
}

// tokenOf is the token in the lines of a page.
func tokenOf(lines map[string]string) string {
	return strings.TrimPrefix(strings.TrimSpace(lines["export"]), "export SLIPWAY_TOKEN=")
}

// TestSetUpInBrowser: a person chooses a client and makes a token on the page, copies its lines, and runs the client: the page, which stays open,
// says what is wrong while the token is a wrong one, and then that it works, and by what.
func TestSetUpInBrowser(t *testing.T) {
	s := newPage(t, formatstest.Options{}, all.All()...)
	window := newChromium(t, s)
	window.window(1440, false, true)
	window.logIn("admin", registrytest.AdminPassword)
	for _, c := range setUpCases {
		t.Run(c.name, func(t *testing.T) {
			window.open("/setup")
			window.evaluate(`document.querySelector("select[name=client]").value = "` + c.client + `"; ""`)
			window.do(chromedp.Click("form.filter button"), chromedp.WaitReady(`option[value="`+c.client+`"][selected]`))
			window.do(chromedp.Click("aside form button"), chromedp.WaitReady("#made"))
			var pairs [][2]string
			lines := map[string]string{}
			if err := json.Unmarshal([]byte(window.evaluate(linesOfPage)), &pairs); err != nil {
				t.Fatal(err)
			}
			for _, p := range pairs {
				lines[p[0]] = p[1]
			}
			secret := tokenOf(lines)
			if got := window.text("#seen"); !strings.Contains(got, "Waiting for your first request") {
				t.Errorf("at first the page says %q", got)
			}
			machine := &client{t: t, home: t.TempDir()}
			wrong := secret[:len(secret)-4] + strings.Map(func(r rune) rune { return map[bool]rune{true: 'b', false: 'a'}[r == 'a'] }, secret[len(secret)-4:])
			if out, err := c.use(machine, s, lines, wrong); err == nil {
				t.Errorf("a wrong token works: %s", out)
			}
			if got := window.comes("Something is wrong"); !strings.Contains(got, "was refused: ") || !strings.Contains(got, "is not whole") {
				t.Errorf("of a wrong token the page says %q", got)
			}
			if out, err := c.use(machine, s, lines, secret); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if got := window.comes("It works"); !regexp.MustCompile(c.works).MatchString(got) {
				t.Errorf("the page says %q", got)
			}
			window.screenshot("setup-works-" + c.client)
		})
	}
}

// linesOfPage is what the page shows to copy, each text with the file that it belongs into; the line with the token is "export".
const linesOfPage = `JSON.stringify([...document.querySelectorAll("main .first pre code")].map(code => {
  if (code.closest("section").querySelector("#made")) return ["export", code.textContent];
  const where = (code.closest(".copyable") ?? code.closest("pre")).previousElementSibling;
  return [where?.querySelector("code")?.textContent ?? "", code.textContent];
}))`

// comes looks at the window again until the page, which stays open, has a heading of what came of the client's requests, and returns all that it says.
func (c *chromium) comes(heading string) string {
	c.t.Helper()
	return c.await(`new Promise((done, give) => {
  let left = 200;
  const look = () => {
    if (document.getElementById("state").textContent === "` + heading + `") done(document.getElementById("seen").textContent);
    else if (left-- === 0) done("no such heading: " + document.getElementById("seen").textContent);
    else { dispatchEvent(new Event("focus")); setTimeout(look, 50); }
  };
  look();
})`)
}

// wheel publishes a wheel, as twine does, unless it is there.
func (s *site) wheel(name, version string) {
	s.t.Helper()
	info := name + "-" + version + ".dist-info/"
	file := name + "-" + version + "-py3-none-any.whl"
	if s.get(formatstest.Admin, "/pypi/main/simple/"+strings.ReplaceAll(name, "_", "-")+"/").Status == http.StatusOK {
		return
	}
	body := packed(s.t, name+"/__init__.py", "", info+"METADATA", "Metadata-Version: 2.1\nName: "+name+"\nVersion: "+version+"\n", info+"WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n", info+"RECORD", name+"/__init__.py,,\n")
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for _, f := range [][2]string{{":action", "file_upload"}, {"protocol_version", "1"}, {"metadata_version", "2.1"}, {"name", name}, {"version", version}, {"filetype", "bdist_wheel"}, {"pyversion", "py3"},
		{"sha256_digest", fmt.Sprintf("%x", sha256.Sum256(body))}} {
		if err := w.WriteField(f[0], f[1]); err != nil {
			s.t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("content", file)
	if err == nil {
		_, err = part.Write(body)
	}
	if err != nil || w.Close() != nil {
		s.t.Fatal(err)
	}
	if res := s.Do(formatstest.Admin, formatstest.Request{Method: http.MethodPost, Path: "/pypi/main/", Body: form.Bytes()}.With("Content-Type", w.FormDataContentType())); res.Status != http.StatusOK {
		s.t.Fatal(res)
	}
}

// imageLayout writes an image of one empty layer as an OCI image layout, under the name 1.0.
func (c *client) imageLayout(dir string) {
	c.t.Helper()
	blob := func(mediaType string, body []byte) map[string]any {
		sum := fmt.Sprintf("%x", sha256.Sum256(body))
		c.write(dir+"/blobs/sha256/"+sum, string(body))
		return map[string]any{"mediaType": mediaType, "digest": "sha256:" + sum, "size": len(body)}
	}
	text := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			c.t.Fatal(err)
		}
		return b
	}
	layer := blob("application/vnd.oci.image.layer.v1.tar", make([]byte, 1024)) // an empty tar
	config := blob("application/vnd.oci.image.config.v1+json", text(map[string]any{"architecture": "amd64", "os": "linux", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []any{layer["digest"]}}}))
	manifest := blob("application/vnd.oci.image.manifest.v1+json", text(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": config, "layers": []any{layer}}))
	manifest["annotations"] = map[string]string{"org.opencontainers.image.ref.name": "1.0"}
	c.write(dir+"/index.json", string(text(map[string]any{"schemaVersion": 2, "manifests": []any{manifest}})))
	c.write(dir+"/oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
}
