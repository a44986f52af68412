package formats

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// maxRanges is how many ranges one request may ask for; more cost much and are no download manager's habit.
const maxRanges = 8

type span struct{ from, to int64 } // bytes [from, to)

// usableRange reports whether a Range header is one to honour: unit bytes, well-formed, at most maxRanges, none
// overlapping another. Any other is ignored, as RFC 9110 section 14.2 allows or demands, and the whole file answered.
func usableRange(header string, size int64) bool {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return false
	}
	var spans []span
	for part := range strings.SplitSeq(spec, ",") {
		part = strings.Trim(part, " \t")
		if part == "" {
			continue
		}
		s, ok := parseSpan(part, size)
		if !ok || len(spans) == maxRanges {
			return false
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return false
		}
	}
	return len(spans) > 0
}

// parseSpan reads "0-499", "500-" or "-500".
func parseSpan(s string, size int64) (span, bool) {
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		return span{}, false
	}
	if first == "" {
		n, ok := decimal(last)
		return span{max(0, size-n), size}, ok
	}
	from, ok := decimal(first)
	if !ok || last == "" {
		return span{from, max(from, size)}, ok
	}
	to, ok := decimal(last)
	return span{from, max(from, min(to, size-1)+1)}, ok && to >= from
}

func decimal(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
