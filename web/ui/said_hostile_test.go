package ui_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

// hostileText is what a publisher may write into any field.
const hostileText = "<script>alert(1)</script>\" onload=x '><img src=x onerror=alert(1)> javascript:alert(1) \u202etxt\x1b[31m \u2066x"

// hostileImage pushes an image whose config is what a publisher likes it to be, and returns its digest.
func (s *site) hostileImage(config string) string {
	s.t.Helper()
	m := s.manifest("evil", "", map[string]any{"mediaType": ociImage, "config": s.blob("evil", ociConfig, config), "layers": []any{s.blob("evil", ociLayer, "layer"+config[:min(len(config), 20)])},
		"annotations": map[string]string{"org.opencontainers.image.base.name": hostileText, "x" + hostileText: hostileText, "org.opencontainers.image.description": hostileText}})
	return fmt.Sprint(m["digest"])
}

// TestHostileSaid: whatever a version says of itself shows as text, of bounded length, and a page is there however much it says or how deep it
// nests.
func TestHostileSaid(t *testing.T) {
	s := newPage(t, formatstest.Options{}, all.All()...)
	s.send(http.MethodPatch, "/api/v1/repositories/main", `{"settings":{"maven_immediate":true}}`, http.StatusOK)
	long := strings.Repeat("A", 1<<20-2000)
	config := func(fields string) string {
		return `{"os":"linux","architecture":"amd64",` + fields + `,"history":[{"created_by":` + string(s.json(hostileText)) + `}]}`
	}
	texts := string(s.json([]string{hostileText}))
	paths := map[string]string{}
	for name, body := range map[string]string{
		"hostile": config(`"created":` + string(s.json(hostileText)) + `,"author":` + string(s.json(hostileText)) + `,"config":{"Entrypoint":` + texts + `,"Cmd":` + texts + `,"Env":` + texts + `,"User":` + string(s.json(hostileText)) +
			`,"WorkingDir":` + string(s.json(hostileText)) + `,"ExposedPorts":{` + string(s.json(hostileText)) + `:{}},"Labels":{` + string(s.json(hostileText)) + `:` + string(s.json(hostileText)) + `}}`),
		"long":          config(`"config":{"Entrypoint":["` + long + `"]}`),
		"deep":          strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"invalid UTF-8": config("\"config\":{\"User\":\"\xff\xfe\"}"),
		"many":          config(`"config":{"Env":[` + strings.TrimSuffix(strings.Repeat(`"a=b",`, 50_000), ",") + `]}`),
		"no JSON":       "PK\x03\x04" + hostileText,
		"wrong types":   `{"os":7,"config":{"Env":{"a":1},"Labels":[1]},"history":"x"}`,
	} {
		paths["image, "+name] = "/r/main/oci/evil/v/" + s.hostileImage(body)
	}
	s.publishNPM("evil", "1.0.0", map[string]any{"description": hostileText, "license": hostileText, "homepage": "javascript:alert(1)", "engines": map[string]string{hostileText: hostileText},
		"dependencies": map[string]string{"left-pad": hostileText}, "bin": map[string]string{"evil": "x" + hostileText}, "scripts": map[string]string{"postinstall": hostileText, "x" + hostileText: "y"}})
	paths["npm"] = "/r/main/npm/evil/v/1.0.0"
	line := strings.NewReplacer("\x1b", "").Replace(hostileText) // core metadata have no control characters
	s.publishWheel("evil-1.0-py3-none-any.whl", "Metadata-Version: 2.4\nName: evil\nVersion: 1.0\nSummary: "+line+"\nClassifier: "+line+"\nRequires-Dist: "+line+"\nProject-URL: "+line+", javascript:alert(1)\nLicense: "+line+"\n")
	paths["pypi"] = "/r/main/pypi/evil/v/1.0"
	escaped := strings.NewReplacer("<", "&lt;", "&", "&amp;", "\x1b", "").Replace(hostileText)
	s.put("/maven/main/com/acme/evil/1/evil-1.pom", []byte(`<project><groupId>com.acme</groupId><artifactId>evil</artifactId><version>1</version><description>`+escaped+`</description><url>javascript:alert(1)</url>
<licenses><license><name>`+escaped+`</name></license></licenses><properties><a>${a}${a}${a}</a></properties><dependencies><dependency><groupId>`+escaped+`</groupId><artifactId>${a}${a}</artifactId><version>`+escaped+`</version></dependency></dependencies></project>`), "application/xml", http.StatusCreated)
	paths["maven"] = "/r/main/maven/com.acme:evil/v/1"
	bad := regexp.MustCompile(`\x{202e}|\x{2066}|\x1b`)
	for name, path := range paths {
		res := s.get(formatstest.Admin, path)
		for _, found := range active(t, res.Body) {
			t.Errorf("%s: %s", name, found)
		}
		if found := bad.Find(res.Body); res.Status != http.StatusOK || found != nil || len(res.Body) > 200<<10 {
			t.Errorf("%s: %d, %d bytes, has %q", name, res.Status, len(res.Body), found)
		}
	}
	for name, text := range map[string]string{"image, hostile": "&lt;script&gt;alert(1)", "npm": "&lt;script&gt;alert(1)", "pypi": "&lt;script&gt;alert(1)", "maven": "&lt;script&gt;alert(1)", "image, no JSON": "it is not the config of an image", "image, deep": "nests too deep"} {
		if page := s.page(formatstest.Admin, paths[name]); !strings.Contains(page, text) {
			t.Errorf("%s: no %q", name, text)
		}
	}
}

// active finds what a browser would run or load in a page but for the program's own script and style.
func active(t *testing.T, page []byte) (found []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(string(page), "<!doctype html>")))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch name := start.Name.Local; name {
		case "script":
			if !strings.Contains(attribute(start, "src"), "/ui/app.") {
				found = append(found, "a script")
			}
		case "img", "iframe", "object", "embed", "style", "base":
			found = append(found, "an element "+name)
		}
		for _, a := range start.Attr {
			if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "style" || strings.HasPrefix(strings.TrimSpace(a.Value), "javascript:") {
				found = append(found, fmt.Sprintf("<%s %s=%q>", start.Name.Local, a.Name.Local, a.Value))
			}
		}
	}
}

// weekly keeps what is deleted for a week.
var weekly = formatstest.Options{Core: []registrytest.Option{registrytest.With(func(c *instance.Config) { c.DeletedGrace = 7 * 24 * time.Hour })}}

// TestHiddenSaid: who may not read a repository learns nothing of what its versions say, by any of the ways to it, nor who deleted what.
func TestHiddenSaid(t *testing.T) {
	s := newPage(t, weekly, all.All()...)
	s.stock()
	bob := formatstest.As(s.ReadToken(formatstest.OtherRepository))
	image := s.indexOf("team/app", "1.0")
	for _, path := range []string{
		"/r/main/npm/@acme/web/v/1.4.2", "/r/main/oci/team/app/v/" + image, "/r/main/oci/team/app/-/activity",
		"/api/v1/repositories/main/packages/oci/team%2Fapp/versions/" + url.PathEscape(image) + "/description", "/api/v1/repositories/main/packages/oci/team%2Fapp/versions/" + url.PathEscape(image) + "/referrers",
	} {
		if res := s.get(bob, path); res.Status != http.StatusNotFound || strings.Contains(string(res.Body), "left-pad") || strings.Contains(string(res.Body), "amd64") {
			t.Errorf("%s: %v", path, res)
		}
	}
	s.send(http.MethodPost, "/api/v1/repositories", `{"name":"brief"}`, http.StatusCreated)
	s.send(http.MethodDelete, "/api/v1/repositories/brief", "", http.StatusNoContent)
	if res := s.get(bob, "/r/brief"); res.Status != http.StatusNotFound || strings.Contains(string(res.Body), "was deleted") {
		t.Errorf("a deleted repository, to somebody else: %v", res)
	}
	if res := s.get(formatstest.Admin, "/r/brief"); res.Status != http.StatusGone || !strings.Contains(string(res.Body), "slipway repo restore brief") || !strings.Contains(string(res.Body), `by admin <span class="muted">(token test)</span>`) {
		t.Errorf("a deleted repository: %v", res)
	}
	for _, path := range []string{"/r/brief/raw/tool", "/r/brief/raw/tool/v/1"} {
		res := s.get(formatstest.Admin, path)
		s.inspect(t, path, res)
		if res.Status != http.StatusGone {
			t.Errorf("%s: %v", path, res)
		}
	}
	if res := s.get(formatstest.Admin, "/r/main/raw/absent"); res.Status != http.StatusNotFound {
		t.Errorf("what never was: %v", res)
	}
}

// TestGone: the pages of a deleted version, and of a package without another, answer with 410 and say who deleted it, when, why, and how it
// comes back.
func TestGone(t *testing.T) {
	s := newPage(t, weekly, all.All()...)
	s.send(http.MethodPut, "/raw/main/tool/1.0.0/tool.txt", "one", http.StatusCreated)
	s.send(http.MethodPut, "/raw/main/tool/1.1.0/tool.txt", "two", http.StatusCreated)
	s.send(http.MethodDelete, "/api/v1/repositories/main/packages/raw/tool/versions/1.0.0?reason=too+old", "", http.StatusNoContent)
	version := func(version string, has ...string) {
		t.Helper()
		res := s.get(formatstest.Admin, "/r/main/raw/tool/v/"+version)
		s.inspect(t, version, res)
		for _, text := range append(has, "This version was deleted", `by admin <span class="muted">(token test)</span>`, "It can be restored until", "slipway version restore main raw tool "+version, "artifact.deleted") {
			if res.Status != http.StatusGone || !strings.Contains(string(res.Body), text) {
				t.Errorf("%s: %d, no %q", version, res.Status, text)
			}
		}
	}
	version("1.0.0", "too old")
	if res := s.get(formatstest.Admin, "/r/main/raw/tool"); res.Status != http.StatusOK {
		t.Errorf("a package with another version: %v", res)
	}
	s.send(http.MethodDelete, "/api/v1/repositories/main/packages/raw/tool/versions/1.1.0?reason=leaked+a+key", "", http.StatusNoContent)
	version("1.1.0", "leaked a key")
	res := s.get(formatstest.Admin, "/r/main/raw/tool")
	s.inspect(t, "package", res)
	for _, text := range []string{"All versions of this package were deleted", "1.1.0</a>", "leaked a key", `by admin <span class="muted">(token test)</span>`, "slipway version restore main raw tool 1.1.0"} {
		if res.Status != http.StatusGone || !strings.Contains(string(res.Body), text) {
			t.Errorf("the package: %d, no %q", res.Status, text)
		}
	}
	activity := s.page(formatstest.Admin, "/r/main/raw/tool/-/activity")
	for _, text := range []string{"artifact.published", "artifact.deleted", "leaked a key", "too old"} {
		if !strings.Contains(activity, text) {
			t.Errorf("the activity: no %q", text)
		}
	}
	s.send(http.MethodPost, "/api/v1/repositories/main/packages/raw/tool/versions/1.1.0/restore", "", http.StatusOK)
	if res := s.get(formatstest.Admin, "/r/main/raw/tool/v/1.1.0"); res.Status != http.StatusOK {
		t.Errorf("restored: %v", res)
	}
}
