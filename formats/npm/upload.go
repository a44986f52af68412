package npm

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"slipway/registry"
)

const (
	tarballType = "application/octet-stream"
	bundleType  = "application/vnd.dev.sigstore.bundle+json"

	tarballSuffix = ".tgz"
	bundleSuffix  = ".sigstore"

	maxBundleBytes = 1 << 20
)

// upload takes the attachments of a publish as they pass.
type upload struct {
	ctx   context.Context
	pub   *registry.Publish
	name  string
	limit int64 // bytes of the tarball

	tarball *registry.Staged
	tar     contents
	bundle  []byte // provenance, as sent
}

// attach stages one attachment. It may come before anything else of the document: the name of the package is known from
// the path, all else is checked at the end.
func (u *upload) attach(name string, data io.Reader) error {
	if err := checkNewName(u.name); err != nil {
		return err
	}
	switch {
	case strings.HasSuffix(name, tarballSuffix) && u.tarball == nil:
		return u.stage(newBase64Reader(data))
	case strings.HasSuffix(name, bundleSuffix) && u.bundle == nil:
		return u.readBundle(data)
	}
	return registry.Errorf(registry.Invalid, registry.AboutRequest, "a publish has one .tgz attachment and at most one .sigstore; %q is another", clip(name))
}

// stage stores the tarball and looks into it in the same pass.
func (u *upload) stage(data io.Reader) error {
	pr, pw := io.Pipe()
	inspected := make(chan error, 1)
	go func() {
		var err error
		u.tar, err = inspect(pr)
		_ = pr.CloseWithError(err) // never fails
		inspected <- err
	}()
	staged, err := u.pub.Stage(u.ctx, registry.StageFile{
		Path: "package" + tarballSuffix, MediaType: tarballType, Sums: registry.SHA1 | registry.SHA512, Limit: u.limit,
	}, io.TeeReader(data, pw))
	_ = pw.CloseWithError(err) // never fails; nil is the end of the file
	looked := <-inspected
	if own := (*registry.Error)(nil); errors.As(looked, &own) {
		return own // the store saw it too, as a failure of its reader
	}
	if err != nil {
		return err
	}
	u.tarball = &staged
	return nil
}

// readBundle keeps a Sigstore bundle: its JSON text as a plain string.
func (u *upload) readBundle(data io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(data, maxBundleBytes+1))
	if err != nil {
		return err
	}
	if len(b) > maxBundleBytes {
		return registry.Errorf(registry.TooLarge, registry.AboutFile, "the provenance bundle is larger than %d bytes", maxBundleBytes)
	}
	u.bundle = b
	return nil
}

// checkBundle holds a provenance bundle to the package that it comes with (npm.md 5.11): its in-toto statement must name
// this version and this tarball. Who signed it is not looked at.
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
		return registry.Errorf(registry.Invalid, registry.AboutFile, "the provenance is about %q with sha512 %q, not about %s with %s", clip(s.Name), clip(s.Digest["sha512"]), purl, want)
	}
	return nil
}
