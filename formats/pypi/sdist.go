package pypi

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"strings"

	"slipway/registry"
)

const (
	pkgInfo = "PKG-INFO"
	// maxUnpackedBytes bounds what is gone through of a source distribution.
	maxUnpackedBytes = 32 << 30
	readBufferBytes  = 64 << 10
)

// readTarball reads a source distribution to its end (PyPA "Source distribution format"): a gzipped tar with one directory at
// the top, that holds a PKG-INFO. Nothing is unpacked. Invalid, or the error of r.
func readTarball(r io.Reader) (contents, error) {
	in := tarball{src: &counter{r: r}}
	err := in.run()
	if in.src.err != nil {
		return contents{}, in.src.err // why the stream broke off, not what tar makes of it
	}
	var own *registry.Error
	if err != nil && !errors.As(err, &own) {
		err = broken("it is not a readable tar.gz (%s)", err)
	}
	return in.found, err
}

// counter counts bytes and remembers a failure of the stream below.
type counter struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

type tarball struct {
	src   *counter // compressed
	zip   *gzip.Reader
	out   int64 // bytes that came out
	root  string
	found contents
}

func (in *tarball) run() (err error) {
	if in.zip, err = gzip.NewReader(bufio.NewReaderSize(in.src, readBufferBytes)); err != nil {
		return err
	}
	t := tar.NewReader(in)
	for entries := 0; ; entries++ {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if entries == maxEntries {
			return broken("it has more than %d entries", maxEntries)
		}
		if err := in.entry(h, t); err != nil {
			return err
		}
	}
	if in.found.raw == nil {
		return broken("there is no %s in its top directory", pkgInfo)
	}
	_, err = io.Copy(io.Discard, in) // to the checksum of the compression
	return err
}

// Read yields the unpacked bytes as long as they are within bounds.
func (in *tarball) Read(p []byte) (int, error) {
	n, err := in.zip.Read(p)
	in.out += int64(n)
	switch {
	case in.out > maxUnpackedBytes:
		return 0, broken("it unpacks to more than %d bytes", int64(maxUnpackedBytes))
	case in.out > ratioGrace && in.out > maxUnpackRatio*in.src.n:
		return 0, broken("it unpacks to more than %d times its size", maxUnpackRatio)
	}
	return n, err
}

func (in *tarball) entry(h *tar.Header, t io.Reader) error {
	switch h.Typeflag {
	case tar.TypeXGlobalHeader:
		return nil // git archive writes one
	case tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink:
	default:
		return broken("%q is neither a file nor a directory", clip(h.Name))
	}
	if sparse(h) {
		return broken("%q is a sparse file", clip(h.Name))
	}
	if err := checkEntryName(h.Name); err != nil {
		return err
	}
	name := path.Clean(h.Name)
	if name == "." {
		return nil
	}
	first, rest, _ := strings.Cut(name, "/")
	if in.root == "" {
		in.root = first
	}
	switch {
	case first != in.root:
		return broken("it has two directories at its top, %q and %q", clip(in.root), clip(first))
	case h.Typeflag == tar.TypeSymlink && !within(path.Join(path.Dir(name), h.Linkname), h.Linkname, in.root),
		h.Typeflag == tar.TypeLink && !within(path.Clean(h.Linkname), h.Linkname, in.root):
		return broken("the link %q leads outside", clip(h.Name))
	case rest != pkgInfo:
		return nil
	}
	return in.info(h, t)
}

// sparse reports whether a file has holes (GNU's formats).
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// within reports whether a link's target stays below root.
func within(target, link, root string) bool {
	return !path.IsAbs(link) && (target == root || strings.HasPrefix(target, root+"/"))
}

func (in *tarball) info(h *tar.Header, t io.Reader) (err error) {
	if in.found.raw != nil {
		return broken("%s is in it twice", pkgInfo)
	}
	if h.Typeflag != tar.TypeReg {
		return broken("%s is no file", pkgInfo)
	}
	if in.found.raw, err = io.ReadAll(io.LimitReader(t, maxMetadataBytes+1)); err != nil {
		return err
	}
	if len(in.found.raw) > maxMetadataBytes {
		return broken("%s is larger than %d bytes", pkgInfo, maxMetadataBytes)
	}
	in.found.metadata, err = parseMetadata(in.found.raw)
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
		first, rest, _ := strings.Cut(path.Clean(f.Name), "/")
		if root != "" && first != root {
			return c, broken("it has two directories at its top, %q and %q", clip(root), clip(first))
		}
		root = first
		if rest != pkgInfo {
			continue
		}
		if c.raw, err = a.readEntry(f, maxMetadataBytes); err != nil {
			return c, err
		}
		if c.metadata, err = parseMetadata(c.raw); err != nil {
			return c, err
		}
	}
	if c.raw == nil {
		return c, broken("there is no %s in its top directory", pkgInfo)
	}
	return c, nil
}
