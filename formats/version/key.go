// Package version makes sort keys of versions: byte strings whose order is the order of the versions. Formats with their own
// order of versions make their own keys.
package version

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Marks in a version key. Their order is what makes the byte order of keys the order of versions: after the same numbers a
// prerelease comes first, then the version itself, then a version with another suffix, then one with more numbers. A name
// without leading numbers comes before all names with them.
const (
	keyText    = 0x01 // first byte of a name without leading numbers
	keyPre     = 0x02
	keyRelease = 0x03
	keyPost    = 0x04
	keyNumber  = 0x05

	// Within a suffix.
	keyEnd    = 0x01
	keyDigits = 0x02
	keyLetter = 0x03
)

// Key returns a key whose byte order is the order of versions, and whether v is a prerelease. Semantic versions
// (semver.org 2.0.0, also shortened to "1" or "1.2", with or without a leading v) are ordered by its section 11; build
// metadata has no weight, so such versions get equal keys. All other names are ordered naturally: numbers by value,
// letters ignoring case, "-rc", "beta", "SNAPSHOT" and the like before the version they lead to.
func Key(v string) (key []byte, prerelease bool) {
	rest := trimV(v)
	numbers, suffix := leadingNumbers(rest)
	if len(numbers) == 0 {
		return append([]byte{keyText}, natural(v)...), isPrerelease(v)
	}
	for i, n := range numbers {
		if hasMore(numbers[i:]) {
			key = AppendNumber(append(key, keyNumber), n)
		}
	}
	if pre, ok := semverSuffix(numbers, suffix); ok {
		if pre == "" {
			return append(key, keyRelease), false
		}
		return append(append(key, keyPre), identifiers(pre)...), true
	}
	if suffix[0] != '+' && isPrerelease(suffix) {
		return append(append(key, keyPre), natural(suffix)...), true
	}
	return append(append(key, keyPost), natural(suffix)...), false
}

// trimV removes a v in front of a digit.
func trimV(v string) string {
	if len(v) > 1 && (v[0] == 'v' || v[0] == 'V') && isDigit(v[1]) {
		return v[1:]
	}
	return v
}

// leadingNumbers splits "1.02.3-rc" into its numbers and the rest.
func leadingNumbers(s string) (numbers []string, rest string) {
	for {
		n := 0
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		if n == 0 {
			return numbers, s
		}
		numbers = append(numbers, s[:n])
		s = s[n:]
		if len(s) < 2 || s[0] != '.' || !isDigit(s[1]) {
			return numbers, s
		}
		s = s[1:]
	}
}

// hasMore reports whether any of the numbers is not zero: "1", "1.0" and "1.0.0" are one version.
func hasMore(numbers []string) bool {
	for _, n := range numbers {
		if strings.Trim(n, "0") != "" {
			return true
		}
	}
	return false
}

// AppendNumber appends a number of any length so that byte order is numeric order: the number of digits without leading zeros,
// in two bytes, then these digits.
func AppendNumber(key []byte, digits string) []byte {
	digits = strings.TrimLeft(digits, "0")
	n := min(len(digits), 0xffff)
	return append(append(key, byte(n>>8), byte(n)), digits[:n]...)
}

// semverSuffix returns the prerelease part when numbers and suffix together are a semantic version, or a shortened one.
func semverSuffix(numbers []string, suffix string) (pre string, ok bool) {
	if suffix == "" {
		return "", true // also 1.2.3.4 and 2024.01: nothing but numbers
	}
	if len(numbers) != 3 {
		return "", false
	}
	for _, n := range numbers {
		if len(n) > 1 && n[0] == '0' {
			return "", false
		}
	}
	suffix, build, hasBuild := strings.Cut(suffix, "+")
	if hasBuild && !validIdentifiers(build, false) {
		return "", false
	}
	if suffix == "" {
		return "", hasBuild
	}
	pre, dash := strings.CutPrefix(suffix, "-")
	return pre, dash && validIdentifiers(pre, true)
}

// validIdentifiers checks dot separated identifiers of semver; in a prerelease, numbers have no leading zeros.
func validIdentifiers(s string, prerelease bool) bool {
	for id := range strings.SplitSeq(s, ".") {
		if id == "" || strings.ContainsFunc(id, func(r rune) bool { return r != '-' && !isAlnum(r) }) {
			return false
		}
		if prerelease && len(id) > 1 && id[0] == '0' && allDigits(id) {
			return false
		}
	}
	return true
}

// identifiers encodes a prerelease by semver section 11.4: numbers before words, words in ASCII order, fewer before
// more.
func identifiers(pre string) []byte {
	var key []byte
	for id := range strings.SplitSeq(pre, ".") {
		if allDigits(id) {
			key = AppendNumber(append(key, keyDigits), id)
		} else {
			key = append(append(append(key, keyLetter), id...), 0)
		}
	}
	return append(key, keyEnd)
}

// natural encodes any text as runs of digits and of letters; other characters only separate the runs.
func natural(s string) []byte {
	var key []byte
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		n := size
		switch {
		case isDigitRune(r):
			n = runLength(s, isDigitRune)
			key = AppendNumber(append(key, keyDigits), s[:n])
		case isWordRune(r):
			n = runLength(s, isWordRune)
			key = append(append(append(key, keyLetter), strings.ToLower(s[:n])...), 0)
		}
		s = s[n:]
	}
	return append(key, keyEnd)
}

func runLength(s string, in func(rune) bool) int {
	if i := strings.IndexFunc(s, func(r rune) bool { return !in(r) }); i >= 0 {
		return i
	}
	return len(s)
}

// prereleaseWords mark prereleases in versions that are not semver.
var prereleaseWords = map[string]bool{
	"a": true, "alpha": true, "b": true, "beta": true, "c": true, "canary": true, "cr": true, "dev": true, "ea": true, "m": true,
	"milestone": true, "nightly": true, "next": true, "pre": true, "preview": true, "rc": true, "snapshot": true,
}

// isPrerelease reports whether the first word of s is a prerelease word. A single letter counts only before a number: 1.0b2 is
// a beta, 1.0.2b a patch.
func isPrerelease(s string) bool {
	s = s[runLength(s, func(r rune) bool { return !isWordRune(r) && !isDigitRune(r) }):]
	n := runLength(s, isWordRune)
	return prereleaseWords[strings.ToLower(s[:n])] && (n > 1 || n < len(s) && isDigit(s[n]))
}

func isWordRune(r rune) bool { return r != 0 && (unicode.IsLetter(r) || unicode.IsMark(r)) }

func isDigitRune(r rune) bool { return r >= '0' && r <= '9' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlnum(r rune) bool {
	return isDigitRune(r) || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }
