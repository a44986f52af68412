package pypi

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"slipway/registry"
)

// coreMetadata is what is read of METADATA or PKG-INFO (PyPA "Core metadata specifications").
type coreMetadata struct {
	name           string // as written
	version        version
	requiresPython string
	summary        string
	homePage       string
	license        string // License-Expression, else License
	projectURLs    []labelled
}

// labelled is a Project-URL.
type labelled struct{ label, url string }

// Bounds of core metadata: METADATA holds the project's description, so it can be long; a single field that we keep can't.
const (
	maxMetadataBytes = 16 << 20
	maxFieldBytes    = 4096
	maxProjectURLs   = 100
)

// unknown is what old tools write for a field that was not given.
const unknown = "UNKNOWN"

// parseMetadata reads the header of METADATA or PKG-INFO. Any Metadata-Version is fine and unknown fields are passed over: an
// older server must not refuse a newer tool. Invalid.
func parseMetadata(raw []byte) (coreMetadata, error) {
	var m coreMetadata
	all, err := fields(raw)
	if err != nil {
		return m, err
	}
	single := map[string]string{}
	for _, f := range all {
		switch f.name {
		case "name", "version", "requires-python", "metadata-version":
			if old, ok := single[f.name]; ok && old != f.value {
				return m, invalid(registry.AboutFile, "the core metadata has %q twice, with different values", f.name)
			}
			single[f.name] = f.value
		case "summary", "home-page", "license", "license-expression":
			if _, ok := single[f.name]; !ok {
				single[f.name] = f.value
			}
		case "project-url":
			if label, url, ok := strings.Cut(f.value, ","); ok && len(m.projectURLs) < maxProjectURLs && len(f.value) <= maxFieldBytes {
				m.projectURLs = append(m.projectURLs, labelled{strings.TrimSpace(label), strings.TrimSpace(url)})
			}
		}
	}
	m.name, m.requiresPython, m.summary, m.homePage = single["name"], single["requires-python"], single["summary"], single["home-page"]
	if m.license = single["license-expression"]; m.license == "" {
		m.license = single["license"]
	}
	if m.name == "" || single["version"] == "" {
		return m, invalid(registry.AboutFile, "the core metadata has no Name or no Version")
	}
	if _, err := normalize(m.name); err != nil {
		return m, err
	}
	if len(m.requiresPython) > maxFieldBytes || strings.ContainsFunc(m.requiresPython, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return m, invalid(registry.AboutFile, "Requires-Python of the core metadata is not a version specifier")
	}
	m.version, err = parseVersion(single["version"])
	return m, err
}

type field struct{ name, value string }

// fields splits a header in the style of RFC 822: continued lines are joined with a space, what follows the first empty line
// is the description. Bytes that are no UTF-8 are read as Latin-1, as tools of another age wrote them. Where a line begins
// and what is a field is decided as Python's email package does, which installers read it with: both must see the same.
func fields(raw []byte) ([]field, error) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	var out []field
	for line := range bytes.Lines(raw) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) == 0 {
			break
		}
		if bytes.IndexByte(line, '\r') >= 0 || bytes.IndexByte(line, 0) >= 0 {
			return nil, invalid(registry.AboutFile, "the core metadata has a control character in its header")
		}
		text := decode(line)
		if line[0] == ' ' || line[0] == '\t' {
			if last := len(out) - 1; last >= 0 && len(out[last].value) < maxFieldBytes {
				out[last].value = strings.TrimSpace(out[last].value + " " + strings.TrimSpace(text))
			}
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			break // no field: the description of a file without an empty line
		}
		value = strings.TrimSpace(value)
		if value == unknown {
			value = ""
		}
		out = append(out, field{asciiLower(name), value})
	}
	return out, nil
}

func decode(line []byte) string {
	if utf8.Valid(line) {
		return string(line)
	}
	runes := make([]rune, len(line))
	for i, c := range line {
		runes[i] = rune(c)
	}
	return string(runes)
}
