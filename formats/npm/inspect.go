package npm

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"slipway/formats"
	"slipway/formats/archive"
)

// Bounds of a tarball.
const (
	maxUnpackedBytes = 4 << 30
	maxUnpackRatio   = 200
	maxEntries       = 100_000
	maxManifestBytes = 4 << 20
)

// contents is what inspect reads from a tarball.
type contents struct {
	manifest      object // its package.json
	hasGyp        bool   // binding.gyp beside it
	hasShrinkwrap bool   // npm-shrinkwrap.json beside it
	files         int64
	unpacked      int64 // bytes of all files

	hold func(int64) error // nil: memory is not counted
}

// inspect reads a package tarball to its end: a gzipped tar with one root directory, of any name, that holds a
// package.json. Nothing is unpacked. Invalid, or the error of r.
// hold, unless nil, waits for the memory of a long package.json.
func inspect(r io.Reader, hold func(int64) error) (contents, error) {
	found := contents{hold: hold}
	err := archive.Tarball{MaxBytes: maxUnpackedBytes, MaxRatio: maxUnpackRatio, MaxEntries: maxEntries, Entry: found.entry}.Read(r)
	if err == nil && found.manifest == nil {
		err = archive.Broken("there is no package.json in its root directory")
	}
	return found, err
}

// entry counts files, and reads those of the root directory that decide what an installation does. It refuses a second file of
// such a name, also in another case, because clients would install that file instead of the inspected one.
func (c *contents) entry(h *tar.Header, name string, body io.Reader) error {
	file := h.Typeflag == tar.TypeReg
	if file {
		c.files++
		c.unpacked += h.Size
	}
	if h.Typeflag == tar.TypeDir {
		return nil
	}
	switch strings.ToLower(name) {
	case "package.json":
		if c.manifest != nil || name != "package.json" || !file {
			return archive.Broken("%q is there beside package.json, or instead of it", formats.Clip(h.Name))
		}
		return c.readManifest(h, body)
	case "binding.gyp":
		c.hasGyp = true
	case "npm-shrinkwrap.json":
		c.hasShrinkwrap = true
	}
	return nil
}

func (c *contents) readManifest(h *tar.Header, body io.Reader) error {
	if h.Size > maxManifestBytes {
		return archive.Broken("its package.json is larger than %d bytes", maxManifestBytes)
	}
	if h.Size > freeMetadataBytes && c.hold != nil {
		if err := c.hold(h.Size * metadataFactor); err != nil {
			return err
		}
	}
	b := bytes.NewBuffer(make([]byte, 0, min(h.Size+bytes.MinRead, 64<<10))) // in one piece, if h says the truth
	if _, err := b.ReadFrom(body); err != nil {
		return err
	}
	raw := b.Bytes()
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	var err error
	if c.manifest, err = parseObject(bytes.TrimPrefix(raw, []byte("\uFEFF"))); err != nil {
		return archive.Broken("its package.json is not a JSON object (%s)", err)
	}
	return nil
}
