package httpserver

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
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

func TestAnnouncedSums(t *testing.T) {
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
		"X-Checksum: " + helloMD5:                                       helloMD5,
		"X-Checksum: " + hello256:                                       hello256,
		"X-Checksum: crc32c:aaaa":                                       "",
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
		sums, err := AnnouncedSums(h)
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
	if sums, err := AnnouncedSums(h); err != nil || sums.MD5 == nil || sums.SHA256 == nil {
		t.Errorf("headers that agree: %v", err)
	}
	h.Set("X-Checksum-Sha256", strings.Repeat("0", 64))
	if _, err := AnnouncedSums(h); err == nil {
		t.Error("headers that contradict each other were accepted")
	}
}

func FuzzAnnouncedSums(f *testing.F) {
	f.Add("sha-256=:"+hello64+":, md5=:x:", "SHA="+hello64, hello256)
	f.Fuzz(func(t *testing.T, repr, digest, hexSum string) {
		sums, err := AnnouncedSums(http.Header{"Repr-Digest": {repr}, "Digest": {digest}, "X-Checksum-Sha256": {hexSum}})
		if err != nil {
			return
		}
		for _, kind := range sumKinds {
			if sum := *kind.of(&sums); sum != nil && len(sum) != kind.size {
				t.Fatalf("%s of %d bytes", kind.name, len(sum))
			}
		}
	})
}

// TestSummed: a body fails at its end unless it has the announced sums, also for a reader that stops with the last byte.
func TestSummed(t *testing.T) {
	read := func(method, header, value, body string, length int64) (string, error) {
		r := httptest.NewRequest(method, "/", io.NopCloser(strings.NewReader(body)))
		r.ContentLength = length
		r.Header.Set(header, value)
		if err := summed(r); err != nil {
			return "", err
		}
		got := make([]byte, len(body))
		_, err := io.ReadFull(r.Body, got)
		if err == nil && length < 0 {
			_, err = r.Body.Read(make([]byte, 1))
		}
		if err == io.EOF {
			err = nil
		}
		return string(got), err
	}
	for _, length := range []int64{5, -1} {
		if got, err := read("PUT", "X-Checksum-Sha1", hello1, "hello", length); err != nil || got != "hello" {
			t.Errorf("%q %v", got, err)
		}
		for _, header := range []string{"X-Checksum-Sha1", "X-Checksum"} {
			if _, err := read("POST", header, strings.Repeat("0", 40), "hello", length); registry.KindOf(err) != registry.DigestMismatch {
				t.Errorf("%s: %v", header, err)
			}
		}
		if _, err := read("PATCH", "Content-MD5", "x", "hello", length); registry.KindOf(err) != registry.Invalid {
			t.Error(err)
		}
		if got, err := read("GET", "Content-MD5", "x", "hello", length); err != nil || got != "hello" {
			t.Errorf("%q %v", got, err)
		}
	}
}

// TestDropDots: "." segments name the folder that they stand in; the first segment stays as it is.
func TestDropDots(t *testing.T) {
	for in, want := range map[string]string{
		"/raw/main/./a":             "/raw/main/a",
		"/raw/main/%2e/%2E/a%2Fb":   "/raw/main/a%2Fb",
		"/raw/main/a/.":             "/raw/main/a/",
		"/raw/main/a/./":            "/raw/main/a/",
		"/raw/main/.//a":            "/raw/main//a",
		"/raw/main/../a":            "/raw/main/../a",
		"/raw/main/%2e%2e/a":        "/raw/main/%2e%2e/a",
		"/raw/main/.a/b./...":       "/raw/main/.a/b./...",
		"/raw/main/%252e/a":         "/raw/main/%252e/a",
		"/./metrics":                "/./metrics",
		"/%2e/metrics":              "/%2e/metrics",
		"/.":                        "/.",
		"/":                         "/",
		"/raw/.":                    "/raw/",
		"/v2/./main/a/blobs/%2e/x":  "/v2/main/a/blobs/x",
		"/npm/main/@a%2f%2e/./-/..": "/npm/main/@a%2f%2e/-/..",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if dropDots(u); u.EscapedPath() != want {
			t.Errorf("%s: %s, want %s", in, u.EscapedPath(), want)
		}
	}
}
