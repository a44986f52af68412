package pypi

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/crypto/blake2b"

	"slipway/formats"
	"slipway/formats/archive"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/publish"
)

// upload answers the legacy upload (pypi.md 6): one distribution file per request, one atomic append to its version. POST
// /pypi/<repository>/, also without the slash and at legacy/ and simple/: 200, also when the same file exists already; 409 for
// other bytes under a name that is or was in use.
func (h *handlers) upload(w http.ResponseWriter, r *http.Request, t target) error {
	pub, err := h.site.Parts.Publisher.Begin(r.Context(), registry.Name{Repository: t.repository, Format: formatName})
	if err != nil {
		return err
	}
	defer pub.Abort()
	if r.ContentLength > h.fileBytes+maxTextBytes {
		return tooLarge(r.ContentLength, h.fileBytes)
	}
	u := &upload{ctx: r.Context(), pub: pub, limit: h.fileBytes, body: r.ContentLength}
	f, err := readForm(r, u.stage)
	if err != nil {
		return err
	}
	d, err := u.check(f)
	if err != nil {
		return err
	}
	if u.kept != nil {
		if err := u.stageKept(f, d); err != nil {
			return err
		}
	}
	res, err := u.commit(t.repository, d, r.UserAgent())
	if err != nil {
		return u.refused(err, d)
	}
	text := "stored"
	if !res.Changed {
		text = "already present, unchanged"
	}
	return answer(w, r, http.StatusOK, d.file.text+": "+text)
}

func tooLarge(size, limit int64) error {
	return registry.Errorf(registry.TooLarge, registry.AboutFile, "the upload has %d bytes; a file may have at most %d", size, limit)
}

// upload is one file being uploaded.
type upload struct {
	ctx   context.Context
	pub   *publish.Publish
	limit int64
	body  int64 // length of the request's body; -1: unknown

	name   filename
	sums   sums
	kept   []byte           // a small zip, which is stored after it was inspected; else nil
	staged []publish.Staged // the file, and a wheel's metadata
	inside contents         // of a tarball, read while it was stored
}

// sums are the sums of the file that clients announce.
type sums struct{ sha256, blake2, md5 []byte }

// Media types as the API shows them; files are served as application/octet-stream, as nothing may unpack them on the way.
const (
	zipType      = "application/zip"
	gzipType     = "application/gzip"
	metadataType = "text/plain; charset=utf-8"
)

// stage stores the file, with the sums that clients announce, and reads a tarball in the same pass. A small zip is stored
// after the rest of the form.
func (u *upload) stage(name string, content io.Reader) (err error) {
	if u.name, err = parseFilename(name); err != nil {
		return err
	}
	sum, _ := blake2b.New256(nil) // fails for keys only
	content = io.TeeReader(content, sum)
	size := int64(0)
	if !u.name.tarball() && u.body >= 0 && u.body <= min(archive.BlockBytes, u.limit) {
		kept := bytes.NewBuffer(make([]byte, 0, u.body+bytes.MinRead))
		size, err = kept.ReadFrom(content)
		u.kept = kept.Bytes()
	} else {
		var st publish.Staged
		if u.name.tarball() {
			st, u.inside, err = u.stageTarball(u.file(), content)
		} else {
			st, err = u.pub.Stage(u.ctx, u.file(), content)
		}
		if err == nil {
			u.stored(st)
			size = st.Blob.Size
		}
	}
	if err == nil && size == 0 {
		err = invalid(registry.AboutFile, "%q is empty", formats.Clip(name))
	}
	u.sums.blake2 = sum.Sum(nil)
	return err
}

func (u *upload) file() content.StageFile {
	f := content.StageFile{Path: u.name.text, MediaType: zipType, Sums: content.MD5, Limit: u.limit}
	if u.name.tarball() {
		f.MediaType = gzipType
	}
	return f
}

// stored keeps the staged files and the sums of the first.
func (u *upload) stored(st ...publish.Staged) {
	u.staged = st
	u.sums.sha256, _ = hex.DecodeString(st[0].Blob.Digest.Encoded()) // a digest is hex
	u.sums.md5 = st[0].Blob.MD5
}

// metadataFile is the metadata file stored beside a wheel.
func (d distribution) metadataFile() content.StageFile {
	return content.StageFile{Path: d.file.text + metadataSuffix, MediaType: metadataType, Limit: maxMetadataBytes}
}

// stageKept stores a small zip that was kept in memory, and the metadata beside it.
func (u *upload) stageKept(f *form, d distribution) error {
	files, contents := []content.StageFile{u.file()}, [][]byte{u.kept}
	if d.file.kind == typeWheel {
		files, contents = append(files, d.metadataFile()), append(contents, d.inside.raw)
	}
	st, err := u.pub.StageAll(u.ctx, files, contents)
	if err != nil {
		return err
	}
	u.stored(st...)
	return u.checkDigests(f)
}

func (u *upload) stageTarball(file content.StageFile, content io.Reader) (st publish.Staged, found contents, err error) {
	store := func(r io.Reader) (err error) {
		st, err = u.pub.Stage(u.ctx, file, r)
		return err
	}
	look := func(r io.Reader) (err error) {
		found, err = readTarball(r, u.hold)
		return err
	}
	err = archive.StoreAndLook(content, store, look)
	return st, found, err
}

// distribution is a file whose name, form and content agree.
type distribution struct {
	file    filename
	project string // normalised
	version version
	inside  contents
}

// check compares the form, the file's name and the archive's content with each other (pypi.md 6.5). Invalid, DigestMismatch.
func (u *upload) check(f *form) (distribution, error) {
	if u.kept == nil {
		if err := u.checkDigests(f); err != nil {
			return distribution{}, err
		}
		return u.examine(f)
	}
	d, err := u.examine(f)
	if err != nil { // for a damaged file, wrong sums are the better message
		sha, md := sha256.Sum256(u.kept), md5.Sum(u.kept)
		u.sums.sha256, u.sums.md5 = sha[:], md[:]
		err = cmp.Or(u.checkDigests(f), err)
	}
	return d, err
}

// examine is check without the sums.
func (u *upload) examine(f *form) (distribution, error) {
	d := distribution{file: u.name, inside: u.inside}
	if kind := f.fields["filetype"]; kind != "" && kind != d.file.kind {
		return d, invalid(registry.AboutFile, "the form's \"filetype\" is %q, but %q is a %s", formats.Clip(kind), d.file.text, d.file.kind)
	}
	var err error
	if d.project, err = normalize(f.fields["name"]); err != nil {
		return d, err
	}
	if d.version, err = parseVersion(f.fields["version"]); err != nil {
		return d, err
	}
	inName, err := d.file.of(d.project)
	if err != nil {
		return d, err
	}
	if !inName.equal(d.version) {
		return d, invalid(registry.AboutVersion, "%q is a file of version %s, but the form's version is %s", d.file.text, inName, d.version)
	}
	if d.inside.raw == nil {
		if d.inside, err = u.look(reading{d.project, d.version}); err != nil {
			return d, err
		}
	}
	m := d.inside.metadata
	if fold(m.name) != d.project || !m.version.equal(d.version) {
		return d, invalid(registry.AboutVersion, "the core metadata in %q is of %s %s, but its name is of %s %s", d.file.text, formats.Clip(m.name), m.version, d.project, d.version)
	}
	return d, nil
}

// metadataFactor is how many bytes of memory a byte of core metadata costs while it is read; measured.
const metadataFactor = 4

// hold waits for the memory of core metadata of n bytes.
func (u *upload) hold(n int64) error { return httpserver.Hold(u.ctx, n*metadataFactor) }

// look reads a zip, a large one from the store, because its table of contents is at the end.
func (u *upload) look(name reading) (contents, error) {
	var r *archive.Window
	if u.kept != nil {
		r = archive.WindowOf(u.kept)
	} else {
		r = archive.NewWindow(u.staged[0].Blob.Size, func(offset, length int64) (io.ReadCloser, error) {
			return u.pub.OpenRange(u.ctx, u.staged[0], offset, length)
		})
	}
	r.Hold, r.EntryFactor = func(n int64) error { return httpserver.Hold(u.ctx, n) }, metadataFactor
	if u.name.kind == typeWheel {
		return readWheel(r, name)
	}
	return readZipSdist(r)
}

func (u *upload) checkDigests(f *form) error {
	sums := []announced{
		{"sha256_digest", u.sums.sha256},
		{"blake2_256_digest", u.sums.blake2},
		{"md5_digest", u.sums.md5},
	}
	if len(f.fields[sums[1].field]) == hex.EncodedLen(blake2b.Size) {
		long, err := u.longBlake2()
		if err != nil {
			return err
		}
		sums[1].got = long
	}
	for _, sum := range sums {
		got := hex.EncodeToString(sum.got)
		if want := f.fields[sum.field]; want != "" && !strings.EqualFold(want, got) {
			return registry.Errorf(registry.DigestMismatch, registry.AboutFile, "the %s of %q is %s, but the form announced %s; nothing was stored",
				sum.field, u.name.text, got, formats.Clip(want))
		}
	}
	return nil
}

// announced is a sum that the form may name.
type announced struct {
	field string
	got   []byte
}

// longBlake2 is the BLAKE2b-512 of the file, which "setup.py upload" of Python 3.9 to 3.11 sends in the place of the 256 bits that the
// field is for. No other client does, so the file is read again instead of computing one more sum for each upload.
func (u *upload) longBlake2() ([]byte, error) {
	if u.kept != nil {
		sum := blake2b.Sum512(u.kept)
		return sum[:], nil
	}
	r, err := u.pub.OpenRange(u.ctx, u.staged[0], 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	sum, _ := blake2b.New512(nil) // fails for keys only
	if _, err := io.Copy(sum, r); err != nil {
		return nil, err
	}
	return sum.Sum(nil), nil
}

// commit makes the file visible, with a wheel's metadata beside it.
func (u *upload) commit(repository string, d distribution, userAgent string) (publish.Result, error) {
	name, err := registry.NewName(repository, formatName, d.project, d.inside.metadata.name)
	if err != nil {
		return publish.Result{}, err
	}
	u.pub.Into(name)
	if d.file.kind == typeWheel && u.kept == nil {
		st, err := u.pub.Stage(u.ctx, d.metadataFile(), bytes.NewReader(d.inside.raw))
		if err != nil {
			return publish.Result{}, err
		}
		u.staged = append(u.staged, st)
	}
	rel := publish.Release{
		Version: d.version.String(), Mode: publish.Append, SortKey: d.version.key(), SameKey: true, Prerelease: d.version.prerelease(),
		Files: u.staged, Merge: d.merge, Facts: facts(d.inside, userAgent),
	}
	rel.PURL = purl(d.project, rel.Version)
	return u.pub.Commit(u.ctx, rel)
}

// refused words a refusal as clients expect it (pypi.md 6.4).
func (u *upload) refused(err error, d distribution) error {
	e := registry.AsError(err)
	switch e.Kind {
	case registry.AlreadyExists:
		e = &registry.Error{Kind: e.Kind, Subject: e.Subject, Err: err, Detail: fmt.Sprintf("File already exists: %s (%s; sent sha256 %s)",
			d.file.text, u.there(d), hex.EncodeToString(u.sums.sha256))}
	case registry.Conflict:
		e = &registry.Error{Kind: e.Kind, Subject: e.Subject, Err: err,
			Detail: fmt.Sprintf("%s of %s %s already exists in history; file names cannot be reused", d.file.text, d.project, d.version)}
	default:
		return err
	}
	return e
}

// there describes the existing file of that name.
func (u *upload) there(d distribution) string {
	f, err := u.pub.File(u.ctx, d.version.String(), d.file.text)
	if err != nil {
		return "with other content"
	}
	return "stored sha256 " + f.Blob.Digest.Encoded()
}
