package ui

import "strings"

// diffLine is a line of a comparison of two texts.
type diffLine struct {
	Sign string // "+", "-", " ", or "…" where equal lines are left out
	Text string
}

// diffContext is how many equal lines are shown around a change.
const diffContext = 3

// diffLines compares two texts line by line by their longest common subsequence; nil where they have too many lines for that.
func diffLines(from, to string) []diffLine {
	a, b := strings.Split(from, "\n"), strings.Split(to, "\n")
	if len(a) > maxComparedLines || len(b) > maxComparedLines {
		return nil
	}
	// common[i][j] is how many lines a[i:] and b[j:] have in common.
	common := make([][]uint16, len(a)+1)
	for i := range common {
		common[i] = make([]uint16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var all []diffLine
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, diffLine{" ", a[i]})
			i++
			j++
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			all = append(all, diffLine{"-", a[i]})
			i++
		default:
			all = append(all, diffLine{"+", b[j]})
			j++
		}
	}
	return around(all)
}

// around leaves out equal lines that are far from any change.
func around(all []diffLine) (out []diffLine) {
	near := make([]bool, len(all))
	for i, line := range all {
		if line.Sign == " " {
			continue
		}
		for k := max(0, i-diffContext); k <= min(len(all)-1, i+diffContext); k++ {
			near[k] = true
		}
	}
	for i, line := range all {
		switch {
		case near[i]:
			out = append(out, line)
		case i == 0 || near[i-1]:
			out = append(out, diffLine{Sign: "…"})
		}
	}
	return out
}
