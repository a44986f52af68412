package ui_test

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"slipway/api"
	"slipway/formats/all"
	"slipway/formats/formatstest"
)

// history does things at random, and asks pages and the API what was true at moments between them.
type history struct {
	*site
	random   *rand.Rand
	versions map[string][]string // that were published, by package
	deployed int
}

var (
	historyPackages = []string{"alpha", "beta", "gamma"}
	historyTags     = []string{"production", "canary"}
	historyPlaces   = []string{"prod", "staging"}
	historyServices = []string{"web", "jobs"}
	historyQueries  = []string{"format:npm", "name:alpha", "tag:production", "env:prod", "state:deprecated", "env:staging OR tag:canary", "-tag:latest", "commit:abc* name:b*"}
)

// TestTimeTravel: after a random history, the pages of a repository, a package, a version, an environment and a search show at random moments of it what
// the API answers with the same as_of. SLIPWAY_TEST_SEED repeats a run.
func TestTimeTravel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SLIPWAY_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SLIPWAY_TEST_SEED=%d", seed)
	s := newPage(t, formatstest.Options{}, all.All()...)
	h := &history{site: s, random: rand.New(rand.NewPCG(seed, 0)), versions: map[string][]string{}}
	for _, place := range historyPlaces {
		s.send(http.MethodPost, "/api/v1/environments", `{"name":"`+place+`","tag":"production"}`, http.StatusCreated)
	}
	h.publish()
	for range 120 {
		h.step()
	}
	moments := h.moments(50)
	seen := 0
	for _, m := range moments {
		pkg := h.pick(historyPackages)
		seen += h.packageAt(m, pkg)
		if v := h.versions[pkg]; len(v) > 0 {
			h.versionAt(m, pkg, h.pick(v))
		}
		seen += h.repositoryAt(m)
		seen += h.environmentAt(m, h.pick(historyPlaces))
		seen += h.searchAt(m, h.pick(historyQueries))
	}
	if seen < 50 {
		t.Errorf("the pages showed %d rows: there was little to compare", seen)
	}
}

func (h *history) pick(list []string) string { return list[h.random.IntN(len(list))] }

// publish publishes the next version of a package.
func (h *history) publish() {
	pkg := h.pick(historyPackages)
	version := fmt.Sprintf("1.%d.0", len(h.versions[pkg]))
	tgz := tarred(h.t, "package/package.json", fmt.Sprintf(`{"name":%q,"version":%q}`, pkg, version))
	sum := sha512.Sum512(tgz)
	manifest := fmt.Sprintf(`{"name":%q,"version":%q,"gitHead":"abc%037d","dist":{"integrity":"sha512-%s"}}`, pkg, version, h.random.IntN(1000), base64.StdEncoding.EncodeToString(sum[:]))
	body := fmt.Sprintf(`{"name":%[1]q,"dist-tags":{"latest":%[2]q},"versions":{%[2]q:%[3]s},"_attachments":{"%[1]s-%[2]s.tgz":{"content_type":"application/octet-stream","data":%[4]q,"length":%[5]d}}}`,
		pkg, version, manifest, base64.StdEncoding.EncodeToString(tgz), len(tgz))
	res := h.Do(formatstest.Admin, formatstest.Request{Method: http.MethodPut, Path: "/npm/main/" + pkg, Body: []byte(body)}.With("Content-Type", "application/json"))
	if res.Status != http.StatusOK && res.Status != http.StatusCreated {
		h.t.Fatal(res)
	}
	h.versions[pkg] = append(h.versions[pkg], version)
}

// step does one thing. What the state of things forbids is refused, and that is as good.
func (h *history) step() {
	pkg := h.pick(historyPackages)
	if len(h.versions[pkg]) == 0 || h.random.IntN(4) == 0 {
		h.publish()
		return
	}
	at := "/api/v1/repositories/main/packages/npm/" + pkg
	version := h.pick(h.versions[pkg])
	reason := fmt.Sprintf("reason %d", h.random.IntN(1000))
	change := func(method, path string, body any) {
		text, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		res := h.Do(formatstest.Admin, formatstest.Request{Method: method, Path: path, Body: text}.With("Content-Type", "application/json"))
		if res.Status >= http.StatusInternalServerError {
			h.t.Fatalf("%s %s %s: %v", method, path, text, res)
		}
	}
	switch h.random.IntN(8) {
	case 0, 1:
		change(http.MethodPut, at+"/tags/"+h.pick(historyTags), api.TagChange{Version: version, Reason: reason})
	case 2:
		change(http.MethodPatch, at+"/versions/"+version, api.VersionChange{State: h.pick([]string{"deprecated", "published"}), Reason: reason})
	case 3:
		change(http.MethodDelete, at+"/versions/"+version+"?reason="+url.QueryEscape(reason), struct{}{})
	case 4:
		change(http.MethodPut, at+"/versions/"+version+"/metadata", map[string]any{"custom": map[string]string{"team.ticket": reason}})
	case 5:
		if h.deployed > 0 {
			change(http.MethodPatch, fmt.Sprintf("/api/v1/deployments/%d", 1+h.random.IntN(h.deployed)), api.DeploymentChange{Status: h.pick([]string{"succeeded", "failed", "rolled_back"}), Reason: reason})
		}
	default:
		h.deployed++
		change(http.MethodPost, "/api/v1/deployments", api.DeploymentReport{Environment: h.pick(historyPlaces), Service: h.pick(historyServices), Repository: "main",
			PURL: "pkg:npm/" + pkg + "@" + version, Status: h.pick([]string{"running", "succeeded", "succeeded", "failed"}), ExternalID: strconv.Itoa(h.deployed), Reason: reason})
	}
}

// moments are random ones of the history: entries of the log, and times of entries.
func (h *history) moments(n int) (out []string) {
	var events []struct {
		Sequence string `json:"sequence"`
		Time     string `json:"time"`
	}
	h.ask("/api/v1/events?limit=1000", &events)
	if len(events) < 50 {
		h.t.Fatalf("%d entries", len(events))
	}
	for range n {
		e := events[h.random.IntN(len(events))]
		if seq, err := strconv.ParseInt(e.Sequence, 10, 64); err == nil && h.random.IntN(2) == 0 {
			out = append(out, fmt.Sprintf("seq:%d", seq))
		} else {
			out = append(out, e.Time)
		}
	}
	return out
}

// ask asks the API, and returns the status of its answer.
func (h *history) ask(path string, v any) int {
	h.t.Helper()
	res := h.Do(formatstest.Admin, formatstest.Request{Path: path})
	if res.Status == http.StatusOK {
		if err := json.Unmarshal(res.Body, v); err != nil {
			h.t.Fatalf("%s: %v in %s", path, err, res.Body)
		}
	}
	return res.Status
}

// same compares what a page shows with what the API answers.
func (h *history) same(path string, page, api []string) {
	h.t.Helper()
	if !slices.Equal(page, api) {
		h.t.Errorf("%s shows\n\t%s\nand the API answers\n\t%s", path, strings.Join(page, "\n\t"), strings.Join(api, "\n\t"))
	}
}

// stateOf is how pages write a state.
func stateOf(state string) string {
	if state == "published" {
		return ""
	}
	return " " + state
}

// callerOf is how pages name a caller.
func callerOf(by string) string {
	return regexp.MustCompile(`^token (.+) of user (.+)$`).ReplaceAllString(by, "$2 (token $1)")
}

// minute is how pages write a moment.
func minute(h *history, text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		h.t.Fatal(err)
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC"
}

// packageAt compares the page of a package: its tags, and its newest versions with state, tags, and who published them when.
func (h *history) packageAt(moment, pkg string) int {
	then := "as_of=" + url.QueryEscape(moment)
	path := "/r/main/npm/" + pkg + "?" + then
	var tags api.List[api.Tag]
	status := h.ask("/api/v1/repositories/main/packages/npm/"+pkg+"/tags?"+then, &tags)
	res := h.get(formatstest.Admin, path)
	if res.Status != status {
		h.t.Errorf("%s: %v, the API has %d", path, res, status)
	}
	if status != http.StatusOK {
		return 0
	}
	page := parsed(h.t, res.Body)
	var shown, want []string
	for _, list := range elements(page, classed("tags")) {
		for _, item := range elements(list, named("li")) {
			shown = append(shown, shownText(item))
		}
	}
	of := map[string][]string{}
	for _, tag := range tags.Items {
		want = append(want, fmt.Sprintf("%s %s %s by %s", tag.Tag, tag.Version, minute(h, tag.SetAt), callerOf(tag.SetBy)))
		of[tag.Version] = append(of[tag.Version], tag.Tag)
	}
	h.same(path+" (tags)", shown, want)
	var hits api.List[api.VersionSummary]
	h.ask("/api/v1/repositories/main/packages/npm/"+pkg+"/versions?limit=10&"+then, &hits)
	runs := h.runsAt(then, pkg)
	shown, want = nil, nil
	for _, r := range tableOf(page, "Versions") {
		shown = append(shown, strings.Join([]string{r.text("Version"), fmt.Sprint(r.chips("Tags")), fmt.Sprint(r.chips("Ran in")), r.text("Published"), r.text("By")}, " | "))
	}
	for _, hit := range hits.Items {
		want = append(want, strings.Join([]string{hit.Version + stateOf(hit.State), fmt.Sprint(of[hit.Version]), fmt.Sprint(runs[hit.Version]), minute(h, hit.PublishedAt), callerOf(hit.PublishedBy)}, " | "))
	}
	h.same(path+" (versions)", shown, want)
	return len(want)
}

// repositoryAt compares the page of the repository: the packages that had versions, with the newest, their number and the last publish.
func (h *history) repositoryAt(moment string) int {
	then := "as_of=" + url.QueryEscape(moment)
	path := "/r/main?" + then
	var shown, want []string
	for _, r := range tableOf(parsed(h.t, h.get(formatstest.Admin, path).Body), "Packages") {
		shown = append(shown, strings.Join([]string{r.text("Package"), r.text("Newest"), r.text("Versions"), r.text("Last published")}, " | "))
	}
	for _, pkg := range slices.Sorted(maps.Keys(h.versions)) {
		var list api.List[api.VersionSummary]
		if h.ask("/api/v1/repositories/main/packages/npm/"+pkg+"/versions?limit=1000&"+then, &list); len(list.Items) == 0 {
			continue
		}
		release := max(0, slices.IndexFunc(list.Items, func(v api.VersionSummary) bool { return !v.Prerelease }))
		last := ""
		for _, v := range list.Items {
			last = max(last, v.PublishedAt)
		}
		want = append(want, strings.Join([]string{pkg, list.Items[release].Version, fmt.Sprint(len(list.Items)), minute(h, last)}, " | "))
	}
	h.same(path, shown, want)
	return len(want)
}

// runsAt tells by the states of the environments where versions of a package ran.
func (h *history) runsAt(then, pkg string) map[string][]string {
	out := map[string][]string{}
	var all api.List[api.Environment]
	h.ask("/api/v1/environments?"+then, &all)
	for _, e := range all.Items {
		var state api.EnvironmentState
		h.ask("/api/v1/environments/"+e.Name+"?"+then, &state)
		for _, s := range state.Services {
			if r := s.Running; r != nil && r.Package == pkg && r.Repository == "main" {
				out[r.Version] = append(out[r.Version], e.Name)
			}
		}
	}
	return out
}

// versionAt compares the page of a version: its state, its tags, its files and its facts.
func (h *history) versionAt(moment, pkg, version string) {
	then := "?as_of=" + url.QueryEscape(moment)
	path := "/r/main/npm/" + pkg + "/v/" + version + then
	var v api.Version
	status := h.ask("/api/v1/repositories/main/packages/npm/"+pkg+"/versions/"+version+then, &v)
	if status == http.StatusOK && v.State == "deleted" {
		status = http.StatusGone
	}
	res := h.get(formatstest.Admin, path)
	if res.Status != status {
		h.t.Errorf("%s: %v, the API has %d %s", path, res, status, v.State)
		return
	}
	if status == http.StatusNotFound {
		return
	}
	page := parsed(h.t, res.Body)
	var shown, want []string
	for _, n := range elements(page, named("h1")) {
		shown = append(shown, shownText(n))
	}
	want = append(want, pkg+" "+version+stateOf(v.State))
	for _, head := range elements(page, classed("head")) {
		for _, n := range elements(head, func(n *html.Node) bool { return n.Data == "a" && classed("chip")(n) }) {
			shown = append(shown, shownText(n))
		}
	}
	want = append(want, v.Tags...)
	for _, r := range tableOf(page, "Files") {
		shown = append(shown, r.text("File")+" "+r.text("Size"))
	}
	for _, f := range v.Files {
		want = append(want, fmt.Sprintf("%s look inside %d B", f.Path, f.Size))
	}
	for _, r := range tableOf(page, "Facts") {
		for _, said := range elements(r["Who says so"], named("li")) {
			for _, key := range elements(r["Property"], named("code")) {
				shown = append(shown, shownText(key)+" "+r.text("Value")+" "+shownText(elements(said, named("time"))[0]))
			}
		}
	}
	for _, f := range v.Facts {
		want = append(want, f.Key+" "+f.Value+" "+minute(h, f.At))
	}
	ran := h.runsAt(strings.TrimPrefix(then, "?"), pkg)[version]
	for _, section := range elements(page, func(n *html.Node) bool { return n.Data == "section" && attr(n, "aria-labelledby") == "runs" }) {
		for _, n := range elements(section, named("a")) {
			shown = append(shown, shownText(n))
		}
	}
	want = append(want, ran...)
	h.same(path, shown, want)
}

// environmentAt compares the page of an environment: of each service what runs, what ran before, what is wanted, what was reported, and drift.
func (h *history) environmentAt(moment, name string) int {
	then := "?as_of=" + url.QueryEscape(moment)
	path := "/env/" + name + then
	var e api.EnvironmentState
	status := h.ask("/api/v1/environments/"+name+then, &e)
	res := h.get(formatstest.Admin, path)
	if res.Status != status {
		h.t.Errorf("%s: %v, the API has %d", path, res, status)
	}
	if status != http.StatusOK {
		return 0
	}
	var shown, want []string
	for _, r := range tableOf(parsed(h.t, res.Body), "Services") {
		shown = append(shown, strings.Join([]string{r.text("Service"), r.text("Runs"), r.text("Before it"), r.text("Wanted"), r.text("Last report")}, " | "))
	}
	for _, s := range e.Services {
		cells := []string{s.Service, "nothing", "nothing", "nothing", ""}
		if s.Drift {
			cells[0] += " drift"
		}
		if r := s.Running; r != nil {
			cells[1] = strings.TrimSpace(fmt.Sprintf("%s %s since %s, reported by %s %s", r.Package, r.Version, minute(h, r.Since), callerOf(r.By), r.Reason))
		}
		if r := s.Previous; r != nil {
			cells[2] = fmt.Sprintf("%s %s since %s", r.Package, r.Version, minute(h, r.Since))
		}
		if w := s.Wanted; w != nil {
			cells[3] = fmt.Sprintf("%s %s since %s", w.Version, w.Tag, minute(h, w.Since))
		}
		if r := s.Recorded; r != nil {
			cells[4] = strings.TrimSpace(fmt.Sprintf("%s %s %s by %s %s", r.Status, r.Version, minute(h, r.At), callerOf(r.By), r.Reason))
		}
		want = append(want, strings.Join(cells, " | "))
	}
	h.same(path, shown, want)
	return len(want)
}

// searchAt compares the page of a search: the versions, in their order.
func (h *history) searchAt(moment, query string) int {
	then := "?q=" + url.QueryEscape(query) + "&as_of=" + url.QueryEscape(moment)
	path := "/search" + then
	var hits api.List[api.Hit]
	status := h.ask("/api/v1/versions"+then+"&limit=50", &hits)
	res := h.get(formatstest.Admin, path)
	if res.Status != status {
		h.t.Errorf("%s: %v, the API has %d", path, res, status)
	}
	var shown, want []string
	for _, r := range tableOf(parsed(h.t, res.Body), "Versions that match") {
		shown = append(shown, strings.Join([]string{r.text("Package"), r.text("Version"), r.text("Repository"), r.text("Published"), r.text("By")}, " | "))
	}
	for _, hit := range hits.Items {
		want = append(want, strings.Join([]string{hit.Name, hit.Version + stateOf(hit.State), hit.Repository, minute(h, hit.PublishedAt), callerOf(hit.PublishedBy)}, " | "))
	}
	h.same(path, shown, want)
	return len(want)
}
