package clientconfig

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"slipway/internal/lazyregexp"
)

// pythonUser is the name beside a token in tools for Python.
const pythonUser = "__token__"

func (t Target) simple() string { return t.base("pypi") + "/simple/" }

func (t Target) upload() string { return t.base("pypi") + "/" }

func pipConf(t Target) []File {
	path := cmp.Or(t.Env("PIP_CONFIG_FILE"), t.config("", "pip", "pip.conf"))
	return []File{{path, func(old string) (string, error) {
		out := setINI(old, "global", "index-url", t.withUser(t.simple(), pythonUser))
		if plain, _ := t.plain(); plain {
			out = addINI(out, "global", "trusted-host", t.parsed().Host)
		}
		return out, nil
	}}}
}

func pipUse(t Target) []string {
	return []string{"All packages come from " + t.simple() + "; --extra-index-url beside it would let strangers' packages in under your names."}
}

func pypirc(t Target) []File {
	return []File{{t.home(".pypirc"), func(old string) (string, error) {
		out := addINI(old, "distutils", "index-servers", t.ID)
		out = setINI(out, t.ID, "repository", t.upload())
		out = setINI(out, t.ID, "username", pythonUser)
		return setINI(out, t.ID, "password", t.Token), nil
	}}}
}

func twineUse(t Target) []string { return []string{fmt.Sprintf("twine upload -r %s dist/*", t.ID)} }

func uvToml(t Target) []File {
	path := cmp.Or(t.Env("UV_CONFIG_FILE"), t.config("", "uv", "uv.toml"))
	return []File{{path, func(old string) (string, error) { return setUVIndex(old, t), nil }}}
}

// isDefaultIndex finds another index that uv asks by default: there can be one.
var isDefaultIndex = lazyregexp.New(`(?m)^\s*default\s*=\s*true`)

func setUVIndex(old string, t Target) string {
	block := fmt.Sprintf("[[index]]\nname = %q\nurl = %q\npublish-url = %q\n", t.ID, t.withUser(t.simple(), pythonUser), t.withUser(t.upload(), pythonUser))
	rest := withoutTable(old, "[[index]]", fmt.Sprintf("name = %q", t.ID))
	if !isDefaultIndex.MatchString(rest) {
		block += "default = true\n"
	}
	return appendBlock(rest, block)
}

func uvUse(t Target) []string {
	return []string{fmt.Sprintf("uv publish --index %s", t.ID), "An index in a project's own pyproject.toml comes before this one."}
}

func poetryToml(t Target) []File {
	dir := cmp.Or(t.Env("POETRY_CONFIG_DIR"), t.config("Library/Application Support", "pypoetry"))
	return []File{
		{filepath.Join(dir, "config.toml"), func(old string) (string, error) {
			header := fmt.Sprintf("[repositories.%s]", t.ID)
			return appendBlock(withoutTable(old, header, ""), fmt.Sprintf("%s\nurl = %q\n", header, t.upload())), nil
		}},
		{filepath.Join(dir, "auth.toml"), func(old string) (string, error) {
			header := fmt.Sprintf("[http-basic.%s]", t.ID)
			return appendBlock(withoutTable(old, header, ""), fmt.Sprintf("%s\nusername = %q\npassword = %q\n", header, pythonUser, t.Token)), nil
		}},
	}
}

func poetryUse(t Target) []string {
	return []string{
		fmt.Sprintf("poetry publish -r %s", t.ID),
		fmt.Sprintf("In a project that installs from it: poetry source add --priority=primary %s %s", t.ID, t.simple()),
	}
}

// withoutTable removes a table of a TOML file: from its header to the next header. Of an array of tables it removes the
// one that has a line; "" is the first.
func withoutTable(text, header, line string) string {
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines); i++ {
		if strings.TrimSpace(lines[i]) != header {
			continue
		}
		end, found := i+1, line == ""
		for ; end < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[end]), "["); end++ {
			found = found || strings.TrimSpace(lines[end]) == line
		}
		if found {
			return strings.Join(lines[:i], "") + strings.Join(lines[end:], "")
		}
	}
	return text
}

// appendBlock adds a block behind an empty line.
func appendBlock(text, block string) string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return block
	}
	return text + "\n\n" + block
}
