package load

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
)

// Npm is the units of npm packages.
type Npm struct {
	Repository string
	Package    string // prefix of the names
	Packages   int    // that publishes are spread over
	Bytes      int    // of a tarball, roughly
	Versions   int    // of the package that is read
}

// npmMembers are the members, besides name and version, of a manifest of usual size.
const npmMembers = `"description":"a package of the usual size","license":"MIT","main":"index.js",` +
	`"scripts":{"build":"tsc --project .","test":"node --test","lint":"eslint src"},` +
	`"repository":{"type":"git","url":"git+https://git.example.com/acme/web.git"},` +
	`"gitHead":"0123456789abcdef0123456789abcdef01234567","keywords":["deploy","registry","benchmark"],` +
	`"dependencies":{"alpha":"^1.2.3","bravo":"^2.3.4","charlie":"~3.4.5","delta":"^4.5.6","echo":"^5.6.7","foxtrot":"6.x","golf":"^7.8.9","hotel":">=8"},` +
	`"engines":{"node":">=18"},"homepage":"https://docs.example.com/acme/web","bugs":{"url":"https://git.example.com/acme/web/issues"}`

func (p Npm) root() string { return "/npm/" + p.Repository + "/" }

func (p Npm) read() string { return p.Package + "-read" }

// Publish publishes a new version of one of the packages.
func (p Npm) Publish(ctx context.Context, w *Worker) (int64, error) {
	n := w.Serial()
	return p.publish(ctx, w, fmt.Sprintf("%s-%d", p.Package, n%uint64(max(p.Packages, 1))), fmt.Sprintf("1.0.%d", n))
}

// npmKit packs tarballs and documents. The common beginning of tarballs of one length is packed, hashed and encoded once:
// that is the client's work, and should not take processor time from the server.
type npmKit struct {
	starts map[int]npmStart // by the length of the packed bytes
	end    bytes.Buffer
	tail   []byte
	body   []byte
}

// npmStart is the beginning of a tarball: its header, and a file that they all have.
type npmStart struct {
	raw     []byte
	packed  int // how many of the packed bytes it holds
	crc     uint32
	sha1    hash.Cloner
	sha512  hash.Cloner
	encoded []byte // raw in base64, but for the last bytes of raw that are no three
}

func newNpmKit() *npmKit { return &npmKit{starts: make(map[int]npmStart)} }

// npmTarball is a tarball in two parts, with its sums.
type npmTarball struct {
	start        npmStart
	tail         []byte
	sha1, sha512 []byte
}

func (t npmTarball) size() int { return len(t.start.raw) + len(t.tail) }

// appendBase64 appends the tarball to b.
func (t npmTarball) appendBase64(b []byte) []byte {
	b = append(b, t.start.encoded...)
	rest := t.start.raw[len(t.start.raw)/3*3:]
	return base64.StdEncoding.AppendEncode(b, append(rest[:len(rest):len(rest)], t.tail...))
}

// pack makes a tarball of a manifest and a file of so many bytes. Its gzip does not compress.
func (k *npmKit) pack(manifest string, size int) (npmTarball, error) {
	k.end.Reset()
	w := tar.NewWriter(&k.end)
	if err := errors.Join(tarFile(w, "package/package.json", []byte(manifest)), w.Close()); err != nil {
		return npmTarball{}, err
	}
	start, err := k.start(size, k.end.Len())
	if err != nil {
		return npmTarball{}, err
	}
	crc := crc32.Update(start.crc, crc32.IEEETable, k.end.Bytes())
	total := start.packed + k.end.Len()
	k.tail = storedBlocks(k.tail[:0], k.end.Bytes(), start.packed, total)
	k.tail = binary.LittleEndian.AppendUint32(k.tail, crc)
	k.tail = binary.LittleEndian.AppendUint32(k.tail, uint32(total))
	t := npmTarball{start: start, tail: k.tail}
	if t.sha1, err = sumOn(start.sha1, k.tail); err == nil {
		t.sha512, err = sumOn(start.sha512, k.tail)
	}
	return t, err
}

// start returns the beginning of tarballs that end with so many packed bytes.
func (k *npmKit) start(size, end int) (npmStart, error) {
	var file bytes.Buffer
	if s, ok := k.starts[size+end]; ok {
		return s, nil
	}
	w := tar.NewWriter(&file)
	if err := errors.Join(tarFile(w, "package/index.js", stamped(make([]byte, size), 0)), w.Flush()); err != nil {
		return npmStart{}, err
	}
	s := npmStart{packed: file.Len(), crc: crc32.ChecksumIEEE(file.Bytes())}
	s.raw = storedBlocks([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), file.Bytes(), 0, file.Len()+end)
	s.encoded = base64.StdEncoding.AppendEncode(nil, s.raw[:len(s.raw)/3*3])
	s1, s512 := sha1.New(), sha512.New()
	_, _ = s1.Write(s.raw) // a hash never fails
	_, _ = s512.Write(s.raw)
	s.sha1, s.sha512 = s1.(hash.Cloner), s512.(hash.Cloner)
	k.starts[size+end] = s
	return s, nil
}

func tarFile(w *tar.Writer, path string, body []byte) error {
	err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(body)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write(body)
	}
	return err
}

// storedBlocks appends part of a deflate stream that does not compress: the bytes from at of total ones (RFC 1951, 3.2.4).
func storedBlocks(b, part []byte, at, total int) []byte {
	const most = 1<<16 - 1
	for len(part) > 0 {
		if at%most == 0 {
			n, last := min(most, total-at), byte(0)
			if at+n == total {
				last = 1
			}
			b = append(b, last, byte(n), byte(n>>8), ^byte(n), ^byte(n>>8))
		}
		n := min(len(part), most-at%most)
		b, part, at = append(b, part[:n]...), part[n:], at+n
	}
	return b
}

// sumOn is the sum of h's bytes followed by more; h is not changed.
func sumOn(h hash.Cloner, more []byte) ([]byte, error) {
	c, err := h.Clone()
	if err != nil {
		return nil, err
	}
	_, _ = c.Write(more) // a hash never fails
	return c.Sum(nil), nil
}

func (p Npm) publish(ctx context.Context, w *Worker, name, version string) (int64, error) {
	k := kit(w, newNpmKit)
	head := `{"name":"` + name + `","version":"` + version + `",` + npmMembers
	t, err := k.pack(head+"}", p.Bytes)
	if err != nil {
		return 0, err
	}
	b := append(k.body[:0], `{"_id":"`+name+`","name":"`+name+`","dist-tags":{"latest":"`+version+`"},"versions":{"`+version+`":`+head+
		`,"_id":"`+name+`@`+version+`","_nodeVersion":"22.1.0","_npmVersion":"10.9.0","dist":{"integrity":"sha512-`...)
	b = base64.StdEncoding.AppendEncode(b, t.sha512)
	b = append(append(b, `","shasum":"`...), hex.EncodeToString(t.sha1)...)
	b = append(b, `"}}},"access":null,"_attachments":{"`+name+`-`+version+`.tgz":{"content_type":"application/octet-stream","data":"`...)
	b = t.appendBase64(b)
	b = fmt.Appendf(b, `","length":%d}}}`, t.size())
	k.body = b
	_, err = w.Do(ctx, Request{Method: "PUT", Path: p.root() + name, Header: "Content-Type: application/json\r\n", Body: b})
	return int64(t.size()), err
}

// Prepare publishes the package that is read.
func (p Npm) Prepare(ctx context.Context, w *Worker) error {
	for i := range p.Versions {
		if _, err := p.publish(ctx, w, p.read(), fmt.Sprintf("1.%d.0", i)); err != nil {
			return err
		}
	}
	return nil
}

var abbreviated = lines("Accept: application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*", "Accept-Encoding: gzip")

// Packument reads the install document, compressed.
func (p Npm) Packument(ctx context.Context, w *Worker) (int64, error) {
	a, err := w.Do(ctx, p.PackumentRequest())
	return a.Bytes, err
}

// PackumentRequest is the request of Packument.
func (p Npm) PackumentRequest() Request {
	return Request{Method: "GET", Path: p.root() + p.read(), Header: abbreviated}
}

// Tarball reads the file of a version.
func (p Npm) Tarball(ctx context.Context, w *Worker) (int64, error) {
	name := p.read()
	a, err := w.Do(ctx, Request{Method: "GET", Path: fmt.Sprintf("%s%s/-/%s-1.%d.0.tgz", p.root(), name, name, w.Rand.IntN(p.Versions))})
	return a.Bytes, err
}

// Tag points a tag of the package that is read at one of its versions.
func (p Npm) Tag(ctx context.Context, w *Worker) (int64, error) {
	body := fmt.Appendf(w.bytes(256)[:0], `{"version":"1.%d.0","reason":"benchmark"}`, w.Rand.IntN(p.Versions))
	_, err := w.Do(ctx, Request{
		Method: "PUT", Path: fmt.Sprintf("/api/v1/repositories/%s/packages/npm/%s/tags/channel-%d", p.Repository, p.Package+"-tagged", w.Rand.IntN(8)),
		Header: "Content-Type: application/json\r\n", Body: body,
	})
	return 0, err
}

// PrepareTag publishes a separate package for Tag, since each tag change makes the server render the document again.
func (p Npm) PrepareTag(ctx context.Context, w *Worker) error {
	for i := range p.Versions {
		if _, err := p.publish(ctx, w, p.Package+"-tagged", fmt.Sprintf("1.%d.0", i)); err != nil {
			return err
		}
	}
	return nil
}
