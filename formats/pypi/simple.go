package pypi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/upstreams"
)

// home answers GET /pypi/<repository>/ for people who follow the upload address with a browser.
func (h *handlers) home(w http.ResponseWriter, r *http.Request, t target) error {
	if _, err := h.site.Parts.Core.Repository(r.Context(), t.repository); err != nil {
		return err
	}
	if !t.slash || !t.clean {
		return redirect(w, r, t.home())
	}
	w.Header().Set("Cache-Control", httpserver.RevalidateCache(r.Context()))
	base := h.site.BaseURL(r) + prefix + t.repository + "/"
	return answer(w, r, http.StatusOK, "Python packages of repository "+t.repository+": install from "+base+"simple/, upload to "+base)
}

// redirect sends a reader to the right spelling in one step, by a relative address: a proxy may have put a prefix in front.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", httpserver.RevalidateCache(r.Context()))
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusMovedPermanently)
	return nil
}

// project answers GET /pypi/<repository>/simple/<name>/ (PEP 503, 691). A project whose files are all gone has an empty page: this
// index owns the name, and a client must not look for it in the next one.
func (h *handlers) project(w http.ResponseWriter, r *http.Request, t target) error {
	name, err := t.named()
	if err != nil {
		// The right to read is checked before anything else.
		if _, err := h.site.Parts.Core.Repository(r.Context(), t.repository); err != nil {
			return err
		}
		return err
	}
	if t.name != name.Package || !t.slash || !t.clean {
		if _, err := h.site.Parts.Core.Repository(r.Context(), t.repository); err != nil {
			return err
		}
		return redirect(w, r, t.href(t.area, name.Package))
	}
	pkg, err := h.site.Parts.Catalog.Package(r.Context(), name)
	if errors.Is(err, upstreams.ErrOwned) {
		return emptyPage(w, r, name, nil)
	}
	var refused *registry.Refused
	if errors.As(err, &refused) { // a status would read as absence to pip and uv, a page says why (PEP 792)
		return emptyPage(w, r, name, &status{Status: "quarantined", Reason: refused.Text + " (" + refused.ID + ")"})
	}
	if errors.Is(err, &registry.Error{Kind: registry.NotFound, Subject: registry.AboutPackage}) {
		return noProject(name.Package, err)
	}
	if err != nil {
		return err
	}
	m := negotiate(r)
	key := formats.KeyOf(pkg, "pypi ", m.mime)
	header := func(head http.Header) { pageHeader(r.Context(), head) }
	return h.site.Documents.Serve(w, r, key, header, func(ctx context.Context) (httpserver.Document, error) {
		c, err := h.site.Parts.Catalog.PackageListing(ctx, name, true)
		if err != nil {
			return httpserver.Document{}, err
		}
		return render(c, m)
	})
}

// emptyPage answers for a project whose name belongs here and that has no files: after a 404 uv asks its next index for it. s may be nil.
func emptyPage(w http.ResponseWriter, r *http.Request, name registry.Name, s *status) error {
	m := negotiate(r)
	pkg := registry.Package{Name: name.Display, Key: name.Package}
	var err error
	if s != nil {
		if pkg.Descriptor, err = json.Marshal(s); err != nil {
			return err
		}
	}
	doc, err := render(catalog.PackageListing{Package: pkg}, m)
	if err != nil {
		return err
	}
	registry.CacheUseOf(r.Context()).MadeOf(false) // a claim or a rule says so, and ends at once
	pageHeader(r.Context(), w.Header())
	w.Header().Set("Content-Type", doc.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(doc.Body)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = w.Write(doc.Body)
	return err
}

// link answers GET /pypi/<repository>/<name>/<version>/, which hatch and flit print after an upload, with the way to the project's page.
func (h *handlers) link(w http.ResponseWriter, r *http.Request, t target) error {
	name, err := t.named()
	if err == nil && t.version != "" {
		_, err = parseVersion(t.version)
	}
	if _, denied := h.site.Parts.Core.Repository(r.Context(), t.repository); denied != nil {
		return denied
	}
	if err == nil {
		_, err = h.site.Parts.Catalog.Package(r.Context(), name)
	}
	if registry.KindOf(err) == registry.Blocked && err != nil {
		return err
	}
	if err != nil {
		return noProject(t.name, err)
	}
	return redirect(w, r, t.href("simple", name.Package))
}

func pageHeader(ctx context.Context, h http.Header) {
	h.Set("Cache-Control", httpserver.RevalidateCache(ctx))
	h.Set("Vary", "Accept")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
}

func render(c catalog.PackageListing, m media) (httpserver.Document, error) {
	p, err := newPage(c)
	if err != nil {
		return httpserver.Document{}, err
	}
	doc := httpserver.Document{ContentType: m.content, Modified: c.Package.UpdatedAt}
	if m.json {
		doc.Body, err = p.json()
	} else {
		doc.Body = p.html()
	}
	return doc, err
}

// index answers GET /pypi/<repository>/simple/, the list of all projects, streamed while it is read.
func (h *handlers) index(w http.ResponseWriter, r *http.Request, t target) error {
	if _, err := h.site.Parts.Core.Repository(r.Context(), t.repository); err != nil {
		return err
	}
	if !t.slash || !t.clean {
		return redirect(w, r, t.href("simple"))
	}
	m := negotiate(r)
	pageHeader(r.Context(), w.Header())
	w.Header().Set("Content-Type", m.content)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Robots-Tag", "noindex")
	if r.Method == http.MethodHead {
		return nil
	}
	list := listHTML
	if m.json {
		list = listJSON
	}
	return h.stream(r.Context(), w, t.repository, list)
}

// list is the form in which the names of all projects are written.
type list struct {
	begin, between, end string
	item                func(p registry.Package) string
}

var listJSON = list{
	begin: `{"meta":{"api-version":"` + apiVersion + `"},"projects":[`, between: ",", end: "]}\n",
	item: func(p registry.Package) string {
		name, _ := json.Marshal(p.Name) // a string always encodes
		return `{"name":` + string(name) + `}`
	},
}

var listHTML = list{
	begin: func() string {
		var b strings.Builder
		head(&b, "Simple index")
		return b.String()
	}(),
	end: "</body></html>\n",
	item: func(p registry.Package) string {
		return `<a href="` + p.Key + `/">` + quote(p.Name) + "</a><br>\n"
	},
}

// stream writes the list with one transaction per page of names.
func (h *handlers) stream(ctx context.Context, w io.Writer, repository string, l list) error {
	q := catalog.PackageQuery{Format: formatName, Limit: registry.MaxPage}
	written := 0
	put := func(parts ...string) error {
		for _, s := range parts {
			if _, err := io.WriteString(w, s); err != nil {
				return err
			}
		}
		return nil
	}
	for {
		pkgs, err := h.site.Parts.Catalog.Packages(ctx, repository, q)
		if err != nil {
			return err
		}
		if written == 0 && q.After == "" {
			if err := put(l.begin); err != nil {
				return err
			}
		}
		for _, p := range pkgs {
			q.After = formatName + "/" + p.Key
			if p.VersionCount == 0 {
				continue
			}
			if written++; written > 1 {
				if err := put(l.between); err != nil {
					return err
				}
			}
			if err := put(l.item(p)); err != nil {
				return err
			}
		}
		if len(pkgs) < q.Limit {
			return put(l.end)
		}
	}
}
