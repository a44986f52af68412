package ui_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// axe is the program that looks for what keeps people from using a page; .ci/clients.sh installs it.
const axe = "axe-core-4.14.1"

// accessible has axe-core look at the page in the window; the rules are all of its own, or those that are named. Everything that it finds
// fails the test.
func (c *chromium) accessible(path string, rules ...string) {
	c.t.Helper()
	if c.axe == "" {
		source, err := os.ReadFile(filepath.Join(installedClient(c.t, axe), "node_modules", "axe-core", "axe.min.js"))
		c.must(err)
		c.axe = string(source)
	}
	options := map[string]any{"resultTypes": []string{"violations"}}
	if len(rules) > 0 {
		options["runOnly"] = rules
	}
	text, err := json.Marshal(options)
	c.must(err)
	if c.evaluate(`String(typeof axe)`) == "undefined" {
		c.evaluate(c.axe + `; ""`)
	}
	var found []struct {
		ID    string `json:"id"`
		Help  string `json:"help"`
		Nodes []struct {
			HTML    string `json:"html"`
			Summary string `json:"failureSummary"`
		} `json:"nodes"`
	}
	c.must(json.Unmarshal([]byte(c.await(fmt.Sprintf(`axe.run(document, %s).then(r => JSON.stringify(r.violations))`, text))), &found))
	for _, v := range found {
		var where []string
		for _, n := range v.Nodes[:min(len(v.Nodes), 3)] {
			where = append(where, n.HTML+"\n\t"+strings.ReplaceAll(n.Summary, "\n", "\n\t"))
		}
		c.t.Errorf("%s: %s: %s, %d times:\n%s", path, v.ID, v.Help, len(v.Nodes), strings.Join(where, "\n"))
	}
}
