package raw

import (
	"math"
	"net/http"
	"path"
	"strings"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
)

// get answers GET and HEAD of everything: a file, a sum that is not stored, a directory.
func (h *handlers) get(w http.ResponseWriter, r *http.Request) error {
	loc, err := parseLocation(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	if loc.doubled {
		return h.toPlain(w, r, loc)
	}
	if loc.dir {
		return h.list(w, r, loc)
	}
	if loc.depth() < atFile {
		return h.redirect(w, r, loc)
	}
	at, p := loc.coordinate(), loc.path()
	f, err := h.svc.Catalog.File(formats.FileContext(r, false), at, p)
	switch {
	case err == nil:
		return h.file(w, r, at, f)
	case isNotFound(err, registry.AboutFile):
		return h.virtual(w, r, loc, err)
	default:
		return err
	}
}

// file answers a stored file.
func (h *handlers) file(w http.ResponseWriter, r *http.Request, at registry.Coordinate, f registry.File) error {
	repo, err := h.svc.Core.Repository(r.Context(), at.Repository)
	if err != nil {
		return err
	}
	opt := httpserver.FileOptions{}
	switch _, _, changes := registry.CacheUseOf(r.Context()).Keeps(); {
	case changes: // a registry elsewhere may have other bytes under the path later
		opt.CacheControl = httpserver.RevalidateCache(r.Context())
	case !redeploy.In(repo) && !registry.AllowReuse.In(repo):
		opt.CacheControl = immutable
	}
	fileHeaders(w.Header(), f)
	return h.site.ServeFile(w, r, f, opt)
}

// immutable is the Cache-Control of a path whose bytes can't change: for a day, as the repository's setting may change.
const immutable = "private, max-age=86400, immutable"

// fileHeaders sets the sums and the headers that keep a browser from running stored content on this host.
func fileHeaders(h http.Header, f registry.File) {
	digestHeaders(h, f.Blob)
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Disposition", disposition(f.MediaType, path.Base(f.Path)))
}

// virtual answers a path that is not stored: a sum of a file, the sums of a directory, or a directory without its
// slash. notFound is the answer to anything else.
func (h *handlers) virtual(w http.ResponseWriter, r *http.Request, loc location, notFound error) error {
	at, p := loc.coordinate(), loc.path()
	if alg, of, ok := sidecar(p); ok {
		f, err := h.svc.Catalog.File(formats.FileContext(r, true), at, of)
		if err == nil {
			return h.sidecar(w, r, f, alg)
		}
		if !isNotFound(err, registry.AboutFile) {
			return err
		}
	}
	if path.Base(p) == sumsFile {
		folder := loc
		folder.segments = loc.segments[:len(loc.segments)-1]
		found, err := serveSums(w, r, h.files(r.Context(), folder, "", math.MaxInt))
		if found || err != nil && !isNotFound(err, registry.AboutFile) {
			return err
		}
	}
	switch _, err := h.svc.Catalog.Folder(r.Context(), at, catalog.FolderQuery{Folder: p + "/", Limit: 1}); {
	case err == nil:
		return toSlash(w, r, loc)
	case isNotFound(err, registry.AboutFile):
		return notFound
	default:
		return err
	}
}

func (h *handlers) sidecar(w http.ResponseWriter, r *http.Request, f registry.File, alg *algorithm) error {
	sum, err := h.sums.sum(r.Context(), h.svc, f, alg)
	if err != nil {
		return err
	}
	return serveText(w, r, sumLine(sum, path.Base(f.Path)), f.AddedAt)
}

// redirect answers a package or version without its slash.
func (h *handlers) redirect(w http.ResponseWriter, r *http.Request, loc location) error {
	if err := h.exists(r.Context(), loc); err != nil {
		return err
	}
	return toSlash(w, r, loc)
}

// toPlain sends the client to a path without the empty segments of its own, by a relative address.
func (h *handlers) toPlain(w http.ResponseWriter, r *http.Request, loc location) error {
	if _, err := h.svc.Core.Repository(r.Context(), loc.repository); err != nil {
		return err
	}
	below := strings.TrimPrefix(loc.href(), prefix+formats.Escape(loc.repository)+"/")
	return redirect(w, r, "./"+strings.Repeat("../", loc.ups)+below)
}

// toSlash sends the client to the directory. The reference is relative, so it holds behind any proxy.
func toSlash(w http.ResponseWriter, r *http.Request, loc location) error {
	return redirect(w, r, formats.Escape(loc.last())+"/")
}

func redirect(w http.ResponseWriter, r *http.Request, target string) error {
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", target)
	w.Header().Set("Cache-Control", "no-store")
	empty(w, http.StatusFound)
	return nil
}
