package ui_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"slipway/api"
	"slipway/formats/formatstest"
)

// TestRepositorySettings: settings are changed by a form, each by itself, and an empty repository is deleted with its name as confirmation.
func TestRepositorySettings(t *testing.T) {
	s := shop(t)
	const page = "/r/main/-/settings"
	shown := s.has(formatstest.Admin, page, "Deleted versions may be published again", "<code>allow_reuse</code>", "<code>maven_pom</code>", "<code>npm_legacy_names</code>", "<code>oci_sparse</code>", "It can't be deleted while it holds versions", `href="`+s.URL+`/r/main/raw/tool"`)
	before := was(t, shown)
	s.call("PATCH", "/repositories/main", `{"settings":{"strict_order":true}}`) // by another, after the form was made
	words := strings.NewReplacer("&#39;", "'").Replace(shown)
	pom := regexp.MustCompile(`<select id="f-settings.maven_pom"[^>]*>.*?</select>`).FindString(words)
	options := regexp.MustCompile(`value="([a-z-]+)"`).FindAllStringSubmatch(pom, -1)
	if len(options) < 2 {
		t.Fatalf("choices of maven_pom: %q", pom)
	}
	form := url.Values{"do": {"set"}, wasName: {before}, "description": {"what we <b>ship</b>"}, "settings.allow_reuse": {"true"}, "settings.tag_rules": {"v*=immutable\nnpm:next=protected"}, "settings.maven_pom": {options[1][1]},
		"settings.oci_sparse": {valueIn(before, "settings.oci_sparse")}}
	if res := s.post(page, form); res.Status != http.StatusSeeOther {
		t.Fatalf("the settings: %v", res)
	}
	repo := read[api.Repository](s, "/repositories/main")
	rules, err := json.Marshal(repo.Settings["tag_rules"])
	if err != nil || repo.Description != "what we <b>ship</b>" || repo.Settings["allow_reuse"] != true || repo.Settings["strict_order"] != true || repo.Settings["maven_pom"] != options[1][1] ||
		string(rules) != `[{"pattern":"v*","rule":"immutable"},{"format":"npm","pattern":"next","rule":"protected"}]` {
		t.Errorf("set: %+v, %v", repo, err)
	}
	shown = s.has(formatstest.Admin, page, "npm:next=protected", "what we &lt;b&gt;ship")
	form = url.Values{"do": {"set"}, wasName: {was(t, shown)}, "settings.tag_rules": {"v*"}, "description": {"other"}}
	if res := s.post(page, form); res.Status != 400 || !strings.Contains(string(res.Body), `value="other"`) || !strings.Contains(string(res.Body), "PATTERN=protected") {
		t.Errorf("a wrong rule: %v", res)
	}
	s.refuse(409, page, []string{"still holds"}, "do", "delete", "confirm", "main")
	s.call("POST", "/repositories", `{"name":"empty"}`)
	s.has(formatstest.Admin, "/r/empty/-/settings", "It holds no version")
	s.refuse(400, "/r/empty/-/settings", []string{"type the name"}, "do", "delete", "confirm", "emtpy")
	s.submit("/r/empty/-/settings", "do", "delete", "confirm", "empty")
	if res := s.get(formatstest.Admin, "/r/empty"); res.Status != 410 {
		t.Errorf("deleted: %v", res)
	}
}

const wasName = "was"

// valueIn is what a form showed in a field.
func valueIn(was, field string) string {
	var values map[string]string
	if json.Unmarshal([]byte(was), &values) != nil {
		return ""
	}
	return values[field]
}

// TestOriginForm: an administrator says where a package may come from, and leaves it to the server again.
func TestOriginForm(t *testing.T) {
	s := shop(t)
	const page = "/r/main/raw/tool/-/origin"
	type resolution struct{ Origin *api.Origin }
	s.refuse(400, page, []string{`value="both" selected`}, "do", "set", "origin", "both", "reason", "")
	s.submit(page, "do", "set", "origin", "both", "reason", "we patch it", "expires", "2099-01-31T12:00")
	if o := read[resolution](s, "/repositories/main/packages/raw/tool/resolution").Origin; o == nil || o.Origin != "both" || o.Reason != "we patch it" || o.ExpiresAt == nil {
		t.Errorf("set: %+v", o)
	}
	s.has(formatstest.Admin, page, "we patch it", ">published<", ">answers<")
	s.has(formatstest.Admin, "/r/main/raw/tool/-/settings", "we patch it")
	if res := s.post(page, formOf("do", "refresh")); res.Status != 200 || !strings.Contains(string(res.Body), `role="status"`) {
		t.Errorf("a refresh: %v", res)
	}
	s.submit(page, "do", "clear")
	if o := read[resolution](s, "/repositories/main/packages/raw/tool/resolution").Origin; o != nil {
		t.Errorf("cleared: %+v", o)
	}
	reader := formatstest.As(s.ReadToken("main"))
	s.has(reader, page, ">answers<", "!Say where it may come from", "!/-/settings")
	s.has(formatstest.Admin, "/r/all/raw/tool/-/origin", "by way of main", "it does not have it")
}

// TestVersionForms: a version is deprecated, annotated, promoted, deleted and restored by forms, and what runs it is named when it can't be deleted.
func TestVersionForms(t *testing.T) {
	s := shop(t)
	const page = "/r/main/raw/tool/v/1.1.0/-/manage"
	version := func(repository string) api.Version {
		t.Helper()
		return read[api.Version](s, "/repositories/"+repository+"/packages/raw/tool/versions/1.1.0")
	}
	s.has(formatstest.Admin, page, "Set the state", "Promote", "Yes, delete it")
	s.has(formatstest.Admin, "/r/main/raw/tool/v/1.1.0", `href="`+s.URL+page+`"`)
	s.refuse(400, page, []string{`value="old"`}, "do", "state", "state", "odd", "reason", "old")
	if to := s.submit(page, "do", "annotate", "repository", "https://git.example.com/acme/tool", "commit", "4f2a9c1", "custom", "team.ticket = ABC-1\n"); to != "/r/main/raw/tool/v/1.1.0" {
		t.Errorf("leads to %s", to)
	}
	if v := version("main"); v.Release.Source == nil || v.Release.Source.Commit != "4f2a9c1" || v.Release.Custom["team.ticket"] != "ABC-1" {
		t.Errorf("annotated: %+v", v.Release)
	}
	s.refuse(400, page, []string{"ticket</textarea>"}, "do", "annotate", "custom", "ticket")
	s.refuse(400, page, nil, "do", "annotate")
	s.refuse(404, page, []string{`value="absent"`}, "do", "promote", "to", "absent")
	if to := s.submit(page, "do", "promote", "to", formatstest.OtherRepository, "tags", "stable"); to != "/r/other/raw/tool/v/1.1.0" {
		t.Errorf("leads to %s", to)
	}
	if v := version(formatstest.OtherRepository); v.Origin != "promoted" || len(v.Tags) != 1 {
		t.Errorf("promoted: %+v", v)
	}
	s.refuse(409, page, []string{`href="` + s.URL + `/deployments/`, "web in staging", `value="too old"`}, "do", "delete", "reason", "too old")
	const other = "/r/other/raw/tool/v/1.1.0/-/manage"
	if to := s.submit(other, "do", "delete", "reason", "too old"); to != "/r/other/raw/tool" {
		t.Errorf("leads to %s", to)
	}
	if v := version(formatstest.OtherRepository); v.State != "deleted" || v.Reason != "too old" {
		t.Errorf("deleted: %+v", v)
	}
	s.has(formatstest.Admin, other, "Restore the version", "!Set the state")
	s.has(formatstest.Admin, "/r/other/raw/tool/-/settings", ">Restore</a>", "too old")
	s.submit(other, "do", "restore", "reason", "a mistake")
	if v := version(formatstest.OtherRepository); v.State != "published" {
		t.Errorf("restored: %+v", v)
	}
	s.refuse(409, other, nil, "do", "restore")
	s.refuse(400, page, nil, "do", "dance")
	s.has(formatstest.As(s.ReadToken("main")), page, "!Set the state", "!Yes, delete it", "!Restore the version")
	s.has(formatstest.As(s.ReadToken("main")), "/r/main/raw/tool/v/1.1.0", "!/-/manage")
}
