package npm

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"slipway/registry"
)

// FuzzVersion: there is one spelling of every version, and no tag looks like one.
func FuzzVersion(f *testing.F) {
	for _, s := range []string{"1.0.0", "v1.0.0", "=1.0.0", "1.0.0-rc.1+build", "01.0.0", "1.0", "9007199254740992.0.0", "1.0.0-", " 1.0.0", "1.x", "*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if err := checkTag(s); err != nil && registry.KindOf(err) != registry.Invalid {
			t.Fatal(err)
		}
		v, prerelease, ok := strictVersion(s)
		if loose, also := looseVersion(s); ok && (!also || loose != v) {
			t.Fatalf("%q is %q, or loosely %q", s, v, loose)
		}
		if !ok {
			return
		}
		if again, p, ok := strictVersion(v); !ok || again != v || p != prerelease || len(v) > maxVersionBytes {
			t.Fatalf("%q is %q, which is %q", s, v, again)
		}
		if strings.ContainsAny(v, "+ /\\%") || registry.CheckVersion(v) != nil {
			t.Fatalf("%q is a version", v)
		}
		if checkTag(v) == nil {
			t.Fatalf("the version %q is a tag", v)
		}
	})
}

// FuzzBase64: the fast reader takes what the strict decoder of the library takes, and yields the same, however it arrives.
func FuzzBase64(f *testing.F) {
	for _, s := range []string{"", "AAAA", "AA==", "AAA=", "AA==AAAA", "A", "AAAAA", "AB==", "A\nAAA", "====", "AAA=\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		want, wantErr := base64.StdEncoding.Strict().DecodeString(string(in))
		if bytes.ContainsAny(in, "\r\n") {
			wantErr = errBase64 // JSON has them escaped: nothing is left out
		}
		for name, r := range map[string]io.Reader{"whole": bytes.NewReader(in), "byte by byte": iotest.OneByteReader(bytes.NewReader(in)), "with its end": iotest.DataErrReader(bytes.NewReader(in))} {
			b := newBase64Reader(r)
			got, err := io.ReadAll(b)
			b.putBack()
			if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
				t.Fatalf("%s: %q is %q %v, want %q %v", name, in, got, err, want, wantErr)
			}
		}
	})
}
