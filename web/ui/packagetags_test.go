package ui_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"slipway/api"
	"slipway/formats/formatstest"
	"slipway/registry/access"
)

const tagsOfTool = "/r/main/raw/tool/-/tags"

// production is what the tag of the shop's package names, and its generation.
func (s *site) production() (version, generation string) {
	s.t.Helper()
	tag := read[api.Tag](s, "/repositories/main/packages/raw/tool/tags/production")
	return tag.Version, fmt.Sprint(tag.Generation)
}

// TestTagForms: the page of tags moves a tag, rolls it back, sets and removes one, with the reason in the history, and changes nothing where the tag has moved
// since the page was made. Who may not move it sees no form, and is refused.
func TestTagForms(t *testing.T) {
	s := shop(t)
	_, generation := s.production()
	page := s.has(formatstest.Admin, tagsOfTool+"?tag=production", "Roll back to it", "names 1.0.0 now", `<option value="1.1.0">`, "Set a new tag", "Remove the tag")
	if got := field(t, page, "generation"); got != generation {
		t.Errorf("the page has generation %s, the tag %s", got, generation)
	}
	form := []string{"do", "move", "tag", "production", "version", "1.1.0", "generation", generation, "reason", "it was not that"}
	if to := s.submit(tagsOfTool, form...); to != tagsOfTool+"?tag=production" {
		t.Errorf("leads to %s", to)
	}
	if version, _ := s.production(); version != "1.1.0" {
		t.Errorf("production names %s", version)
	}
	s.has(formatstest.Admin, tagsOfTool+"?tag=production", "it was not that", "names 1.1.0 now")
	s.refuse(http.StatusPreconditionFailed, tagsOfTool, []string{"Nothing was changed", `value="it was not that"`, "names 1.1.0 now"}, form...)
	s.refuse(http.StatusBadRequest, tagsOfTool, []string{"name the version"}, "do", "move", "tag", "production", "version", " ", "generation", "3")
	s.refuse(http.StatusBadRequest, tagsOfTool, []string{"name the tag"}, "do", "move", "version", "1.1.0", "generation", "0")
	s.refuse(http.StatusBadRequest, tagsOfTool, nil, "do", "odd", "tag", "production", "generation", "3")
	s.refuse(http.StatusNotFound, tagsOfTool, []string{`value="9.9"`}, "do", "move", "tag", "canary", "version", "9.9", "generation", "0")
	if res := s.post(tagsOfTool, formOf("do", "move", "tag", "production", "version", "1.0.0", "generation", "x")); res.Status != http.StatusBadRequest {
		t.Errorf("without a generation: %v", res)
	}
	s.submit(tagsOfTool, "do", "move", "tag", "canary", "version", "1.0.0", "generation", "0", "reason", "one percent")
	s.refuse(http.StatusPreconditionFailed, tagsOfTool, []string{"Nothing was changed"}, "do", "move", "tag", "canary", "version", "1.1.0", "generation", "0")
	s.submit(tagsOfTool, "do", "remove", "tag", "canary", "generation", "1", "reason", "enough")
	gone := s.has(formatstest.Admin, tagsOfTool+"?tag=canary", "one percent", "names nothing now", "!Remove the tag")
	s.submit(tagsOfTool, "do", "move", "tag", "canary", "version", "1.0.0", "generation", field(t, gone, "generation"))

	reader := formatstest.As(s.ReadToken("main"))
	s.has(reader, tagsOfTool, "production", "!Roll back to it", "!Move it", "!<datalist", "!"+`name="generation"`)
	_, generation = s.production()
	q := formatstest.Request{Method: http.MethodPost, Path: tagsOfTool, Body: []byte(url.Values{"do": {"move"}, "tag": {"production"}, "version": {"1.0.0"}, "generation": {generation}}.Encode())}
	if res := s.Do(reader, q.With("Accept", browser).With("Content-Type", "application/x-www-form-urlencoded")); res.Status != http.StatusForbidden {
		t.Errorf("a reader moves a tag: %v", res)
	}
	if version, _ := s.production(); version != "1.1.0" {
		t.Errorf("production names %s", version)
	}
	s.has(formatstest.As(s.Token("main", access.Read, access.Tag)), tagsOfTool, "Move it")
}

// TestRollTagBackByKeyboard: with the keyboard alone a person goes from the front page to what runs, sees what its tag has named, and rolls it back, with
// a reason. A second window that still shows what was is told so, and changes nothing.
func TestRollTagBackByKeyboard(t *testing.T) {
	s := shop(t)
	stale := s.page(formatstest.Admin, tagsOfTool+"?tag=production")
	c := newChromium(t, s)
	c.window(1440, false, true)
	c.open("/")
	c.press(`main a[href$="/v/1.0.0"]`, "#about")
	c.press(`main a.chip[href*="tag=production"]`, "#history")
	c.tabTo("details.confirm summary")
	c.keys(kb.Enter)
	c.tabTo("details.confirm input[name=reason]")
	c.keys("it was the network, see INC-8")
	c.press(".timeline details.confirm button", ".timeline li:nth-child(3)")
	if got := c.text(".timeline li:first-child"); !strings.Contains(got, "1.1.0") || !strings.Contains(got, "holds") || !strings.Contains(got, "INC-8") {
		t.Errorf("after rolling back: %q", got)
	}
	s.refuse(http.StatusPreconditionFailed, tagsOfTool, []string{"Nothing was changed"}, "do", "move", "tag", "production", "version", "1.1.0", "generation", field(t, stale, "generation"))
}
