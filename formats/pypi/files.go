package pypi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
)

// file answers GET /pypi/<repository>/files/<sha256>/<filename> and the same with .metadata (PEP 658): the bytes, never
// encoded, for the project in the file's name. With .metadata the digest in the path is still that of the distribution.
func (h *handlers) file(w http.ResponseWriter, r *http.Request, t target) error {
	if _, err := h.site.Parts.Core.Repository(r.Context(), t.repository); err != nil {
		return err
	}
	f, err := h.find(r, t)
	if err != nil {
		return err
	}
	return h.site.ServeFile(w, r, f, httpserver.FileOptions{ContentType: "application/octet-stream", CacheControl: httpserver.ImmutableCache, Redirect: true})
}

// find looks a file up in each project that its name may belong to.
func (h *handlers) find(r *http.Request, t target) (registry.File, error) {
	gone := registry.Errorf(registry.NotFound, registry.AboutFile, "there is no file %q with this sha256 here", formats.Clip(t.file))
	text, wantsMetadata := strings.CutSuffix(t.file, metadataSuffix)
	name, err := parseFilename(text)
	if err != nil {
		return registry.File{}, gone
	}
	ctx := formats.FileContext(r, false)
	distribution := ctx
	if wantsMetadata {
		distribution = catalog.Look(ctx) // its bytes are not wanted: where they lie elsewhere, they stay there
	}
	for _, read := range name.reads {
		at, err := registry.NewName(t.repository, formatName, read.project, "")
		if err != nil {
			return registry.File{}, gone
		}
		f, err := h.site.Parts.Catalog.File(distribution, at.At(""), text)
		if registry.KindOf(err) == registry.NotFound && err != nil {
			continue
		}
		if err != nil {
			return f, err
		}
		if !hasKey(f, t.sha256) {
			continue
		}
		if !wantsMetadata {
			return f, nil
		}
		return h.site.Parts.Catalog.File(ctx, at.At(""), t.file)
	}
	return registry.File{}, gone
}

// shownSum is the sum of a file that its page names: its sha256, or, of a file that is known from elsewhere and not here yet, the
// strongest of those that were announced and that installers take. "" for none.
func shownSum(b registry.Blob) (algorithm, sum string) {
	switch {
	case b.Digest != "":
		return "sha256", hexOf(b.Digest)
	case b.SHA512 != nil:
		return "sha512", hex.EncodeToString(b.SHA512)
	case b.MD5 != nil:
		return "md5", hex.EncodeToString(b.MD5)
	}
	return "", ""
}

// hexOf is the text of a digest; "" of none.
func hexOf(d digest.Digest) string {
	if d == "" {
		return ""
	}
	return d.Encoded()
}

// fileKey stands in the address of a file for its bytes: the sha256, or, where that is not known, one of the file's name and the
// strongest sum that is.
func fileKey(f registry.File) string {
	if f.Blob.Digest != "" {
		return hexOf(f.Blob.Digest)
	}
	return weakKeys(f)[0]
}

// hasKey reports whether an address with this key leads to the file. An address from the time before the file had arrived stays valid.
func hasKey(f registry.File, key string) bool {
	return hexOf(f.Blob.Digest) == key || slices.Contains(weakKeys(f), key)
}

// weakKeys are the keys of a file without its sha256, the strongest first. The last one needs no sum at all.
func weakKeys(f registry.File) []string {
	var keys []string
	for _, s := range []struct {
		algorithm string
		sum       []byte
	}{{"sha512", f.Blob.SHA512}, {"sha1", f.Blob.SHA1}, {"md5", f.Blob.MD5}, {"none", []byte{}}} {
		if s.sum != nil {
			key := sha256.Sum256([]byte(s.algorithm + " " + hex.EncodeToString(s.sum) + " " + f.Path))
			keys = append(keys, hex.EncodeToString(key[:]))
		}
	}
	return keys
}
