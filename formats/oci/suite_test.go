package oci_test

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/oci"
	"slipway/internal/httpserver"
	"slipway/registry/access"
)

// TestSuite runs what all formats share as far as routes go. Ranges and conditions of blobs, and what happens to a version
// that is pushed again, have tests of their own here.
func TestSuite(t *testing.T) {
	empty := digestOf(emptyJSON).String()
	examples := map[string]formatstest.Request{
		"oci.ping":            {Path: "/v2/"},
		"oci.catalog":         {Path: "/v2/_catalog"},
		"oci.token":           {Path: tokenPath + "?scope=repository:main/example:pull,push"},
		"oci.token_form":      {Path: tokenPath, Body: []byte("grant_type=password&username=eve&password=canary-password")},
		"oci.upload_start":    {Path: "/blobs/uploads/"},
		"oci.upload_status":   {Path: "/blobs/uploads/0123456789abcdef0123456789abcdef"},
		"oci.upload_append":   {Path: "/blobs/uploads/0123456789abcdef0123456789abcdef", Body: []byte("x")},
		"oci.upload_finish":   {Path: "/blobs/uploads/0123456789abcdef0123456789abcdef?digest=" + empty},
		"oci.upload_cancel":   {Path: "/blobs/uploads/0123456789abcdef0123456789abcdef"},
		"oci.blob":            {Path: "/blobs/" + empty},
		"oci.blob_delete":     {Path: "/blobs/" + empty},
		"oci.manifest":        {Path: "/manifests/1.0.0"},
		"oci.manifest_put":    {Path: "/manifests/2.0.0", Body: emptyIndex("2.0.0")},
		"oci.manifest_delete": {Path: "/manifests/1.0.0"},
		"oci.tags":            {Path: "/tags/list"},
		"oci.referrers":       {Path: "/referrers/" + empty},
	}
	formatstest.RunRoutes(t, formatstest.Suite{
		New: oci.New,
		Publish: func(repository, pkg, version string, content []byte) formatstest.Request {
			return formatstest.Request{Method: http.MethodPut, Path: "/v2/" + repository + "/" + pkg + "/manifests/" + version, Body: content}
		},
		Download: func(repository, pkg, version string) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: "/v2/" + repository + "/" + pkg + "/manifests/" + version}
		},
		Needs: map[string][]access.Action{
			"POST oci.upload_start": {access.Publish}, "GET oci.upload_status": {access.Publish}, "HEAD oci.upload_status": {access.Publish},
			"PATCH oci.upload_append": {access.Publish}, "PUT oci.upload_finish": {access.Publish}, "DELETE oci.upload_cancel": {access.Publish},
			"DELETE oci.blob_delete": {access.Delete}, "PUT oci.manifest_put": {access.Publish, access.Tag}, "DELETE oci.manifest_delete": {access.Delete, access.Tag},
		},
		Cells: map[string]formatstest.Cell{
			"oci.ping": formatstest.Apart, "oci.catalog": formatstest.Names, "oci.token": formatstest.Apart, "oci.upload_status": formatstest.Apart,
			"oci.blob":     formatstest.Apart, // no version names it, so it is being pushed
			"oci.manifest": formatstest.Document, "oci.tags": formatstest.Document, "oci.referrers": formatstest.Apart, "download": formatstest.Document,
		},
		Example: func(route httpserver.Route, _, repository string) (formatstest.Request, bool) {
			q, ok := examples[route.Name]
			if ok && q.Path[1] != 'v' && q.Path[1] != 't' || route.Name == "oci.tags" {
				q.Path = "/v2/" + repository + "/example" + q.Path
			}
			return q, ok
		},
		Content: func(_, _ string, seed []byte) []byte { return emptyIndex(hex.EncodeToString(seed)) },
		Prepare: func(srv *formatstest.Server) {
			srv.Do(formatstest.Admin, formatstest.Request{Method: http.MethodPost, Path: "/v2/main/example/blobs/uploads/?digest=" + empty, Body: emptyJSON})
		},
		Public:  []string{"oci.ping", "oci.catalog", "oci.token", "oci.token_form"},
		Private: []string{"oci.upload_status"}, Unpublished: []string{"oci.blob"},
		// "//" counts as one slash. The specification has these for blobs of an image: DIGEST_INVALID, or NAME_INVALID with a ".".
		Malformed: func(before, between, reserved string) int {
			if strings.HasPrefix(reserved, "blobs/") && (between != "//" || strings.TrimRight(before, "/") != "/v2/main") {
				return http.StatusBadRequest
			}
			return 0
		},
		Refusal: refusal, AnyBytes: []string{"oci.upload_append"},
		Documents: []formatstest.Target{{Route: "blob", Request: formatstest.Request{Method: http.MethodPost,
			Path: "/v2/main/example/blobs/uploads/?digest=" + digestOf([]byte("a whole blob")).String(), Body: []byte("a whole blob")}}},
		Created: http.StatusCreated,
	})
}
