package npm

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"slipway/formats"
	"slipway/formats/version"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/publish"
)

const (
	// maxOtherBytes bounds a body beside the tarball: the largest packuments have some 40 MB.
	maxOtherBytes = 256 << 20
	// retryWindow is how long the same publish by the same user counts as a repetition after a lost answer.
	retryWindow = 15 * time.Minute
)

// put answers PUT /<name>: a publish if the body has an attachment, else a change of the packument (npm.md 5, 6).
func (h *handlers) put(w http.ResponseWriter, r *http.Request, t target) error {
	name, err := t.named()
	if err != nil {
		return err
	}
	pub, err := h.site.Parts.Publisher.Begin(r.Context(), name)
	if err != nil {
		return err
	}
	defer pub.Abort()
	u := &upload{ctx: r.Context(), pub: pub, name: t.name, limit: h.tarballBytes}
	doc, err := readDocument(h.body(r), u.attach)
	if err != nil {
		return err
	}
	if len(doc.attachments) == 0 {
		return h.change(w, r, name, doc, "")
	}
	s, err := checkPublish(doc, u)
	if err != nil {
		return err
	}
	return h.publish(w, r, t, name, doc, s, u)
}

// body returns the request's body, bounded.
func (h *handlers) body(r *http.Request) io.Reader {
	return &boundedBody{ctx: r.Context(), r: r.Body, left: h.tarballBytes/3*4 + maxOtherBytes}
}

type boundedBody struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, registry.Errorf(registry.TooLarge, registry.AboutRequest, "the request's body is larger than this registry takes")
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// Hold waits for the memory of a document with long metadata.
func (b *boundedBody) Hold() error { return httpserver.Hold(b.ctx, maxMetadataBytes*metadataFactor) }

// published is the answer to a publish.
type published struct {
	OK      bool   `json:"ok"`
	ID      string `json:"id"`
	Rev     string `json:"rev,omitempty"`
	Success bool   `json:"success"`
}

func (h *handlers) publish(w http.ResponseWriter, r *http.Request, t target, name registry.Name, doc document, s sent, u *upload) error {
	ctx := r.Context()
	rel, differs, err := u.release(doc, s, access.From(ctx).Name, r.UserAgent())
	if err != nil {
		return err
	}
	res, err := u.pub.Commit(ctx, rel)
	switch kind := registry.KindOf(err); {
	case err != nil && (kind == registry.AlreadyExists || kind == registry.Conflict) && registry.AsError(err).Subject != registry.AboutPackage:
		return overPublished(s.version, err)
	case err != nil:
		return err
	case !res.Changed && !h.repeated(ctx, name, s, res.Version):
		return overPublished(s.version, nil)
	}
	rev := shownRevision(ctx, res.Package)
	open, err := h.openAgainst(r, t, doc)
	if err != nil {
		return err
	}
	notice(w, differs, open)
	return httpserver.JSON(w, http.StatusCreated, published{OK: true, ID: u.name, Rev: rev, Success: true})
}

// release makes the upload's release, and returns the fields that were taken from the tarball.
func (u *upload) release(doc document, s sent, publisher, userAgent string) (publish.Release, []difference, error) {
	object, differs := reconcile(s.manifest, u.tar)
	m := manifest{
		name: u.name, version: s.version, object: object, tar: u.tar, publisher: publisher,
		shasum:    hex.EncodeToString(u.tarball.Blob.SHA1),
		integrity: "sha512-" + base64.StdEncoding.EncodeToString(u.tarball.Blob.SHA512),
	}
	descriptor, err := m.descriptor()
	if err != nil {
		return publish.Release{}, nil, err
	}
	files, err := u.files(m)
	if err != nil {
		return publish.Release{}, nil, err
	}
	rel := publish.Release{
		Version: s.version, PURL: purl(u.name, s.version), Mode: publish.Create, Prerelease: s.prerelease,
		Descriptor: descriptor, Package: describe(doc, s, publisher),
		Tags: s.tags, Files: files, Facts: facts(s.manifest, differs, userAgent),
	}
	if !s.withLatest() {
		rel.TagsIfUnset = []string{requiredTag}
	}
	if text := deprecatedText(s.manifest.get("deprecated")); text != "" { // package.json itself declares it
		rel.State, rel.Reason = registry.Deprecated, text
	}
	rel.SortKey, _ = version.Key(s.version)
	return rel, differs, nil
}

// files are the staged tarball under its final path and the provenance bundle, if there is one.
func (u *upload) files(m manifest) ([]publish.Staged, error) {
	u.tarball.Path = fileName(m.name, m.version)
	files := []publish.Staged{*u.tarball}
	if u.bundle == nil {
		return files, nil
	}
	if err := u.checkBundle(purl(m.name, m.version)); err != nil {
		return nil, err
	}
	st, err := u.pub.Stage(u.ctx, content.StageFile{
		Path: strings.TrimSuffix(u.tarball.Path, tarballSuffix) + bundleSuffix, MediaType: bundleType, Limit: maxBundleBytes,
	}, strings.NewReader(string(u.bundle)))
	return append(files, st), err
}

// repeated reports whether a publish of an existing version with identical files repeats the publish that made it, after a
// lost answer: same user, same tags, within retryWindow.
func (h *handlers) repeated(ctx context.Context, name registry.Name, s sent, v registry.Version) bool {
	if access.UserIn(v.PublishedBy) != access.From(ctx).Name || time.Since(v.PublishedAt) > retryWindow {
		return false
	}
	for _, tag := range s.tags {
		past, err := h.site.Parts.Catalog.TagHistory(ctx, name, tag, registry.Page{})
		if err != nil || !slices.ContainsFunc(past, func(t registry.Tag) bool { return t.VersionID == v.ID }) {
			return false
		}
	}
	return true
}

// noReadme is what npm sends for a package without one.
const noReadme = "ERROR: No README data found!"

// describe updates the package's descriptor: the readme of the latest version, and the first publisher.
func describe(doc document, s sent, publisher string) func(old []byte) ([]byte, error) {
	readme, name := s.manifest.text("readme"), s.manifest.text("readmeFilename")
	if readme == "" {
		readme, _ = doc.text("readme")
	}
	if name == "" {
		name, _ = doc.text("readmeFilename")
	}
	if readme == noReadme {
		readme = ""
	}
	text, file := marshal(clipReadme(readme)), marshal(formats.Clip(name))
	return func(old []byte) ([]byte, error) {
		a, err := aboutObject(old)
		if err != nil {
			return nil, err
		}
		if isEmpty(a.get("maintainers")) {
			a.set("maintainers", []person{{Name: publisher}})
		}
		if s.withLatest() || isEmpty(a.get("readme")) {
			a.put("readme", text)
			a.put("readmeFilename", file)
		}
		return wrap(a), nil
	}
}

// shownRevision is the package's revision, "" for a caller who may publish but not read.
func shownRevision(ctx context.Context, pkg registry.Package) string {
	if access.Decide(access.From(ctx), access.Read, pkg.Repository) != access.Allow {
		return ""
	}
	return revision(pkg)
}

// rev is the package's revision after a change, as in shownRevision.
func (h *handlers) rev(ctx context.Context, name registry.Name) string {
	pkg, err := h.site.Parts.Catalog.Package(ctx, h.holder(ctx, name))
	if err != nil {
		return ""
	}
	return revision(pkg)
}

// openAgainst reports whether everybody may read what the publisher wants to be restricted. It is no reason to refuse: scoped
// packages are restricted by default at npm, and rights belong to the repository here.
func (h *handlers) openAgainst(r *http.Request, t target, doc document) (bool, error) {
	if wish, _ := unquoted(doc.fields["access"]); wish != accessRestricted && wish != accessPrivate {
		return false, nil
	}
	return h.public(r, t)
}

// notice tells the publisher, in the line that npm prints, which fields were taken from the tarball, and that everybody may read
// what was to be restricted.
func notice(w http.ResponseWriter, differs []difference, open bool) {
	var lines []string
	if len(differs) > 0 {
		fields := make([]string, len(differs))
		for i, d := range differs {
			fields[i] = d.Field
		}
		lines = append(lines, "The tarball's package.json differs from the published manifest; these are served as in the tarball: "+strings.Join(fields, ", "))
	}
	if open {
		lines = append(lines, "Access was to be restricted, but this repository can be read by everybody: who may read a package is decided for the repository as a whole.")
	}
	if len(lines) > 0 {
		w.Header().Set("Npm-Notice", strings.Join(lines, " "))
	}
}
