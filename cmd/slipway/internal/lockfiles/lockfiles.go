// Package lockfiles reads which package versions, with which digests, a project's lock file, bill of materials or list names. It only
// reads: no network, no files. What it is given may be hostile, so every file has bounds, and names are not taken to be right: the server
// checks them.
package lockfiles

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Bounds of one file.
const (
	MaxBytes = 32 << 20
	maxItems = 200_000
	maxDepth = 200 // of nested dependencies or components
)

// Item is one package version that a file names.
type Item struct {
	PURL string // with the version; the qualifier file_name is the only file that is meant
	// Digests are those of the files that are meant, one for each file, as "sha512:" and hexadecimal digits. Empty: those that the
	// version has.
	Digests []string
}

// Skipped is something that a file names and that no registry can deliver.
type Skipped struct{ What, Why string }

// List is what a file names: items ascending by PURL, each once.
type List struct {
	Items   []Item
	Skipped []Skipped
}

// Filter selects among the files of one version that are for different machines. The zero Filter selects all.
type Filter struct {
	Python   string // tag of an interpreter, such as cp312
	Platform string // such as linux/amd64
}

// parser reads one kind of file into a collector.
type parser func(c *collector, data []byte) error

// kinds finds the parser of a file by its name, which may have something before it where the pattern begins with a star.
var kinds = []struct {
	pattern string
	parse   parser
}{
	{"package-lock.json", packageLock}, {"npm-shrinkwrap.json", packageLock}, {"pnpm-lock.yaml", pnpmLock}, {"yarn.lock", yarnLock}, {"bun.lock", bunLock},
	{"uv.lock", uvLock}, {"poetry.lock", poetryLock}, {"pdm.lock", poetryLock}, {"pylock.toml", pyLock}, {"pylock.*.toml", pyLock},
	{"*requirements*.txt", requirements}, {"*constraints*.txt", requirements}, {"*requirements*.in", requirements},
	{"verification-metadata.xml", verificationMetadata}, {"*.lockfile", gradleLock},
	{"*.json", billOfMaterials}, {"*.cdx", billOfMaterials}, {"*.spdx", billOfMaterials},
}

// Parse reads a file; its name says what it is. Any other name is that of a list: one Maven coordinate group:artifact:version, image
// reference or package URL on each line.
func Parse(name string, data []byte, f Filter) (List, error) {
	if len(data) > MaxBytes {
		return List{}, fmt.Errorf("it has more than %d MiB", MaxBytes>>20)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	parse := lines
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	for _, k := range kinds {
		if ok, err := path.Match(k.pattern, base); err == nil && ok {
			parse = k.parse
			break
		}
	}
	c := &collector{filter: f, byPURL: map[string]int{}}
	if err := parse(c, data); err != nil {
		return List{}, err
	}
	slices.SortFunc(c.list.Items, func(a, b Item) int { return cmp.Compare(a.PURL, b.PURL) })
	return c.list, nil
}

var errTooMany = fmt.Errorf("it names more than %d packages", maxItems)

// collector gathers what a file names, each version once.
type collector struct {
	filter Filter
	list   List
	byPURL map[string]int
}

func (c *collector) add(purl string, digests ...string) error {
	i, ok := c.byPURL[purl]
	if !ok {
		if i = len(c.list.Items); i == maxItems {
			return errTooMany
		}
		c.byPURL[purl] = i
		c.list.Items = append(c.list.Items, Item{PURL: purl})
	}
	it := &c.list.Items[i]
	for _, d := range digests {
		if d != "" && !slices.Contains(it.Digests, d) {
			it.Digests = append(it.Digests, d)
		}
	}
	return nil
}

func (c *collector) skip(what, why string) error {
	if len(c.list.Skipped) == maxItems {
		return errTooMany
	}
	c.list.Skipped = append(c.list.Skipped, Skipped{what, why})
	return nil
}

// purl makes a package URL; namespace may be empty.
func purl(kind, namespace, name, version string) string {
	var b strings.Builder
	b.WriteString("pkg:" + kind + "/")
	if namespace != "" {
		for seg := range strings.SplitSeq(namespace, "/") {
			b.WriteString(escape(seg) + "/")
		}
	}
	b.WriteString(escape(name))
	if version != "" {
		b.WriteString("@" + escape(version))
	}
	return b.String()
}

// escape is the percent-encoding of a part of a package URL.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch ch := s[i]; {
		case ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9' || strings.IndexByte("-._~", ch) >= 0:
			b.WriteByte(ch)
		default:
			fmt.Fprintf(&b, "%%%02X", ch)
		}
	}
	return b.String()
}

var errShape = errors.New("it is not such a file")
