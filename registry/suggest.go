package registry

import (
	"fmt"
	"slices"
	"strings"
)

// NoSuch is the message for a word that is not among known. It suggests the nearest known word or, where none is near, lists
// show. what names the kind of word.
func NoSuch(what, word string, known, show []string) string {
	word = Clip(word)
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("no %s %q: did you mean %q?", what, word, near)
	}
	return fmt.Sprintf("no %s %q; there are %s", what, word, strings.Join(show, ", "))
}

// nearest returns the known word most like a misspelt one: at most a third of the misspelt word's letters differ, or it is a
// part of the known word. "": there is none.
func nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, least := "", max(2, len(word)/3)+1
	for _, k := range known {
		if n := distance(word, k); n < least {
			best, least = k, n
		}
	}
	if best != "" || len(word) < 3 {
		return best
	}
	if i := slices.IndexFunc(known, func(k string) bool { return strings.Contains(k, word) }); i >= 0 {
		return known[i]
	}
	return ""
}

// distance is how many bytes must be inserted, deleted or replaced to turn a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1) // distances from a prefix of a to every prefix of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			exchanged := diagonal
			if a[i] != b[j] {
				exchanged++
			}
			diagonal = row[j+1]
			row[j+1] = min(exchanged, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
