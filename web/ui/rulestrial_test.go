package ui_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"

	"slipway/formats/all"
	"slipway/formats/formatstest"
)

// TestRuleTrial: what a rule would have changed is shown page by page, also where one entry of the log has more changes than a page.
func TestRuleTrial(t *testing.T) {
	s := newPage(t, formatstest.Options{}, all.All()...)
	const files = 130
	for i := range files {
		s.send(http.MethodPut, fmt.Sprintf("/raw/main/tool/1.0.0/f%03d", i), "x", http.StatusCreated)
	}
	fields := []string{"do", "try", "action", "deny", "match", "pkg:generic/tool", "reason", "because", "days", "7"}
	row := regexp.MustCompile(`<span class="muted">(f\d+)</span>`)
	cursor := regexp.MustCompile(`name="after" value="([^"]+)"`)
	seen := map[string]bool{}
	for pages := 1; ; pages++ {
		res := s.post("/r/main/-/rules", formOf(fields...))
		if res.Status != http.StatusOK {
			t.Fatal(res)
		}
		for _, m := range row.FindAllStringSubmatch(string(res.Body), -1) {
			if seen[m[1]] {
				t.Errorf("%s is shown twice", m[1])
			}
			seen[m[1]] = true
		}
		next := cursor.FindStringSubmatch(string(res.Body))
		if next == nil {
			if pages != 2 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		fields = append(fields[:10:10], "after", next[1])
	}
	if len(seen) != files {
		t.Errorf("%d files are shown, want %d", len(seen), files)
	}
	s.refuse(400, "/r/main/-/rules", nil, append(fields[:10:10], "after", "x")...)
}
