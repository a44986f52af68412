package npm

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"sync"

	"slipway/formats"
	"slipway/formats/archive"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/publish"
)

const (
	tarballType = "application/octet-stream"
	bundleType  = "application/vnd.dev.sigstore.bundle+json"

	tarballSuffix = ".tgz"
	bundleSuffix  = ".sigstore"

	maxBundleBytes  = 1 << 20
	bundleFactor    = 24       // bytes of memory that a byte of a bundle costs until it has been checked: TestMemoryFactors
	freeBundleBytes = 64 << 10 // that are not counted
	headBytes       = 64 << 10 // the part of a tarball that is read before it is stored
)

// upload receives the attachments of a publish.
type upload struct {
	ctx   context.Context
	pub   *publish.Publish
	name  string
	limit int64 // bytes of the tarball

	tarball *publish.Staged
	tar     contents
	bundle  []byte // provenance, as sent
}

// attach stages one attachment. It may come before the rest of the document: the package's name is known from the path, and
// everything else is checked at the end.
func (u *upload) attach(name string, data io.Reader) error {
	if err := checkNewName(u.name, legacyNames.In(u.pub.Repository())); err != nil {
		return err
	}
	switch {
	case strings.HasSuffix(name, tarballSuffix) && u.tarball == nil:
		tarball := newBase64Reader(data)
		defer tarball.putBack()
		return u.stage(tarball)
	case strings.HasSuffix(name, bundleSuffix) && u.bundle == nil:
		return u.readBundle(data)
	}
	return registry.Errorf(registry.Invalid, registry.AboutRequest, "a publish has one .tgz attachment and at most one .sigstore; %q is another", formats.Clip(name))
}

func (u *upload) hold(n int64) error { return httpserver.Hold(u.ctx, n) }

// heads hold the starts of tarballs; most tarballs are not longer. Reusing memory here relies on Stage not reading after it
// has returned.
var heads = sync.Pool{New: func() any { return new([headBytes]byte) }}

// stage inspects the tarball and stores it. A tarball that fits into the head is inspected first; a longer one is inspected
// and stored in the same pass.
func (u *upload) stage(data io.Reader) error {
	head := heads.Get().(*[headBytes]byte)
	defer heads.Put(head)
	n, err := fill(head[:], data)
	switch {
	case err == io.EOF:
		if u.tar, err = inspect(bytes.NewReader(head[:n]), u.hold); err != nil {
			return err
		}
		return u.store(bytes.NewReader(head[:n]))
	case err != nil:
		return err
	}
	return archive.StoreAndLook(io.MultiReader(bytes.NewReader(head[:n]), data), u.store, func(r io.Reader) (err error) {
		u.tar, err = inspect(r, u.hold)
		return err
	})
}

// fill reads until p is full. io.EOF: r ended before.
func fill(p []byte, r io.Reader) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}

func (u *upload) store(tarball io.Reader) error {
	staged, err := u.pub.Stage(u.ctx, content.StageFile{
		Path: "package" + tarballSuffix, MediaType: tarballType, Sums: content.SHA1 | content.SHA512, Limit: u.limit,
	}, tarball)
	if err == nil {
		u.tarball = &staged
	}
	return err
}

// readBundle keeps a Sigstore bundle: its JSON text as a plain string.
func (u *upload) readBundle(data io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(data, freeBundleBytes))
	if err == nil && len(b) == freeBundleBytes { // bundles are much smaller
		if err = u.hold(maxBundleBytes * bundleFactor); err == nil {
			var rest []byte
			rest, err = io.ReadAll(io.LimitReader(data, maxBundleBytes+1-freeBundleBytes))
			b = append(b, rest...)
		}
	}
	if err != nil {
		return err
	}
	if len(b) > maxBundleBytes {
		return registry.Errorf(registry.TooLarge, registry.AboutFile, "the provenance bundle is larger than %d bytes", maxBundleBytes)
	}
	u.bundle = b
	return nil
}

// checkBundle checks that a provenance bundle belongs to its package (npm.md 5.11): its in-toto statement must name this
// version and this tarball. The signature is not verified.
func (u *upload) checkBundle(purl string) error {
	var bundle struct {
		DSSE struct {
			Payload string `json:"payload"`
		} `json:"dsseEnvelope"`
	}
	var statement struct {
		Subject []struct {
			Name   string            `json:"name"`
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	err := json.Unmarshal(u.bundle, &bundle)
	if err == nil {
		var payload []byte
		if payload, err = base64.StdEncoding.DecodeString(bundle.DSSE.Payload); err == nil {
			err = json.Unmarshal(payload, &statement)
		}
	}
	if err != nil || len(statement.Subject) != 1 {
		return registry.Errorf(registry.Invalid, registry.AboutFile, "the provenance is not a Sigstore bundle with a statement about one package")
	}
	s := statement.Subject[0]
	if want := hex.EncodeToString(u.tarball.Blob.SHA512); s.Name != purl || s.Digest["sha512"] != want {
		return registry.Errorf(registry.Invalid, registry.AboutFile, "the provenance is about %q with sha512 %q, not about %s with %s", formats.Clip(s.Name), formats.Clip(s.Digest["sha512"]), purl, want)
	}
	return nil
}
