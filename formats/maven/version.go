package maven

import (
	"strings"

	"slipway/formats/version"
)

// Marks of a version key, in the order in which items at one place compare (maven.md 3): known qualifiers before a release,
// the end of the list, qualifiers after it, a list of numbers, a number.
const (
	keyQualifier = 0x10 // plus the index in qualifiers
	keyEnd       = 0x20
	keyRelease   = 0x21 // "ga", "final", "release" where something follows
	keySP        = 0x22
	keyUnknown   = 0x23
	keyList      = 0x30
	keyNumber    = 0x40

	keyPlain    = 0x01 // after a qualifier: no number
	keyNumbered = 0x02
)

// qualifiers mark prereleases, ascending.
var qualifiers = []string{"alpha", "beta", "milestone", "rc", "snapshot"}

// versionKey returns a key whose byte order is that of Maven's ComparableVersion (4.0), and whether the version is a
// prerelease. Equal versions ("1", "1.0", "1-ga") have equal keys.
func versionKey(version string) (key []byte, prerelease bool) {
	root := parseVersion(strings.ToLower(version))
	root.normalize()
	key = root.appendTo(nil)
	return key, root.prerelease()
}

// order is registry.Rules.Order.
func order(version string) []byte {
	key, _ := versionKey(version)
	return key
}

type itemKind int

const (
	itemNumber itemKind = iota
	itemText
	itemCombined // text and number, "rc1"
	itemList
)

// item is one part of a version, as in ComparableVersion.
type item struct {
	kind   itemKind
	text   string
	number string // without leading zeros; "" is 0
	list   *versionList
}

type versionList struct{ items []item }

func (l *versionList) add(i item) { l.items = append(l.items, i) }

// nest adds a list to l and returns it; an empty l is used itself.
func (l *versionList) nest() *versionList {
	if len(l.items) == 0 {
		return l
	}
	sub := &versionList{}
	l.add(item{kind: itemList, list: sub})
	return sub
}

// versionParser is ComparableVersion.parseVersion.
type versionParser struct {
	s        string
	list     *versionList
	start    int
	digits   bool
	combined bool
}

func parseVersion(s string) *versionList {
	root := &versionList{}
	p := versionParser{s: s, list: root}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			p.dot(i)
		case c == '-':
			p.hyphen(i)
		case c >= '0' && c <= '9':
			if !p.digits && i > p.start {
				p.combined = true
				p.list = p.list.nest()
			}
			p.digits = true
		default:
			if p.digits && i > p.start {
				p.list.add(p.item(i))
				p.start = i
				sub := &versionList{}
				p.list.add(item{kind: itemList, list: sub})
				p.list, p.combined = sub, false
			}
			p.digits = false
		}
	}
	if len(s) > p.start {
		if !p.digits {
			p.list = p.list.nest() // .X is -X for any text at the end
		}
		p.list.add(p.item(len(s)))
	}
	return root
}

func (p *versionParser) dot(i int) {
	p.list.add(p.item(i))
	p.combined, p.start = false, i+1
}

func (p *versionParser) hyphen(i int) {
	// X-1 is X1.
	if i != p.start && !p.digits && i != len(p.s)-1 && p.s[i+1] >= '0' && p.s[i+1] <= '9' {
		p.combined = true
		return
	}
	p.list.add(p.item(i))
	p.start = i + 1
	p.list, p.combined = p.list.nest(), false
}

// item makes an item of the text before i; empty text is a zero.
func (p *versionParser) item(i int) item {
	text := p.s[p.start:i]
	switch {
	case text == "":
		return item{}
	case p.combined:
		text = strings.ReplaceAll(text, "-", "")
		n := strings.IndexFunc(text, func(r rune) bool { return r >= '0' && r <= '9' })
		n = max(n, 0)
		return item{kind: itemCombined, text: qualifier(text[:n], true), number: strings.TrimLeft(text[n:], "0")}
	case p.digits:
		return item{number: strings.TrimLeft(text, "0")}
	default:
		return item{kind: itemText, text: qualifier(text, false)}
	}
}

// qualifier resolves the aliases; single letters are aliases before a number only.
func qualifier(s string, numbered bool) string {
	switch {
	case s == "cr":
		return "rc"
	case s == "ga" || s == "final" || s == "release":
		return ""
	case numbered && s == "a":
		return "alpha"
	case numbered && s == "b":
		return "beta"
	case numbered && s == "m":
		return "milestone"
	default:
		return s
	}
}

// nothing reports whether the item counts like the end of its list.
func (i item) nothing() bool {
	switch i.kind {
	case itemList:
		return len(i.list.items) == 0
	case itemText:
		return i.text == ""
	case itemCombined:
		return i.text == "" && i.number == ""
	default:
		return i.number == ""
	}
}

// normalize removes items that count like nothing, at the end of a list and before text.
func (l *versionList) normalize() {
	for _, i := range l.items {
		if i.kind == itemList {
			i.list.normalize()
		}
	}
	for n := len(l.items) - 1; n >= 0; n-- {
		if !l.items[n].nothing() {
			continue
		}
		if n == len(l.items)-1 || l.items[n+1].leadsWithText() {
			l.items = append(l.items[:n], l.items[n+1:]...)
		}
	}
	if len(l.items) == 1 && l.items[0].kind == itemList {
		l.items = l.items[0].list.items
	}
}

func (i item) leadsWithText() bool {
	switch i.kind {
	case itemText:
		return true
	case itemList:
		k := i.list.items[0].kind // not empty: it was normalized, and an empty one removed
		return k == itemText || k == itemCombined
	default:
		return false
	}
}

func (l *versionList) appendTo(key []byte) []byte {
	for _, i := range l.items {
		key = i.appendTo(key)
	}
	return append(key, keyEnd)
}

func (i item) appendTo(key []byte) []byte {
	switch i.kind {
	case itemNumber:
		return version.AppendNumber(append(key, keyNumber), i.number)
	case itemList:
		// A list compares with text by its first item. If that is a number, the list is after text and before a number.
		if len(i.list.items) > 0 && i.list.items[0].kind == itemNumber {
			key = append(key, keyList)
		}
		return i.list.appendTo(key)
	}
	key = appendQualifier(key, i.text)
	if i.kind == itemCombined {
		return version.AppendNumber(append(key, keyNumbered), i.number)
	}
	return append(key, keyPlain)
}

func appendQualifier(key []byte, text string) []byte {
	for n, q := range qualifiers {
		if q == text {
			return append(key, keyQualifier+byte(n))
		}
	}
	switch text {
	case "":
		return append(key, keyRelease)
	case "sp":
		return append(key, keySP)
	default:
		return append(append(append(key, keyUnknown), text...), 0)
	}
}

// prerelease reports whether a known qualifier makes the version a prerelease.
func (l *versionList) prerelease() bool {
	for _, i := range l.items {
		switch i.kind {
		case itemText, itemCombined:
			for _, q := range qualifiers {
				if q == i.text {
					return true
				}
			}
		case itemList:
			if i.list.prerelease() {
				return true
			}
		}
	}
	return false
}
