package lockfiles

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// resolution says in pnpm's file where a package comes from.
type resolution struct {
	Integrity string `yaml:"integrity"`
	Tarball   string `yaml:"tarball"`
	Type      string `yaml:"type"`
	Directory string `yaml:"directory"`
	Repo      string `yaml:"repo"`
}

// pnpmLock reads pnpm-lock.yaml of the versions 5 (/name/1.0.0), 6 (/name@1.0.0) and 9 (name@1.0.0).
func pnpmLock(c *collector, data []byte) error {
	var lock struct {
		Version  any                                        `yaml:"lockfileVersion"`
		Packages map[string]struct{ Resolution resolution } `yaml:"packages"`
	}
	if err := yaml.Unmarshal(data, &lock); err != nil {
		return err
	}
	if lock.Version == nil {
		return errShape
	}
	slashes := strings.HasPrefix(fmt.Sprint(lock.Version), "5")
	for key, p := range lock.Packages {
		name, version := pnpmKey(key, slashes && strings.HasPrefix(key, "/"))
		r := p.Resolution
		var err error
		if r.Integrity == "" || r.Type != "" || r.Directory != "" || r.Repo != "" || strings.ContainsAny(version, ":/") {
			err = c.skip(key, notRegistry)
		} else {
			err = c.npm(name, version, integrity(r.Integrity))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pnpmKey takes a key of pnpm's packages apart. What follows the version says with which peers it is installed.
func pnpmKey(key string, slashes bool) (name, version string) {
	key = strings.TrimPrefix(key, "/")
	if i := strings.LastIndexByte(key, '/'); slashes && i > 0 {
		version, _, _ = strings.Cut(key[i+1:], "_")
		return key[:i], version
	}
	key, _, _ = strings.Cut(key, "(")
	return splitAt(key)
}

// yarnLock reads yarn.lock of both kinds: that of Yarn 1, which is a format of its own, and YAML.
func yarnLock(c *collector, data []byte) error {
	if bytes.Contains(data, []byte("\n__metadata:")) || bytes.HasPrefix(data, []byte("__metadata:")) {
		return yarnBerry(c, data)
	}
	var name, version, resolved, sum string
	flush := func() error {
		if name == "" {
			return nil
		}
		defer func() { name, version, resolved, sum = "", "", "", "" }()
		if version == "" || !fromRegistry(resolved) {
			return c.skip(name, notRegistry)
		}
		if sum == "" {
			_, fragment, _ := strings.Cut(resolved, "#")
			sum = hexDigest("sha1", fragment)
		}
		return c.npm(name, version, sum)
	}
	in := bufio.NewScanner(bytes.NewReader(data))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		line := strings.TrimRight(in.Text(), " \r")
		text := strings.TrimLeft(line, " ")
		switch indent := len(line) - len(text); {
		case text == "" || text[0] == '#':
		case indent == 0:
			if err := flush(); err != nil {
				return err
			}
			if !strings.HasSuffix(text, ":") {
				return errShape
			}
			name = yarnName(text[:len(text)-1])
		case indent == 2:
			key, value, _ := strings.Cut(text, " ")
			value = strings.Trim(value, `"`)
			switch key {
			case "version":
				version = value
			case "resolved":
				resolved = value
			case "integrity":
				sum = integrity(value)
			}
		}
	}
	if err := in.Err(); err != nil {
		return err
	}
	return flush()
}

// yarnName is the package of a key of Yarn 1: "name@^1.0.0", "name@~1.0.1", of which an alias is "other@npm:name@^1.0.0".
func yarnName(key string) string {
	first, _, _ := strings.Cut(key, ", ")
	first = strings.Trim(first, `"`)
	if _, alias, ok := strings.Cut(first, "@npm:"); ok {
		first = alias
	}
	i := strings.IndexByte(first[min(1, len(first)):], '@')
	if i < 0 {
		return first
	}
	return first[:i+1]
}

// yarnBerry reads yarn.lock of Yarn 2 and later. Its checksums are of archives that Yarn makes itself, so no digest is known.
func yarnBerry(c *collector, data []byte) error {
	var lock map[string]struct {
		Version    string `yaml:"version"`
		Resolution string `yaml:"resolution"`
	}
	if err := yaml.Unmarshal(data, &lock); err != nil {
		return err
	}
	for key, p := range lock {
		name, version, ok := strings.Cut(p.Resolution, "@npm:")
		version, _, _ = strings.Cut(version, "::")
		var err error
		switch {
		case key == "__metadata" || strings.Contains(p.Resolution, "@workspace:") || strings.Contains(p.Resolution, "@patch:"):
		case !ok:
			err = c.skip(p.Resolution, notRegistry)
		default:
			err = c.npm(name, version, "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
