package upstreamtest

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // registries announce it
	"crypto/sha1" //nolint:gosec // registries announce it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"sync"
	"time"
)

// content is bytes that can be read at any place and need not be in memory.
type content interface {
	io.ReaderAt
	Size() int64
}

func fixed(b []byte) content { return bytes.NewReader(b) }

// generated is deterministic, incompressible content, computed while it is read: a block over and over, which begins with the
// hash of its number, so that no two places look the same.
type generated struct {
	seed uint64
	size int64
}

func (g generated) Size() int64 { return g.size }

func (g generated) ReadAt(p []byte, off int64) (int, error) {
	n := int(max(0, min(int64(len(p)), g.size-off)))
	block := noise()
	var number [8]byte
	for i := 0; i < n; {
		at := off + int64(i)
		place := at % int64(len(block))
		if place < int64(len(number)) {
			binary.LittleEndian.PutUint64(number[:], mix(g.seed+uint64(at/int64(len(block)))))
			i += copy(p[i:n], number[place:])
			continue
		}
		i += copy(p[i:n], block[place:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// noise is one block. Its length is a prime, and more than compressors look back.
var noise = sync.OnceValue(func() []byte {
	block := make([]byte, 0, 65_521+8)
	for i := uint64(0); len(block) < 65_521; i++ {
		block = binary.LittleEndian.AppendUint64(block, mix(i))
	}
	return block[:65_521]
})

// mix is the output function of SplitMix64.
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// repeated is a few bytes, over and over.
type repeated struct {
	unit  []byte
	times int64
}

func (r repeated) Size() int64 { return int64(len(r.unit)) * r.times }

func (r repeated) ReadAt(p []byte, off int64) (int, error) {
	n := int(max(0, min(int64(len(p)), r.Size()-off)))
	for i := 0; i < n; {
		i += copy(p[i:n], r.unit[(off+int64(i))%int64(len(r.unit)):])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// joined is one content behind another.
type joined []content

func (j joined) Size() int64 {
	var n int64
	for _, c := range j {
		n += c.Size()
	}
	return n
}

func (j joined) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for _, c := range j {
		if off >= c.Size() {
			off -= c.Size()
			continue
		}
		got, err := c.ReadAt(p[n:min(int64(len(p)), int64(n)+c.Size()-off)], off)
		n += got
		if err != nil && err != io.EOF {
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
		off = 0
	}
	return n, io.EOF
}

func open(c content) *io.SectionReader { return io.NewSectionReader(c, 0, c.Size()) }

// File is one file of the fixture, as it was published.
type File struct {
	Path string // of its URL, decoded
	URL  string

	content  content
	media    string
	modified time.Time
	etag     string
	header   http.Header // sent with it
	cdn      bool        // the origin does not have it
	before   *File       // what is announced, where the bytes were replaced

	mu   sync.Mutex
	sums map[string][]byte
}

// sumsOf is for the sums of what is no file.
func sumsOf(c content) *File { return &File{content: c, sums: map[string][]byte{}} }

// newFile is a file of the origin. The caller holds mu.
func (u *Server) newFile(path, media string, c content) *File {
	f := &File{Path: path, URL: u.URL + escape(path), content: c, media: media, modified: u.now(), header: http.Header{}, sums: map[string][]byte{}}
	if g, ok := c.(generated); ok { // its sum takes as long as reading it
		f.etag = fmt.Sprintf(`"generated-%d-%d"`, g.seed, g.size)
	} else {
		f.etag = `"` + f.SHA256()[:32] + `"`
	}
	return f
}

// add publishes a file. The caller holds mu.
func (u *Server) add(path, media string, c content) *File {
	f := u.newFile(path, media, c)
	u.files[path] = f
	return f
}

// announces is the file whose sums documents and headers name.
func (f *File) announces() *File {
	if f.before != nil {
		return f.before
	}
	return f
}

// Size is the number of bytes.
func (f *File) Size() int64 { return f.content.Size() }

// Open reads the file from its start.
func (f *File) Open() io.ReadSeeker { return open(f.content) }

// Bytes are all of it.
func (f *File) Bytes() []byte {
	b, err := io.ReadAll(f.Open())
	if err != nil {
		panic(err)
	}
	return b
}

// MD5, SHA1, SHA256 and SHA512 are in hexadecimal digits.
func (f *File) MD5() string { return hex.EncodeToString(f.sum("md5")) }

// SHA1 is as MD5.
func (f *File) SHA1() string { return hex.EncodeToString(f.sum("sha1")) }

// SHA256 is as MD5.
func (f *File) SHA256() string { return hex.EncodeToString(f.sum("sha256")) }

// SHA512 is as MD5.
func (f *File) SHA512() string { return hex.EncodeToString(f.sum("sha512")) }

// Digest is the sha256 as OCI writes it.
func (f *File) Digest() string { return "sha256:" + f.SHA256() }

// Integrity is the sha512 as npm writes it.
func (f *File) Integrity() string {
	return "sha512-" + base64.StdEncoding.EncodeToString(f.sum("sha512"))
}

var algorithms = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

func (f *File) sum(algorithm string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sums[algorithm] == nil {
		h := algorithms[algorithm]()
		if _, err := io.Copy(h, open(f.content)); err != nil {
			panic(err)
		}
		f.sums[algorithm] = h.Sum(nil)
	}
	return f.sums[algorithm]
}
