package ui_test

import (
	"net/http"
	"strings"
	"testing"

	"slipway/formats/all"
	"slipway/formats/formatstest"
	webapi "slipway/web/api"
	"slipway/web/ui"
)

// TestReadmePictures: pictures of a readme come by https alone; where the administrator wants none, links stand in their places, and the policy of
// every page allows none.
func TestReadmePictures(t *testing.T) {
	const readme = "![by https](https://img.example.com/a.png) ![by http](http://img.example.com/b.png) [![badge](https://img.example.com/c.svg)](https://ci.example.com/)\n\n![](https://img.example.com/d.png) ![x](data:image/png;base64,AA==)"
	for _, shown := range []bool{true, false} {
		a := webapi.New(webapi.Options{})
		pages := ui.New("1", a.Direct())
		pages.ShowPictures(shown)
		mounts := []formatstest.Mounter{a, pages}
		for _, f := range all.All() {
			mounts = append(mounts, f)
		}
		s := &site{formatstest.NewServer(t, formatstest.Options{}, mounts...), t}
		s.send(http.MethodPut, "/raw/main/tool/1/README.md", readme, http.StatusCreated)
		res := s.get(formatstest.Admin, "/r/main/raw/tool")
		page := string(res.Body)
		wants, policies := []string{`<img src="https://img.example.com/a.png" alt="by https"`, `<img src="https://img.example.com/c.svg"`}, wantPolicy
		if !shown {
			wants = []string{`<a href="https://img.example.com/a.png" rel="nofollow ugc noopener noreferrer">by https</a>`, `>badge</a>`, `>by http</a>`}
			policies = strings.Replace(wantPolicy, " https:", "", 1)
		}
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("shown %v: no %q in %s", shown, want, page[strings.Index(page, `id="readme"`):])
			}
		}
		if !shown && strings.Contains(page, "<img src=\"http") || strings.Contains(page, "http://img.example.com/b.png\" alt") || strings.Contains(page, "base64") {
			t.Errorf("shown %v: a picture is there: %s", shown, page[strings.Index(page, `id="readme"`):])
		}
		for _, path := range []string{"/r/main/raw/tool", "/", "/none"} {
			if got := s.get(formatstest.Admin, path).Header.Get("Content-Security-Policy"); got != policies {
				t.Errorf("shown %v: the policy of %s is %q", shown, path, got)
			}
		}
	}
}
