package ui_test

import (
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

// TestDownloads: an auditor sees who downloaded a version; somebody who reads is not led there, and is refused.
func TestDownloads(t *testing.T) {
	s := shop(t)
	reader := s.UserToken("rita", 0, access.Grant{Repository: "main", Actions: []access.Action{access.Read}})
	if res := s.Do(reader, formatstest.Request{Method: http.MethodGet, Path: "/raw/main/tool/1.1.0/tool.txt"}); res.Status != http.StatusOK {
		t.Fatal(res)
	}
	const version = "/r/main/raw/tool/v/1.1.0"
	if page := s.page(formatstest.Admin, version); !strings.Contains(page, version+"/-/downloads") {
		t.Error("the version's page does not lead an auditor to its downloads")
	}
	if page := s.page(formatstest.Admin, version+"/-/downloads"); !strings.Contains(page, `rita <span class="muted">(token rita)</span>`) {
		t.Errorf("who downloaded it: %s", page)
	}
	if page := s.page(formatstest.Admin, "/r/main/raw/tool/v/1.0.0/-/downloads"); strings.Contains(page, "rita") || !strings.Contains(page, "Nobody has downloaded it") {
		t.Errorf("another version: %s", page)
	}
	if page := s.page(reader, version); strings.Contains(page, "/-/downloads") {
		t.Error("a reader is led to the downloads")
	}
	if res := s.Do(reader, formatstest.Request{Method: http.MethodGet, Path: version + "/-/downloads"}); res.Status != http.StatusForbidden || strings.Contains(string(res.Body), "token rita") {
		t.Errorf("a reader: %v", res)
	}
}
