package pypi

import (
	"archive/tar"
	"io"
	"strings"

	"slipway/formats"
	"slipway/formats/archive"
)

const pkgInfo = "PKG-INFO"

// Bounds of an archive.
const (
	maxUnpackedBytes = 32 << 30 // that are read of a source distribution
	maxUnpackRatio   = 50
	maxEntries       = 200_000
)

var zipBounds = archive.Zip{MaxRatio: maxUnpackRatio, MaxEntries: maxEntries}

// readTarball reads a source distribution to its end (PyPA "Source distribution format"): a gzipped tar with one directory at
// the top, that holds a PKG-INFO. Nothing is unpacked. Invalid, or the error of r.
// hold, unless nil, waits for the memory of a long PKG-INFO.
func readTarball(r io.Reader, hold func(int64) error) (contents, error) {
	found := contents{hold: hold}
	err := archive.Tarball{MaxBytes: maxUnpackedBytes, MaxRatio: maxUnpackRatio, MaxEntries: maxEntries, Entry: found.entry}.Read(r)
	if err == nil && found.raw == nil {
		err = archive.Broken("there is no %s in its top directory", pkgInfo)
	}
	return found, err
}

// entry reads PKG-INFO.
func (c *contents) entry(h *tar.Header, name string, body io.Reader) (err error) {
	switch {
	case name != pkgInfo:
		return nil
	case c.raw != nil:
		return archive.Broken("%s is in it twice", pkgInfo)
	case h.Typeflag != tar.TypeReg:
		return archive.Broken("%s is no file", pkgInfo)
	}
	if h.Size > freeMetadataBytes && c.hold != nil {
		if err := c.hold(min(h.Size, maxMetadataBytes)); err != nil {
			return err
		}
	}
	if c.raw, err = io.ReadAll(io.LimitReader(body, maxMetadataBytes+1)); err != nil {
		return err
	}
	if len(c.raw) > maxMetadataBytes {
		return archive.Broken("%s is larger than %d bytes", pkgInfo, maxMetadataBytes)
	}
	c.metadata, err = parseMetadata(c.raw)
	return err
}

// readZipSdist reads a stored source distribution of the older kind, a zip with the same content.
func readZipSdist(r *archive.Window) (contents, error) {
	var c contents
	a, err := zipBounds.Open(r)
	if err != nil {
		return c, err
	}
	root := ""
	for _, f := range a.Files {
		first, rest, _ := strings.Cut(strings.TrimSuffix(f.Name, "/"), "/")
		if root != "" && first != root {
			return c, archive.Broken("it has two directories at its top, %q and %q", formats.Clip(root), formats.Clip(first))
		}
		root = first
		if rest != pkgInfo {
			continue
		}
		if c.raw != nil {
			return c, archive.Broken("%s is in it twice", pkgInfo)
		}
		if c.raw, err = a.ReadEntry(f, maxMetadataBytes); err != nil {
			return c, err
		}
		if c.metadata, err = parseMetadata(c.raw); err != nil {
			return c, err
		}
	}
	if c.raw == nil {
		return c, archive.Broken("there is no %s in its top directory", pkgInfo)
	}
	return c, nil
}
