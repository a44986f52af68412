package npm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// three publishes three versions of web: 1.0.0, 1.1.0 (latest) and 1.2.0-rc.1 (next).
func three(t testing.TB) *env {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "web", version: "1.0.0"})
	e.publish(pub{name: "web", version: "1.1.0"})
	e.publish(pub{name: "web", version: "1.2.0-rc.1", tags: map[string]string{"next": "1.2.0-rc.1"}})
	return e
}

func TestDistTags(t *testing.T) {
	e := three(t)
	const base = "/-/package/web/dist-tags"
	for _, c := range []struct {
		method, path, body string
		status             int
		words              string
	}{
		{"PUT", base + "/beta", `"1.0.0"`, 201, ""},
		{"PUT", base + "/beta", `"v1.1.0"`, 201, ""},
		{"POST", base + "/beta", `"1.0.0"`, 201, ""},
		{"PUT", base + "/latest", `"1.0.0"`, 201, ""},
		{"PUT", base + "/beta", `"9.9.9"`, 404, `"9.9.9"`},
		{"PUT", base + "/beta", `"latest"`, 400, "not a version"},
		{"PUT", base + "/beta", `{}`, 400, ""},
		{"PUT", base + "/beta", ``, 400, "JSON"},
		{"PUT", base + "/1.x", `"1.0.0"`, 400, "SemVer range"},
		{"PUT", base + "/v1", `"1.0.0"`, 400, "SemVer range"},
		{"PUT", base + "/a%20b", `"1.0.0"`, 400, "tag"},
		// A tag named like a branch is refused with the sentence that a publish gets (fault J4).
		{"PUT", base + "/feature%2flogin", `"1.0.0"`, 400, `"feature/login" is not a tag: letters`},
		{"PUT", base + "/feature/login", `"1.0.0"`, 400, `"feature/login" is not a tag: letters`},
		{"DELETE", base + "/feature%2flogin", "", 404, `"feature/login"`},
		{"PUT", "/-/package/none/dist-tags/beta", `"1.0.0"`, 404, `"none"`},
		{"DELETE", base + "/latest", "", 400, "moved but not removed"},
		{"DELETE", base + "/none", "", 404, `"none"`},
		{"DELETE", base + "/next", "", 200, ""},
		{"GET", "/-/package/none/dist-tags", "", 404, `"none"`},
	} {
		e.want(c.status, c.words, e.do(formatstest.Admin, c.method, c.path, []byte(c.body)))
	}
	if got := fmt.Sprint(e.get(base)); got != "map[beta:1.0.0 latest:1.0.0]" {
		t.Errorf("tags: %s", got)
	}
	want := []string{"tag.set 1.0.0 beta", "tag.set 1.1.0 beta", "tag.set 1.0.0 beta", "tag.set 1.0.0 latest", "tag.removed 1.2.0-rc.1 next"}
	if got := e.events(); !slices.Equal(got[len(got)-len(want):], want) {
		t.Errorf("events: %v", got)
	}
}

// TestRepeatedPath (fault J5): npm 6 puts the path of the repository twice into the last request of an unpublish.
func TestRepeatedPath(t *testing.T) {
	e := three(t)
	rev := e.get("/web?write=true")["_rev"].(string)
	e.want(200, "", e.do(formatstest.Admin, "DELETE", "/npm/main/web/-/web-1.0.0.tgz/-rev/"+rev, nil))
	if got := e.versions("web"); slices.Contains(got, "1.0.0") || len(got) != 2 {
		t.Errorf("versions: %v", got)
	}
	e.want(404, "", e.do(formatstest.Admin, "GET", "/npm/main/web/-/web-1.1.0.tgz", nil))
}

// TestReadersOfPackage (fault J6): who may read a package is decided for the repository; pnpm reads the decision at a path of its
// own, and a publish that is to be restricted is told when everybody may read the repository.
func TestReadersOfPackage(t *testing.T) {
	for anonymous, word := range map[bool]string{false: "restricted", true: "public"} {
		e := newEnv(t, formatstest.Options{AnonymousRead: anonymous})
		for wish, told := range map[string]bool{"": false, "public": false, "restricted": anonymous, "private": anonymous} {
			body := pub{name: "web", version: fmt.Sprintf("1.0.%d", len(wish))}.body(t)
			if wish != "" {
				body = bytes.Replace(body, []byte(`"access":null`), []byte(`"access":"`+wish+`"`), 1)
			}
			res := e.want(201, "", e.do(formatstest.Admin, "PUT", "/web", body))
			if got := res.Header.Get("Npm-Notice"); strings.Contains(got, "everybody") != told || (got != "") != told {
				t.Errorf("anonymous reading %v, access %q: notice %q", anonymous, wish, got)
			}
		}
		if got := e.get("/-/package/web/access"); fmt.Sprint(got) != "map[access:"+word+"]" {
			t.Errorf("access: %v", got)
		}
		e.want(404, `"none"`, e.do(formatstest.Admin, "GET", "/-/package/none/access", nil))
	}
}

// deprecate edits the packument as npm deprecate does: all versions whose name is listed get the text.
func (e *env) deprecate(text string, versions ...string) formatstest.Response {
	e.t.Helper()
	doc := e.get("/web?write=true")
	for _, v := range versions {
		doc["versions"].(map[string]any)[v].(map[string]any)["deprecated"] = text
	}
	return e.do(formatstest.Admin, http.MethodPut, "/web", marshal(doc))
}

func (e *env) deprecated() map[string]any {
	e.t.Helper()
	out := map[string]any{}
	for name, v := range e.get("/web", "Accept", abbreviatedType)["versions"].(map[string]any) {
		if text := v.(map[string]any)["deprecated"]; text != nil {
			out[name] = text
		}
	}
	return out
}

func TestDeprecate(t *testing.T) {
	e := three(t)
	times := func() string {
		m := e.get("/web")["time"].(map[string]any)
		delete(m, "modified")
		return fmt.Sprint(m)
	}
	before, tags := times(), fmt.Sprint(e.get("/-/package/web/dist-tags"))
	e.want(http.StatusCreated, "", e.deprecate("use 2", "1.0.0", "1.1.0"))
	if got := fmt.Sprint(e.deprecated()); got != "map[1.0.0:use 2 1.1.0:use 2]" {
		t.Errorf("deprecated: %s", got)
	}
	events := len(e.events())
	e.want(http.StatusCreated, "", e.deprecate("use 2", "1.0.0"))
	if got := len(e.events()); got != events {
		t.Errorf("%d events for nothing", got-events)
	}
	e.want(http.StatusCreated, "", e.deprecate("", "1.0.0", "1.1.0"))
	if got := e.deprecated(); len(got) > 0 {
		t.Errorf("deprecated: %v", got)
	}
	if got := times(); got != before {
		t.Errorf("time: %s, was %s", got, before)
	}
	if got := fmt.Sprint(e.get("/-/package/web/dist-tags")); got != tags || len(e.versions("web")) != 3 {
		t.Errorf("tags %s, versions %v", got, e.versions("web"))
	}

	// A yanked version reads as deprecated, and stays yanked when the packument comes back.
	must(t, e.Publisher.Edit(e.Admin, e.name("web"), publish.Rights{access.Admin}, func(ed *publish.Edit) error { return ed.SetState("1.0.0", registry.Yanked, "leak") }))
	e.want(http.StatusCreated, "", e.deprecate("old", "1.1.0"))
	if v, err := e.Catalog.Resolve(e.Admin, e.name("web"), catalog.Ref{Version: "1.0.0"}); err != nil || v.State != registry.Yanked {
		t.Errorf("%+v %v", v, err)
	}

	// A stale document is refused; one with an unknown version is no publish.
	doc := e.get("/web?write=true")
	e.want(http.StatusCreated, "", e.deprecate("other", "1.1.0"))
	e.want(http.StatusConflict, "Document update conflict", e.do(formatstest.Admin, http.MethodPut, "/web", marshal(doc)))
	doc = e.get("/web?write=true")
	doc["versions"].(map[string]any)["3.0.0"] = map[string]any{}
	e.want(http.StatusBadRequest, `"3.0.0" does not exist`, e.do(formatstest.Admin, http.MethodPut, "/web", marshal(doc)))
	e.MustFsck(t)
}

// TestLargeDeprecation: the document of a large package comes back as a whole; it is many times what is kept in memory.
func TestLargeDeprecation(t *testing.T) {
	e := three(t)
	doc := e.get("/web?write=true")
	versions := doc["versions"].(map[string]any)
	versions["1.0.0"].(map[string]any)["deprecated"] = "old"
	filler := strings.Repeat("x", 9<<20)
	for _, v := range versions {
		v.(map[string]any)["filler"] = filler
	}
	doc["other"] = filler
	body := marshal(doc)
	if len(body) < 2*maxMetadataBytes {
		t.Fatal(len(body))
	}
	e.want(http.StatusCreated, "", e.do(formatstest.Admin, http.MethodPut, "/web", body))
	if got := fmt.Sprint(e.deprecated()); got != "map[1.0.0:old]" {
		t.Errorf("%s", got)
	}
}

// unpublish does what npm unpublish web@version does.
func (e *env) unpublish(version string) {
	e.t.Helper()
	doc := e.get("/web?write=true")
	tarball := doc["versions"].(map[string]any)[version].(map[string]any)["dist"].(map[string]any)["tarball"].(string)
	delete(doc["versions"].(map[string]any), version)
	doc["dist-tags"].(map[string]any)["latest"] = "1.2.0-rc.1" // what the client computes
	e.want(http.StatusCreated, "", e.do(formatstest.Admin, http.MethodPut, "/web/-rev/"+doc["_rev"].(string), marshal(doc)))
	rev := e.get("/web?write=true")["_rev"].(string)
	_, path, _ := strings.Cut(tarball, "/npm/main")
	e.want(http.StatusOK, "", e.do(formatstest.Admin, http.MethodDelete, path+"/-rev/"+rev, nil))
}

func TestUnpublishVersion(t *testing.T) {
	e := three(t)
	e.unpublish("1.1.0")
	doc := e.get("/web")
	if got := e.versions("web"); len(got) != 2 || doc["dist-tags"].(map[string]any)["latest"] != "1.0.0" || doc["time"].(map[string]any)["1.1.0"] != nil {
		t.Errorf("versions %v, tags %v", got, doc["dist-tags"])
	}
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodGet, "/web/-/web-1.1.0.tgz", nil))
	e.want(http.StatusForbidden, "previously published", e.put(pub{name: "web", version: "1.1.0"}))
	e.MustFsck(t)
}

func TestUnpublishPackage(t *testing.T) {
	e := three(t)
	rev := e.get("/web?write=true")["_rev"].(string)
	e.want(http.StatusConflict, "Document update conflict", e.do(formatstest.Admin, http.MethodDelete, "/web/-rev/undefined", nil))
	e.want(http.StatusOK, "", e.do(formatstest.Admin, http.MethodDelete, "/web/-rev/"+rev, nil))
	for _, path := range []string{"/web", "/web?write=true", "/web/latest", "/web/-/web-1.0.0.tgz", "/-/package/web/dist-tags", "/-/package/web/visibility"} {
		e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodGet, path, nil))
	}
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodDelete, "/web/-rev/"+rev, nil))
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodPut, "/web", marshal(map[string]any{"users": map[string]bool{"admin": true}})))
	e.publish(pub{name: "web", version: "2.0.0", tags: map[string]string{"next": "2.0.0"}})
	if got := fmt.Sprint(e.get("/-/package/web/dist-tags")); got != "map[latest:2.0.0 next:2.0.0]" {
		t.Errorf("tags: %s", got)
	}
	e.MustFsck(t)
}

func TestDeleteTarballAlone(t *testing.T) {
	e := three(t)
	e.want(http.StatusConflict, "update conflict", e.do(formatstest.Admin, http.MethodDelete, "/web/-/web-1.0.0.tgz/-rev/1-x", nil))
	rev := e.get("/web?write=true")["_rev"].(string)
	e.want(http.StatusOK, "", e.do(formatstest.Admin, http.MethodDelete, "/web/-/web-1.0.0.tgz/-rev/"+rev, nil))
	if got := e.versions("web"); len(got) != 2 {
		t.Errorf("versions %v", got)
	}
	e.want(http.StatusOK, "", e.do(formatstest.Admin, http.MethodDelete, "/web/-/web-1.0.0.tgz/-rev/1-x", nil))
	e.want(http.StatusNotFound, "none", e.do(formatstest.Admin, http.MethodDelete, "/none/-/none-1.0.0.tgz/-rev/1-x", nil))
}

// TestNothingWipes: no partial document removes versions, tags or anything else that it does not speak of.
func TestNothingWipes(t *testing.T) {
	e := three(t)
	before := fmt.Sprint(e.get("/web")["versions"], e.get("/web")["dist-tags"], e.get("/web")["time"].(map[string]any)["1.0.0"])
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/web/-rev/REV", `{"_id":"web","_rev":"REV","maintainers":[{"name":"admin","email":""},{"name":"bob","email":""}]}`, 201},
		{"/web", `{"_id":"web","_rev":"REV","users":{"admin":true,"eve":true}}`, 201},
		{"/web", `{"users":{}}`, 201},
		{"/web/-rev/REV", `{"_id":"web","_rev":"REV"}`, 400},
		{"/web/-rev/REV", `{"_id":"web","versions":{}}`, 400},
		{"/web/-rev/REV", `{"_id":"web","versions":{"9.9.9":{}}}`, 404},
		{"/web", `{"_id":"web","versions":{}}`, 201},
		{"/web", `{}`, 400},
		{"/web", `{"_attachments":{}}`, 400},
		{"/web/-rev/REV", `{"maintainers":[]}`, 400},
		{"/web/-rev/REV", `{"maintainers":"bob"}`, 400},
		{"/web/-rev/undefined", `{"maintainers":[{"name":"bob"}]}`, 409},
		{"/web/-rev/undefined", `{"versions":{"1.0.0":{}}}`, 409},
		{"/web/-rev/REV", `{"_rev":"1-x","maintainers":[{"name":"bob"}]}`, 409},
	} {
		rev, _ := e.get("/web?write=true")["_rev"].(string)
		res := e.do(formatstest.Admin, http.MethodPut, strings.ReplaceAll(c.path, "REV", rev), []byte(strings.ReplaceAll(c.body, "REV", rev)))
		if res.Status != c.status {
			t.Errorf("%s %s: %v, want %d", c.path, c.body, res, c.status)
		}
	}
	doc := e.get("/web")
	for _, v := range doc["versions"].(map[string]any) {
		v.(map[string]any)["maintainers"] = []any{map[string]any{"name": "admin", "email": ""}}
	}
	if after := fmt.Sprint(doc["versions"], doc["dist-tags"], doc["time"].(map[string]any)["1.0.0"]); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	if got := fmt.Sprint(doc["maintainers"], doc["users"]); got != "[map[email: name:admin] map[email: name:bob]] <nil>" {
		t.Errorf("maintainers and users: %s", got)
	}
	if got := e.get("/-/package/web/collaborators"); fmt.Sprint(got) != "map[admin:write bob:write]" {
		t.Errorf("collaborators: %v", got)
	}
	res := e.do(formatstest.Admin, http.MethodGet, "/-/package/web/collaborators", nil, "User-Agent", "pnpm/12.21.0 npm/? node/? linux x64")
	var list []map[string]string
	if err := json.Unmarshal(res.Body, &list); err != nil || len(list) != 2 || list[1]["user"] != "bob" || list[1]["permissions"] != "write" {
		t.Errorf("for pnpm: %v", res)
	}
}

// TestRightsOfChanges: each change asks for its own right.
func TestRightsOfChanges(t *testing.T) {
	e := three(t)
	rev := e.get("/web?write=true")["_rev"].(string)
	doc := e.get("/web?write=true")
	deprecation := bytes.Replace(marshal(doc), []byte(`"version":"1.0.0"`), []byte(`"version":"1.0.0","deprecated":"x"`), 1)
	delete(doc["versions"].(map[string]any), "1.0.0")
	removal := marshal(doc)
	for what, c := range map[string]struct {
		method, path string
		body         []byte
		right        access.Action
		status       int
	}{
		"tag":         {"PUT", "/-/package/web/dist-tags/beta", []byte(`"1.0.0"`), access.Tag, 201},
		"deprecation": {"PUT", "/web", deprecation, access.Publish, 201},
		"owner":       {"PUT", "/web/-rev/REV", []byte(`{"maintainers":[{"name":"eve"}]}`), access.Publish, 201},
		"removal":     {"PUT", "/web/-rev/" + rev, removal, access.Delete, 0},
		"unpublish":   {"DELETE", "/web/-rev/REV", nil, access.Delete, 200},
	} {
		path := func() string {
			return strings.Replace(c.path, "REV", e.get("/web?write=true")["_rev"].(string), 1)
		}
		for _, have := range []access.Action{access.Publish, access.Tag, access.Delete} {
			if have == c.right {
				continue
			}
			token := formatstest.As(e.Token("main", access.Read, have))
			if res := e.do(token, c.method, path(), c.body); res.Status != http.StatusForbidden {
				t.Errorf("%s with %s: %v", what, have, res)
			}
		}
	}
	remover := formatstest.As(e.Token("main", access.Read, access.Delete))
	e.want(http.StatusCreated, "", e.do(remover, "PUT", "/web/-rev/"+e.get("/web?write=true")["_rev"].(string), removalNow(e, "1.0.0")))
	if len(e.versions("web")) != 2 {
		t.Error("not removed")
	}
	// The last request of an unpublish needs no right to read (K12).
	rev = e.get("/web?write=true")["_rev"].(string)
	e.want(http.StatusOK, "", e.do(formatstest.As(e.Token("main", access.Delete)), "DELETE", "/web/-/web-1.1.0.tgz/-rev/"+rev, nil))
	if len(e.versions("web")) != 1 {
		t.Error("not removed without the right to read")
	}
}

func removalNow(e *env, version string) []byte {
	doc := e.get("/web?write=true")
	delete(doc["versions"].(map[string]any), version)
	return marshal(doc)
}

func TestAccess(t *testing.T) {
	e := three(t)
	for _, c := range []struct {
		body   string
		status int
	}{
		{`{"access":"restricted"}`, 200}, {`{"access":null}`, 200}, {`{"access":"public"}`, 403}, {`{"access":"private"}`, 200}, {`{"access":"bogus"}`, 400}, {`{"access":"PUBLIC"}`, 400}, {`{"publish_requires_tfa":true}`, 403}, {`{"publish_requires_tfa":false}`, 200},
	} {
		if res := e.do(formatstest.Admin, http.MethodPost, "/-/package/web/access", []byte(c.body)); res.Status != c.status {
			t.Errorf("%s: %v", c.body, res)
		}
	}
	if v := e.get("/-/package/web/visibility"); v["public"] != false {
		t.Errorf("visibility: %v", v)
	}
}

// TestChangeIsRead: a document is read of whom it may be for, and not of readers. (Of those without credentials: TestSuite.)
func TestChangeIsRead(t *testing.T) {
	e := three(t)
	q := formatstest.Request{Method: http.MethodPut, Path: "/npm/main/web/-rev/1-x", Body: []byte("{}")}
	for action, status := range map[access.Action]int{
		access.Read: http.StatusForbidden, access.Tag: http.StatusForbidden, access.Publish: http.StatusContinue, access.Delete: http.StatusContinue,
	} {
		if got := e.Expecting(formatstest.As(e.Token(registry.DefaultRepository, action)), q); got != status {
			t.Errorf("who may %s: %d, want %d", action, got, status)
		}
	}
	if got := e.Expecting(formatstest.As(e.Token(formatstest.OtherRepository, access.Publish)), q); got != http.StatusNotFound {
		t.Errorf("who may publish elsewhere: %d", got)
	}
}

// TestOneVersionIsRead: what concerns one version of a package does not read the others.
func TestOneVersionIsRead(t *testing.T) {
	var rows atomic.Int64
	e := newEnv(t, formatstest.Options{Core: []registrytest.Option{registrytest.CountRows(&rows)}})
	const versions = 50
	for i := range versions {
		e.publish(pub{name: "web", version: fmt.Sprintf("1.0.%d", i)})
	}
	pkg, err := e.Catalog.Package(e.Admin, e.name("web"))
	must(t, err)
	for _, c := range []struct{ method, path string }{
		{http.MethodGet, "/web/1.0.1"}, {http.MethodGet, "/web/latest"}, {http.MethodDelete, "/web/-/web-1.0.1.tgz/-rev/" + revision(pkg)},
	} {
		rows.Store(0)
		e.want(http.StatusOK, "", e.do(formatstest.Admin, c.method, c.path, nil))
		if n := rows.Load(); n >= versions {
			t.Errorf("%s %s reads %d rows", c.method, c.path, n)
		}
	}
	e.want(http.StatusNotFound, "there is no", e.do(formatstest.Admin, http.MethodGet, "/web/1.0.1", nil))
}
