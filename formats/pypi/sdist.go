package pypi

import (
	"archive/tar"
	"io"
	"strings"

	"slipway/formats"
)

const (
	pkgInfo = "PKG-INFO"
	// maxUnpackedBytes bounds what is gone through of a source distribution.
	maxUnpackedBytes = 32 << 30
)

// readTarball reads a source distribution to its end (PyPA "Source distribution format"): a gzipped tar with one directory at
// the top, that holds a PKG-INFO. Nothing is unpacked. Invalid, or the error of r.
func readTarball(r io.Reader) (contents, error) {
	var found contents
	err := formats.Tarball{MaxBytes: maxUnpackedBytes, MaxRatio: maxUnpackRatio, MaxEntries: maxEntries, Entry: found.entry}.Read(r)
	if err == nil && found.raw == nil {
		err = formats.BrokenArchive("there is no %s in its top directory", pkgInfo)
	}
	return found, err
}

// entry reads PKG-INFO.
func (c *contents) entry(h *tar.Header, name string, body io.Reader) (err error) {
	switch {
	case name != pkgInfo:
		return nil
	case c.raw != nil:
		return formats.BrokenArchive("%s is in it twice", pkgInfo)
	case h.Typeflag != tar.TypeReg:
		return formats.BrokenArchive("%s is no file", pkgInfo)
	}
	if c.raw, err = io.ReadAll(io.LimitReader(body, maxMetadataBytes+1)); err != nil {
		return err
	}
	if len(c.raw) > maxMetadataBytes {
		return formats.BrokenArchive("%s is larger than %d bytes", pkgInfo, maxMetadataBytes)
	}
	c.metadata, err = parseMetadata(c.raw)
	return err
}

// readZipSdist looks into a stored source distribution of the older kind, a zip with the same content.
func readZipSdist(r *window) (contents, error) {
	var c contents
	a, err := openZip(r)
	if err != nil {
		return c, err
	}
	root := ""
	for _, f := range a.files {
		first, rest, _ := strings.Cut(strings.TrimSuffix(f.Name, "/"), "/")
		if root != "" && first != root {
			return c, formats.BrokenArchive("it has two directories at its top, %q and %q", clip(root), clip(first))
		}
		root = first
		if rest != pkgInfo {
			continue
		}
		if c.raw != nil {
			return c, formats.BrokenArchive("%s is in it twice", pkgInfo)
		}
		if c.raw, err = a.readEntry(f, maxMetadataBytes); err != nil {
			return c, err
		}
		if c.metadata, err = parseMetadata(c.raw); err != nil {
			return c, err
		}
	}
	if c.raw == nil {
		return c, formats.BrokenArchive("there is no %s in its top directory", pkgInfo)
	}
	return c, nil
}
