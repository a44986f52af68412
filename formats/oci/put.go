package oci

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/publish"
)

// maxTagQueryBytes bounds the query of a manifest PUT, which may name tags.
const maxTagQueryBytes = 8 << 10

// manifestPut is a parsed PUT of a manifest.
type manifestPut struct {
	at     registry.Name
	digest digest.Digest
	tags   []string
	asked  []string // of tags, those of the query
	cond   condition
	body   []byte
	manifest
}

// putManifest stores a manifest by tag or digest (end-7a), or by digest with tags (end-7b): one transaction checks the
// manifest's references, stores it, and moves its tags. The same PUT again changes nothing.
func (h *handlers) putManifest(w http.ResponseWriter, r *http.Request) error {
	at, ref, err := parseReference(r)
	if err != nil {
		return err
	}
	pub, err := h.svc.Publisher.Begin(r.Context(), at)
	if err != nil {
		return h.putTag(w, r, at, ref, err)
	}
	defer pub.Abort()
	put, err := parsePut(r, at, ref)
	if err != nil {
		return err
	}
	rel, warnings, err := h.release(r, pub, put)
	if err != nil {
		return err
	}
	if _, err := pub.Commit(r.Context(), rel); err != nil {
		if e := registry.AsError(err); e.Kind == registry.NotFound && e.Subject == registry.AboutBlob {
			err = &registry.Error{Kind: registry.NotFound, Subject: aboutManifestBlob, Detail: e.Detail, Err: err}
		}
		return err
	}
	for _, text := range warnings {
		httpserver.Warn(w.Header(), text)
	}
	return putDone(w, put)
}

func putDone(w http.ResponseWriter, put manifestPut) error {
	if put.subject != nil {
		w.Header().Set("OCI-Subject", put.subject.digest.String())
	}
	if len(put.asked) > 0 {
		w.Header().Set("OCI-Tag", strings.Join(put.asked, ", "))
	}
	return created(w, manifestPath(put.at, put.digest), put.digest, nil)
}

// parsePut reads and checks the request. Invalid, TooLarge, DigestMismatch.
func parsePut(r *http.Request, at registry.Name, ref reference) (manifestPut, error) {
	put := manifestPut{at: at, cond: parseCondition(r.Header)}
	if len(r.URL.RawQuery) > maxTagQueryBytes {
		return put, registry.Errorf(registry.Invalid, aboutURI, "the query is longer than %d bytes", maxTagQueryBytes)
	}
	if ref.tag != "" {
		put.tags = []string{ref.tag}
	} else {
		for _, tag := range r.URL.Query()["tag"] {
			if err := registry.CheckTag(tag); err != nil {
				return put, err
			}
			if !slices.Contains(put.asked, tag) {
				put.asked = append(put.asked, tag)
			}
		}
		put.tags = put.asked
	}
	var err error
	if put.body, err = readManifest(r); err != nil {
		return put, err
	}
	put.digest = digest.FromBytes(put.body)
	if ref.digest != "" {
		if put.digest = ref.digest.Algorithm().FromBytes(put.body); put.digest != ref.digest {
			return put, registry.Errorf(registry.DigestMismatch, aboutManifest, "the digest of the manifest is %s, not %s", put.digest, ref.digest)
		}
	}
	put.manifest, err = parseManifest(r.Header.Get("Content-Type"), put.body)
	return put, err
}

func readManifest(r *http.Request) ([]byte, error) {
	tooLarge := registry.Errorf(registry.TooLarge, aboutManifest, "the manifest is larger than the limit of %d bytes", maxManifestBytes)
	if r.ContentLength > maxManifestBytes {
		return nil, tooLarge
	}
	body, err := httpserver.ReadBody(r, maxManifestBytes, manifestFactor)
	if err == nil && len(body) > maxManifestBytes {
		err = tooLarge
	}
	return body, err
}

// release links the blobs of the manifest and makes its release. NotFound about a manifest's blob: the error names all missing
// blobs.
func (h *handlers) release(r *http.Request, pub *publish.Publish, put manifestPut) (rel publish.Release, warnings []string, err error) {
	rel = publish.Release{
		Version: put.digest.String(), Digest: put.digest, PURL: purl(h.site.BaseURL(r), pub.Name(), put.digest), Mode: publish.Create,
		SortKey: binary.BigEndian.AppendUint64(nil, uint64(h.now().UnixMicro())), Descriptor: put.body, MediaType: put.mediaType,
		Tags: put.tags, TagIf: put.cond.check, Silent: len(put.tags) == 0, Revive: true,
	}
	l := linker{pub: pub, adopt: h.adopt(put.at), seen: map[digest.Digest]bool{}, rel: &rel, sparse: sparse.In(pub.Repository())}
	rel.Fill = l.sparse == sparseAllow
	rel.Attached = put.subject != nil || attachments(put.tags)
	if put.subject != nil {
		rel.References = append(rel.References, publish.Reference{Kind: registry.RefSubject, Digest: put.subject.digest})
	}
	for _, d := range put.blobs {
		if err := l.blob(r, d); err != nil {
			return rel, nil, err
		}
	}
	for _, d := range put.children {
		if err := l.child(r, d); err != nil {
			return rel, nil, err
		}
	}
	if len(l.missing) > 0 {
		return rel, nil, &registry.Error{Kind: registry.NotFound, Subject: aboutManifestBlob, Detail: "blobs are missing", Err: &missingBlobs{l.missing}}
	}
	rel.Facts = h.facts(r.Context(), pub, put, l.config)
	shared, err := partFacts(r.Context(), pub, rel, rel.Facts)
	rel.Facts = append(rel.Facts, shared...)
	return rel, l.warnings, err
}

// linker gathers the blobs and manifests that a manifest names.
type linker struct {
	pub      *publish.Publish
	adopt    func(ctx context.Context, d digest.Digest) error
	seen     map[digest.Digest]bool
	rel      *publish.Release
	config   *publish.Staged // the first blob, if the image holds it
	sparse   string          // a word of the setting
	missing  []digest.Digest
	warnings []string
}

// lacks notes content that the image does not hold: it is refused, or warned of where the repository allows it.
func (l *linker) lacks(d digest.Digest, allowed bool) {
	if !allowed {
		l.missing = append(l.missing, d)
		return
	}
	l.warn("the image does not hold %s, which the manifest names: clients can't pull that part before it is pushed", d)
}

// warn adds a warning to the answer.
func (l *linker) warn(format string, args ...any) {
	if len(l.warnings) < maxWarnings {
		l.warnings = append(l.warnings, fmt.Sprintf(format, args...))
	}
}

// blob links a config or layer, which the image must hold unless its repository allows that it is left out.
func (l *linker) blob(r *http.Request, d descriptor) error {
	if l.seen[d.digest] {
		return nil
	}
	l.seen[d.digest] = true
	found, err := l.link(r, d)
	if err == nil && !found && !d.absent {
		l.lacks(d.digest, l.sparse == sparseAllow)
	}
	return err
}

// child adds a part of an index: a manifest of the image, or a blob, as in build caches. A manifest may follow later.
func (l *linker) child(r *http.Request, d descriptor) error {
	if l.seen[d.digest] {
		return nil
	}
	l.seen[d.digest] = true
	manifest, err := l.pub.Has(r.Context(), d.digest)
	if err != nil {
		return err
	}
	found := false
	if !manifest {
		if found, err = l.link(r, d); err != nil {
			return err
		}
	}
	if !manifest && !found {
		l.lacks(d.digest, l.sparse == sparseAllow || l.sparse == sparseIndexes && isManifest(d.mediaType))
	}
	l.rel.References = append(l.rel.References, publish.Reference{Kind: registry.RefChild, Digest: d.digest, Required: manifest})
	return nil
}

// maxWarnings bounds the warnings of one answer.
const maxWarnings = 5

func (l *linker) link(r *http.Request, d descriptor) (bool, error) {
	st, err := l.pub.Link(r.Context(), d.digest.String(), d.mediaType, d.digest)
	if isNotFound(err) {
		if err = l.adopt(catalog.Whole(r.Context()), d.digest); err == nil {
			st, err = l.pub.Link(r.Context(), d.digest.String(), d.mediaType, d.digest)
		}
	}
	if isNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if l.config == nil {
		l.config = &st
	}
	if st.Blob.Size != d.size {
		l.warn("the manifest says that %s has %d bytes, but it has %d: clients will refuse it", d.digest, d.size, st.Blob.Size)
	}
	return true, nil
}

// putTag is for callers who may tag but not publish: an existing manifest gets the tags, as `crane tag` and promotions do.
// refused is the error for the right to publish.
func (h *handlers) putTag(w http.ResponseWriter, r *http.Request, at registry.Name, ref reference, refused error) error {
	if registry.KindOf(refused) != registry.Denied || access.Decide(access.From(r.Context()), access.Tag, at.Repository) != access.Allow {
		return refused
	}
	put, err := parsePut(r, at, ref)
	if err != nil {
		return err
	}
	err = h.svc.Publisher.Edit(r.Context(), at, publish.Rights{access.Tag}, func(e *publish.Edit) error {
		if len(put.tags) == 0 {
			return refused
		}
		if _, err := e.Version(put.digest.String()); err != nil {
			return refused
		}
		held, err := e.Tags()
		if err != nil {
			return err
		}
		for _, tag := range put.tags {
			var now registry.Tag
			if i := slices.IndexFunc(held, func(t registry.Tag) bool { return t.Name == tag }); i >= 0 {
				now = held[i]
			}
			if err := put.cond.check(tag, now); err != nil {
				return err
			}
			if _, err := e.SetTag(tag, put.digest.String(), "pushed"); err != nil {
				return err
			}
		}
		return nil
	})
	if isNotFound(err) {
		err = refused
	}
	if err != nil {
		return err
	}
	return putDone(w, put)
}

// condition is If-Match or If-None-Match on the tags of a PUT: clients guard tags that they read, change and write back.
type condition struct {
	match     []string // entity tags, one of which must be the tag's digest; nil: no condition
	noneMatch []string
}

func parseCondition(h http.Header) condition {
	return condition{entityTags(h.Values("If-Match")), entityTags(h.Values("If-None-Match"))}
}

func entityTags(values []string) []string {
	var out []string
	for _, v := range values {
		for t := range strings.SplitSeq(v, ",") {
			out = append(out, strings.Trim(strings.TrimSpace(t), `"`))
		}
	}
	return out
}

func (c condition) check(tag string, now registry.Tag) error {
	holds := func(list []string) bool {
		return now.Generation > 0 && (slices.Contains(list, "*") || slices.Contains(list, now.Digest.String()))
	}
	switch {
	case c.match != nil && !holds(c.match), c.noneMatch != nil && holds(c.noneMatch):
		what := "does not exist"
		if now.Generation > 0 {
			what = "names " + now.Digest.String()
		}
		return registry.Errorf(registry.PreconditionFailed, registry.AboutTag, "the tag %q %s", tag, what)
	}
	return nil
}
