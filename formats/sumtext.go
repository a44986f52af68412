package formats

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"unicode/utf16"

	"slipway/internal/lazyregexp"
)

// SumLine is a line of a checksum file that holds checksums.
type SumLine struct {
	Sums [][]byte
	Rest string // the line without them: names of files, words
}

var (
	// hexWord is digits without others beside them.
	hexWord = lazyregexp.New(`\b[0-9A-Fa-f]+\b`)
	// hexPairs is a sum as old versions of certutil and "openssl dgst -c" write it.
	hexPairs = lazyregexp.New(`^(|.*= ?)([0-9A-Fa-f]{2}(?:[ :][0-9A-Fa-f]{2})+)$`)
	pairGaps = strings.NewReplacer(" ", "", ":", "")
)

// SumLines finds the lines of a checksum file that hold checksums of a size in bytes, whichever tool wrote it: sha256sum, shasum,
// openssl dgst, certutil, PowerShell; in UTF-8 or UTF-16.
func SumLines(body []byte, size int) []SumLine {
	var out []SumLine
	for line := range strings.Lines(sumText(body)) {
		if found := sumLine(strings.TrimSpace(line), size); len(found.Sums) > 0 {
			out = append(out, found)
		}
	}
	return out
}

func sumLine(line string, size int) (found SumLine) {
	if m := hexPairs.FindStringSubmatch(line); m != nil {
		line = m[1] + pairGaps.Replace(m[2])
	}
	found.Rest = strings.TrimSpace(hexWord.Get().ReplaceAllStringFunc(line, func(word string) string {
		sum, err := hex.DecodeString(word)
		if err != nil || len(sum) != size {
			return word
		}
		found.Sums = append(found.Sums, sum)
		return ""
	}))
	return found
}

// sumText is the text of a checksum file: UTF-16 behind its byte order mark, as PowerShell writes it, else as it is.
func sumText(body []byte) string {
	for mark, order := range map[string]binary.ByteOrder{"\xff\xfe": binary.LittleEndian, "\xfe\xff": binary.BigEndian} {
		if rest, ok := bytes.CutPrefix(body, []byte(mark)); ok {
			units := make([]uint16, len(rest)/2)
			for i := range units {
				units[i] = order.Uint16(rest[2*i:])
			}
			return string(utf16.Decode(units))
		}
	}
	return string(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
}
