package lockfiles

import (
	"encoding/json"
	"fmt"
	"strings"
)

// npmItem adds a version of an npm package.
func (c *collector) npm(name, version, digest string) error {
	scope, last, scoped := strings.Cut(name, "/")
	if !scoped {
		scope, last = "", name
	}
	if last == "" || version == "" || scoped && !strings.HasPrefix(scope, "@") {
		return c.skip(name, "it has no name of a package, or no version")
	}
	return c.add(purl("npm", scope, last, version), digest)
}

// fromRegistry reports whether a dependency comes from a registry: where it was resolved to is an archive behind http, or not said.
func fromRegistry(resolved string) bool {
	return resolved == "" || (strings.HasPrefix(resolved, "https://") || strings.HasPrefix(resolved, "http://")) && !strings.Contains(resolved, ".git#")
}

const notRegistry = "it does not come from a registry"

// lockedPackage is a package of package-lock.json, in "packages" (versions 2 and 3) or "dependencies" (1).
type lockedPackage struct {
	Name         string          `json:"name"`
	Version      string          `json:"version"`
	Resolved     json.RawMessage `json:"resolved"` // a text, or false
	Integrity    string          `json:"integrity"`
	Link         bool            `json:"link"`
	InBundle     bool            `json:"inBundle"`
	Bundled      bool            `json:"bundled"`
	Dependencies json.RawMessage `json:"dependencies"`
}

func (p lockedPackage) resolved() string {
	var s string
	_ = json.Unmarshal(p.Resolved, &s) // false is not a text
	return s
}

// packageLock reads package-lock.json and npm-shrinkwrap.json.
func packageLock(c *collector, data []byte) error {
	var lock struct {
		Version      int                      `json:"lockfileVersion"`
		Packages     map[string]lockedPackage `json:"packages"`
		Dependencies json.RawMessage          `json:"dependencies"`
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return err
	}
	if lock.Packages == nil {
		if lock.Version == 0 && lock.Dependencies == nil {
			return errShape
		}
		return c.nested(lock.Dependencies, 0)
	}
	for where, p := range lock.Packages {
		i := strings.LastIndex(where, "node_modules/")
		if i < 0 || p.Link || p.InBundle {
			continue // the project itself, a workspace, or a part of another package
		}
		name := where[i+len("node_modules/"):]
		if p.Name != "" {
			name = p.Name // an alias
		}
		if !fromRegistry(p.resolved()) {
			if err := c.skip(name, notRegistry); err != nil {
				return err
			}
			continue
		}
		if err := c.npm(name, p.Version, integrity(p.Integrity)); err != nil {
			return err
		}
	}
	return nil
}

// nested reads the dependencies of a lock file of version 1.
func (c *collector) nested(raw json.RawMessage, depth int) error {
	if len(raw) == 0 {
		return nil
	}
	if depth > maxDepth {
		return fmt.Errorf("its dependencies are nested more than %d deep", maxDepth)
	}
	var list map[string]lockedPackage
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	for name, p := range list {
		version := p.Version
		if alias, ok := strings.CutPrefix(version, "npm:"); ok {
			name, version = splitAt(alias)
		}
		var err error
		switch {
		case p.Bundled:
		case strings.ContainsAny(version, ":/") || !fromRegistry(p.resolved()):
			err = c.skip(name, notRegistry)
		default:
			err = c.npm(name, version, integrity(p.Integrity))
		}
		if err == nil {
			err = c.nested(p.Dependencies, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// splitAt splits name@version; the name may begin with an @ of its own.
func splitAt(s string) (name, version string) {
	i := strings.LastIndexByte(s, '@')
	if i <= 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// bunLock reads bun.lock: JSON with trailing commas, in which a package is ["name@version", registry, {…}, integrity].
func bunLock(c *collector, data []byte) error {
	var lock struct {
		Packages map[string][]json.RawMessage `json:"packages"`
	}
	if err := json.Unmarshal(strictJSON(data), &lock); err != nil {
		return err
	}
	if lock.Packages == nil {
		return errShape
	}
	for _, p := range lock.Packages {
		var spec, sum string
		if len(p) == 0 || json.Unmarshal(p[0], &spec) != nil {
			return errShape
		}
		name, version := splitAt(spec)
		if strings.ContainsAny(version, ":/") || len(p) < 4 {
			if err := c.skip(name, notRegistry); err != nil {
				return err
			}
			continue
		}
		_ = json.Unmarshal(p[3], &sum) // without one, none is known
		if err := c.npm(name, version, integrity(sum)); err != nil {
			return err
		}
	}
	return nil
}

// strictJSON takes comments and trailing commas out of JSON, which bun writes and encoding/json does not read.
func strictJSON(data []byte) []byte {
	out := make([]byte, 0, len(data))
	comma := -1 // where out has a comma with only white space behind it
	for i := 0; i < len(data); i++ {
		ch := data[i]
		switch {
		case ch == '"':
			end := i + 1
			for end < len(data) && data[end] != '"' {
				if data[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end, len(data)-1)
			out = append(out, data[i:end+1]...)
			i, comma = end, -1
		case ch == '/' && i+1 < len(data) && data[i+1] == '/':
			for i+1 < len(data) && data[i+1] != '\n' {
				i++
			}
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r':
			out = append(out, ch)
		case (ch == '}' || ch == ']') && comma >= 0:
			out = append(append(out[:comma], out[comma+1:]...), ch)
			comma = -1
		default:
			comma = -1
			if ch == ',' {
				comma = len(out)
			}
			out = append(out, ch)
		}
	}
	return out
}
