package serve_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
)

// exposed are the metrics of a server by name, each with the names of its labels.
type exposed map[string][]string

var (
	typeLine   = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)
	sampleLine = regexp.MustCompile(`(?m)^([a-z_0-9]+)(?:\{(.*)\})? \S+$`)
	labelName  = regexp.MustCompile(`([a-z_]+)="(?:[^"\\]|\\.)*"`)
	ofMetric   = regexp.MustCompile(`\b(?:slipway|go|process)_[a-z0-9_]+`)
)

// parse reads Prometheus' text format.
func (e exposed) parse(text string) {
	histograms := map[string]bool{}
	for _, m := range typeLine.FindAllStringSubmatch(text, -1) {
		e[m[1]] = nil
		histograms[m[1]] = m[2] == "histogram" || m[2] == "summary"
	}
	for _, m := range sampleLine.FindAllStringSubmatch(text, -1) {
		name := e.family(m[1])
		var labels []string
		for _, l := range labelName.FindAllStringSubmatch(m[2], -1) {
			if !histograms[name] || l[1] != "le" && l[1] != "quantile" {
				labels = append(labels, l[1])
			}
		}
		slices.Sort(labels)
		e[name] = labels
	}
}

// family is the metric that a series belongs to; "" when there is none.
func (e exposed) family(series string) string {
	for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(series, suffix); ok {
			if _, ok := e[base]; ok {
				return base
			}
		}
	}
	return ""
}

// served are the metrics of a server that has handled every kind of request, in every format.
func served(t *testing.T) exposed {
	t.Helper()
	r := commandtest.Start(t, func(c *installation.Config) {
		c.WebhookAllow, c.UpstreamAllow = []string{"127.0.0.1"}, []string{"127.0.0.1"}
	})
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a tool")) }))
	t.Cleanup(elsewhere.Close)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(receiver.Close)
	r.Login()
	ask := func(method, path, body string, status int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("ci", r.Token())
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if answer, err := io.ReadAll(res.Body); err != nil || res.StatusCode != status {
			t.Fatalf("%s %s: %d %s, %v; want %d", method, path, res.StatusCode, answer, err, status)
		}
	}
	ask("PUT", "/npm/main/web", string(commandtest.NpmDocument(t, "web", "1.0.0", commandtest.NpmTarball(t, "web", "1.0.0"))), 201)
	ask("GET", "/npm/main/web", "", 200)
	ask("GET", "/npm/main/web/-/web-1.0.0.tgz", "", 200)
	ask("GET", "/pypi/main/simple/", "", 200)
	ask("GET", "/maven/main/com/acme/lib/maven-metadata.xml", "", 404)
	ask("GET", "/v2/", "", 200)
	ask("PUT", "/raw/main/tool/1.0/tool.txt", "a tool", 201)
	ask("GET", "/raw/main/tool/1.0/tool.txt", "", 200)
	ask("POST", "/api/v1/repositories", fmt.Sprintf(`{"name":"mirror","upstreams":[{"name":"files","url":%q,"format":"raw"}]}`, elsewhere.URL+"/"), 201)
	ask("GET", "/raw/mirror/other/1.0/other.txt", "", 200)
	ask("POST", "/api/v1/subscriptions", fmt.Sprintf(`{"name":"ci","url":%q,"repositories":["main"]}`, receiver.URL), 201)
	ask("POST", "/api/v1/subscriptions/1/ping", "", 202)
	out := exposed{}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(r.URL + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `slipway_delivery_attempt_duration_seconds_count{`) {
			out.parse(string(text))
			return out
		}
	}
	t.Fatal("the event was not sent")
	return nil
}

// TestMetricsAreDocumented compares docs/operations.md with what a server exposes, both ways, labels included, and the
// dashboard's and the alerts' expressions with both.
func TestMetricsAreDocumented(t *testing.T) {
	have := served(t)
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := exposed{}
	row := regexp.MustCompile("(?m)^\\| `(slipway_[a-z0-9_]+)` \\|([^|]*)\\|([^|]+)\\|(.*)\\|$")
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		labels := []string{}
		for _, l := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, l[1])
		}
		slices.Sort(labels)
		documented[m[1]] = labels
		checkNames(t, "the alert of "+m[1], m[4], have)
	}
	for name, labels := range have {
		if !strings.HasPrefix(name, "slipway_") {
			if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
				t.Errorf("%s is not one of the prefixes that docs/operations.md names", name)
			}
			continue
		}
		if want, ok := documented[name]; !ok {
			t.Errorf("%s is not in docs/operations.md", name)
		} else if !slices.Equal(labels, want) {
			t.Errorf("%s has the labels %v, in docs/operations.md %v", name, labels, want)
		}
	}
	for name := range documented {
		if _, ok := have[name]; !ok {
			t.Errorf("docs/operations.md has %s, the server does not; it has %v", name, slices.Sorted(maps.Keys(have)))
		}
	}
	checkDashboard(t, have)
}

// checkNames reports metrics that an expression names and the server does not have.
func checkNames(t *testing.T, what, expression string, have exposed) {
	t.Helper()
	for _, series := range ofMetric.FindAllString(expression, -1) {
		if have.family(series) == "" {
			t.Errorf("%s names %s, which is none of the server's", what, series)
		}
	}
}

// checkDashboard reads docs/grafana/slipway.json as Grafana does, and looks at every expression.
func checkDashboard(t *testing.T, have exposed) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "grafana", "slipway.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title, UID string
		Panels     []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	ids, shown := map[int]bool{}, map[string]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: the id is taken, or its place is off the grid", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			checkNames(t, fmt.Sprintf("panel %q", p.Title), target.Expr, have)
			if strings.Count(target.Expr, "(") != strings.Count(target.Expr, ")") || strings.Count(target.Expr, "{") != strings.Count(target.Expr, "}") {
				t.Errorf("panel %q: unbalanced: %s", p.Title, target.Expr)
			}
			for _, series := range ofMetric.FindAllString(target.Expr, -1) {
				shown[have.family(series)] = true
			}
		}
	}
	for _, v := range board.Templating.List {
		checkNames(t, "the variable "+v.Name, v.Definition, have)
	}
	for name := range have {
		if strings.HasPrefix(name, "slipway_") && !shown[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
}
