package httpserver

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// acceptsGzip reports whether Accept-Encoding (RFC 9110 section 12.5.3) takes gzip.
func acceptsGzip(h http.Header) bool {
	weight, named := 0.0, false
	for item := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, q := Weighted(item)
		switch {
		case name == "gzip" || name == "x-gzip":
			weight, named = q, true
		case name == "*" && !named:
			weight = q
		}
	}
	return weight > 0
}

// Accepts returns the weight that an Accept header gives to a media type such as "application/json" by naming it: 0 when
// the header does not name it. "*/*" and "application/*" ask for nothing in particular and count as 0 too.
func Accepts(h http.Header, mediaType string) float64 {
	for item := range strings.SplitSeq(strings.Join(h.Values("Accept"), ","), ",") {
		if name, q := Weighted(item); name == mediaType {
			return q
		}
	}
	return 0
}

// MediaTypes returns the values of a query parameter that are media types. Clients send the plus of application/spdx+json as it
// is, which the decoding of forms makes a space, and no media type has a space in its name.
func MediaTypes(values []string) []string {
	for i, v := range values {
		values[i] = strings.ReplaceAll(v, " ", "+")
	}
	return values
}

// Weighted splits an item of an Accept header, such as "gzip;q=0.5": the name in lower case, its weight from 0 to 1. An
// invalid weight counts as 0.
func Weighted(item string) (name string, q float64) {
	name, params, _ := strings.Cut(item, ";")
	q = 1
	for p := range strings.SplitSeq(params, ";") {
		if v, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(p)), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil || !(q >= 0 && q <= 1) { // NaN is a float
				q = 0
			}
		}
	}
	return strings.ToLower(strings.TrimSpace(name)), q
}

// notModified evaluates the conditional headers of GET and HEAD that lead to 304 (RFC 9110 section 13.2.2).
func notModified(r *http.Request, tag string, modified time.Time) bool {
	if none := r.Header.Values("If-None-Match"); len(none) > 0 {
		return MatchesETag(none, tag, true)
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !modified.IsZero() && !modified.Truncate(time.Second).After(since)
}

// MatchesETag reports whether the values of an If-Match or If-None-Match header name tag, which is strong and quoted, or
// are "*". With weak, W/ in front of a listed tag is ignored (RFC 9110 section 8.8.3.2).
func MatchesETag(values []string, tag string, weak bool) bool {
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		item = strings.TrimSpace(item)
		if weak {
			item = strings.TrimPrefix(item, "W/")
		}
		if item == "*" || item == tag {
			return true
		}
	}
	return false
}
