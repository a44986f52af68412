package pypi

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"

	"golang.org/x/crypto/blake2b"

	"slipway/registry"
)

// upload answers the legacy upload (pypi.md 6): one distribution file per request, one atomic append to its version.
// POST /pypi/<repository>/, also without the slash and at legacy/ and simple/: 200, also when the same file is there already;
// 409 for other bytes under a name that is, or was, taken.
func (h *handlers) upload(w http.ResponseWriter, r *http.Request, t target) error {
	pub, err := h.site.Service.Begin(r.Context(), registry.Name{Repository: t.repository, Format: formatName})
	if err != nil {
		return err
	}
	defer pub.Abort()
	if r.ContentLength > h.fileBytes+maxTextBytes {
		return tooLarge(r.ContentLength, h.fileBytes)
	}
	u := &upload{ctx: r.Context(), pub: pub, limit: h.fileBytes}
	f, err := readForm(r, u.stage)
	if err != nil {
		return err
	}
	d, err := u.check(f)
	if err != nil {
		return err
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

// upload is one file on its way.
type upload struct {
	ctx   context.Context
	pub   *registry.Publish
	limit int64

	name   filename
	staged registry.Staged
	blake2 []byte
	inside contents // of a tarball, read as it passed
}

// Media types as the API shows them; files are served as application/octet-stream, as nothing may unpack them on the way.
const (
	zipType      = "application/zip"
	gzipType     = "application/gzip"
	metadataType = "text/plain; charset=utf-8"
)

// stage stores the file, with the sums that clients announce, and looks into a tarball in the same pass.
func (u *upload) stage(name string, content io.Reader) (err error) {
	if u.name, err = parseFilename(name); err != nil {
		return err
	}
	sum, _ := blake2b.New256(nil) // fails for keys only
	content = io.TeeReader(content, sum)
	file := registry.StageFile{Path: name, MediaType: zipType, Sums: registry.MD5, Limit: u.limit}
	if u.name.tarball() {
		file.MediaType = gzipType
		u.staged, u.inside, err = u.stageTarball(file, content)
	} else {
		u.staged, err = u.pub.Stage(u.ctx, file, content)
	}
	if err == nil && u.staged.Blob.Size == 0 {
		err = invalid(registry.AboutFile, "%q is empty", clip(name))
	}
	u.blake2 = hash.Hash(sum).Sum(nil)
	return err
}

func (u *upload) stageTarball(file registry.StageFile, content io.Reader) (registry.Staged, contents, error) {
	pr, pw := io.Pipe()
	var found contents
	looked := make(chan error, 1)
	go func() {
		var err error
		found, err = readTarball(pr)
		_ = pr.CloseWithError(err) // never fails
		looked <- err
	}()
	st, err := u.pub.Stage(u.ctx, file, io.TeeReader(content, pw))
	_ = pw.CloseWithError(err) // never fails; nil is the end of the file
	inside := <-looked
	if own := (*registry.Error)(nil); errors.As(inside, &own) {
		return st, found, own // the store saw it too, as a failure of its reader
	}
	return st, found, err
}

// distribution is a file that holds together with its form and its content.
type distribution struct {
	file    filename
	project string // normalised
	version version
	inside  contents
}

// check holds the form, the file's name and what is in the archive to each other (pypi.md 6.5). Invalid, DigestMismatch.
func (u *upload) check(f *form) (distribution, error) {
	d := distribution{file: u.name, inside: u.inside}
	if err := u.checkDigests(f); err != nil {
		return d, err
	}
	if kind := f.fields["filetype"]; kind != "" && kind != d.file.kind {
		return d, invalid(registry.AboutFile, "the form's \"filetype\" is %q, but %q is a %s", clip(kind), d.file.text, d.file.kind)
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
		return d, invalid(registry.AboutVersion, "the core metadata in %q is of %s %s, but its name is of %s %s", d.file.text, clip(m.name), m.version, d.project, d.version)
	}
	return d, nil
}

// look reads a zip back from the store: its table of contents is at its end.
func (u *upload) look(name reading) (contents, error) {
	r := newWindow(u.staged.Blob.Size, func(offset, length int64) (io.ReadCloser, error) {
		return u.pub.OpenRange(u.ctx, u.staged, offset, length)
	})
	if u.name.kind == typeWheel {
		return readWheel(r, name)
	}
	return readZipSdist(r)
}

func (u *upload) checkDigests(f *form) error {
	for _, sum := range []struct {
		field string
		got   string
	}{
		{"sha256_digest", u.staged.Blob.Digest.Encoded()},
		{"blake2_256_digest", hex.EncodeToString(u.blake2)},
		{"md5_digest", hex.EncodeToString(u.staged.Blob.MD5)},
	} {
		if want := f.fields[sum.field]; want != "" && !strings.EqualFold(want, sum.got) {
			return registry.Errorf(registry.DigestMismatch, registry.AboutFile, "the %s of %q is %s, but the form announced %s; nothing was stored",
				sum.field, u.name.text, sum.got, clip(want))
		}
	}
	return nil
}

// commit makes the file visible, with a wheel's metadata beside it.
func (u *upload) commit(repository string, d distribution, userAgent string) (registry.Result, error) {
	name, err := registry.NewName(repository, formatName, d.project, d.inside.metadata.name)
	if err != nil {
		return registry.Result{}, err
	}
	u.pub.Into(name)
	files := []registry.Staged{u.staged}
	if d.file.kind == typeWheel {
		st, err := u.pub.Stage(u.ctx, registry.StageFile{
			Path: d.file.text + metadataSuffix, MediaType: metadataType, Limit: maxMetadataBytes}, bytes.NewReader(d.inside.raw))
		if err != nil {
			return registry.Result{}, err
		}
		files = append(files, st)
	}
	rel := registry.Release{
		Version: d.version.String(), Mode: registry.Append, SortKey: d.version.key(), SameKey: true, Prerelease: d.version.prerelease(),
		Files: files, Merge: d.merge, Facts: facts(d.inside, userAgent),
	}
	rel.PURL = purl(d.project, rel.Version)
	return u.pub.Commit(u.ctx, rel)
}

// refused puts a refusal into the words that clients look for (pypi.md 6.4).
func (u *upload) refused(err error, d distribution) error {
	e := registry.AsError(err)
	switch e.Kind {
	case registry.AlreadyExists:
		e = &registry.Error{Kind: e.Kind, Subject: e.Subject, Err: err, Detail: fmt.Sprintf("File already exists: %s (%s; sent sha256 %s)",
			d.file.text, u.stored(d), u.staged.Blob.Digest.Encoded())}
	case registry.Conflict:
		e = &registry.Error{Kind: e.Kind, Subject: e.Subject, Err: err,
			Detail: fmt.Sprintf("%s of %s %s already exists in history; file names cannot be reused", d.file.text, d.project, d.version)}
	default:
		return err
	}
	return e
}

// stored tells what is there under the name.
func (u *upload) stored(d distribution) string {
	f, err := u.pub.File(u.ctx, d.version.String(), d.file.text)
	if err != nil {
		return "with other content"
	}
	return "stored sha256 " + f.Blob.Digest.Encoded()
}
