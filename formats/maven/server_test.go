package maven

import (
	"encoding/hex"
	"hash"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/ledger"
	"slipway/registry/registrytest"
	"slipway/web/api"
)

// quiet is the quiet time of servers in tests that wait for it.
const quiet = 300 * time.Millisecond

// env is a server with the Maven and raw formats and the API.
type env struct {
	*formatstest.Server
	t testing.TB
}

func newEnv(t testing.TB, o Options) *env {
	t.Helper()
	return newEnvOn(t, o, formatstest.Options{})
}

// newEnvOn is newEnv over other stores.
func newEnvOn(t testing.TB, o Options, on formatstest.Options) *env {
	t.Helper()
	if o.Quiet == 0 {
		o.Quiet = time.Hour // only tests that ask for it see it end
	}
	on.Core = append(on.Core, registrytest.With(func(c *instance.Config) { c.SettleInterval = 50 * time.Millisecond }))
	return &env{t: t, Server: formatstest.NewServer(t, on, New(o), raw.New(), api.New(api.Options{}))}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// do sends a request below /maven/main/; header is name, value, name, value…
func (e *env) do(as formatstest.As, method, path, body string, header ...string) formatstest.Response {
	e.t.Helper()
	q := formatstest.Request{Method: method, Path: "/maven/main/" + path, Body: []byte(body)}
	if strings.HasPrefix(path, "/") {
		q.Path = path
	}
	for i := 0; i < len(header); i += 2 {
		q = q.With(header[i], header[i+1])
	}
	return e.Do(as, q)
}

// put stores something as a caller and wants this status and these words.
func (e *env) put(as formatstest.As, path, body string, status int, words ...string) formatstest.Response {
	e.t.Helper()
	return e.want(e.do(as, http.MethodPut, path, body), path, status, words...)
}

func (e *env) get(as formatstest.As, path string, status int, words ...string) formatstest.Response {
	e.t.Helper()
	return e.want(e.do(as, http.MethodGet, path, ""), path, status, words...)
}

func (e *env) want(res formatstest.Response, path string, status int, words ...string) formatstest.Response {
	e.t.Helper()
	if res.Status != status {
		e.t.Fatalf("%s: %v, want %d", path, res, status)
	}
	for _, w := range words {
		if !strings.Contains(string(res.Body), w) {
			e.t.Fatalf("%s: %v, want %q in\n%s", path, res.Status, w, res.Body)
		}
	}
	return res
}

// eventually waits for a status.
func (e *env) eventually(as formatstest.As, path string, status int) {
	e.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		res := e.do(as, http.MethodGet, path, "")
		if res.Status == status {
			return
		}
		if time.Now().After(end) {
			e.t.Fatalf("%s: %v, want %d", path, res, status)
		}
	}
}

// publisher is a caller of its own who may publish and read.
func (e *env) publisher() formatstest.As {
	return formatstest.As(e.Token("main", access.Publish, access.Read))
}

func (e *env) reader() formatstest.As { return formatstest.As(e.ReadToken("main")) }

// pomOf is a POM.
func pomOf(artifact, version, more string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><project><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId><artifactId>` +
		artifact + `</artifactId><version>` + version + `</version>` + more + `</project>`
}

// versionsOf is what a client sends as metadata of an artifact.
func versionsOf(artifact string, versions ...string) string {
	return `<metadata><groupId>com.acme</groupId><artifactId>` + artifact + `</artifactId><versioning><release>` + versions[len(versions)-1] +
		`</release><versions><version>` + strings.Join(versions, "</version><version>") + `</version></versions><lastUpdated>20260102030405</lastUpdated></versioning></metadata>`
}

// deploy sends jar, POM and metadata of a release of com.acme:lib.
func (e *env) deploy(as formatstest.As, version, jar string) {
	e.t.Helper()
	dir := "com/acme/lib/" + version + "/lib-" + version
	e.put(as, dir+".jar", jar, 201)
	e.put(as, dir+".pom", pomOf("lib", version, ""), 201)
	e.put(as, "com/acme/lib/maven-metadata.xml", versionsOf("lib", version), 201)
}

// events returns the types and versions of what was logged about packages.
func (e *env) events() []string {
	e.t.Helper()
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1, Types: []string{"artifact.*"}})
	must(e.t, err)
	var out []string
	for _, ev := range events {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(ev.Type, registry.EventTypePrefix), registry.EventTypeSuffix)+" "+ev.Subject)
	}
	return out
}

func sumHex(h hash.Hash, body string) string {
	_, _ = h.Write([]byte(body))
	return hex.EncodeToString(h.Sum(nil))
}
