package command

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestProgressWidth: a bar never takes more than one line, whose end it clears: otherwise each drawing would start a new
// line.
func TestProgressWidth(t *testing.T) {
	for _, columns := range []int{20, 80, 200} {
		var out strings.Builder
		p := &Progress{w: &out, what: "fill", columns: func() int { return columns }}
		for i := range 5 {
			p.drawn = time.Time{}
			p.Show(float64(i)/4, strings.Repeat("long ", 5*(5-i)))
		}
		p.End()
		drawings := strings.Split(out.String(), "\r")
		if len(drawings) != 7 {
			t.Fatalf("%d columns: %q", columns, drawings)
		}
		for _, d := range drawings[1:6] {
			line, cleared := strings.CutSuffix(d, clearLine)
			if n := utf8.RuneCountInString(line); !cleared || n >= columns || strings.TrimSpace(line) == "" {
				t.Errorf("%d columns: drew %d: %q", columns, n, d)
			}
		}
		if drawings[6] != clearLine {
			t.Errorf("at the end: %q", drawings[6])
		}
	}
}
