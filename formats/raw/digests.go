package raw

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"
	"strings"

	"slipway/registry"
	"slipway/registry/content"
)

// algorithm is a kind of checksum that clients announce and ask for.
type algorithm struct {
	suffix string // of a sidecar: "sha256"
	size   int    // bytes
	new    func() hash.Hash
	// of returns the algorithm's field in Sums, and stored the blob's stored sum.
	of     func(*content.Sums) *[]byte
	stored func(registry.Blob) []byte
}

var (
	algSHA256 = &algorithm{"sha256", sha256.Size, sha256.New, func(s *content.Sums) *[]byte { return &s.SHA256 },
		func(b registry.Blob) []byte { raw, _ := hex.DecodeString(b.Digest.Encoded()); return raw }} // a digest is hex
	algSHA512 = &algorithm{"sha512", sha512.Size, sha512.New, func(s *content.Sums) *[]byte { return &s.SHA512 },
		func(b registry.Blob) []byte { return b.SHA512 }}
	algSHA1 = &algorithm{"sha1", sha1.Size, sha1.New, func(s *content.Sums) *[]byte { return &s.SHA1 },
		func(b registry.Blob) []byte { return b.SHA1 }}
	algMD5 = &algorithm{"md5", md5.Size, md5.New, func(s *content.Sums) *[]byte { return &s.MD5 },
		func(b registry.Blob) []byte { return b.MD5 }}

	algorithms = []*algorithm{algSHA256, algSHA512, algSHA1, algMD5}
)

// parseDigests reads every header by which a client announces the sum of its body:
//
//	X-Checksum-Sha256, -Sha512, -Sha1, -Md5   hex
//	Content-MD5 (RFC 1864), x-amz-checksum-sha256   base64
//	Repr-Digest, Content-Digest (RFC 9530)    sha-256=:base64:, …
//	Digest (RFC 3230)                         SHA-256=base64,…
//
// Unknown algorithms are left out. Invalid: malformed, or two headers contradict each other.
func parseDigests(h http.Header) (content.Sums, error) {
	p := digests{}
	p.header(h, "X-Checksum-Sha256", algSHA256, decodeHex)
	p.header(h, "X-Checksum-Sha512", algSHA512, decodeHex)
	p.header(h, "X-Checksum-Sha1", algSHA1, decodeHex)
	p.header(h, "X-Checksum-Md5", algMD5, decodeHex)
	p.header(h, "Content-Md5", algMD5, decode64)
	p.header(h, "X-Amz-Checksum-Sha256", algSHA256, decode64)
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

type digests struct {
	sums content.Sums
	err  error
}

func (p *digests) header(h http.Header, name string, alg *algorithm, decode func(string) ([]byte, error)) {
	for _, v := range h.Values(name) {
		raw, err := decode(strings.TrimSpace(v))
		p.add(name, alg, raw, err)
	}
}

// dictionaryNames are the algorithms of RFC 9530 and RFC 3230, lower case.
var dictionaryNames = map[string]*algorithm{
	"sha-256": algSHA256, "sha-512": algSHA512, "sha": algSHA1, "sha-1": algSHA1, "md5": algMD5,
}

func (p *digests) dictionary(name, list string, unwrap func(string) (string, bool)) {
	for item := range strings.SplitSeq(list, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		alg := dictionaryNames[strings.ToLower(strings.TrimSpace(key))]
		if alg == nil {
			continue
		}
		value, ok := unwrap(strings.TrimSpace(value))
		if !ok {
			p.add(name, alg, nil, nil)
			continue
		}
		raw, err := decode64(value)
		p.add(name, alg, raw, err)
	}
}

func (p *digests) add(header string, alg *algorithm, raw []byte, err error) {
	field := alg.of(&p.sums)
	switch {
	case p.err != nil:
	case err != nil || len(raw) != alg.size:
		p.err = invalid("the header %s does not hold a %s sum", header, alg.suffix)
	case *field != nil && !bytes.Equal(*field, raw):
		p.err = invalid("the headers announce two different %s sums", alg.suffix)
	default:
		*field = raw
	}
}

func decodeHex(s string) ([]byte, error) { return hex.DecodeString(s) }

func decode64(s string) ([]byte, error) { return base64.StdEncoding.Strict().DecodeString(s) }

// digestHeaders sets X-Checksum-* and Repr-Digest (RFC 9530: of the whole file, also on 206) from the sums that are stored,
// without reading the bytes.
func digestHeaders(h http.Header, b registry.Blob) {
	var repr []string
	for _, alg := range algorithms {
		sum := alg.stored(b)
		if sum == nil {
			continue
		}
		h.Set("X-Checksum-"+alg.suffix, hex.EncodeToString(sum))
		switch alg {
		case algSHA256:
			repr = append(repr, "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
		case algSHA512:
			repr = append(repr, "sha-512=:"+base64.StdEncoding.EncodeToString(sum)+":")
		}
	}
	h.Set("Repr-Digest", strings.Join(repr, ", "))
}
