package npm

import (
	"context"
	"net/http"
	"strings"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

// packument answers GET /<name> (npm.md 3): the abbreviated document when it is asked for, else the full one. With ?write=true
// the client is about to change the document and needs "_rev", so it always gets the full one.
func (h *handlers) packument(w http.ResponseWriter, r *http.Request, t target) error {
	write := r.URL.Query().Has("write")
	if write {
		registry.CacheUseOf(r.Context()).MadeOf(false) // it is asked for anew before each change
	}
	if write && access.Decide(access.From(r.Context()), access.Publish, t.repository) == access.Allow {
		r = r.WithContext(catalog.WithHidden(r.Context()))
	}
	if name, err := t.named(); write && err == nil {
		t.holder = h.holder(r.Context(), name).Repository
	}
	if !write && strings.Contains(r.Header.Get("Accept"), abbreviatedType) {
		return h.document(w, r, t, "abbreviated", func(p *page) ([]byte, string, error) {
			b, err := p.abbreviated()
			return b, abbreviatedType, err
		})
	}
	return h.document(w, r, t, "full", func(p *page) ([]byte, string, error) {
		b, err := p.full()
		return b, fullType, err
	})
}

// document serves one of the documents about a package from the cache; it is rendered once per revision and base.
func (h *handlers) document(w http.ResponseWriter, r *http.Request, t target, view string, render func(*page) ([]byte, string, error)) error {
	name, pkg, err := h.find(r.Context(), t)
	if err != nil {
		return err
	}
	return h.serve(w, r, t, pkg, view, render, func(ctx context.Context) (catalog.PackageListing, error) {
		c, err := h.site.Parts.Catalog.PackageListing(ctx, name, false)
		if err == nil && len(c.Versions) == 0 && len(c.Refused) == 0 {
			err = absent(t.name)
		}
		return c, err
	})
}

// serve is document for the listing that read returns. pkg must have been read before, so that no older content is cached
// under a newer revision.
func (h *handlers) serve(w http.ResponseWriter, r *http.Request, t target, pkg registry.Package, view string,
	render func(*page) ([]byte, string, error), read func(context.Context) (catalog.PackageListing, error)) error {
	base := h.base(r, t)
	key := formats.KeyOf(pkg, "npm ", view, " ", base)
	header := func(head http.Header) {
		head.Set("Cache-Control", httpserver.RevalidateCache(r.Context()))
		head.Set("Vary", "Accept, Accept-Encoding")
	}
	return h.site.Documents.Serve(w, r, key, header, func(ctx context.Context) (httpserver.Document, error) {
		c, err := read(ctx)
		if err != nil {
			return httpserver.Document{}, err
		}
		p, err := newPage(c, base)
		if err != nil {
			return httpserver.Document{}, err
		}
		body, contentType, err := render(p)
		return httpserver.Document{Body: body, ContentType: contentType, Modified: c.Package.UpdatedAt}, err
	})
}

// holder is the package that a caller changes under a name: where another repository takes the changes, "_rev" must be of that one's
// package. It is the name itself for a caller who may not change, or not read, the other one.
func (h *handlers) holder(ctx context.Context, name registry.Name) registry.Name {
	to, err := h.site.Parts.Core.Target(ctx, name, "", access.Publish, access.Delete)
	if err != nil || access.Decide(access.From(ctx), access.Read, to.Repository.Name) != access.Allow {
		return name
	}
	return to.At(name)
}

// find returns a package that has versions. NotFound.
func (h *handlers) find(ctx context.Context, t target) (registry.Name, registry.Package, error) {
	name, err := t.named()
	if err != nil {
		return name, registry.Package{}, err
	}
	if t.holder != "" {
		name.Repository = t.holder
	}
	pkg, err := h.site.Parts.Catalog.Package(ctx, name)
	if err == nil && pkg.VersionCount == 0 {
		err = absent(t.name)
	}
	return name, pkg, err
}

func absent(name string) error {
	return registry.Errorf(registry.NotFound, registry.AboutPackage, "package %q has no versions in this repository", formats.Clip(name))
}

// version answers GET /<name>/<version or tag> (npm.md 3.11), also for a loosely written version.
func (h *handlers) version(w http.ResponseWriter, r *http.Request, t target) error {
	name, pkg, err := h.find(r.Context(), t)
	if err != nil {
		return err
	}
	v, err := h.resolve(r.Context(), name, t.version)
	if err != nil {
		return err
	}
	render := func(p *page) ([]byte, string, error) {
		b, err := p.one(v)
		return b, fullType, err
	}
	return h.serve(w, r, t, pkg, "version "+v.Name, render, func(context.Context) (catalog.PackageListing, error) {
		return catalog.PackageListing{Package: pkg}, nil
	})
}

// resolve finds a version by its name or a tag. As in clients, text that reads as a version is taken for a version; a tag of
// that form, such as 1.0.0beta, is found only if there is no such version. NotFound.
func (h *handlers) resolve(ctx context.Context, name registry.Name, text string) (registry.Version, error) {
	version, ok := looseVersion(text)
	if !ok {
		return h.site.Parts.Catalog.Resolve(ctx, name, catalog.Ref{Tag: text})
	}
	v, err := h.site.Parts.Catalog.Resolve(ctx, name, catalog.Ref{Version: version})
	if registry.KindOf(err) == registry.NotFound {
		if tagged, err := h.site.Parts.Catalog.Resolve(ctx, name, catalog.Ref{Tag: text}); err == nil {
			return tagged, nil
		}
	}
	return v, err
}

// tarball answers GET and HEAD of a tarball (npm.md 4) in all its spellings. Its version is looked up rather than parsed, as
// names and prereleases may both contain "-1.2".
func (h *handlers) tarball(w http.ResponseWriter, r *http.Request, t target) error {
	name, err := t.named()
	if err != nil {
		return err
	}
	f, err := h.file(formats.FileContext(r, false), name, t)
	if err != nil {
		return err
	}
	repo, err := h.site.Parts.Core.Repository(r.Context(), t.repository)
	if err != nil {
		return err
	}
	opt := httpserver.FileOptions{ContentType: tarballType, Redirect: true}
	if !registry.AllowReuse.In(repo) { // with the setting, the same name may get other bytes
		opt.CacheControl = httpserver.ImmutableCache
	}
	return h.site.ServeFile(w, r, f, opt)
}

func (h *handlers) file(ctx context.Context, name registry.Name, t target) (registry.File, error) {
	if t.version == "" {
		return h.site.Parts.Catalog.File(ctx, name.At(""), t.file)
	}
	f, err := h.site.Parts.Catalog.File(ctx, name.At(t.version), t.file)
	return f, err
}
