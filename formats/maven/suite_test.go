package maven

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry/access"
)

func suitePath(repository, pkg, version string) string {
	return "/maven/" + repository + "/com/acme/" + pkg + "/" + version + "/" + pkg + "-" + version + ".jar"
}

func document(path, body string) formatstest.Request {
	return formatstest.Request{Method: http.MethodPut, Path: "/maven/main/" + path, Body: []byte(body)}
}

// TestSuite runs what all formats share, on a repository that shows every file at once.
func TestSuite(t *testing.T) {
	formatstest.Run(t, formatstest.Suite{
		New: func() formats.Format { return New(Options{}) },
		Publish: func(repository, pkg, version string, content []byte) formatstest.Request {
			return formatstest.Request{Method: http.MethodPut, Path: suitePath(repository, pkg, version), Body: content}
		},
		Download: func(repository, pkg, version string) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: suitePath(repository, pkg, version)}
		},
		Needs:      map[string][]access.Action{"PUT maven.put": {access.Publish}},
		Unchanging: []string{"maven.put"}, // the example is the same file again; Publish is a new one
		Cells: map[string]formatstest.Cell{
			"maven.get": formatstest.Exact,
		},
		Example: func(route httpserver.Route, _, repository string) (formatstest.Request, bool) {
			q := formatstest.Request{Path: suitePath(repository, "example", "1.0.0")}
			switch route.Name {
			case "maven.get", "maven.options":
				return q, true
			case "maven.put":
				q.Body = []byte("content")
				return q, true
			}
			return q, false
		},
		Listing: func(repository, pkg string) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: prefix + repository + "/com/acme/" + pkg + "/maven-metadata.xml"}
		},
		Refusal: refusal, AnyBytes: []string{"maven.put"}, Public: []string{"maven.options"},
		Documents: []formatstest.Target{
			{Route: "POM", Request: document("com/acme/lib/1.0/lib-1.0.pom", pomOf("lib", "1.0", ""))},
			{Route: "metadata", Request: document("com/acme/lib/maven-metadata.xml", versionsOf("lib", "1.0"))},
			{Route: "sum", Request: document("com/acme/example/1.0.0/example-1.0.0.jar.sha1", strings.Repeat("0", 40))},
		},
		Volatile: regexp.MustCompile(`<lastUpdated>\d{14}</lastUpdated>`),
		Settings: map[string]any{"maven_immediate": true},
		Created:  http.StatusCreated, Again: http.StatusOK, Conflict: http.StatusConflict,
	})
}
