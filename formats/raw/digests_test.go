package raw

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"slipway/registry"
)

// Sums of "hello".
const (
	hello256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	hello1   = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
	helloMD5 = "5d41402abc4b2a76b9719d911017c592"
	hello64  = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
)

func TestParseDigests(t *testing.T) {
	for header, want := range map[string]string{
		"X-Checksum-Sha256: " + strings.ToUpper(hello256):               hello256,
		"X-Checksum-Sha1: " + hello1:                                    hello1,
		"X-Checksum-Md5: " + helloMD5:                                   helloMD5,
		"Content-MD5: XUFAKrxLKna5cZ2REBfFkg==":                         helloMD5,
		"x-amz-checksum-sha256: " + hello64:                             hello256,
		"Repr-Digest: sha-256=:" + hello64 + ":":                        hello256,
		"Content-Digest: unixsum=:AAA=:, SHA-256=:" + hello64 + ":;x=1": hello256,
		"Digest: SHA-256=" + hello64 + ",adler32=03da0195":              hello256,
		"Digest: sha=qvTGHdzF6KLavt4PO0gs2a6pQ00=":                      hello1,
		"Repr-Digest: crc32c=:aaaa:":                                    "",
		"X-Checksum-Sha256: abc":                                        "error",
		"X-Checksum-Sha256: ":                                           "error",
		"Repr-Digest: sha-256=" + hello64:                               "error",
		"Repr-Digest: sha-256=::":                                       "error",
		"Content-MD5: !":                                                "error",
		"Digest: sha-512=" + hello64:                                    "error",
	} {
		name, value, _ := strings.Cut(header, ": ")
		h := http.Header{}
		h.Set(name, value)
		sums, err := parseDigests(h)
		got := hex.EncodeToString(sums.SHA256) + hex.EncodeToString(sums.SHA1) + hex.EncodeToString(sums.MD5) + hex.EncodeToString(sums.SHA512)
		switch {
		case want == "error":
			if registry.KindOf(err) != registry.Invalid || err == nil {
				t.Errorf("%s: %s %v, want a refusal", header, got, err)
			}
		case err != nil || got != want:
			t.Errorf("%s: %s %v, want %s", header, got, err, want)
		}
	}
	h := http.Header{"X-Checksum-Sha256": {hello256}, "Repr-Digest": {"sha-256=:" + hello64 + ":"}, "X-Checksum-Md5": {helloMD5}}
	if sums, err := parseDigests(h); err != nil || sums.MD5 == nil || sums.SHA256 == nil {
		t.Errorf("headers that agree: %v", err)
	}
	h.Set("X-Checksum-Sha256", strings.Repeat("0", 64))
	if _, err := parseDigests(h); err == nil {
		t.Error("headers that contradict each other were accepted")
	}
}

func FuzzParseDigests(f *testing.F) {
	f.Add("sha-256=:"+hello64+":, md5=:x:", "SHA="+hello64, hello256)
	f.Fuzz(func(t *testing.T, repr, digest, hexSum string) {
		sums, err := parseDigests(http.Header{"Repr-Digest": {repr}, "Digest": {digest}, "X-Checksum-Sha256": {hexSum}})
		if err != nil {
			return
		}
		for _, alg := range algorithms {
			if sum := *alg.of(&sums); sum != nil && len(sum) != alg.size {
				t.Fatalf("%s of %d bytes", alg.suffix, len(sum))
			}
		}
	})
}

func TestParseSidecar(t *testing.T) {
	for body, ok := range map[string]bool{
		hello256:                                    true,
		hello256 + "\n":                             true,
		strings.ToUpper(hello256) + "\r\n":          true,
		hello256 + "  tool.gz\n":                    true,
		hello256 + " *tool.gz\n":                    true,
		hello256 + "  ./dist/tool.gz":               true,
		"SHA256 (tool.gz) = " + hello256:            true,
		"# note\n" + hello256 + "  tool.gz":         true,
		hello1 + "  x\n" + hello256 + "  tool.gz\n": true,
		hello256 + "  other.gz\n":                   false,
		hello1:                                      false,
		"":                                          false,
		hello256 + "\n" + hello256:                  false, // which of the two?
	} {
		sum, got := parseSidecar(body, algSHA256, "tool.gz")
		if got != ok || ok && hex.EncodeToString(sum) != hello256 {
			t.Errorf("%q: %x %v, want %v", body, sum, got, ok)
		}
	}
	for path, want := range map[string]string{"a/f.sha256": "a/f", "f.md5": "f", "f.tar.gz.sha512": "f.tar.gz", ".sha256": "", "a/.md5": "", "f": "", "sha256": ""} {
		if _, of, _ := sidecar(path); of != want {
			t.Errorf("%s is of %q, want %q", path, of, want)
		}
	}
}

func FuzzParseSidecar(f *testing.F) {
	f.Add(hello256+"  tool.gz\n", "tool.gz")
	f.Fuzz(func(t *testing.T, body, file string) {
		if sum, ok := parseSidecar(body, algSHA256, file); ok && len(sum) != algSHA256.size {
			t.Fatalf("%x", sum)
		}
	})
}
