package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unclear are words that readers of the pages did not understand.
var unclear = []string{
	"also covers what concerns the whole server", "what runs may finish for", "brings anew", "beyond the snapshot will be told", "tells nothing",
	"nobody ends what others run", "what you might roll back to last", "is so from the moment it is there",
	"other bytes replace what nobody", "never too seldom",
}

// TestWords is N20: the sentences that nobody understood are gone, and the words that stay are explained.
func TestWords(t *testing.T) {
	pages := []string{filepath.Join("..", "README.md")}
	for _, glob := range []string{"*.md", "protocols/*.md", "spec/*.md"} {
		list, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, list...)
	}
	if len(pages) < 20 {
		t.Fatalf("only %d pages", len(pages))
	}
	for _, page := range pages {
		text := strings.Join(strings.Fields(read(t, page)), " ")
		for _, words := range unclear {
			if strings.Contains(text, words) {
				t.Errorf("%s says %q again", page, words)
			}
		}
	}
	glossary := read(t, "glossary.md")
	for _, word := range []string{"purl", "drift", "generation", "fact", "rank", "tombstone", "coordinate", "preset", "consumer", "checkpoint"} {
		if !strings.Contains(glossary, "\n| "+word+" | ") {
			t.Errorf("the glossary does not explain %q", word)
		}
	}
}

// TestHints is J10: what clients do by default, and what their users then need, is on npm's page.
func TestHints(t *testing.T) {
	page := read(t, filepath.Join("protocols", "npm.md"))
	for _, words := range []string{"COREPACK_INTEGRITY_KEYS=0", "minimumReleaseAge", "minimumDependencyAge"} {
		if !strings.Contains(page, words) {
			t.Errorf("the page of npm does not mention %s", words)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
