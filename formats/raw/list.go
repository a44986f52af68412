package raw

import (
	"context"
	"encoding/base64"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/formats"
	"slipway/registry"
)

// entry is a line of a listing.
type entry struct {
	Name        string
	Dir         bool
	Size        int64 // bytes; -1: not known
	SHA256      string
	Modified    time.Time
	ContentType string

	cursor string // where the list goes on behind it
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
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("Vary", "Accept")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch q.format {
	case "json":
		return h.listJSON(w, r, loc, q)
	case "txt":
		return streamText(w, r, h.entries(r.Context(), loc, q.after))
	default:
		return streamHTML(w, r, loc, h.entries(r.Context(), loc, q.after))
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
		if json := formats.Accepts(r.Header, "application/json"); json > formats.Accepts(r.Header, "text/html") {
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
	q.after = string(after)
	return q, nil
}

// exists reports whether a directory is there: packages and versions that were deleted are not. NotFound.
func (h *handlers) exists(ctx context.Context, loc location) error {
	switch loc.depth() {
	case atRepository:
		_, err := h.svc.Repository(ctx, loc.repository)
		return err
	case atPackage:
		p, err := h.svc.Package(ctx, loc.name())
		if err == nil && p.VersionCount == 0 {
			err = registry.Errorf(registry.NotFound, registry.AboutPackage, "there is no raw package %q in repository %q", clip(p.Name), loc.repository)
		}
		return err
	default:
		_, err := h.svc.Resolve(ctx, loc.name(), registry.Ref{Version: loc.segments[1]})
		return err
	}
}

// entries yields the lines of a directory behind a cursor, with one look at the database per thousand.
func (h *handlers) entries(ctx context.Context, loc location, after string) iter.Seq2[entry, error] {
	switch loc.depth() {
	case atRepository:
		return h.packages(ctx, loc.repository, after)
	case atPackage:
		return h.versions(ctx, loc.name(), after)
	default:
		return h.files(ctx, loc, after)
	}
}

func (h *handlers) packages(ctx context.Context, repository, after string) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		q := registry.PackageQuery{Format: name, Limit: registry.MaxPage}
		for {
			if after != "" {
				q.After = name + "/" + after
			}
			page, err := h.svc.Packages(ctx, repository, q)
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
			page, err := h.svc.Versions(ctx, at, registry.VersionQuery{After: after, Limit: registry.MaxPage})
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

func (h *handlers) files(ctx context.Context, loc location, after string) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		d, err := h.svc.Detail(ctx, loc.coordinate())
		if err != nil {
			yield(entry{}, err)
			return
		}
		dir := loc.path()
		if dir != "" {
			dir += "/"
		}
		all := children(d.Files, dir)
		if len(all) == 0 {
			yield(entry{}, registry.Errorf(registry.NotFound, registry.AboutFile, "there is no folder %q in %s %s",
				clip(loc.path()), d.Package.Name, d.Version.Name))
			return
		}
		for _, e := range all {
			if e.cursor > after && !yield(e, nil) {
				return
			}
		}
	}
}

// children returns what is directly in a folder of a version: folders first, each by name. dir is "" or ends in a
// slash.
func children(files []registry.File, dir string) []entry {
	var out []entry
	folders := map[string]int{}
	for _, f := range files {
		rest, ok := strings.CutPrefix(f.Path, dir)
		if !ok {
			continue
		}
		folder, _, below := strings.Cut(rest, "/")
		if !below {
			out = append(out, entry{Name: rest, Size: f.Blob.Size, SHA256: f.Blob.Digest.Encoded(), Modified: f.AddedAt,
				ContentType: f.MediaType, cursor: "f" + rest})
			continue
		}
		i, ok := folders[folder]
		if !ok {
			i = len(out)
			folders[folder] = i
			out = append(out, entry{Name: folder, Dir: true, cursor: "d" + folder})
		}
		out[i].Size += f.Blob.Size
		if f.AddedAt.After(out[i].Modified) {
			out[i].Modified = f.AddedAt
		}
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.cursor, b.cursor) })
	return out
}
