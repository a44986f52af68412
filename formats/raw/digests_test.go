package raw

import (
	"encoding/hex"
	"strings"
	"testing"
)

// Sums of "hello".
const (
	hello256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	hello1   = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
)

// TestJudge: the file's own sum anywhere in a sidecar agrees; a sum differs only where it is said of this file.
func TestJudge(t *testing.T) {
	const zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	sum, err := hex.DecodeString(hello256)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]verdict{
		hello256:                               agrees,
		strings.ToUpper(hello256) + "\r\n":     agrees,
		hello256 + "  tool.gz\n":               agrees,
		hello256 + " *tool.gz\n":               agrees,
		hello256 + "\ttool.gz\n":               agrees,
		hello256 + "  -\n":                     agrees,
		"\ufeff" + hello256 + `  dist\tool.gz`: agrees,
		"sha256:" + hello256:                   agrees,
		"SHA256 (tool.gz) = " + hello256:       agrees,
		"SHA2-256(stdin)= " + hello256:         agrees,
		"SHA256 hash of C:\\t\\tool.gz:\r\n" + hello256 + "\r\nCertUtil: -hashfile command completed successfully.\r\n": agrees,
		"# note\n" + hello256 + "  tool.gz":         agrees,
		hello1 + "  x\n" + hello256 + "  tool.gz\n": agrees,
		hello256 + "  renamed-afterwards.gz\n":      agrees,
		zeros:                                       differs,
		zeros + "  tool.gz\n":                       differs,
		zeros + "  ./dist/tool.gz":                  differs,
		zeros + `  dist\tool.gz`:                    differs,
		zeros + "  -":                               differs,
		"SHA256 (tool.gz) = " + zeros:               differs,
		"SHA256(stdin)= " + zeros:                   differs,
		"sha256:" + zeros:                           differs,
		zeros + "  other.gz\n":                      saysNothing,
		zeros + "  nottool.gz\n":                    saysNothing,
		zeros + "  tool.gz.asc\n":                   saysNothing,
		hello1:                                      saysNothing,
		"":                                          saysNothing,
		"see SHA256SUMS":                            saysNothing,
	} {
		if got, _ := judge([]byte(body), algSHA256, "bin/tool.gz", sum); got != want {
			t.Errorf("%q: %v, want %v", body, got, want)
		}
	}
	for path, want := range map[string]string{"a/f.sha256": "a/f", "f.md5": "f", "f.tar.gz.sha512": "f.tar.gz", ".sha256": "", "a/.md5": "", "f": "", "sha256": ""} {
		if _, of, _ := sidecar(path); of != want {
			t.Errorf("%s is of %q, want %q", path, of, want)
		}
	}
}

func FuzzJudge(f *testing.F) {
	f.Add([]byte(hello256+"  tool.gz\n"), "tool.gz")
	f.Fuzz(func(t *testing.T, body []byte, file string) {
		v, other := judge(body, algSHA256, file, make([]byte, algSHA256.size))
		if (v == differs) != (len(other) == algSHA256.size) {
			t.Fatalf("%v %x", v, other)
		}
	})
}
