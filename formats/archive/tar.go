package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"path"
	"strings"
	"sync"

	"slipway/registry"
)

// Sizes of the buffers for reading a tarball.
const (
	tarballBuffer = 64 << 10
	paddingBuffer = 32 << 10
)

// blockBytes is what a tar consists of: headers, contents filled up with zero bytes, and two blocks of zero bytes at its end.
const blockBytes = 512

// Tarball checks a gzipped tar whose entries all lie in one directory, as npm and Python make them. Nothing is unpacked to
// disk.
type Tarball struct {
	MaxBytes   int64 // unpacked
	MaxRatio   int64 // unpacked bytes for each compressed byte
	MaxEntries int
	// Entry is called for each file, directory and link, all of which stay below the directory; name is the path below it, ""
	// for the directory itself.
	Entry func(h *tar.Header, name string, body io.Reader) error
}

// Read reads a tarball, and the compressed stream, to the end. Invalid, the error of r, or that of Entry.
func (b Tarball) Read(r io.Reader) error {
	tools := unpackers.Get().(*unpacker)
	defer tools.putBack()
	in := tarball{bounds: b, src: &counter{r: r}, tools: tools}
	err := in.run()
	if in.src.err != nil {
		return in.src.err // the stream's own error rather than tar's
	}
	var own *registry.Error
	if err != nil && !errors.As(err, &own) {
		err = Broken("it is not a readable tar.gz (%s)", err)
	}
	return err
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

// unpacker is the memory for reading a tarball, 140 KiB, which is reused.
type unpacker struct {
	in      *bufio.Reader
	zip     gunzip
	padding []byte
}

var unpackers = sync.Pool{New: func() any {
	return &unpacker{in: bufio.NewReaderSize(nil, tarballBuffer), padding: make([]byte, paddingBuffer)}
}}

func (u *unpacker) putBack() {
	u.in.Reset(nil) // lets go of the stream
	unpackers.Put(u)
}

type tarball struct {
	bounds Tarball
	src    *counter // compressed
	tools  *unpacker
	out    int64 // bytes unpacked so far
	root   string
	links  links
}

func (in *tarball) run() error {
	in.tools.in.Reset(in.src)
	if err := in.tools.zip.reset(in.tools.in); err != nil {
		return err
	}
	t := tar.NewReader(in)
	var end int64 // of the last entry
	for entries := 0; ; entries++ {
		h, err := t.Next()
		if err == io.EOF {
			return cmp.Or(in.marked(end), in.links.end(), in.padding())
		}
		if err != nil {
			return err
		}
		if end = in.out; h.Typeflag == tar.TypeReg {
			end += h.Size
		}
		if entries == in.bounds.MaxEntries {
			return Broken("it has more than %d entries", in.bounds.MaxEntries)
		}
		if err := in.entry(h, t); err != nil {
			return err
		}
	}
}

// Read returns the unpacked bytes as long as they are within bounds.
func (in *tarball) Read(p []byte) (int, error) {
	n, err := in.tools.zip.Read(p)
	in.out += int64(n)
	switch {
	case in.out > in.bounds.MaxBytes:
		return 0, Broken("it unpacks to more than %d bytes", in.bounds.MaxBytes)
	case in.out > ratioGrace && in.out > in.bounds.MaxRatio*in.src.n:
		return 0, Broken("it unpacks to more than %d times its size", in.bounds.MaxRatio)
	}
	return n, err
}

// marked checks that a block of zero bytes follows the last entry. The second one that belongs there is left out by some
// writers, and no client misses it, while pnpm can't unpack a tar that just ends.
func (in *tarball) marked(end int64) error {
	end = (end + blockBytes - 1) / blockBytes * blockBytes
	if in.out < end+blockBytes {
		return Broken("the tar has no end: the blocks of zero bytes behind its last entry are missing")
	}
	return nil
}

// padding reads what follows the end of the archive, down to the checksum of the compression. Some readers look for further
// entries there, so only zero bytes are allowed.
func (in *tarball) padding() error {
	buf := in.tools.padding
	for {
		n, err := in.Read(buf)
		if len(bytes.Trim(buf[:n], "\x00")) > 0 {
			return Broken("there are bytes behind the end of the archive")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (in *tarball) entry(h *tar.Header, body io.Reader) error {
	switch h.Typeflag {
	case tar.TypeXGlobalHeader:
		return nil // git archive writes one
	case tar.TypeDir, tar.TypeReg, tar.TypeSymlink, tar.TypeLink:
	default:
		return Broken("%q is neither file, directory nor link", shown(h.Name))
	}
	name, err := in.place(h)
	if err != nil {
		return err
	}
	switch {
	case sparse(h) || h.Typeflag == tar.TypeReg && strings.HasSuffix(h.Name, "/"):
		return Broken("%q is not an ordinary file", shown(h.Name))
	case in.links.cross(name):
		return Broken("%q lies behind a link", shown(h.Name))
	}
	if err := in.link(h, name); err != nil {
		return err
	}
	return in.bounds.Entry(h, name, body)
}

// place checks the path of an entry and returns it below the directory.
func (in *tarball) place(h *tar.Header) (string, error) {
	if err := CheckEntryName(h.Name); err != nil {
		return "", err
	}
	root, below, _ := strings.Cut(path.Clean(h.Name), "/")
	if root == "." {
		return "", nil
	}
	if below == "" && h.Typeflag != tar.TypeDir {
		return "", Broken("%q is not in a root directory", shown(h.Name))
	}
	if in.root == "" {
		in.root = root
	}
	if root != in.root {
		return "", Broken("it has two root directories, %q and %q", shown(in.root), shown(root))
	}
	return below, nil
}

// sparse reports whether a file has holes: a few bytes would claim terabytes.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}
