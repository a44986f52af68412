package wire

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"slipway/api"
	"slipway/registry"
)

// FuzzQuery: no query string makes a parser panic, and what is accepted is within the bounds.
func FuzzQuery(f *testing.F) {
	f.Add("limit=10&after=x&as_of=2026-01-01T00:00:00Z&types=a.*,b&wait=30s&deleted=true&seq=1")
	f.Add("as_of=seq:9&limit=1001&wait=1h&types=,,&after=%00")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := ParseQuery(&http.Request{URL: &url.URL{RawQuery: raw}})
		if err != nil {
			return
		}
		if p, err := q.Page(); err == nil && (p.Limit < 1 || p.Limit > registry.MaxPage || strings.ContainsRune(p.After, 0)) {
			t.Fatalf("page %+v", p)
		}
		if d, err := q.Wait(); err == nil && (d < 0 || d > maxWait) {
			t.Fatalf("wait %s", d)
		}
		if types, err := q.Types(); err == nil && len(types) > maxTypes {
			t.Fatalf("%d types", len(types))
		}
		if when, err := q.AsOf(); err == nil && when.Seq != nil && *when.Seq < 0 {
			t.Fatalf("as_of %d", *when.Seq)
		}
		if n, err := q.Seq("seq", 0); err == nil && n < -1 {
			t.Fatalf("seq %d", n)
		}
		if _, err := q.Flag("deleted"); err != nil && registry.KindOf(err) != registry.Invalid {
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
		var v api.UserChange
		if err := DecodeObject([]byte(raw), &v); err != nil && registry.KindOf(err) != registry.Invalid {
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
		want, err := Generation(&http.Request{Header: http.Header{"If-Match": {match}}})
		switch {
		case err != nil && registry.KindOf(err) != registry.Invalid, err == nil && (want == nil || *want < 0):
			t.Fatalf("%q: %v, %v", match, want, err)
		case err == nil && !strings.Contains(match, strconv.FormatInt(*want, 10)):
			t.Fatalf("%q is %d", match, *want)
		}
		absent, err := Generation(&http.Request{Header: http.Header{"If-None-Match": {none}}})
		if err == nil && (none != "*" || absent == nil || *absent != 0) {
			t.Fatalf("If-None-Match: %q is %v", none, absent)
		}
		if _, err := Generation(&http.Request{Header: http.Header{"If-Match": {match}, "If-None-Match": {none}}}); err == nil {
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
		s, err := Segment(mux.SetURLVars(&http.Request{}, map[string]string{"x": raw}), "x")
		if err != nil {
			if registry.KindOf(err) != registry.Invalid {
				t.Fatal(err)
			}
			return
		}
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			t.Fatalf("%q is %q", raw, s)
		}
		if again, err := Segment(mux.SetURLVars(&http.Request{}, map[string]string{"x": url.PathEscape(s)}), "x"); err != nil || again != s {
			t.Fatalf("%q is %q, then %q: %v", raw, s, again, err)
		}
	})
}

func TestAsOf(t *testing.T) {
	want := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, raw := range []string{"2026-01-31T12:00:00Z", "2026-01-31T13:00:00%2B01:00", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.000000Z"} {
		q, err := ParseQuery(&http.Request{URL: &url.URL{RawQuery: "as_of=" + raw}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := q.AsOf(); err != nil || !got.Time.Equal(want) {
			t.Errorf("%s: %v, %v", raw, got.Time, err)
		}
	}
}
