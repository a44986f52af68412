package ui

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

// Bounds of the search page.
const (
	searchLimit = 50 // hits of a page
	maxFacets   = 12 // links of one facet
)

func (u *Pages) searchPages() []page {
	return []page{
		{path: "/search", name: "web.search", show: u.search, past: true},
		{path: "/search/versions.csv", name: "web.search.csv", show: u.searchCSV, past: true},
		{path: "/search/versions.ndjson", name: "web.search.ndjson", show: u.searchLines, past: true},
	}
}

// searchView has the values of the search page.
type searchView struct {
	*frame
	Asked   bool
	Read    string // the query that the text was taken for; "": it is one
	Wrong   *wrongQuery
	Hits    []api.Hit
	Next    string // address of the next page; "": there is none
	Facets  []facet
	Known   []string // beginnings of terms, and whole ones, for completion
	CSV     string   // addresses of all hits
	NDJSON  string
	Example []searchExample
}

// wrongQuery says what is wrong with a query. Caret has spaces up to the place; "": it has none.
type wrongQuery struct{ Detail, Query, Caret string }

// searchExample is a query with what it finds.
type searchExample struct{ Query, Finds string }

var searchExamples = []searchExample{
	{"log4j-core", "packages with such a name"},
	{"commit:4f2a9c1", "what was built from a commit; the first 4 characters are enough"},
	{"tag:production format:npm", "what a tag names"},
	{"env:prod", "what runs in an environment"},
	{"file:log4j-core-2.17.1.jar", "what has such a file"},
	{"by:jane published:>2026-01-01", "what a user has published since then"},
	{"-has:commit (state:yanked OR state:deprecated)", "terms can be negated and joined"},
}

// search answers GET /search?q=&as_of=&after=: the versions that a query finds, and links that narrow it.
func (u *Pages) search(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	f := frameOf(r)
	if f.Query, err = q.Text("q"); err != nil {
		return err
	}
	v := searchView{frame: f, Asked: f.Query != "", Example: searchExamples}
	f.about("Search")
	query := readQuery(f.Query)
	if query != f.Query {
		v.Read = query
	}
	if err := u.facets(r, &v, query); err != nil {
		return err
	}
	status := http.StatusOK
	if v.Asked {
		page, err := pageOf(q, searchLimit)
		if err != nil {
			return err
		}
		for hit, err := range u.api.SearchWhy(client.OnePage(r.Context(), &page), query, f.AsOf) {
			var problem *client.Error
			if errors.As(err, &problem) && problem.Status == http.StatusBadRequest {
				v.Wrong, status = wrongAt(problem.Detail, query), problem.Status
				break
			}
			if err != nil {
				return err
			}
			v.Hits = append(v.Hits, hit)
		}
		v.Next = f.next(page)
		export := "?q=" + url.QueryEscape(f.Query)
		v.CSV, v.NDJSON = f.Link("/search/versions.csv"+export), f.Link("/search/versions.ndjson"+export)
	}
	f.JSON = f.Link(api.Prefix + "/versions?q=" + url.QueryEscape(query))
	return write(w, r, status, "search", v)
}

// wrongAt finds the place of an error in a query, which the API's message gives in bytes.
func wrongAt(detail, query string) *wrongQuery {
	out := &wrongQuery{Detail: detail, Query: query}
	rest, ok := strings.CutPrefix(detail, "query, at character ")
	number, message, cut := strings.Cut(rest, ": ")
	at, err := strconv.Atoi(number)
	if !ok || !cut || err != nil || at < 1 || at > len(query)+1 {
		return out
	}
	out.Detail, out.Caret = message, strings.Repeat(" ", utf8.RuneCountInString(query[:at-1]))+"^"
	return out
}

// facet is a property with links that narrow the query to one of its values.
type facet struct {
	Name  string
	Links []link
}

// facets finds the values by which a query can be narrowed, and the words that complete it: what the visitor may see of repositories and
// environments, with the tags that environments follow.
func (u *Pages) facets(r *http.Request, v *searchView, query string) error {
	var repositories, environments []string
	tags := []string{"latest"}
	page := client.Page{Limit: maxFacets}
	for repo, err := range u.api.Repositories(client.OnePage(r.Context(), &page)) {
		if client.IsStatus(err, http.StatusUnauthorized) {
			break
		}
		if err != nil {
			return err
		}
		repositories = append(repositories, repo.Name)
	}
	page = client.Page{Limit: maxFacets}
	for e, err := range u.api.Environments(client.OnePage(r.Context(), &page), v.AsOf) {
		if client.IsStatus(err, http.StatusUnauthorized) {
			break
		}
		if err != nil {
			return err
		}
		environments = append(environments, e.Name)
		if e.Tag != "" && !slices.Contains(tags, e.Tag) {
			tags = append(tags, e.Tag)
		}
	}
	v.Known = append(v.Known, searchKeys...)
	for _, side := range []struct {
		name, key string
		values    []string
	}{
		{"Format", "format", u.guide.Formats()}, {"Repository", "repo", repositories}, {"State", "state", searchStates},
		{"Tag", "tag", tags}, {"Runs in", "env", environments},
	} {
		if len(side.values) == 0 {
			continue
		}
		one := facet{Name: side.name}
		for _, value := range side.values {
			to, has := narrow(query, side.key, value)
			one.Links = append(one.Links, link{Text: value, Link: v.Link("/search?q=" + url.QueryEscape(to)), Current: has})
			v.Known = append(v.Known, termOf(side.key, value))
		}
		v.Facets = append(v.Facets, one)
	}
	return nil
}

// searchCSV answers GET /search/versions.csv?q=&as_of=: all that a query finds, for spreadsheets.
func (u *Pages) searchCSV(w http.ResponseWriter, r *http.Request) error {
	out := csv.NewWriter(w)
	return u.export(w, r, "text/csv; charset=utf-8; header=present", "versions.csv", func(h *api.Hit) error {
		row := []string{"repository", "format", "package", "version", "state", "published_at", "published_by", "size", "digest", "purl", "seq"}
		if h != nil {
			row = []string{cell(h.Repository), cell(h.Format), cell(h.Name), cell(h.Version), h.State, h.PublishedAt, cell(h.PublishedBy),
				strconv.FormatInt(h.Size, 10), string(h.Digest), h.PURL, strconv.FormatInt(h.Seq, 10)}
		}
		err := out.Write(row)
		out.Flush()
		return errors.Join(err, out.Error())
	})
}

// cell keeps spreadsheets from taking a text for a formula: they show what follows an apostrophe as it is.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// searchLines answers GET /search/versions.ndjson?q=&as_of=: all that a query finds, each as the API has it on a line of its own.
func (u *Pages) searchLines(w http.ResponseWriter, r *http.Request) error {
	out := json.NewEncoder(w)
	return u.export(w, r, "application/x-ndjson", "versions.ndjson", func(h *api.Hit) error {
		if h == nil {
			return nil
		}
		return out.Encode(h)
	})
}

// export writes all hits of the request's query; row is called with nil before the first one.
func (u *Pages) export(w http.ResponseWriter, r *http.Request, contentType, name string, row func(*api.Hit) error) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	text, err := q.Text("q")
	if err != nil {
		return err
	}
	begun := false
	begin := func() error {
		begun = true
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method == http.MethodHead {
			return io.EOF
		}
		return row(nil)
	}
	for hit, err := range u.api.Search(r.Context(), readQuery(text), frameOf(r).AsOf) {
		if err != nil {
			return err
		}
		if !begun {
			err = begin()
		}
		if err == nil {
			err = row(&hit)
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
	if !begun {
		if err := begin(); !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}
