package httpserver

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"strings"

	"slipway/registry"
)

// Sums are the checksums that a client announces for the body of its request; nil: not announced.
type Sums struct {
	SHA256 []byte
	SHA1   []byte
	MD5    []byte
	SHA512 []byte
}

// sumKind is a kind of checksum that clients announce.
type sumKind struct {
	name string
	size int // bytes
	new  func() hash.Hash
	of   func(*Sums) *[]byte
}

var (
	kindSHA256 = &sumKind{"sha256", sha256.Size, sha256.New, func(s *Sums) *[]byte { return &s.SHA256 }}
	kindSHA512 = &sumKind{"sha512", sha512.Size, sha512.New, func(s *Sums) *[]byte { return &s.SHA512 }}
	kindSHA1   = &sumKind{"sha1", sha1.Size, sha1.New, func(s *Sums) *[]byte { return &s.SHA1 }}
	kindMD5    = &sumKind{"md5", md5.Size, md5.New, func(s *Sums) *[]byte { return &s.MD5 }}

	sumKinds = []*sumKind{kindSHA256, kindSHA512, kindSHA1, kindMD5}
)

// AnnouncedSums reads every header by which a client announces the sum of its body:
//
//	X-Checksum-Sha256, -Sha512, -Sha1, -Md5   hex
//	X-Checksum                                hex, whose length tells the algorithm
//	Content-MD5 (RFC 1864), x-amz-checksum-sha256   base64
//	Repr-Digest, Content-Digest (RFC 9530)    sha-256=:base64:, …
//	Digest (RFC 3230)                         SHA-256=base64,…
//
// Unknown algorithms are left out. Invalid: malformed, or two headers contradict each other.
func AnnouncedSums(h http.Header) (Sums, error) {
	p := announced{}
	p.header(h, "X-Checksum-Sha256", kindSHA256, hex.DecodeString)
	p.header(h, "X-Checksum-Sha512", kindSHA512, hex.DecodeString)
	p.header(h, "X-Checksum-Sha1", kindSHA1, hex.DecodeString)
	p.header(h, "X-Checksum-Md5", kindMD5, hex.DecodeString)
	p.unnamed(h)
	p.header(h, "Content-Md5", kindMD5, decode64)
	p.header(h, "X-Amz-Checksum-Sha256", kindSHA256, decode64)
	for _, name := range []string{"Repr-Digest", "Content-Digest"} {
		p.dictionary(name, strings.Join(h.Values(name), ","), func(v string) (string, bool) {
			v, _, _ = strings.Cut(v, ";") // parameters of a structured field
			v, ok := strings.CutPrefix(strings.TrimSpace(v), ":")
			v, closed := strings.CutSuffix(v, ":")
			return v, ok && closed
		})
	}
	p.dictionary("Digest", strings.Join(h.Values("Digest"), ","), func(v string) (string, bool) { return v, true })
	return p.sums, p.err
}

// announced collects the sums of a request's headers.
type announced struct {
	sums Sums
	err  error
}

func (p *announced) header(h http.Header, name string, kind *sumKind, decode func(string) ([]byte, error)) {
	for _, v := range h.Values(name) {
		raw, err := decode(strings.TrimSpace(v))
		p.add(name, kind, raw, err)
	}
}

// unnamed reads X-Checksum, which has the sum of whichever algorithm its client prefers. A value of no algorithm's length is
// left out.
func (p *announced) unnamed(h http.Header) {
	for _, v := range h.Values("X-Checksum") {
		raw, err := hex.DecodeString(strings.TrimSpace(v))
		for _, kind := range sumKinds {
			if err == nil && len(raw) == kind.size {
				p.add("X-Checksum", kind, raw, nil)
			}
		}
	}
}

// dictionaryNames are the algorithms of RFC 9530 and RFC 3230, lower case.
var dictionaryNames = map[string]*sumKind{
	"sha-256": kindSHA256, "sha-512": kindSHA512, "sha": kindSHA1, "sha-1": kindSHA1, "md5": kindMD5,
}

func (p *announced) dictionary(name, list string, unwrap func(string) (string, bool)) {
	for item := range strings.SplitSeq(list, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		kind := dictionaryNames[strings.ToLower(strings.TrimSpace(key))]
		if kind == nil {
			continue
		}
		value, ok := unwrap(strings.TrimSpace(value))
		if !ok {
			p.add(name, kind, nil, nil)
			continue
		}
		raw, err := decode64(value)
		p.add(name, kind, raw, err)
	}
}

func (p *announced) add(header string, kind *sumKind, raw []byte, err error) {
	field := kind.of(&p.sums)
	switch {
	case p.err != nil:
	case err != nil || len(raw) != kind.size:
		p.err = registry.Errorf(registry.Invalid, registry.AboutRequest, "the header %s does not hold a %s sum", header, kind.name)
	case *field != nil && !bytes.Equal(*field, raw):
		p.err = registry.Errorf(registry.Invalid, registry.AboutRequest, "the headers announce two different %s sums", kind.name)
	default:
		*field = raw
	}
}

func decode64(s string) ([]byte, error) { return base64.StdEncoding.Strict().DecodeString(s) }

// summed makes the body of a request fail at its end unless it has the sums that the request's headers announce. A handler
// stores nothing of a body that it could not read whole. Invalid.
func summed(r *http.Request) error {
	if r.Body == nil || !changes(r.Method) {
		return nil
	}
	want, err := AnnouncedSums(r.Header)
	if err != nil {
		return err
	}
	b := &summedBody{ReadCloser: r.Body, left: r.ContentLength}
	for _, kind := range sumKinds {
		if sum := *kind.of(&want); sum != nil {
			b.sums = append(b.sums, runningSum{kind: kind, want: sum, Hash: kind.new()})
		}
	}
	if len(b.sums) > 0 {
		r.Body = b
	}
	return nil
}

type summedBody struct {
	io.ReadCloser
	sums  []runningSum
	left  int64 // bytes to come; negative: not known
	ended error
}

type runningSum struct {
	hash.Hash
	kind *sumKind
	want []byte
}

// Read implements io.Reader. The sums are compared before the last bytes are handed out, as not every reader looks for the end
// behind them.
func (b *summedBody) Read(p []byte) (int, error) {
	if b.ended != nil {
		return 0, b.ended
	}
	n, err := b.ReadCloser.Read(p)
	for _, sum := range b.sums {
		_, _ = sum.Write(p[:n]) // a hash returns no error
	}
	known := b.left >= 0
	if known {
		b.left -= int64(n)
	}
	if err == io.EOF || err == nil && known && b.left == 0 {
		if differs := b.compare(); differs != nil {
			n, err = 0, differs
		}
	}
	b.ended = err
	return n, err
}

func (b *summedBody) compare() error {
	for _, sum := range b.sums {
		if has := sum.Sum(nil); !bytes.Equal(has, sum.want) {
			return registry.Errorf(registry.DigestMismatch, registry.AboutRequest,
				"the body has %s %x, but a header announces %x; nothing was stored", sum.kind.name, has, sum.want)
		}
	}
	return nil
}
