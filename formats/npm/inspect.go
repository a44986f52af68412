package npm

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"strings"

	"slipway/registry"
)

// Bounds of what a tarball may unpack to. The ratio counts once more than ratioGrace has come out: small packages of
// one repeated line compress well, a bomb goes on.
const (
	maxUnpackedBytes  = 4 << 30
	maxUnpackRatio    = 200
	ratioGrace        = 64 << 20
	maxEntries        = 100_000
	maxEntryNameBytes = 4096
	maxManifestBytes  = 4 << 20
)

// contents is what a tarball says about itself.
type contents struct {
	manifest      object // its package.json
	hasGyp        bool   // binding.gyp beside it
	hasShrinkwrap bool   // npm-shrinkwrap.json beside it
	files         int64
	unpacked      int64 // bytes of all files
}

func broken(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutFile, "the tarball can't be published: "+format, args...)
}

// inspect reads a package tarball to its end: a gzipped tar with one root directory, of any name, that holds a
// package.json. Nothing is unpacked. Invalid, or the error of r.
func inspect(r io.Reader) (contents, error) {
	in := inspector{src: &counter{r: r}}
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

type inspector struct {
	src   *counter // compressed
	zip   *gzip.Reader
	out   int64 // bytes that came out
	root  string
	found contents
}

func (in *inspector) run() (err error) {
	if in.zip, err = gzip.NewReader(bufio.NewReaderSize(in.src, scanBufferBytes)); err != nil {
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
	if in.found.manifest == nil {
		return broken("there is no package.json in its root directory")
	}
	return in.padding()
}

// Read yields the unpacked bytes as long as they are within bounds.
func (in *inspector) Read(p []byte) (int, error) {
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

// padding reads what follows the end of the archive, down to the checksum of the compression. Some readers look for
// further entries there, so it must be empty.
func (in *inspector) padding() error {
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if len(bytes.Trim(buf[:n], "\x00")) > 0 {
			return broken("there are bytes behind the end of the archive")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (in *inspector) entry(h *tar.Header, body io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil // git archive writes one
	}
	name, err := in.place(h)
	if err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return nil
	case tar.TypeReg:
		if sparse(h) || strings.HasSuffix(h.Name, "/") {
			return broken("%q is not an ordinary file", clip(h.Name))
		}
		in.found.files++
		in.found.unpacked += h.Size
	case tar.TypeSymlink, tar.TypeLink:
		if err := in.link(h, name); err != nil {
			return err
		}
	default:
		return broken("%q is neither file, directory nor link", clip(h.Name))
	}
	return in.special(h, name, body)
}

// place checks the path of an entry and returns it below the root directory, "" for the root itself.
func (in *inspector) place(h *tar.Header) (string, error) {
	name := h.Name
	if len(name) > maxEntryNameBytes || strings.ContainsAny(name, "\\\x00") || !inside(name) {
		return "", broken("the path %q leads outside or is not portable", clip(name))
	}
	root, below, _ := strings.Cut(path.Clean(name), "/")
	if root == "." {
		return "", nil
	}
	if below == "" && h.Typeflag != tar.TypeDir {
		return "", broken("%q is not in a root directory", clip(name))
	}
	if in.root == "" {
		in.root = root
	}
	if root != in.root {
		return "", broken("it has two root directories, %q and %q", clip(in.root), clip(root))
	}
	return below, nil
}

// inside reports whether a path is relative and never climbs.
func inside(name string) bool {
	if name == "" || strings.HasPrefix(name, "/") || len(name) > 1 && name[1] == ':' {
		return false
	}
	for seg := range strings.SplitSeq(name, "/") {
		if seg == ".." {
			return false
		}
	}
	return true
}

// link checks that a link stays within the root directory. Clients leave links out or follow them; either is safe then.
func (in *inspector) link(h *tar.Header, name string) error {
	target := h.Linkname
	full := path.Clean(target)
	if h.Typeflag == tar.TypeSymlink {
		full = path.Join(in.root, path.Dir(name), target)
	}
	if strings.ContainsAny(target, "\\\x00") || strings.HasPrefix(target, "/") || !strings.HasPrefix(full+"/", in.root+"/") {
		return broken("the link %q leads outside", clip(h.Name))
	}
	return nil
}

// sparse reports whether the size of a file is mostly holes: a few bytes would claim terabytes.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// special looks at the files of the root directory that decide what an installation does. A second one of the same
// name, also in another case, would be what is installed instead of what was inspected.
func (in *inspector) special(h *tar.Header, name string, body io.Reader) error {
	file := h.Typeflag == tar.TypeReg
	switch strings.ToLower(name) {
	case "package.json":
		if in.found.manifest != nil || name != "package.json" || !file {
			return broken("%q is there beside package.json, or instead of it", clip(h.Name))
		}
		return in.readManifest(h, body)
	case "binding.gyp":
		in.found.hasGyp = true
	case "npm-shrinkwrap.json":
		in.found.hasShrinkwrap = true
	}
	return nil
}

func (in *inspector) readManifest(h *tar.Header, body io.Reader) error {
	if h.Size > maxManifestBytes {
		return broken("its package.json is larger than %d bytes", maxManifestBytes)
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	raw = bytes.TrimPrefix(bytes.ToValidUTF8(raw, []byte("\uFFFD")), []byte("\uFEFF"))
	if in.found.manifest, err = parseObject(raw); err != nil {
		return broken("its package.json is not a JSON object (%s)", err)
	}
	return nil
}
