package lockfiles

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// digestBytes are the lengths of the digests that registries announce, the strongest first.
var algorithms = []struct {
	name  string
	bytes int
}{{"sha512", 64}, {"sha256", 32}, {"sha1", 20}, {"md5", 16}}

// hexDigest makes a digest of hexadecimal digits; "" of anything else.
func hexDigest(algorithm, digits string) string {
	algorithm = strings.ReplaceAll(strings.ToLower(algorithm), "-", "")
	digits = strings.ToLower(digits)
	for _, a := range algorithms {
		if raw, err := hex.DecodeString(digits); a.name == algorithm && err == nil && len(raw) == a.bytes {
			return algorithm + ":" + digits
		}
	}
	return ""
}

// colonDigest reads "sha256:…".
func colonDigest(s string) string {
	algorithm, digits, _ := strings.Cut(s, ":")
	return hexDigest(algorithm, digits)
}

// integrity is the strongest digest of a Subresource Integrity text such as "sha512-…= sha1-…=".
func integrity(s string) string {
	var all []string
	for word := range strings.FieldsSeq(s) {
		algorithm, encoded, _ := strings.Cut(word, "-")
		encoded, _, _ = strings.Cut(encoded, "?")
		if raw, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			all = append(all, hexDigest(algorithm, hex.EncodeToString(raw)))
		}
	}
	return strongest(all)
}

// strongest is the strongest of digests of one file; "" of none.
func strongest(digests []string) string {
	for _, a := range algorithms {
		for _, d := range digests {
			if strings.HasPrefix(d, a.name+":") {
				return d
			}
		}
	}
	return ""
}
