package ui_test

import (
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
)

// TestNamesOfDigests: where an image runs, pages name it by the tag that looks like a version, not by its digest; an image without one by the beginning of
// its digest.
func TestNamesOfDigests(t *testing.T) {
	s := wares(t)
	digest := s.indexOf("team/app", "1.0")
	s.send(http.MethodPost, "/api/v1/environments", `{"name":"prod","tag":"production"}`, http.StatusCreated)
	s.send(http.MethodPut, "/api/v1/repositories/main/packages/oci/team%2Fapp/tags/production", `{"version":"`+digest+`"}`, http.StatusOK)
	s.send(http.MethodPost, "/api/v1/deployments", `{"environment":"prod","service":"web","repository":"main","digest":"`+digest+`","status":"succeeded"}`, http.StatusCreated)
	for _, path := range []string{"/", "/env/prod", "/deployments"} {
		page := s.page(formatstest.Admin, path)
		if !strings.Contains(page, ">1.0</a>") && !strings.Contains(page, ">team/app 1.0</a>") {
			t.Errorf("%s does not name the image by its tag", path)
		}
	}
	s.send(http.MethodDelete, "/api/v1/repositories/main/packages/oci/team%2Fapp/tags/1.0", "", http.StatusNoContent)
	for path, want := range map[string]string{"/": ">" + digest[:19] + "…</a>", "/env/prod": ">team/app " + digest[:19] + "…</a>"} {
		if page := s.page(formatstest.Admin, path); !strings.Contains(page, want) {
			t.Errorf("%s: no %s", path, want)
		}
	}
}
