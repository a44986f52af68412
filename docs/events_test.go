package docs_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"slipway/docs"
	"slipway/registry"
)

// TestEventTypes: events.md has the table of event types that the server has.
func TestEventTypes(t *testing.T) {
	page, err := fs.ReadFile(docs.Pages, "events.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| type | about | what happened |\n|---|---|---|\n")
	for _, typ := range registry.EventTypes() {
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", typ, typ.About(), typ.Text())
	}
	if !strings.Contains(string(page), "\n\n"+want.String()+"\n") {
		t.Errorf("the table of docs/events.md is to be:\n%s", want.String())
	}
}
