package maven

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/publish"
	"slipway/registry/staging"
)

// maxFileBytes bounds one file.
const maxFileBytes = 10 << 30

// put handles the PUTs of deploys (maven.md 4): files, sidecars, metadata. 201 for a new file, 200 for the same bytes again.
func (h *handlers) put(w http.ResponseWriter, r *http.Request) error {
	t, err := parsePath(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	pub, err := h.begin(r.Context(), t)
	if err != nil {
		return err
	}
	defer pub.Abort()
	if err := t.checkNew(); err != nil {
		return err
	}
	if err := formats.RefuseUnheard(r.Header); err != nil {
		return err
	}
	switch {
	case t.sum != nil && (t.unsummed || t.kind != kindFile || t.file.isSignature()):
		return discard(w, r)
	case t.sum != nil:
		return h.putSum(w, r, pub, t)
	case t.kind != kindFile:
		return h.putMetadata(w, r, pub, t)
	default:
		return h.putFile(w, r, pub, t)
	}
}

// begin begins the publish of a PUT. Metadata of an artifact may end a deploy of releases or of snapshots, which different repositories
// may take; the caller needs the right in one of them.
func (h *handlers) begin(ctx context.Context, t target) (*publish.Publish, error) {
	pub, err := h.svc.Publisher.BeginAt(ctx, t.at())
	if t.version == "" && registry.KindOf(err) == registry.Denied && err != nil {
		if other, otherErr := h.svc.Publisher.BeginAt(ctx, t.name().At(snapshot)); otherErr == nil {
			return other, nil
		}
	}
	return pub, err
}

// upload is the PUT of a file.
type upload struct {
	target
	pub        *publish.Publish
	body       io.Reader
	attributes attributes
	key        staging.Key
	publish    bool // key is that of a publish
}

func (h *handlers) upload(r *http.Request, pub *publish.Publish, t target) (upload, error) {
	u := upload{target: t, pub: pub, body: r.Body, key: setKey(t.at(), t.file.build)}
	u.attributes.Tool = toolOf(r.UserAgent())
	id, err := formats.PublishID(r.Header)
	if err == nil && id != "" {
		u.publish = true
		u.key, err = staging.PublishKey(t.repository, id)
	}
	return u, err
}

// putFile stages a file until the commit of its deploy.
func (h *handlers) putFile(w http.ResponseWriter, r *http.Request, pub *publish.Publish, t target) error {
	if r.ContentLength > maxFileBytes {
		return tooLarge(t)
	}
	u, err := h.upload(r, pub, t)
	if err != nil {
		return err
	}
	add, done, err := h.before(w, r, u)
	if done || err != nil {
		return err
	}
	if t.file.isPOM() {
		if err := httpserver.HoldBody(r, maxPOMBytes, pomFactor); err != nil {
			return err
		}
		if err := u.readPOM(w.Header(), r.Body); err != nil {
			return err
		}
	}
	if add {
		return h.add(w, r, u)
	}
	staged, err := h.svc.Staging.Add(r.Context(), u.key, u.setFile(), u.body)
	if err != nil {
		return err
	}
	h.held(w, r, u, staged.Blob)
	return nil
}

// readPOM reads the body, a POM. What of it is wrong is an error or not by the repository's pomRule; the values that could be read
// are used in any case.
func (u *upload) readPOM(h http.Header, body io.Reader) error {
	raw, err := readAllPOM(body)
	if err != nil {
		return err
	}
	p, err := parsePOM(raw)
	if err == nil {
		err = p.check(u.target)
	} else {
		p = pom{} // half of a document may say the opposite of the whole
	}
	switch rule := pomRule.In(u.pub.Repository()); {
	case err != nil && rule == pomStrict:
		return err
	case err != nil && rule == pomWarn:
		httpserver.Warn(h, registry.AsError(err).Detail)
	}
	u.body, u.attributes.POM = bytes.NewReader(raw), &p
	return nil
}

func tooLarge(t target) error {
	return registry.Errorf(registry.TooLarge, registry.AboutFile, "%s is larger than %d bytes", t.file.name, int64(maxFileBytes))
}

func (u upload) stageFile() content.StageFile {
	return content.StageFile{Path: u.file.name, MediaType: mediaType(u.file.name), Sums: allSums, Limit: maxFileBytes}
}

func (u upload) setFile() staging.File {
	return staging.File{At: u.at(), File: u.stageFile(), Attributes: u.attributes.encode()}
}

// before checks the visible version. add: the file goes into the version at once, because its deploy is committed or the
// repository's setting says so. done: the file exists, and the answer is written.
func (h *handlers) before(w http.ResponseWriter, r *http.Request, u upload) (add, done bool, err error) {
	add = immediate.In(u.pub.Repository()) && !u.publish
	v, have, err := u.pub.Version(r.Context(), u.version, u.file.name)
	switch {
	case isAbsent(err):
		return add, false, nil
	case err != nil:
		return false, false, err
	case v.State == registry.Deleted && !registry.AllowReuse.In(u.pub.Repository()):
		return false, false, registry.Errorf(registry.Conflict, registry.AboutVersion,
			"%s:%s was deleted; its version can't be used again", u.at().Package, u.version)
	case v.State == registry.Deleted:
		return add, false, nil
	}
	if have.Path != "" && !u.file.literal() {
		return false, true, h.again(w, r, u, have)
	}
	if add || u.publish {
		return add, false, nil
	}
	if !isSnapshot(u.version) {
		if !mayAdd(r.Context(), v) {
			return false, false, released(u.at(), "without %s", u.file.name)
		}
		return true, false, nil
	}
	add, err = u.lateBuild(r.Context(), v)
	return add, false, err
}

// again stores bytes that exist already, which repairs them if the store has lost them: 200. Other bytes are AlreadyExists,
// and are not kept.
func (h *handlers) again(w http.ResponseWriter, r *http.Request, u upload, have registry.File) error {
	if r.ContentLength >= 0 && r.ContentLength != have.Blob.Size {
		return otherContent(u.at(), have)
	}
	sum, err := hex.DecodeString(have.Blob.Digest.Encoded())
	if err != nil {
		return err
	}
	f := content.StageFile{Path: have.Path, Want: content.Sums{SHA256: sum}, Limit: max(have.Blob.Size, 1)}
	_, err = u.pub.Stage(r.Context(), f, u.body)
	switch registry.KindOf(err) {
	case registry.DigestMismatch, registry.TooLarge:
		return otherContent(u.at(), have)
	}
	if err != nil {
		return err
	}
	h.stored(w, r, u.target, have.Blob, http.StatusOK)
	return nil
}

// add puts a file into its version at once.
func (h *handlers) add(w http.ResponseWriter, r *http.Request, u upload) error {
	st, err := u.pub.Stage(r.Context(), u.stageFile(), u.body)
	if err != nil {
		return err
	}
	at := u.at()
	rel, err := assembly{free: true, Assembly: staging.Assembly{Open: h.svc.Content.OpenBlob, Repository: u.pub.Repository(), At: at,
		Files: []registry.StagedFile{{Format: formatName, Package: at.Package, Display: at.Display, Version: at.Version,
			Path: st.Path, MediaType: st.MediaType, Blob: st.Blob, Attributes: u.attributes.encode()}}}}.release(r.Context())
	if err != nil {
		return err
	}
	rel.Files = nil // nil: the file staged just now
	if _, err := u.pub.Commit(r.Context(), rel); err != nil {
		return err
	}
	h.stored(w, r, u.target, st.Blob, http.StatusCreated)
	return nil
}

// stored answers the PUT of a file.
func (h *handlers) stored(w http.ResponseWriter, r *http.Request, t target, b registry.Blob, status int) {
	h.describe(w, r, t, b)
	empty(w, status)
}

func (h *handlers) describe(w http.ResponseWriter, r *http.Request, t target, b registry.Blob) {
	w.Header().Set("Location", h.site.BaseURL(r)+t.href(t.file.name))
	sumHeaders(w.Header().Set, b)
}

// putSum compares a sidecar with its file. A sidecar that comes before its file is staged. So is a sidecar that does not
// match, so that the deploy can't be committed until it does: clients only warn when a sidecar is refused.
func (h *handlers) putSum(w http.ResponseWriter, r *http.Request, pub *publish.Publish, t target) error {
	sum, err := readSum(r.Body, t.sum)
	if err != nil {
		return err
	}
	u, err := h.upload(r, pub, t)
	if err != nil {
		return err
	}
	path := t.file.name + "." + t.sum.suffix
	s, err := h.staged(r.Context(), u, t.file.name, path)
	if err != nil {
		return err
	}
	base, found := s.find(t.file.name)
	blob := base.Blob
	if !found {
		f, err := pub.File(r.Context(), t.version, t.file.name)
		if err != nil && !isAbsent(err) {
			return err
		}
		found, blob = err == nil, f.Blob
		if found {
			return answerSum(w, t, blob, sum)
		}
	}
	agrees := found && bytes.Equal(t.sum.of(blob), sum)
	if agrees && len(s.sums) == 0 {
		return answerSum(w, t, blob, sum)
	}
	u.attributes.Sum, u.attributes.Hex = t.sum.suffix, hex.EncodeToString(sum)
	note := u.setFile()
	note.File = content.StageFile{Path: path, MediaType: textType}
	if _, err := h.svc.Staging.Add(r.Context(), u.key, note, bytes.NewReader([]byte(u.attributes.Hex))); err != nil {
		return err
	}
	if !found {
		empty(w, http.StatusCreated)
		return nil
	}
	return answerSum(w, t, blob, sum)
}

func answerSum(w http.ResponseWriter, t target, b registry.Blob, sum []byte) error {
	if has := t.sum.of(b); !bytes.Equal(has, sum) {
		return registry.Errorf(registry.DigestMismatch, registry.AboutFile, "%s has %s %x, but the checksum file says %x; it was damaged on its way",
			t.file.name, t.sum.suffix, has, sum)
	}
	empty(w, http.StatusCreated)
	return nil
}

// staged returns the caller's staged files of the upload's version at the paths; nothing when there is no set.
func (h *handlers) staged(ctx context.Context, u upload, paths ...string) (stagedSet, error) {
	files, err := h.svc.Staging.StagedAt(ctx, u.key, u.at(), paths...)
	return newStaging(files), err
}

// putMetadata takes a client's maven-metadata.xml as the end of its deploy: the client's staged files of the versions or the
// build that the document names become visible. The document itself is not kept. In a publish, nothing happens before the
// publish is committed.
func (h *handlers) putMetadata(w http.ResponseWriter, r *http.Request, pub *publish.Publish, t target) error {
	if err := httpserver.HoldBody(r, maxMetadataBytes, pomFactor); err != nil {
		return err
	}
	doc, err := readMetadata(r.Body)
	if err == nil {
		err = doc.check(t)
	}
	if err != nil {
		return err
	}
	id, err := formats.PublishID(r.Header)
	if err != nil {
		return err
	}
	if id == "" {
		if err := h.commit(r.Context(), t, doc); err != nil {
			return err
		}
		if err := learn(r.Context(), pub, t, doc.pairs); err != nil {
			return err
		}
	}
	empty(w, http.StatusCreated)
	return nil
}

// commit makes the sets visible that a metadata document is about.
func (h *handlers) commit(ctx context.Context, t target, doc sent) error {
	sets, err := h.svc.Staging.List(ctx, t.repository, scope(t.name()))
	if err != nil {
		return err
	}
	for _, set := range sets {
		if s := newStaging(set.Files); len(s.files) == 0 || !doc.ends(t, s) {
			continue
		}
		if err := h.commitSet(ctx, set, doc.pairs); err != nil {
			return err
		}
	}
	return nil
}

// ends reports whether the document ends the deploy of a set. A user may have several builds or versions under way, so only
// those that the document names end, or all if it names none.
func (s sent) ends(t target, staged stagedSet) bool {
	f := staged.files[0]
	build := staged.build()
	if t.kind == kindSnapshots {
		return f.Version == t.version && (build == snapshot || len(s.builds) == 0 || slices.Contains(s.builds, build))
	}
	if build != "" && build != snapshot {
		return false // the metadata of the version comes first
	}
	return len(s.versions) == 0 || slices.Contains(s.versions, f.Version)
}

// maxCommits bounds the tries of a commit while files are still being added.
const maxCommits = 3

func (h *handlers) commitSet(ctx context.Context, set staging.Area, known map[string]pair) error {
	build := func(files []registry.StagedFile) ([]staging.Release, error) {
		f := files[0] // of one version: setKey
		at := registry.Name{Repository: set.Key.Repository, Format: formatName, Package: f.Package, Display: f.Display}.At(f.Version)
		to, err := h.svc.Core.Target(ctx, at.Name, at.Version, access.Publish)
		if err != nil {
			return nil, err
		}
		rel, err := assembly{known: known, Assembly: staging.Assembly{Open: h.svc.Content.OpenBlob, Repository: to.Repository, At: at, Files: files}}.release(ctx)
		return []staging.Release{{At: at.Name, Release: rel}}, err
	}
	_, err := h.svc.Staging.CommitOpen(ctx, set, build)
	for try := 1; try < maxCommits && errors.Is(err, &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutRequest}); try++ {
		_, err = h.svc.Staging.Commit(ctx, set.Key, build)
	}
	if registry.KindOf(err) == registry.NotFound {
		return nil
	}
	return err
}
