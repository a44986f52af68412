package maven

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/staging"
)

// get answers GET and HEAD of everything.
func (h *handlers) get(w http.ResponseWriter, r *http.Request) error {
	t, err := parsePath(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	if t.kind == kindArtifacts || t.kind == kindSnapshots {
		return h.getMetadata(w, r, t)
	}
	if t.kind == kindFile {
		return h.getFile(w, r, t)
	}
	if _, err := h.svc.Core.Repository(r.Context(), t.repository); err != nil {
		return err
	}
	return notFound("there is nothing at %q", formats.Clip(t.path))
}

// Cache-Control of files: a name with a version or a timestamp never gets other bytes, unless the repository lets deleted
// names be used again; the name of a literal snapshot does.
const (
	immutable = "private, max-age=86400, immutable"
	noStore   = "no-store"
)

// getFile answers a file, a sum of one, or a sum of such a sum: builds attach sums as artifacts, and their clients look for the sums
// of those.
func (h *handlers) getFile(w http.ResponseWriter, r *http.Request, t target) error {
	var inner *algorithm
	if t.unsummed {
		var of string
		inner, of = cutSum(t.file.name)
		t.file = parseFileName(of, t.artifact, t.version)
	}
	f, cache, err := h.find(formats.FileContext(r, t.sum != nil), r, t)
	if err != nil {
		return err
	}
	if t.sum != nil && asksFirst(r.UserAgent()) {
		if coming, err := h.sumsToCome(r.Context(), t, f, cache); coming || err != nil {
			return cmp.Or(err, notFound("%s was just sent, and its checksums are still to come", f.Path))
		}
	}
	if t.sum != nil && f.Blob.Digest == "" {
		return formats.OnItsWay(f.Path)
	}
	if inner != nil {
		f.Blob = sumsOf([]byte(hex.EncodeToString(inner.of(f.Blob))))
	}
	if t.sum != nil {
		sum := t.sum.of(f.Blob)
		if sum == nil {
			return notFound("the %s of %s is not known", t.sum.suffix, t.file.name)
		}
		return serveText(w, r, hex.EncodeToString(sum), f.AddedAt, cache)
	}
	if f.Path != t.file.name {
		w.Header().Set("Content-Location", t.href(f.Path))
	}
	sumHeaders(w.Header().Set, f.Blob)
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	return h.site.ServeFile(w, r, f, httpserver.FileOptions{ContentType: mediaType(f.Path), CacheControl: cache, Redirect: true})
}

// find looks for a file among the visible ones, then among those that the caller has staged. NotFound.
func (h *handlers) find(ctx context.Context, r *http.Request, t target) (registry.File, string, error) {
	if t.file.literal() && isSnapshot(t.version) {
		f, err := h.findLiteral(ctx, t)
		if isAbsent(err) {
			f, err = h.findElsewhere(ctx, t, err)
		}
		if !isAbsent(err) {
			return f, httpserver.RevalidateCache(ctx), err
		}
		return h.findStaged(ctx, r, t, err)
	}
	f, err := h.svc.Catalog.File(ctx, t.at(), t.file.name)
	if isAbsent(err) || registry.KindOf(err) == registry.Denied {
		return h.findStaged(ctx, r, t, err)
	}
	if err != nil {
		return f, "", err
	}
	repo, err := h.svc.Core.Repository(ctx, t.repository)
	if registry.AllowReuse.In(repo) {
		return f, httpserver.RevalidateCache(ctx), err
	}
	return f, immutable, err
}

// findLiteral finds the file of a literal snapshot name, "lib-1.0-SNAPSHOT.jar": the stored file or that of the newest build,
// whichever is newer (maven.md 2). The choice takes reading all builds, so it is cached.
func (h *handlers) findLiteral(ctx context.Context, t target) (registry.File, error) {
	pkg, err := h.svc.Catalog.Package(ctx, t.name())
	if err != nil {
		return registry.File{}, err
	}
	if pkg.ID < 0 { // as with snapshotsElsewhere
		path, err := h.literalPath(ctx, t)
		if err != nil {
			return registry.File{}, err
		}
		return h.svc.Catalog.File(ctx, t.at(), path)
	}
	key := formats.KeyOf(pkg, "maven literal ", t.version, "/", t.file.name)
	path, err := h.site.Documents.Get(ctx, key, func(ctx context.Context) (httpserver.Document, error) {
		path, err := h.literalPath(ctx, t)
		return httpserver.Document{Body: []byte(path)}, err
	})
	if err != nil {
		return registry.File{}, err
	}
	f, err := h.svc.Catalog.File(ctx, t.at(), string(path.Body))
	return f, err
}

// findElsewhere asks for a literal name by itself, of which nothing is here: the repository's upstreams may have it. absent is the error
// where there are none.
func (h *handlers) findElsewhere(ctx context.Context, t target, absent error) (registry.File, error) {
	repo, err := h.svc.Core.Repository(ctx, t.repository)
	if err != nil || repo.Upstreams == 0 {
		return registry.File{}, cmp.Or(err, absent)
	}
	return h.svc.Catalog.File(ctx, t.at(), t.file.name)
}

// literalPath is the path of the file that a literal name means now.
func (h *handlers) literalPath(ctx context.Context, t target) (string, error) {
	d, err := h.svc.Catalog.VersionDetail(ctx, t.at())
	if err != nil {
		return "", err
	}
	known := readDescriptor(d.Version.Descriptor).known()
	bs := builds(t, d.Files, known)
	rests := map[string]pair{} // the builds' files differ in name
	for file, p := range known {
		rests[parseFileName(file, t.artifact, t.version).rest] = p
	}
	if p, ok := t.file.pair(rests); ok {
		if f, ok := latest(bs)[p]; ok {
			return f.Path, nil
		}
	}
	if slices.ContainsFunc(d.Files, func(f registry.File) bool { return f.Path == t.file.name }) {
		return t.file.name, nil
	}
	return "", notFound("there is no %s in %s %s", t.file.name, d.Package.Name, t.version)
}

// findStaged finds a staged file of the caller; absent is the error where there is none.
func (h *handlers) findStaged(ctx context.Context, r *http.Request, t target, absent error) (registry.File, string, error) {
	if access.Decide(access.From(ctx), access.Publish, t.repository) != access.Allow {
		return registry.File{}, "", absent
	}
	keys := []staging.Key{setKey(t.at(), t.file.build)}
	if id := r.Header.Get(formats.PublishHeader); id != "" {
		key, err := staging.PublishKey(t.repository, id)
		if err != nil {
			return registry.File{}, "", err
		}
		keys = append(keys, key)
	}
	for _, key := range keys {
		s, err := h.staged(ctx, upload{target: t, key: key}, t.file.name)
		if err != nil {
			return registry.File{}, "", err
		}
		if f, ok := s.find(t.file.name); ok {
			return registry.File{Path: f.Path, MediaType: f.MediaType, AddedAt: f.AddedAt, Blob: f.Blob}, noStore, nil
		}
	}
	return registry.File{}, "", absent
}

// serveText answers a small text made here, with ranges and conditions like a file.
func serveText(w http.ResponseWriter, r *http.Request, body string, modified time.Time, cache string) error {
	head := w.Header()
	head.Set("Etag", `"`+body+`"`)
	head.Set("Content-Type", "text/plain")
	head.Set("Cache-Control", cache)
	return httpserver.ServeText(w, r, body, modified)
}

// getMetadata answers maven-metadata.xml, or a sum of it.
func (h *handlers) getMetadata(w http.ResponseWriter, r *http.Request, t target) error {
	r = h.asReader(r, t)
	served := strings.Join([]string{r.RemoteAddr, h.site.ClientIP(r).String(), access.From(r.Context()).ID, t.repository, t.path}, " ")
	if t.sum != nil && !t.unsummed {
		if sum, ok := h.served.take(served, t.sum.header); ok {
			// The right to read is checked here, as nothing else does.
			if _, err := h.svc.Core.Repository(r.Context(), t.repository); err != nil {
				return err
			}
			return serveText(w, r, sum, time.Time{}, httpserver.RevalidateCache(r.Context()))
		}
	}
	key, build, err := h.document(r.Context(), t)
	if err != nil {
		return err
	}
	if t.unsummed {
		return notFound("a checksum has no checksum")
	}
	doc, err := h.site.Documents.Get(r.Context(), key, build)
	if err != nil {
		return err
	}
	if t.sum != nil {
		return serveText(w, r, doc.Header[t.sum.header], doc.Modified, httpserver.RevalidateCache(r.Context()))
	}
	err = h.site.Documents.Serve(w, r, key, func(head http.Header) { head.Set("Cache-Control", httpserver.RevalidateCache(r.Context())) }, build)
	h.served.note(served, doc.Header) // once the client has the whole document
	return err
}

// asReader lets a caller who may only publish read metadata: deploys read it, and fail if they may not (maven.md 4.1).
func (h *handlers) asReader(r *http.Request, t target) *http.Request {
	actor := access.From(r.Context())
	if access.Decide(actor, access.Read, t.repository) == access.Allow || access.Decide(actor, access.Publish, t.repository) != access.Allow {
		return r
	}
	actor.Grants = append(slices.Clone(actor.Grants), access.Grant{Repository: t.repository, Actions: []access.Action{access.Read}})
	actor.Owner = append(slices.Clone(actor.Owner), access.Grant{Repository: t.repository, Actions: []access.Action{access.Read}})
	return r.WithContext(access.With(r.Context(), actor))
}

type builder = func(ctx context.Context) (httpserver.Document, error)

// document returns the key and the builder of the document that a path of metadata means.
func (h *handlers) document(ctx context.Context, t target) (httpserver.DocumentKey, builder, error) {
	pkg, grouped, err := h.svc.Catalog.PackageOrGroup(ctx, t.name(), t.plugins()+":")
	if err != nil {
		return httpserver.DocumentKey{}, nil, err
	}
	found := pkg.VersionCount > 0
	if t.kind == kindSnapshots {
		if !found {
			return httpserver.DocumentKey{}, nil, noMetadata(t)
		}
		if pkg.ID < 0 {
			return h.snapshotsElsewhere(ctx, pkg, t)
		}
		return formats.KeyOf(pkg, "maven snapshots ", t.version), func(ctx context.Context) (httpserver.Document, error) { return h.snapshots(ctx, t) }, nil
	}
	var group []plugin
	if grouped { // most paths mean no group
		if group, err = h.plugins(ctx, t); err != nil {
			return httpserver.DocumentKey{}, nil, err
		}
	}
	group = withListed(group, pkg.Descriptor)
	if !found && len(group) == 0 {
		return httpserver.DocumentKey{}, nil, noMetadata(t)
	}
	key := formats.KeyOf(pkg, "maven versions")
	if len(group) > 0 {
		raw, err := json.Marshal(group)
		if err != nil {
			return httpserver.DocumentKey{}, nil, err
		}
		key = formats.KeyOf(pkg, "maven plugins ", t.repository, " ", t.plugins(), " ", string(raw))
	}
	return key, func(ctx context.Context) (httpserver.Document, error) { return h.versions(ctx, t, found, group) }, nil
}

func noMetadata(t target) error {
	return notFound("there is no %q in repository %q", formats.Clip(t.path), t.repository)
}

// versions makes the metadata of an artifact, of a group with plugins, or of a path that is both.
func (h *handlers) versions(ctx context.Context, t target, artifact bool, group []plugin) (httpserver.Document, error) {
	var m metadata
	var modified time.Time
	if artifact {
		c, err := h.svc.Catalog.PackageListing(ctx, t.name(), false)
		if err != nil {
			return httpserver.Document{}, err
		}
		if len(c.Versions) > 0 {
			m.versionList(c.Package, t.group, t.artifact, c.Versions)
			modified = c.Package.UpdatedAt
		} else if len(group) == 0 {
			return httpserver.Document{}, noMetadata(t)
		}
	}
	if len(group) > 0 {
		m.Plugins = &plugins{Plugin: group}
	}
	return m.document(modified)
}

// snapshotsElsewhere is document for a version of which a registry elsewhere may have further builds: these do not change the package's
// revision, so what they make of the document is part of its key.
func (h *handlers) snapshotsElsewhere(ctx context.Context, pkg registry.Package, t target) (httpserver.DocumentKey, builder, error) {
	doc, err := h.snapshots(ctx, t)
	if err != nil {
		return httpserver.DocumentKey{}, nil, err
	}
	key := formats.KeyOf(pkg, "maven snapshots ", t.version, " ", string(digest.FromBytes(doc.Body)))
	return key, func(context.Context) (httpserver.Document, error) { return doc, nil }, nil
}

// snapshots makes the metadata of a snapshot version.
func (h *handlers) snapshots(ctx context.Context, t target) (httpserver.Document, error) {
	d, err := h.svc.Catalog.VersionDetail(ctx, t.at())
	if err != nil {
		return httpserver.Document{}, err
	}
	bs := builds(t, d.Files, readDescriptor(d.Version.Descriptor).known())
	if len(bs) == 0 {
		return httpserver.Document{}, noMetadata(t)
	}
	return snapshotDocument(t, d.Version, bs).document(d.Package.UpdatedAt)
}

func (m metadata) document(modified time.Time) (httpserver.Document, error) {
	body, err := m.render()
	doc := httpserver.Document{Body: body, ContentType: xmlType, Modified: modified, Header: map[string]string{}}
	sumHeaders(func(name, value string) { doc.Header[name] = value }, sumsOf(body))
	return doc, err
}

// maxPluginPage is how many packages of a group one query reads.
const maxPluginPage = 500

// plugins lists the plugins of a group, by prefix.
func (h *handlers) plugins(ctx context.Context, t target) ([]plugin, error) {
	group := t.plugins() + ":"
	q := catalog.PackageQuery{Format: formatName, After: formatName + "/" + group, Limit: maxPluginPage}
	var out []plugin
	for {
		pkgs, err := h.svc.Catalog.Packages(ctx, t.repository, q)
		if err != nil {
			return nil, err
		}
		for _, p := range pkgs {
			artifact, ok := strings.CutPrefix(p.Key, group)
			if !ok {
				return sortPlugins(out), nil
			}
			var d packageDescriptor
			if json.Unmarshal(p.Descriptor, &d) == nil && d.Plugin != nil && p.VersionCount > 0 {
				out = append(out, plugin{Name: d.Plugin.Name, Prefix: d.Plugin.Prefix, Artifact: artifact})
			}
			q.After = formatName + "/" + p.Key
		}
		if len(pkgs) < q.Limit {
			return sortPlugins(out), nil
		}
	}
}

func sortPlugins(list []plugin) []plugin {
	slices.SortFunc(list, func(a, b plugin) int { return strings.Compare(a.Prefix+"\x00"+a.Artifact, b.Prefix+"\x00"+b.Artifact) })
	return list
}

// withListed adds the plugins that a package's descriptor lists for the group of the same path. Of one prefix, the plugin that is here
// counts.
func withListed(group []plugin, raw []byte) []plugin {
	var d packageDescriptor
	if len(raw) == 0 || json.Unmarshal(raw, &d) != nil || len(d.Plugins) == 0 {
		return group
	}
	here := map[string]bool{}
	for _, p := range group {
		here[p.Prefix] = true
	}
	for _, p := range d.Plugins {
		if !here[p.Prefix] {
			group = append(group, p)
		}
	}
	return sortPlugins(group)
}
