package npm

import (
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry/access"
)

// TestSuite runs what all formats share.
func TestSuite(t *testing.T) {
	examples := map[string]formatstest.Request{
		"npm.root":              {Path: "/"},
		"npm.ping":              {Path: "/-/ping?write=true"},
		"npm.packument":         {Path: "/example"},
		"npm.publish":           {Path: "/example", Body: pub{name: "example", version: "2.0.0"}.body(t)},
		"npm.version":           {Path: "/example/latest"},
		"npm.tarball":           {Path: "/example/-/example-1.0.0.tgz"},
		"npm.change":            {Path: "/example/-rev/1-x", Body: []byte(`{"maintainers":[{"name":"eve"}]}`)},
		"npm.unpublish":         {Path: "/example/-rev/1-x"},
		"npm.unpublish_tarball": {Path: "/example/-/example-1.0.0.tgz/-rev/1-x"},
		"npm.tags":              {Path: "/-/package/example/dist-tags"},
		"npm.tag_set":           {Path: "/-/package/example/dist-tags/next", Body: []byte(`"1.0.0"`)},
		"npm.tag_remove":        {Path: "/-/package/example/dist-tags/next"},
		"npm.visibility":        {Path: "/-/package/example/visibility"},
		"npm.collaborators":     {Path: "/-/package/example/collaborators"},
		"npm.access_status":     {Path: "/-/package/example/access"},
		"npm.access":            {Path: "/-/package/example/access", Body: []byte(`{"access":"restricted"}`)},
		"npm.starred":           {Path: "/-/_view/starredByUser?key=%22eve%22"},
		"npm.whoami":            {Path: "/-/whoami"},
		"npm.user":              {Path: "/-/user/org.couchdb.user:eve"},
		"npm.login":             {Path: "/-/user/org.couchdb.user:eve", Body: []byte(`{"name":"eve","password":"canary-password"}`)},
		"npm.logout":            {Path: "/-/user/token/canary-query"},
		"npm.profile":           {Path: "/-/npm/v1/user"},
		"npm.profile_change":    {Path: "/-/npm/v1/user", Body: []byte(`{"password":{"old":"canary-password","new":"canary-password"}}`)},
		"npm.tokens":            {Path: "/-/npm/v1/tokens"},
		"npm.token_create":      {Path: "/-/npm/v1/tokens", Body: []byte(`{"name":"x","readonly":true}`)},
		"npm.token_revoke":      {Path: "/-/npm/v1/tokens/token/canary-query"},
		"npm.unsupported":       {Path: "/-/v1/search?text=x"},
		"npm.unknown":           {Path: "/example/-rev"},
	}
	formatstest.Run(t, formatstest.Suite{
		New: func() formats.Format { return New() },
		Publish: func(repository, pkg, version string, content []byte) formatstest.Request {
			return formatstest.Request{Method: http.MethodPut, Path: "/npm/" + repository + "/" + pkg,
				Body: pub{name: pkg, version: version, tarball: content}.body(t)}
		},
		Download: func(repository, pkg, version string) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: "/npm/" + repository + "/" + pkg + "/-/" + fileName(pkg, version)}
		},
		Needs: map[string][]access.Action{
			"PUT npm.publish": {access.Publish}, "PUT npm.change": {access.Publish}, "DELETE npm.unpublish": {access.Delete}, "DELETE npm.unpublish_tarball": {access.Delete},
			"PUT npm.tag_set": {access.Tag}, "DELETE npm.tag_remove": {access.Tag, access.Delete}, "POST npm.tag_set": {access.Tag}, "POST npm.access": {access.Publish},
		},
		Unchanging: []string{"npm.access"},
		Cells: map[string]formatstest.Cell{
			"npm.root": formatstest.Apart, "npm.ping": formatstest.Apart, "npm.packument": formatstest.Document, "npm.version": formatstest.Document,
			"npm.tarball": formatstest.Exact, "npm.tags": formatstest.Document, "npm.visibility": formatstest.Document,
			"npm.collaborators": formatstest.Document, "npm.access_status": formatstest.Document, "npm.starred": formatstest.Apart,
			"npm.whoami": formatstest.Apart, "npm.user": formatstest.Apart, "npm.profile": formatstest.Apart, "npm.tokens": formatstest.Apart,
			"npm.unsupported": formatstest.Apart, "npm.unknown": formatstest.Apart,
		},
		Example: func(route httpserver.Route, _, repository string) (formatstest.Request, bool) {
			q, ok := examples[route.Name]
			q.Path = "/npm/" + repository + q.Path
			return q, ok
		},
		Content: func(pkg, version string, seed []byte) []byte {
			return pack(t, `{"name":"`+pkg+`","version":"`+version+`"}`, entry{path: "package/seed", content: hex.EncodeToString(seed)})
		},
		Refusal:  refusal,
		Volatile: regexp.MustCompile(`"(_rev|modified)":"[^"]*"`),
		// "//" counts as one slash, as clients send it. A tag is there to be set and removed, not to be read.
		Malformed: func(before, between, reserved string) int {
			if between == "//" && strings.HasSuffix(before, "/dist-tags") {
				return http.StatusMethodNotAllowed
			}
			return 0
		},
		Public: []string{"npm.root", "npm.ping", "npm.whoami", "npm.user", "npm.login", "npm.logout", "npm.profile", "npm.profile_change", "npm.tokens",
			"npm.token_create", "npm.token_revoke", "npm.unsupported", "npm.unknown"},
		Created: http.StatusCreated, Again: http.StatusCreated, Conflict: http.StatusForbidden,
	})
}
