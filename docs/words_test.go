package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// TestColumns is N20: the heads of the command line's tables that nobody understood are gone.
func TestColumns(t *testing.T) {
	folder := filepath.Join("..", "cmd", "slipway", "internal", "cli")
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	heads := 0
	for _, file := range files {
		for _, head := range regexp.MustCompile(`\{"([A-Z][A-Z ]*)", func\(`).FindAllStringSubmatch(read(t, file), -1) {
			heads++
			if slices.Contains([]string{"REUSE", "OF", "AT", "BEGINS", "BECAUSE", "RANK"}, head[1]) {
				t.Errorf("%s has a column %s", file, head[1])
			}
		}
	}
	if heads < 50 {
		t.Errorf("only %d columns were found", heads)
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
