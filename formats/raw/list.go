package raw

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"iter"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
)

// entry is a line of a listing.
type entry struct {
	Name        string
	Dir         bool
	Size        int64 // bytes; -1: not known
	SHA256      string
	Modified    time.Time // zero: not known
	ContentType string

	cursor string // continues the list after this entry
}

// list answers a directory: the packages of a repository, the versions of a package, a folder of a version.
// GET: HTML for people, JSON for tools, names only as text; by ?format=, else by Accept.
func (h *handlers) list(w http.ResponseWriter, r *http.Request, loc location) error {
	q, err := parseList(r)
	if err != nil {
		return err
	}
	if err := h.exists(r.Context(), loc); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", httpserver.RevalidateCache(r.Context()))
	w.Header().Set("Vary", "Accept")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Robots-Tag", "noindex") // and not in robots.txt, which wget -r obeys
	switch q.format {
	case "json":
		return h.listJSON(w, r, loc, q)
	case "txt":
		return streamText(w, r, h.entries(r.Context(), loc, q))
	default:
		return streamHTML(w, r, loc, h.entries(r.Context(), loc, q))
	}
}

type listQuery struct {
	format string
	after  string
	limit  int
}

func parseList(r *http.Request) (listQuery, error) {
	v := r.URL.Query()
	q := listQuery{format: v.Get("format"), limit: registry.MaxPage}
	switch q.format {
	case "html", "json", "txt":
	case "":
		q.format = "html"
		if json := httpserver.Accepts(r.Header, "application/json"); json > httpserver.Accepts(r.Header, "text/html") {
			q.format = "json"
		}
	default:
		return q, invalid("format is html, json or txt")
	}
	if s := v.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return q, invalid("limit is a number from 1 to %d", registry.MaxPage)
		}
		q.limit = min(n, registry.MaxPage)
	}
	after, err := base64.RawURLEncoding.DecodeString(v.Get("cursor"))
	if err != nil {
		return q, invalid("the cursor is not one of ours")
	}
	if q.after = string(after); !utf8.ValidString(q.after) || strings.Contains(q.after, "\x00") {
		return q, invalid("the cursor is not one of ours")
	}
	return q, nil
}

// exists fails with NotFound unless a directory exists. Deleted packages and versions do not.
func (h *handlers) exists(ctx context.Context, loc location) error {
	switch loc.depth() {
	case atRepository:
		_, err := h.svc.Core.Repository(ctx, loc.repository)
		return err
	case atPackage:
		p, err := h.svc.Catalog.Package(ctx, loc.name())
		if err == nil && p.VersionCount == 0 {
			err = registry.Errorf(registry.NotFound, registry.AboutPackage, "there is no raw package %q in repository %q", formats.Clip(p.Name), loc.repository)
		}
		return err
	default:
		_, err := h.svc.Catalog.Resolve(ctx, loc.name(), catalog.Ref{Version: loc.segments[1]})
		return err
	}
}

// entries yields the entries of a directory after a cursor, with one transaction per thousand.
func (h *handlers) entries(ctx context.Context, loc location, q listQuery) iter.Seq2[entry, error] {
	switch loc.depth() {
	case atRepository:
		return h.packages(ctx, loc.repository, q.after)
	case atPackage:
		return h.versions(ctx, loc.name(), q.after)
	default:
		most := math.MaxInt
		if q.format == "json" {
			most = q.limit + 1 // one more tells whether there is a next page
		}
		return h.files(ctx, loc, q.after, most)
	}
}

func (h *handlers) packages(ctx context.Context, repository, after string) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		q := catalog.PackageQuery{Format: name, Limit: registry.MaxPage}
		for {
			if after != "" {
				q.After = name + "/" + after
			}
			page, err := h.svc.Catalog.Packages(ctx, repository, q)
			if err != nil {
				yield(entry{}, err)
				return
			}
			for _, p := range page {
				after = p.Key
				if p.VersionCount > 0 && !yield(entry{Name: p.Name, Dir: true, Size: -1, Modified: p.UpdatedAt, cursor: p.Key}, nil) {
					return
				}
			}
			if len(page) < q.Limit {
				return
			}
		}
	}
}

func (h *handlers) versions(ctx context.Context, at registry.Name, after string) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for {
			page, err := h.svc.Catalog.Versions(ctx, at, catalog.VersionQuery{After: after, Limit: registry.MaxPage})
			if err != nil {
				yield(entry{}, err)
				return
			}
			for _, v := range page {
				after = v.Name
				if !yield(entry{Name: v.Name, Dir: true, Size: v.Size, Modified: v.UpdatedAt, cursor: v.Name}, nil) {
					return
				}
			}
			if len(page) < registry.MaxPage {
				return
			}
		}
	}
}

// files yields the entries of a folder of a version in the order of paths, with one transaction per page. Folders have no size
// or time: that would take reading all files below them.
func (h *handlers) files(ctx context.Context, loc location, after string, most int) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		var q catalog.FolderQuery
		if dir := loc.path(); dir != "" {
			q.Folder = dir + "/"
		}
		if after != "" {
			q.After, q.AfterIsDir = after[1:], after[0] == 'd'
		}
		for ; most > 0; most -= q.Limit {
			q.Limit = min(most, registry.MaxPage)
			list, err := h.svc.Catalog.Folder(ctx, loc.coordinate(), q)
			if err != nil {
				yield(entry{}, err)
				return
			}
			for _, f := range list {
				if !yield(entryOf(f), nil) {
					return
				}
				q.After, q.AfterIsDir = f.Name, f.Dir
			}
			if len(list) < q.Limit {
				return
			}
		}
	}
}

func entryOf(f catalog.FolderEntry) entry {
	if f.Dir {
		return entry{Name: f.Name, Dir: true, Size: -1, cursor: "d" + f.Name}
	}
	return entry{Name: f.Name, Size: f.File.Blob.Size, SHA256: hex.EncodeToString(sha256Of(f.File.Blob)), Modified: f.File.AddedAt,
		ContentType: f.File.MediaType, cursor: "f" + f.Name}
}
