package npm

import (
	"bufio"
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/catalog"
)

func TestPublish(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	p := pub{name: "@acme/web", version: "1.4.2", manifest: map[string]any{
		"gitHead": "0123456789ABCDEF0123456789abcdef01234567", "repository": map[string]any{"type": "git", "url": "git+ssh://git@github.com/acme/web.git"},
		"_npmVersion": "11.19.1", "_nodeVersion": "20.20.2", "license": "MIT",
	}, extra: map[string]any{"readme": "# Web"}}
	res := e.want(http.StatusCreated, "", e.put(p))
	body := parsed(t, res.Body)
	doc := e.get("/@acme%2fweb")
	if body["ok"] != true || body["success"] != true || body["id"] != "@acme/web" || body["rev"] != doc["_rev"] {
		t.Errorf("answer %v, _rev %v", body, doc["_rev"])
	}
	if doc["readme"] != "# Web" || doc["license"] != "MIT" {
		t.Errorf("packument: %v", doc)
	}
	d, err := e.Catalog.VersionDetail(e.Admin, e.name("@acme/web").At("1.4.2"))
	must(t, err)
	if d.Version.PURL != "pkg:npm/%40acme/web@1.4.2" || d.Version.PublishedBy != "token test of user admin" || len(d.Files) != 1 || d.Files[0].Path != "web-1.4.2.tgz" {
		t.Errorf("%+v %+v", d.Version, d.Files)
	}
	if len(d.Files[0].Blob.SHA1) == 0 || len(d.Files[0].Blob.SHA512) == 0 {
		t.Error("sha1 or sha512 was not kept")
	}
	rel := registry.ReleaseOf(d.Facts)
	if rel.Source == nil || rel.Source.Commit != "0123456789abcdef0123456789abcdef01234567" || rel.Source.Repository != "https://github.com/acme/web" {
		t.Errorf("source: %+v", rel.Source)
	}
	var keys []string
	for _, f := range d.Facts {
		keys = append(keys, f.Key+"="+f.Source)
	}
	for _, want := range []string{"source.commit=npm:gitHead", "source.repository=npm:repository", "toolchain.npm=npm:_npmVersion", "toolchain.node=npm:_nodeVersion", "client.user_agent=http:user-agent"} {
		if !slices.Contains(keys, want) {
			t.Errorf("facts %v, want %s", keys, want)
		}
	}
	if got, want := e.events(), []string{"artifact.published 1.4.2", "tag.set 1.4.2 latest"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	e.MustFsck(t)
}

// TestPublishOrder: Yarn 4 sends the attachment before anything else.
func TestPublishOrder(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "@acme/web", version: "1.0.0", order: []string{"_id", "_attachments", "name", "access", "dist-tags", "versions", "readme"}, extra: map[string]any{"readme": "# Web"}})
	if doc := e.get("/@acme/web"); doc["readme"] != "# Web" {
		t.Errorf("%v", doc)
	}
}

func TestPublishRefuses(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	good := pub{name: "web", version: "1.0.0"}
	change := func(fn func(p *pub)) []byte {
		p := good
		fn(&p)
		return p.body(t)
	}
	replace := func(old, with string) []byte { return bytes.Replace(good.body(t), []byte(old), []byte(with), 1) }
	for what, c := range map[string]struct {
		body   []byte
		status int
		words  string
	}{
		"no JSON":     {[]byte("hello"), 400, "not a valid JSON"},
		"nothing":     {[]byte("{}"), 404, "no npm package"},
		"other name":  {change(func(p *pub) { p.extra = map[string]any{"name": "other"} }), 400, `"other"`},
		"other _id":   {change(func(p *pub) { p.extra = map[string]any{"_id": "other"} }), 400, `"other"`},
		"no name":     {change(func(p *pub) { p.order = []string{"_id", "dist-tags", "versions", "_attachments"} }), 400, "name"},
		"other inner": {replace(`"name":"web"`, `"name":"wob"`), 400, "wob"},
		"two versions": {change(func(p *pub) {
			p.extra = map[string]any{"versions": map[string]any{"1.0.0": 1, "1.0.1": map[string]any{}}}
		}), 400, "exactly one version"},
		"no versions":     {change(func(p *pub) { p.extra = map[string]any{"versions": map[string]any{}} }), 400, "exactly one version"},
		"no semver":       {change(func(p *pub) { p.version = "1.0" }), 400, "semantic version"},
		"v in front":      {change(func(p *pub) { p.version = "v1.0.0" }), 400, "semantic version"},
		"version differs": {replace(`"version":"1.0.0"`, `"version":"1.0.1"`), 400, "1.0.1"},
		"no tags":         {change(func(p *pub) { p.tags = map[string]string{} }), 400, "dist-tags"},
		"too many tags":   {change(func(p *pub) { p.tags = manyTags(maxTags+1, p.version) }), 413, "at most"},
		"tag elsewhere":   {change(func(p *pub) { p.tags = map[string]string{"latest": "0.9.0"} }), 400, "latest"},
		"tag is a range":  {change(func(p *pub) { p.tags = map[string]string{"1.x": "1.0.0"} }), 400, "SemVer range"},
		"tag is no tag":   {change(func(p *pub) { p.tags = map[string]string{"a b": "1.0.0"} }), 400, "tag"},
		"length":          {change(func(p *pub) { p.length = 5 }), 400, "should have 5 bytes"},
		"shasum":          {change(func(p *pub) { p.dist = map[string]any{"shasum": strings.Repeat("0", 40)} }), 400, "shasum"},
		"integrity":       {change(func(p *pub) { p.dist = map[string]any{"integrity": "sha512-AAAA"} }), 400, "integrity"},
		"no sums":         {change(func(p *pub) { p.dist = map[string]any{"x": 1} }), 400, "integrity"},
		"no tarball": {change(func(p *pub) {
			p.extra = map[string]any{"_attachments": map[string]any{"web-1.0.0.tgz": map[string]any{}}}
		}), 400, ".tgz"},
		"other file": {change(func(p *pub) {
			p.extra = map[string]any{"_attachments": map[string]any{"web-1.0.0.zip": map[string]any{"data": "AAAA"}}}
		}), 400, ".zip"},
		"two tarballs": {change(func(p *pub) {
			data := base64.StdEncoding.EncodeToString(pack(t, "{}"))
			p.extra = map[string]any{"_attachments": map[string]any{"a.tgz": map[string]any{"data": data}, "b.tgz": map[string]any{"data": data}}}
		}), 400, "one .tgz"},
		"bad base64":        {replace(`"data":"H4`, `"data":"*4`), 400, "base64"},
		"bad gzip":          {change(func(p *pub) { p.tarball = []byte("no gzip") }), 400, "tar.gz"},
		"bad tar":           {change(func(p *pub) { p.tarball = gz(t, []byte("no tar")) }), 400, "tar.gz"},
		"no manifest":       {change(func(p *pub) { p.tarball = tarGz(t, entry{path: "package/x"}) }), 400, "package.json"},
		"inner name":        {change(func(p *pub) { p.tarball = pack(t, `{"name":"evil","version":"1.0.0"}`) }), 400, "evil@1.0.0, but web@1.0.0"},
		"inner version":     {change(func(p *pub) { p.tarball = pack(t, `{"name":"web","version":"6.6.6"}`) }), 400, "web@6.6.6, but web@1.0.0"},
		"no inner names":    {change(func(p *pub) { p.tarball = pack(t, `{}`) }), 400, "web@1.0.0"},
		"bundle is not one": {change(func(p *pub) { p.bundle = "hello" }), 400, "Sigstore"},
	} {
		res := e.do(formatstest.Admin, http.MethodPut, "/web", c.body)
		var f failure
		if err := json.Unmarshal(res.Body, &f); err != nil || res.Status != c.status || !strings.Contains(f.Error, c.words) {
			t.Errorf("%s: %v, want %d with %q", what, res, c.status, c.words)
		}
	}
	for _, name := range []string{"Web", "_web", "a!b", "node_modules"} {
		if res := e.do(formatstest.Admin, http.MethodPut, "/"+name, pub{name: name, version: "1.0.0"}.body(t)); res.Status != http.StatusBadRequest {
			t.Errorf("name %s: %v", name, res)
		}
	}
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodGet, "/web", nil))
	if got := e.events(); len(got) > 0 {
		t.Errorf("refused publishes left events: %v", got)
	}
}

// TestVersionWithBuild: 1.0.0+b is 1.0.0, in the document and for the next publish.
func TestVersionWithBuild(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "web", version: "1.0.0+b", tarball: pack(t, `{"name":"web","version":"v1.0.0+c"}`)})
	v := e.get("/web/1.0.0")
	if v["version"] != "1.0.0" || v["_id"] != "web@1.0.0" || !strings.HasSuffix(v["dist"].(map[string]any)["tarball"].(string), "/web-1.0.0.tgz") {
		t.Errorf("%v", v)
	}
	e.want(http.StatusForbidden, "1.0.0.", e.put(pub{name: "web", version: "1.0.0"}))
}

// TestLatest: latest moves only when asked, but is always there (npm.md 5.9).
func TestLatest(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	tags := func() string { return fmt.Sprint(e.get("/-/package/web/dist-tags")) }
	e.publish(pub{name: "web", version: "1.0.0-beta.1", tags: map[string]string{"beta": "1.0.0-beta.1"}})
	if got := tags(); got != "map[beta:1.0.0-beta.1 latest:1.0.0-beta.1]" {
		t.Errorf("first: %s", got)
	}
	e.publish(pub{name: "web", version: "2.0.0", tags: map[string]string{"next": "2.0.0"}})
	if got := tags(); got != "map[beta:1.0.0-beta.1 latest:1.0.0-beta.1 next:2.0.0]" {
		t.Errorf("second: %s", got)
	}
	e.publish(pub{name: "web", version: "1.0.0"})
	if got := tags(); got != "map[beta:1.0.0-beta.1 latest:1.0.0 next:2.0.0]" {
		t.Errorf("third: %s", got)
	}
}

// TestOverPublish: the words are npm's own, byte for byte, and the status is never 409 (npm.md 5.6).
func TestOverPublish(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	first := pub{name: "web", version: "1.2.3"}
	e.publish(first)
	other := pub{name: "web", version: "1.2.3", manifest: map[string]any{"x": 1}}
	res := e.want(http.StatusForbidden, "", e.put(other))
	if got := parsed(t, res.Body)["error"]; got != "You cannot publish over the previously published versions: 1.2.3." {
		t.Errorf("%q", got)
	}

	// The same again by the same user is the repetition of a lost answer: success, and one event.
	e.publish(first)
	if got, want := e.events(), []string{"artifact.published 1.2.3", "tag.set 1.2.3 latest"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	tagged := first
	tagged.tags = map[string]string{"next": "1.2.3"}
	e.want(http.StatusForbidden, "previously published", e.put(tagged))

	_, secret := e.user("bob", access.Read, access.Publish)
	e.want(http.StatusForbidden, "previously published", e.do(secret, http.MethodPut, "/web", first.body(t)))

	// A deleted version stays taken.
	rev := e.get("/web?write=true")["_rev"].(string)
	e.want(http.StatusOK, "", e.do(formatstest.Admin, http.MethodDelete, "/web/-rev/"+rev, nil))
	for _, p := range []pub{first, other} {
		e.want(http.StatusForbidden, "You cannot publish over the previously published versions: 1.2.3.", e.put(p))
	}
	e.MustFsck(t)
}

// user makes a user with rights on main, and a token of that user with the same.
func (e *env) user(name string, actions ...access.Action) (password string, token formatstest.As) {
	e.t.Helper()
	password = "password of " + name
	grants := []access.Grant{{Repository: "main", Actions: actions}}
	_, err := e.Accounts.CreateUser(e.Admin, name, accounts.UserChange{Password: &password, Grants: grants})
	must(e.t, err)
	secret, _, err := e.Accounts.CreateToken(e.Login(access.Credentials{User: name, Password: password}), accounts.TokenRequest{Name: "test", Grants: grants})
	must(e.t, err)
	return password, formatstest.As(secret)
}

// TestPublishOnlyToken: a CI token need not be able to read.
func TestPublishOnlyToken(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	token := formatstest.As(e.Token("main", access.Publish))
	body := pub{name: "web", version: "1.0.0"}.body(t)
	e.want(http.StatusCreated, "", e.do(token, http.MethodPut, "/web", body))
	e.want(http.StatusForbidden, "read", e.do(token, http.MethodGet, "/web", nil))
}

// TestS16Served: the packument has what the tarball holds; the publisher is told, an auditor can see it.
func TestS16Served(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	res := e.put(pub{name: "web", version: "1.0.0", manifest: map[string]any{"dependencies": map[string]any{"innocent": "1"}, "license": "MIT"},
		tarball: pack(t, `{"name":"web","version":"1.0.0","dependencies":{"evil":"1"},"scripts":{"postinstall":"x"}}`)})
	e.want(http.StatusCreated, "", res)
	if notice := res.Header.Get("Npm-Notice"); !strings.Contains(notice, "dependencies, scripts") {
		t.Errorf("npm-notice %q", notice)
	}
	for _, accept := range []string{fullType, abbreviatedType} {
		v := e.get("/web", "Accept", accept)["versions"].(map[string]any)["1.0.0"].(map[string]any)
		if fmt.Sprint(v["dependencies"]) != "map[evil:1]" || v["hasInstallScript"] != true || v["license"] != "MIT" {
			t.Errorf("%s: %v", accept, v)
		}
	}
	d, err := e.Catalog.VersionDetail(e.Admin, e.name("web").At("1.0.0"))
	must(t, err)
	i := slices.IndexFunc(d.Facts, func(f registry.Fact) bool { return f.Key == factDifference })
	if i < 0 || !strings.Contains(d.Facts[i].Value, "innocent") || d.Facts[i].Rank != registry.RankObserved {
		t.Errorf("facts: %+v", d.Facts)
	}
}

// TestS54 (incidents.md): the limit counts decoded bytes while they stream, whatever the document claims.
func TestS54(t *testing.T) {
	const limit = 10_000
	e := &env{formatstest.NewServer(t, formatstest.Options{}, &Format{MaxTarballBytes: limit}), t}
	noise := make([]byte, 3*limit)
	for i := range noise {
		noise[i] = byte(i * i >> 3 * 131)
	}
	// Stored, not compressed, so that sizes can be told apart.
	exact := func(n int) []byte {
		base := len(stored(t, "{\"name\":\"web\",\"version\":\"1.0.0\"}", nil))
		return stored(t, "{\"name\":\"web\",\"version\":\"1.0.0\"}", noise[:n-base])
	}
	at, over := exact(limit/512*512), exact(limit+600)
	if len(at) > limit || len(over) <= limit {
		t.Fatalf("%d, %d", len(at), len(over))
	}
	e.want(http.StatusRequestEntityTooLarge, "limit of 10000 bytes", e.put(pub{name: "web", version: "1.0.0", tarball: over}))
	e.want(http.StatusRequestEntityTooLarge, "limit", e.put(pub{name: "web", version: "1.0.0", tarball: over, length: 5}))
	escaped := escapeAll(pub{name: "web", version: "1.0.0", tarball: over}.body(t))
	e.want(http.StatusRequestEntityTooLarge, "limit", e.do(formatstest.Admin, http.MethodPut, "/web", escaped))
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodGet, "/web", nil))
	e.publish(pub{name: "web", version: "1.0.0", tarball: at})
}

// TestS54Streaming: what is over the limit is refused while it comes, not when all of it is here.
func TestS54Streaming(t *testing.T) {
	const limit = 1 << 20
	e := &env{formatstest.NewServer(t, formatstest.Options{}, &Format{MaxTarballBytes: limit}), t}
	body := pub{name: "web", version: "1.0.0", tarball: stored(t, `{"name":"web","version":"1.0.0"}`, make([]byte, 2*limit))}.body(t)
	data := bytes.Index(body, []byte(`"data":"`))
	c, err := net.Dial("tcp", e.Addr)
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	// A terabyte is announced, of which only little more than the limit comes.
	fmt.Fprintf(c, "PUT /npm/main/web HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", e.Token("*", access.Admin), int64(1)<<40)
	_, err = c.Write(body[:data+limit/3*4+200_000])
	must(t, err)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%v, %v; want 413 at once", res, err)
	}
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodGet, "/web", nil))
	e.MustFsck(t)
}

func TestProvenanceIsKept(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	p := pub{name: "@acme/web", version: "1.0.0", tarball: pack(t, `{"name":"@acme/web","version":"1.0.0"}`)}
	bundle := func(name string, raw []byte) string {
		sum := sha512.Sum512(raw)
		statement := marshal(map[string]any{"subject": []any{map[string]any{"name": name, "digest": map[string]string{"sha512": hex.EncodeToString(sum[:])}}}})
		return string(marshal(map[string]any{"dsseEnvelope": map[string]any{"payload": base64.StdEncoding.EncodeToString(statement)}}))
	}
	for what, b := range map[string]string{
		"other package": bundle("pkg:npm/%40acme/web@1.0.1", p.tarball), "other bytes": bundle("pkg:npm/%40acme/web@1.0.0", []byte("x")), "no bundle": "{}",
	} {
		p.bundle = b
		if res := e.put(p); res.Status != http.StatusBadRequest {
			t.Errorf("%s: %v", what, res)
		}
	}
	p.bundle = bundle("pkg:npm/%40acme/web@1.0.0", p.tarball)
	e.publish(p)
	e.publish(p)
	d, err := e.Catalog.VersionDetail(e.Admin, e.name("@acme/web").At("1.0.0"))
	must(t, err)
	if len(d.Files) != 2 || d.Files[0].Path != "web-1.0.0.sigstore" || d.Files[0].Blob.Size != int64(len(p.bundle)) {
		t.Errorf("%+v", d.Files)
	}
}

func manyTags(n int, version string) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprintf("channel-%d", i)] = version
	}
	return tags
}

// TestRevisionShown: the answer to a publish has the package's revision, also to a repetition, but not for a caller who may
// not read.
func TestRevisionShown(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	blind := formatstest.As(e.Token(registry.DefaultRepository, access.Publish))
	for i, c := range []struct {
		as   formatstest.As
		p    pub
		seen bool
	}{
		{formatstest.Admin, pub{name: "web", version: "1.0.0"}, true},
		{formatstest.Admin, pub{name: "web", version: "1.0.0"}, true},
		{formatstest.Admin, pub{name: "web", version: "1.0.1", tags: manyTags(3, "1.0.1")}, true},
		{formatstest.Admin, pub{name: "web", version: "1.0.2", manifest: map[string]any{"deprecated": "old"}}, true},
		{blind, pub{name: "web", version: "1.0.3"}, false},
	} {
		var want any
		body := parsed(t, e.want(http.StatusCreated, "", e.do(c.as, http.MethodPut, "/web", c.p.body(t))).Body)
		if c.seen {
			want = e.get("/web")["_rev"]
		}
		if body["rev"] != want {
			t.Errorf("publish %d: rev %v, want %v", i, body["rev"], want)
		}
	}
}

// TestDeprecatedManifest: package.json may declare itself deprecated. The version is so from the first moment, or not there.
func TestDeprecatedManifest(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "web", version: "1.0.0", manifest: map[string]any{"deprecated": "old"}})
	e.publish(pub{name: "web", version: "1.0.1", manifest: map[string]any{"deprecated": false}})
	doc := e.get("/web")["versions"].(map[string]any)
	if doc["1.0.0"].(map[string]any)["deprecated"] != "old" || doc["1.0.1"].(map[string]any)["deprecated"] != nil {
		t.Errorf("%v", doc)
	}
	events := e.events()
	long := map[string]any{"deprecated": strings.Repeat("x", 5000)}
	e.want(http.StatusBadRequest, "longer than 4096 bytes", e.put(pub{name: "web", version: "1.0.2", manifest: long}))
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodGet, "/web/1.0.2", nil))
	if now := e.events(); !slices.Equal(now, events) {
		t.Errorf("what was refused is announced: %v", now[len(events):])
	}
	e.publish(pub{name: "web", version: "1.0.2"})
	e.MustFsck(t)
}

// TestLegacyName (fault J11): a name with capitals is published where the repository's setting allows it, is another package than
// the one in lower case, and no name is made that differs from another one in its case alone.
func TestLegacyName(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "plain", version: "1.0.0"})
	e.want(http.StatusBadRequest, "npm_legacy_names", e.put(pub{name: "JSONStream", version: "1.0.0"}))
	e.Set(map[string]any{legacyNames.Name: true})
	e.publish(pub{name: "JSONStream", version: "1.0.0"})
	e.publish(pub{name: "JSONStream", version: "1.0.1"})
	for name, other := range map[string]string{"jsonstream": "JSONStream", "JsonStream": "JSONStream", "Plain": "plain"} {
		e.want(http.StatusForbidden, `there is a package "`+other+`" already`, e.put(pub{name: name, version: "1.0.0"}))
		e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodGet, "/"+name, nil))
	}
	doc := e.get("/JSONStream")
	dist := doc["versions"].(map[string]any)["1.0.1"].(map[string]any)["dist"].(map[string]any)
	if doc["name"] != "JSONStream" || dist["tarball"] != e.URL+"/npm/main/JSONStream/-/JSONStream-1.0.1.tgz" {
		t.Errorf("%v, %v", doc["name"], dist)
	}
	e.want(http.StatusOK, "", e.do(formatstest.Admin, http.MethodGet, "/JSONStream/-/JSONStream-1.0.1.tgz", nil))
	e.want(http.StatusCreated, "", e.do(formatstest.Admin, http.MethodPut, "/-/package/JSONStream/dist-tags/next", []byte(`"1.0.0"`)))
	found, err := e.History.Search(e.Admin, catalog.VersionSearch{Query: "purl:pkg:npm/JSONStream@1.0.1"})
	if err != nil || len(found) != 1 {
		t.Errorf("by package URL: %v, %v", found, err)
	}
	e.MustFsck(t)
}
