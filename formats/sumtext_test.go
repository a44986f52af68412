package formats

import (
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf16"
)

const helloMD5 = "5d41402abc4b2a76b9719d911017c592"

// TestSumLines has what tools write.
func TestSumLines(t *testing.T) {
	for body, rest := range map[string]string{
		helloMD5:                            "",
		helloMD5 + "  -\n":                  "-",
		helloMD5 + "\ttool.gz\r\n":          "tool.gz",
		"\ufeff" + helloMD5:                 "",
		helloMD5 + ` *dist\tool.gz`:         `*dist\tool.gz`,
		"md5:" + helloMD5:                   "md5:",
		"MD5(tool.gz)= " + helloMD5:         "MD5(tool.gz)=",
		"MD5 (tool.gz) = " + helloMD5:       "MD5 (tool.gz) =",
		"(stdin)= " + spaced(helloMD5, ":"): "(stdin)=",
		"MD5 hash of tool.gz:\r\n" + strings.ToUpper(helloMD5) + "\r\nCertUtil: -hashfile command completed successfully.": "",
		"MD5 hash of file tool.gz:\r\n" + spaced(helloMD5, " ") + "\r\nCertUtil: done":                                     "",
		utf16Of("\r\nAlgorithm  Hash\r\n---------  ----\r\nMD5        " + strings.ToUpper(helloMD5) + "  tool.gz\r\n"):     "MD5          tool.gz",
		"nothing": "-none-", helloMD5 + "00": "-none-", "": "-none-", "x" + helloMD5: "-none-",
	} {
		got := SumLines([]byte(body), 16)
		switch {
		case rest == "-none-":
			if len(got) > 0 {
				t.Errorf("%q: %v", body, got)
			}
		case len(got) != 1 || len(got[0].Sums) != 1 || hex.EncodeToString(got[0].Sums[0]) != helloMD5 || got[0].Rest != rest:
			t.Errorf("%q: %+v", body, got)
		}
	}
}

// spaced puts a separator between the bytes of a sum.
func spaced(sum, sep string) string {
	var pairs []string
	for i := 0; i < len(sum); i += 2 {
		pairs = append(pairs, sum[i:i+2])
	}
	return strings.Join(pairs, sep)
}

// utf16Of is a text as PowerShell writes it to a file.
func utf16Of(s string) string {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

func FuzzSumLines(f *testing.F) {
	f.Add([]byte(helloMD5 + "  x"))
	f.Add([]byte("\xff\xfe1\x002"))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, line := range SumLines(body, 16) {
			for _, sum := range line.Sums {
				if len(sum) != 16 {
					t.Fatalf("%x", sum)
				}
			}
		}
	})
}
