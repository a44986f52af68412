package registry

import (
	"fmt"
	"slices"
	"strings"
)

// NoSuch says that a word is none of those known, and which one may have been meant; where none is near, it shows some of
// them. what is the kind of word.
func NoSuch(what, word string, known, show []string) string {
	word = Clip(word)
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("no %s %q: did you mean %q?", what, word, near)
	}
	return fmt.Sprintf("no %s %q; there are %s", what, word, strings.Join(show, ", "))
}

// nearest returns the known word that a misspelt one is most like: at most a third of its letters differ, or it is a part
// of the known word. "": there is none.
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

// distance is how many bytes must be put in, left out or exchanged to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1) // distances of the beginning of a to every beginning of b
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
