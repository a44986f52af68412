package pypi

import (
	"net/http"
	"strings"

	"slipway/internal/httpserver"
)

// media is a form of the simple index.
type media struct {
	mime    string // as Accept names it
	latest  string // the name that stands for the newest version
	content string // Content-Type of the answer; clients compare the JSON one as a whole
	json    bool
}

// medias are in the order of preference where a client has none (pypi.md 4.1).
var medias = []media{
	{mime: "text/html", content: "text/html; charset=utf-8"},
	{mime: "application/vnd.pypi.simple.v1+html", latest: "application/vnd.pypi.simple.latest+html", content: "application/vnd.pypi.simple.v1+html; charset=utf-8"},
	{mime: "application/vnd.pypi.simple.v1+json", latest: "application/vnd.pypi.simple.latest+json", content: "application/vnd.pypi.simple.v1+json", json: true},
}

// negotiate picks the form of the index (PEP 691, "Version + Format Selection"): ?format= before Accept. Where nothing is
// acceptable it is HTML, because clients have shipped with an incomplete Accept.
func negotiate(r *http.Request) media {
	if want := httpserver.MediaTypes(r.URL.Query()["format"]); len(want) > 0 {
		for _, m := range medias {
			if want[0] == m.mime || want[0] == m.latest {
				return m
			}
		}
	}
	best, weight := medias[0], 0.0
	accept := strings.Join(r.Header.Values("Accept"), ",")
	for _, m := range medias {
		if q := m.weight(accept); q > weight {
			best, weight = m, q
		}
	}
	return best
}

// weight is a form's weight in an Accept header: by its own name, else by a wildcard (RFC 9110 section 12.5.1).
func (m media) weight(accept string) float64 {
	kind, _, _ := strings.Cut(m.mime, "/")
	weight, exact := 0.0, 0
	for item := range strings.SplitSeq(accept, ",") {
		name, q := httpserver.Weighted(item)
		how := 0
		switch name {
		case m.mime:
			how = 4
		case m.latest:
			how = 3
		case kind + "/*":
			how = 2
		case "*/*":
			how = 1
		}
		if how > exact && (how != 3 || m.latest != "") {
			exact, weight = how, q
		}
	}
	return weight
}
