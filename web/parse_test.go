package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorilla/mux"
	"golang.org/x/mod/sumdb/tlog"

	"slipway/registry"
)

func TestParseTile(t *testing.T) {
	for path, want := range map[string]tlog.Tile{
		"0/000":                {H: 8, L: 0, N: 0, W: 256},
		"1/x001/x234/067":      {H: 8, L: 1, N: 1234067, W: 256},
		"2/001.p/17":           {H: 8, L: 2, N: 1, W: 17},
		"entries/000":          {H: 8, L: -1, N: 0, W: 256},
		"entries/x001/002.p/9": {H: 8, L: -1, N: 1002, W: 9},
	} {
		if got, ok := parseTile(path); !ok || got != want {
			t.Errorf("%s: %+v, %v", path, got, ok)
		}
	}
}

// FuzzParseTile: what is accepted has exactly one spelling and stays within what a log can have.
func FuzzParseTile(f *testing.F) {
	for _, s := range []string{"0/000", "1/x001/x234/067", "2/001.p/17", "entries/000", "data/000", "0/0", "0/000.p/256", "+0/000", "0/x000/000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tile, ok := parseTile(s)
		if !ok {
			return
		}
		if tile.H != tileHeight || tile.L < -1 || tile.L > maxTileLevel || tile.N < 0 || tile.W < 1 || tile.W > 256 {
			t.Fatalf("%q: %+v", s, tile)
		}
		back := strings.TrimPrefix(tile.Path(), "tile/8/")
		if strings.Replace(back, "data/", "entries/", 1) != s {
			t.Fatalf("%q is another spelling of %q", s, back)
		}
	})
}

// FuzzQuery: no query string makes a parser panic, and what is accepted is within the bounds.
func FuzzQuery(f *testing.F) {
	f.Add("limit=10&after=x&as_of=2026-01-01T00:00:00Z&types=a.*,b&wait=30s&deleted=true&seq=1")
	f.Add("as_of=seq:9&limit=1001&wait=1h&types=,,&after=%00")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(&http.Request{URL: &url.URL{RawQuery: raw}})
		if err != nil {
			return
		}
		if p, err := q.page(); err == nil && (p.Limit < 1 || p.Limit > registry.MaxPage || strings.ContainsRune(p.After, 0)) {
			t.Fatalf("page %+v", p)
		}
		if d, err := q.wait(); err == nil && (d < 0 || d > maxWait) {
			t.Fatalf("wait %s", d)
		}
		if types, err := q.types(); err == nil && len(types) > maxTypes {
			t.Fatalf("%d types", len(types))
		}
		if when, err := q.asOf(); err == nil && when.Seq != nil && *when.Seq < 0 {
			t.Fatalf("as_of %d", *when.Seq)
		}
		if n, err := q.seq("seq", 0); err == nil && n < -1 {
			t.Fatalf("seq %d", n)
		}
		if _, err := q.flag("deleted"); err != nil && registry.KindOf(err) != registry.Invalid {
			t.Fatal(err)
		}
	})
}

// FuzzBody: no body makes the decoder panic, and an error is the client's fault.
func FuzzBody(f *testing.F) {
	for _, s := range []string{`{"name":"x","permissions":[]}`, `{"nam":1}`, `[]`, `null`, `{"name":{}}`, "{", ` {"permissions":[{"actions":[1]}]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var v userChange
		if err := decodeObject([]byte(raw), &v); err != nil && registry.KindOf(err) != registry.Invalid {
			t.Fatalf("%q: %v", raw, err)
		}
	})
}

// FuzzGeneration: a precondition that can't be read is never taken for none, and is written back as it was.
func FuzzGeneration(f *testing.F) {
	for _, s := range []string{`"3"`, "3", "*", `""`, `"-1"`, `W/"3"`, ` "3" `, `"3","4"`, `"9223372036854775808"`, `"+3"`} {
		f.Add(s, "*")
	}
	f.Fuzz(func(t *testing.T, match, none string) {
		want, err := generation(&http.Request{Header: http.Header{"If-Match": {match}}})
		switch {
		case err != nil && registry.KindOf(err) != registry.Invalid, err == nil && (want == nil || *want < 0):
			t.Fatalf("%q: %v, %v", match, want, err)
		case err == nil && !strings.Contains(match, strconv.FormatInt(*want, 10)):
			t.Fatalf("%q is %d", match, *want)
		}
		absent, err := generation(&http.Request{Header: http.Header{"If-None-Match": {none}}})
		if err == nil && (none != "*" || absent == nil || *absent != 0) {
			t.Fatalf("If-None-Match: %q is %v", none, absent)
		}
		if _, err := generation(&http.Request{Header: http.Header{"If-Match": {match}, "If-None-Match": {none}}}); err == nil {
			t.Fatal("both are taken")
		}
	})
}

// FuzzSegment: a segment of a path is decoded once, to text.
func FuzzSegment(f *testing.F) {
	for _, s := range []string{"a", "%2f", "%252f", "%00", "%ff", "%zz", "a%2F..%2Fb", "%c0%ae"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		s, err := segment(mux.SetURLVars(&http.Request{}, map[string]string{"x": raw}), "x")
		if err != nil {
			if registry.KindOf(err) != registry.Invalid {
				t.Fatal(err)
			}
			return
		}
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			t.Fatalf("%q is %q", raw, s)
		}
		if again, err := segment(mux.SetURLVars(&http.Request{}, map[string]string{"x": url.PathEscape(s)}), "x"); err != nil || again != s {
			t.Fatalf("%q is %q, then %q: %v", raw, s, again, err)
		}
	})
}

func TestAsOf(t *testing.T) {
	want := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, raw := range []string{"2026-01-31T12:00:00Z", "2026-01-31T13:00:00%2B01:00", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.000000Z"} {
		q, err := parseQuery(&http.Request{URL: &url.URL{RawQuery: "as_of=" + raw}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := q.asOf(); err != nil || !got.Time.Equal(want) {
			t.Errorf("%s: %v, %v", raw, got.Time, err)
		}
	}
}
