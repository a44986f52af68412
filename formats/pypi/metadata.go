package pypi

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"slipway/registry"
)

// coreMetadata has the used fields of METADATA or PKG-INFO (PyPA "Core metadata specifications").
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

// Bounds of core metadata: METADATA holds the project's description, so it can be long; a single kept field can't.
const (
	maxMetadataBytes  = 16 << 20
	freeMetadataBytes = 256 << 10 // that need no memory held for them
	maxFieldBytes     = 4096
	maxFields         = 50_000 // wheels with thousands of Requires-Dist have as many
	maxProjectURLs    = 100
)

// unknown is the text that old tools write for a missing field.
const unknown = "UNKNOWN"

// parseMetadata reads the header of METADATA or PKG-INFO. Any Metadata-Version is accepted and unknown fields are ignored: an
// older server must not refuse a newer tool. Invalid.
func parseMetadata(raw []byte) (coreMetadata, error) {
	var m coreMetadata
	all, err := fields(raw, "metadata-version", "name", "version", "requires-python", "summary", "home-page", "license", "license-expression", "project-url")
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
	if err := checkSpecifier(m.requiresPython); err != nil {
		return m, err
	}
	m.version, err = parseVersion(single["version"])
	return m, err
}

type field struct{ name, value string }

// fields reads the wanted fields, named in lower case, of a header in the style of RFC 822: continued lines are joined with a
// space, the text after the first empty line is the description. Bytes that are no UTF-8 are read as Latin-1, which old tools
// wrote. Lines and fields are split exactly as by Python's email package, with which installers read the file: a line ends with LF, with
// CR LF, or with a bare CR, as old tools left it on Windows. Invalid.
func fields(raw []byte, wanted ...string) ([]field, error) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	var out []field
	var value []byte // of the current field, so far
	kept := false    // the current field is a wanted one
	end := func() {
		if kept {
			out[len(out)-1].value = strings.TrimSpace(string(value))
		}
	}
	count := 0
	for len(raw) > 0 {
		var line []byte
		if line, raw = cutLine(raw); len(line) == 0 {
			break
		}
		if bytes.IndexByte(line, 0) >= 0 {
			return nil, invalid(registry.AboutFile, "the core metadata has a control character in its header")
		}
		if line[0] == ' ' || line[0] == '\t' {
			if more := bytes.TrimSpace(line); kept && len(more) > 0 && len(value) < maxFieldBytes {
				value = append(append(value, ' '), strings.TrimSpace(decode(more))...)
			}
			continue
		}
		name, text, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			break // no field: the description begins without an empty line
		}
		if count++; count > maxFields {
			return nil, invalid(registry.AboutFile, "the core metadata has more than %d fields", maxFields)
		}
		end()
		i := slices.IndexFunc(wanted, func(s string) bool { return strings.EqualFold(s, string(name)) })
		if kept = i >= 0; !kept {
			continue
		}
		out = append(out, field{name: wanted[i]})
		if value = append(value[:0], strings.TrimSpace(decode(text))...); string(value) == unknown {
			value = value[:0]
		}
	}
	end()
	return out, nil
}

// cutLine returns the first line without its end, and the rest.
func cutLine(raw []byte) (line, rest []byte) {
	i := bytes.IndexAny(raw, "\r\n")
	if i < 0 {
		return raw, nil
	}
	if line, rest = raw[:i], raw[i+1:]; raw[i] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return line, rest
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
