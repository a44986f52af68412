package raw

import (
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
)

// algorithm is a kind of checksum that clients ask for.
type algorithm struct {
	suffix string // of a sidecar: "sha256"
	size   int    // bytes
	new    func() hash.Hash
	stored func(registry.Blob) []byte // the blob's stored sum; nil: not known
}

var (
	algSHA256 = &algorithm{"sha256", sha256.Size, sha256.New, sha256Of}
	algSHA512 = &algorithm{"sha512", sha512.Size, sha512.New, func(b registry.Blob) []byte { return b.SHA512 }}
	algSHA1   = &algorithm{"sha1", sha1.Size, sha1.New, func(b registry.Blob) []byte { return b.SHA1 }}
	algMD5    = &algorithm{"md5", md5.Size, md5.New, func(b registry.Blob) []byte { return b.MD5 }}

	algorithms = []*algorithm{algSHA256, algSHA512, algSHA1, algMD5}
)

// sha256Of returns the sha256 of a blob; nil where it is not known yet, as the file is on its way here.
func sha256Of(b registry.Blob) []byte {
	if b.Digest == "" {
		return nil
	}
	raw, _ := hex.DecodeString(b.Digest.Encoded()) // a digest is hex
	return raw
}

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
	if len(repr) > 0 {
		h.Set("Repr-Digest", strings.Join(repr, ", "))
	}
}
