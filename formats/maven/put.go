package maven

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"slipway/registry"
)

// maxFileBytes bounds one file.
const maxFileBytes = 10 << 30

// publishHeader names the publish that a deploy waits for; settings.xml can set it for a server.
const publishHeader = "X-Slipway-Publish"

// put takes what deploys send (maven.md 4): files, sidecars, metadata. 201 for what is new, 200 for the same bytes again.
func (h *handlers) put(w http.ResponseWriter, r *http.Request) error {
	t, err := parsePath(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	pub, err := h.svc.Begin(r.Context(), t.name())
	if err != nil {
		return err
	}
	defer pub.Abort()
	if err := t.checkNew(); err != nil {
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

// upload is the PUT of a file.
type upload struct {
	target
	pub        *registry.Publish
	body       io.Reader
	attributes attributes
	key        registry.SetKey
	publish    bool // key is that of a publish
}

func (h *handlers) upload(r *http.Request, pub *registry.Publish, t target) (upload, error) {
	u := upload{target: t, pub: pub, body: r.Body, key: setKey(t.at(), t.file.build)}
	var err error
	if id := r.Header.Get(publishHeader); id != "" {
		u.publish = true
		u.key, err = registry.PublishKey(t.repository, id)
	}
	return u, err
}

// putFile keeps a file for the commit of its deploy.
func (h *handlers) putFile(w http.ResponseWriter, r *http.Request, pub *registry.Publish, t target) error {
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
		raw, p, err := readPOM(r.Body)
		if err == nil {
			err = p.check(t)
		}
		if err != nil {
			return err
		}
		u.body, u.attributes.POM = bytes.NewReader(raw), &p
	}
	if add {
		return h.add(w, r, u)
	}
	staged, err := h.svc.AddToSet(r.Context(), u.key, u.setFile(), u.body)
	if err != nil {
		return err
	}
	h.stored(w, r, t, staged.Blob, http.StatusCreated)
	return nil
}

func tooLarge(t target) error {
	return registry.Errorf(registry.TooLarge, registry.AboutFile, "%s is larger than %d bytes", t.file.name, int64(maxFileBytes))
}

func (u upload) stageFile() registry.StageFile {
	return registry.StageFile{Path: u.file.name, MediaType: mediaType(u.file.name), Sums: allSums, Limit: maxFileBytes}
}

func (u upload) setFile() registry.SetFile {
	return registry.SetFile{At: u.at(), File: u.stageFile(), Attributes: u.attributes.encode()}
}

// before looks at what is visible already. add: the file goes into the version at once, because its deploy is committed or
// because the repository wants it so. done: it is there, and the answer is written.
func (h *handlers) before(w http.ResponseWriter, r *http.Request, u upload) (add, done bool, err error) {
	settings := registry.SettingsOf(u.pub.Repository())
	add = settings.MavenImmediate && !u.publish
	v, files, err := u.pub.Version(r.Context(), u.version)
	switch {
	case isAbsent(err):
		return add, false, nil
	case err != nil:
		return false, false, err
	case v.State == registry.Deleted && !settings.AllowReuse:
		return false, false, registry.Errorf(registry.Conflict, registry.AboutVersion,
			"%s:%s was deleted; its version can't be used again", u.at().Package, u.version)
	case v.State == registry.Deleted:
		return add, false, nil
	}
	if i := slices.IndexFunc(files, func(f registry.File) bool { return f.Path == u.file.name }); i >= 0 && !u.file.literal() {
		return false, true, h.again(w, r, u, files[i])
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
	add, err = lateBuild(u, files)
	return add, false, err
}

// lateBuild reports whether the file belongs to a build that is visible already, and which takes files for some time.
func lateBuild(u upload, files []registry.File) (bool, error) {
	if u.file.literal() {
		return false, nil
	}
	var added time.Time
	for _, f := range files {
		if parseFileName(f.Path, u.artifact, u.version).build == u.file.build && f.AddedAt.After(added) {
			added = f.AddedAt
		}
	}
	if !added.IsZero() && time.Since(added) > lateFiles {
		return false, registry.Errorf(registry.AlreadyExists, registry.AboutVersion, "build %s of %s:%s is complete without %s",
			u.file.build, u.at().Package, u.version, u.file.name)
	}
	return !added.IsZero(), nil
}

// again compares the body with a file that is there: 200, or AlreadyExists. Nothing is stored.
func (h *handlers) again(w http.ResponseWriter, r *http.Request, u upload, have registry.File) error {
	if r.ContentLength >= 0 && r.ContentLength != have.Blob.Size {
		return otherContent(u.at(), have)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(u.body, have.Blob.Size+1)); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != have.Blob.Digest.Encoded() {
		return otherContent(u.at(), have)
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
	rel, err := assembly{free: true, Assembly: registry.Assembly{Service: h.svc, Repository: u.pub.Repository(), At: at,
		Files: []registry.StagedFile{{Format: formatName, Package: at.Package, Display: at.Display, Version: at.Version,
			Path: st.Path, MediaType: st.MediaType, Blob: st.Blob, Attributes: u.attributes.encode()}}}}.release(r.Context())
	if err != nil {
		return err
	}
	rel.Files = nil // what was staged just now
	if _, err := u.pub.Commit(r.Context(), rel); err != nil {
		return err
	}
	h.stored(w, r, u.target, st.Blob, http.StatusCreated)
	return nil
}

// stored answers the PUT of a file.
func (h *handlers) stored(w http.ResponseWriter, r *http.Request, t target, b registry.Blob, status int) {
	w.Header().Set("Location", h.site.BaseURL(r)+t.href(t.file.name))
	sumHeaders(w.Header().Set, b)
	empty(w, status)
}

// putSum compares a sidecar with its file. One that comes first is held; one that does not agree is too, so that the deploy
// can't be committed until it does: clients only warn when a sidecar is refused.
func (h *handlers) putSum(w http.ResponseWriter, r *http.Request, pub *registry.Publish, t target) error {
	sum, err := readSum(r.Body, t.sum)
	if err != nil {
		return err
	}
	u, err := h.upload(r, pub, t)
	if err != nil {
		return err
	}
	s, err := h.staging(r.Context(), u)
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
	path := t.file.name + "." + t.sum.suffix
	if agrees && !slices.ContainsFunc(s.sums, func(f stagedFile) bool { return f.Path == path }) {
		return answerSum(w, t, blob, sum)
	}
	u.attributes = attributes{Sum: t.sum.suffix, Hex: hex.EncodeToString(sum)}
	note := u.setFile()
	note.File = registry.StageFile{Path: path, MediaType: textType}
	if _, err := h.svc.AddToSet(r.Context(), u.key, note, bytes.NewReader([]byte(u.attributes.Hex))); err != nil {
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

// staging reads what the caller has staged of the upload's version; nothing when there is no set.
func (h *handlers) staging(ctx context.Context, u upload) (staging, error) {
	_, files, err := h.svc.Set(ctx, u.key)
	if err != nil && registry.KindOf(err) != registry.NotFound {
		return staging{}, err
	}
	at := u.at()
	files = slices.DeleteFunc(files, func(f registry.StagedFile) bool {
		return f.Format != formatName || f.Package != at.Package || f.Version != at.Version
	})
	return newStaging(files), nil
}

// putMetadata takes a client's maven-metadata.xml as its last word: what it has staged of the versions or the build that the
// document names becomes visible. The document itself is not kept. In a publish, nothing happens before that is committed.
func (h *handlers) putMetadata(w http.ResponseWriter, r *http.Request, pub *registry.Publish, t target) error {
	doc, err := readMetadata(r.Body)
	if err == nil {
		err = doc.check(t)
	}
	if err != nil {
		return err
	}
	if r.Header.Get(publishHeader) == "" {
		if err := h.commit(r.Context(), pub.Repository(), t, doc); err != nil {
			return err
		}
	}
	empty(w, http.StatusCreated)
	return nil
}

// commit makes the sets visible that a metadata document is about.
func (h *handlers) commit(ctx context.Context, repo registry.Repository, t target, doc sent) error {
	keys, err := h.svc.Sets(ctx, t.repository, scope(t.name()))
	if err != nil {
		return err
	}
	for _, key := range keys {
		_, files, err := h.svc.Set(ctx, key)
		if registry.KindOf(err) == registry.NotFound {
			continue // settled meanwhile
		}
		if err != nil {
			return err
		}
		if s := newStaging(files); len(s.files) == 0 || !doc.ends(t, s) {
			continue
		}
		if err := h.commitSet(ctx, repo, key, doc.pairs); err != nil {
			return err
		}
	}
	return nil
}

// ends reports whether the document is the last word on a set. Several builds or versions may be under way at once by one
// client's name, so it is what the document names, or everything if it names nothing.
func (s sent) ends(t target, staged staging) bool {
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

// maxCommits bounds the tries of a commit while files are still added.
const maxCommits = 3

func (h *handlers) commitSet(ctx context.Context, repo registry.Repository, key registry.SetKey, known []pair) (err error) {
	for range maxCommits {
		_, err = h.svc.CommitSet(ctx, key, func(files []registry.StagedFile) ([]registry.SetRelease, error) {
			f := files[0] // of one version: setKey
			at := registry.Name{Repository: repo.Name, Format: formatName, Package: f.Package, Display: f.Display}.At(f.Version)
			rel, err := assembly{known: known, Assembly: registry.Assembly{Service: h.svc, Repository: repo, At: at, Files: files}}.release(ctx)
			return []registry.SetRelease{{At: at.Name, Release: rel}}, err
		})
		if !errors.Is(err, &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutRequest}) {
			break
		}
	}
	if registry.KindOf(err) == registry.NotFound {
		return nil
	}
	return err
}
