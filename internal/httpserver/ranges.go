package httpserver

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"slipway/internal/lazyregexp"
)

// maxRanges is how many ranges one request may ask for; more ranges are expensive, and no download manager asks for them.
const maxRanges = 8

// plainRange returns the request with a Range header that net/http answers as RFC 9110 says, or without one. net/http
// answers "-0", which no file satisfies, with a part that ends before it begins, and refuses a range that begins at the
// end.
func plainRange(r *http.Request, size int64) *http.Request {
	header := r.Header.Get("Range")
	last := emptySuffix.MatchString(header)
	if header == "" || r.Method == http.MethodGet && !last && usableRange(header, size) {
		return r
	}
	r = r.Clone(r.Context())
	r.Header.Del("Range")
	if last && r.Method == http.MethodGet {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", size))
	}
	return r
}

// emptySuffix matches a Range header that asks for the last 0 bytes and for nothing else.
var emptySuffix = lazyregexp.New(`^bytes=[ \t,]*-0+[ \t,]*$`)

type span struct{ from, to int64 } // bytes [from, to)

// usableRange reports whether a Range header is one to honour: unit bytes, well-formed, at most maxRanges, none
// overlapping another, each with a byte at least. Any other is ignored, as RFC 9110 section 14.2 allows or demands, and the whole file answered.
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
		return span{max(0, size-n), size}, ok && n > 0
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
