package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"slipway/formats/formatstest"
)

type tag struct {
	Tag, Version, Digest string
	Generation, Seq      int64
	SetAt                string `json:"set_at"`
	SetBy                string `json:"set_by"`
	Reason               string
	EndedAt              *string `json:"ended_at"`
}

func TestTags(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0", "1.1.0")
	path := packages + "/lib/tags/production"
	a.want(404, "GET", path, "", nil)
	var first, second tag
	res := a.want(200, "PUT", path, `{"version":"1.0.0","reason":"release 1"}`, &first)
	if first.Tag != "production" || first.Version != "1.0.0" || first.Generation != 1 || first.SetBy != "token test of user admin" || first.Reason != "release 1" ||
		first.Digest == "" || first.EndedAt != nil || res.Header.Get("ETag") != `"1"` {
		t.Errorf("set: %+v, ETag %q", first, res.Header.Get("ETag"))
	}
	a.want(404, "PUT", path, `{"version":"9"}`, nil)
	a.want(400, "PUT", path, `{"version":""}`, nil)
	a.want(400, "PUT", packages+"/lib/tags/-x", `{"version":"1.0.0"}`, nil)

	// Compare-and-swap.
	var problem struct {
		Status  int
		Current *tag
	}
	a.want(412, "PUT", path, `{"version":"1.1.0"}`, &problem, "If-Match", `"7"`)
	if problem.Status != 412 || problem.Current == nil || problem.Current.Generation != 1 || problem.Current.Version != "1.0.0" {
		t.Errorf("412: %+v", problem)
	}
	a.want(412, "PUT", path, `{"version":"1.1.0"}`, nil, "If-None-Match", "*")
	a.want(412, "DELETE", path, "", nil, "If-Match", `"7"`)
	problem.Current = nil
	a.want(412, "PUT", packages+"/lib/tags/absent", `{"version":"1.1.0"}`, &problem, "If-Match", `"1"`)
	if problem.Current != nil {
		t.Errorf("412 without a tag: %+v", problem.Current)
	}
	for _, header := range []string{`1`, `W/"1"`, `"1", "2"`, `"-1"`, `*`, `"x"`, ``} {
		a.want(400, "PUT", path, `{"version":"1.1.0"}`, nil, "If-Match", header)
	}
	a.want(200, "PUT", path, `{"version":"1.1.0","reason":"release 2"}`, &second, "If-Match", `"1"`)
	if second.Generation != 2 {
		t.Errorf("swapped: %+v", second)
	}

	// The past.
	for asOf, want := range map[string]string{
		fmt.Sprintf("seq:%d", first.Seq): "1.0.0", fmt.Sprintf("seq:%d", second.Seq-1): "1.0.0", fmt.Sprintf("seq:%d", second.Seq): "1.1.0",
		first.SetAt: "1.0.0", second.SetAt: "1.1.0", "2999-01-01T00:00:00%2B01:00": "1.1.0", "2999-01-01T00:00:00+01:00": "1.1.0",
	} {
		var then tag
		a.want(200, "GET", path+"?as_of="+asOf, "", &then)
		if then.Version != want {
			t.Errorf("as_of=%s: %+v, want %s", asOf, then, want)
		}
	}
	a.want(404, "GET", path+"?as_of=2001-01-01T00:00:00Z", "", nil)
	a.want(404, "GET", fmt.Sprintf("%s?as_of=seq:%d", path, first.Seq-1), "", nil)

	a.want(204, "DELETE", path+"?reason=withdrawn", "", nil, "If-Match", `"2"`)
	a.want(404, "GET", path, "", nil)
	a.want(200, "PUT", path, `{"version":"1.0.0"}`, nil, "If-None-Match", "*")
	var history struct {
		Items []tag
		Next  string
	}
	a.want(200, "GET", path+"/history?limit=2", "", &history)
	if len(history.Items) != 2 || history.Items[0].Generation != 3 || history.Items[1].EndedAt == nil || history.Next == "" {
		t.Errorf("history: %+v", history)
	}
	next := history.Next
	history.Next = ""
	a.want(200, "GET", path+"/history?limit=2&after="+next, "", &history)
	if len(history.Items) != 1 || history.Items[0].Generation != 1 || *history.Items[0].EndedAt != second.SetAt || history.Next != "" {
		t.Errorf("history, last page: %+v", history)
	}
	a.want(404, "GET", packages+"/lib/tags/never/history", "", nil)

	a.want(200, "PUT", packages+"/lib/tags/beta", `{"version":"1.1.0"}`, nil)
	var list struct {
		Items []tag
		Next  string
	}
	a.want(200, "GET", packages+"/lib/tags?limit=1", "", &list)
	if len(list.Items) != 1 || list.Items[0].Tag != "beta" || list.Next != "beta" {
		t.Errorf("tags: %+v", list)
	}
	a.MustFsck(t)
}

// TestTagRace: of many who swap the same generation, one wins.
func TestTagRace(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0", "1.1.0")
	const racers = 8
	path := packages + "/lib/tags/production"
	a.want(200, "PUT", path, `{"version":"1.0.0"}`, nil)
	statuses := make(chan formatstest.Response, racers)
	var wg sync.WaitGroup
	for range racers {
		wg.Go(func() { statuses <- a.call(formatstest.Admin, "PUT", path, `{"version":"1.1.0"}`, "If-Match", `"1"`) })
	}
	wg.Wait()
	close(statuses)
	won := 0
	for res := range statuses {
		var problem struct{ Current *tag }
		switch {
		case res.Status == 200:
			won++
		case res.Status != 412:
			t.Errorf("%v", res)
		case json.Unmarshal(res.Body, &problem) != nil || problem.Current == nil || problem.Current.Generation != 2:
			t.Errorf("the loser is not told what holds: %v", res)
		}
	}
	if won != 1 {
		t.Errorf("%d won, want 1", won)
	}
}

// TestSlashInPath (fault J4): a slash in a name is refused by the name's own rules, or, where the path has it unencoded, with how it is
// written.
func TestSlashInPath(t *testing.T) {
	a := prepare(t)
	for path, words := range map[string]string{
		packages + "/lib/tags/feature%2Flogin": `"feature/login\" is not a tag`,
		packages + "/lib/tags/feature/login":   "is written %2F",
		packages + "/team/lib/versions":        "is written %2F",
		packages + "/lib/versions/1.0%2F2":     "a version can't contain a slash",
	} {
		if res := a.Do(formatstest.Admin, formatstest.Request{Method: http.MethodGet, Path: "/api/v1" + path}); !strings.Contains(string(res.Body), words) {
			t.Errorf("%s: %v, want %q", path, res, words)
		}
	}
	if res := a.Do(formatstest.Admin, formatstest.Request{Method: http.MethodGet, Path: "/api/v1/nothing"}); strings.Contains(string(res.Body), "%2F") {
		t.Errorf("elsewhere: %v", res)
	}
}
