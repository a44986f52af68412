package pypi

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"slipway/formats"
	"slipway/internal/lazyregexp"
	"slipway/registry"
)

// version is a parsed PEP 440 version. Numbers are digits without leading zeros, "0" for zero, of any length.
type version struct {
	epoch   string
	release []string
	pre     string // "a", "b", "rc"; "" is none
	preN    string
	post    string // "" is none
	dev     string // "" is none
	local   []string
}

// versionPattern is the pattern of PEP 440, appendix B, matched without regard to case.
var versionPattern = lazyregexp.New(`^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)` +
	`(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]+)?)?` +
	`(-[0-9]+|[-_.]?(?:post|rev|r)[-_.]?[0-9]*)?` +
	`([-_.]?dev[-_.]?[0-9]*)?` +
	`(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`)

// letters are the alternative spellings of the prerelease segment.
var letters = map[string]string{"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}

// maxVersionBytes is the core's bound for the name of a version.
const maxVersionBytes = 255

// parseVersion reads a version in any spelling that PEP 440 allows, without spaces around it. Invalid.
func parseVersion(s string) (version, error) {
	m := versionPattern.FindStringSubmatch(asciiLower(s))
	if m == nil || len(s) > maxVersionBytes {
		return version{}, registry.Errorf(registry.Invalid, registry.AboutVersion, "%q is not a version by PEP 440%s", formats.Clip(s), suggest(s))
	}
	v := version{epoch: number(m[1]), pre: cmp.Or(letters[m[3]], m[3])}
	for n := range strings.SplitSeq(m[2], ".") {
		v.release = append(v.release, number(n))
	}
	if v.pre != "" {
		v.preN = number(m[4])
	}
	if m[5] != "" {
		v.post = number(m[5])
	}
	if m[6] != "" {
		v.dev = number(m[6])
	}
	if m[7] != "" {
		for part := range strings.FieldsFuncSeq(m[7], func(r rune) bool { return r == '.' || r == '-' || r == '_' }) {
			if strings.Trim(part, digits) == "" {
				part = number(part)
			}
			v.local = append(v.local, part)
		}
	}
	return v, nil
}

// spelling is registry.Rules.Spelling.
func spelling(s string) (string, []byte) {
	v, err := parseVersion(s)
	if err != nil {
		return "", nil
	}
	return v.String(), v.key()
}

// order is registry.Rules.Order.
func order(s string) []byte {
	_, key := spelling(s)
	return key
}

const digits = "0123456789"

// number returns the digits at the end of a segment; "0" where there are none.
func number(segment string) string {
	n := strings.TrimLeft(segment[len(strings.TrimRight(segment, digits)):], "0")
	return cmp.Or(n, "0")
}

// asciiLower lower-cases ASCII letters only; Unicode folding would turn other letters into them.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// suggest returns the valid version that was probably meant; "" for none.
func suggest(s string) string {
	if len(s) > maxVersionBytes || !utf8.ValidString(s) {
		return ""
	}
	lower := asciiLower(s)
	main, local, _ := strings.Cut(lower, "+")
	// After the longest prefix that is a version, the rest may become a local version.
	for i := len(main); i > 0; i-- {
		if !versionPattern.MatchString(main[:i]) {
			continue
		}
		rest := strings.FieldsFunc(main[i:]+"."+local, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') })
		guess := main[:i]
		if len(rest) > 0 {
			guess += "+" + strings.Join(rest, ".")
		}
		if v, err := parseVersion(guess); err == nil {
			return "; the nearest one is " + v.String()
		}
	}
	return ""
}

// String is the normalised spelling (PEP 440, "Normalization"): zeros at the end of the release stay.
func (v version) String() string {
	var b strings.Builder
	if v.epoch != "0" {
		b.WriteString(v.epoch + "!")
	}
	b.WriteString(strings.Join(v.release, "."))
	if v.pre != "" {
		b.WriteString(v.pre + v.preN)
	}
	if v.post != "" {
		b.WriteString(".post" + v.post)
	}
	if v.dev != "" {
		b.WriteString(".dev" + v.dev)
	}
	if len(v.local) > 0 {
		b.WriteString("+" + strings.Join(v.local, "."))
	}
	return b.String()
}

// prerelease reports whether installers ignore the version by default.
func (v version) prerelease() bool { return v.pre != "" || v.dev != "" }

// Marks in a sort key. Every segment begins with one, so a shorter release or local version ends before a longer one.
const (
	keyEnd     = 0x00
	keyText    = 0x01 // in a local version, text comes before numbers
	keyNumber  = 0x02
	keyBefore  = 0x00 // a missing segment that sorts before a present one
	keyPresent = 0x01
	keyAfter   = 0x02 // a missing segment that sorts after a present one
)

// key orders versions by their bytes as PEP 440 does ("Summary of permitted suffixes and relative ordering"). Versions that
// are equal there, as 1.0 and 1.0.0, have the same key.
func (v version) key() []byte {
	b := appendNumber(nil, v.epoch)
	release := v.release
	for len(release) > 0 && release[len(release)-1] == "0" {
		release = release[:len(release)-1]
	}
	for _, n := range release {
		b = appendNumber(append(b, keyNumber), n)
	}
	b = append(b, keyEnd)
	switch {
	case v.pre != "":
		b = appendNumber(append(b, keyPresent, v.pre[0]), v.preN)
	case v.post == "" && v.dev != "":
		b = append(b, keyBefore) // 1.0.dev1 is before 1.0a1
	default:
		b = append(b, keyAfter)
	}
	if v.post == "" {
		b = append(b, keyBefore)
	} else {
		b = appendNumber(append(b, keyPresent), v.post)
	}
	if v.dev == "" {
		b = append(b, keyAfter)
	} else {
		b = appendNumber(append(b, keyPresent), v.dev)
	}
	for _, part := range v.local {
		if strings.Trim(part, digits) == "" {
			b = appendNumber(append(b, keyNumber), part)
		} else {
			b = append(append(append(b, keyText), part...), keyEnd)
		}
	}
	return append(b, keyEnd)
}

// appendNumber writes how many digits there are, at most maxVersionBytes, in one byte, and the digits. version.AppendNumber writes
// two bytes; keys are stored, so this stays.
func appendNumber(b []byte, n string) []byte {
	return append(append(b, byte(len(n))), n...)
}

// equal reports whether v and w are spellings of the same version.
func (v version) equal(w version) bool { return slices.Equal(v.key(), w.key()) }
