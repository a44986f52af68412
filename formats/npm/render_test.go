package npm

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"slipway/registry"
	"slipway/registry/catalog"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares JSON with a file of testdata, indented for reading.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if !json.Valid(got) {
		t.Fatalf("%s is not JSON: %s", name, got)
	}
	var b bytes.Buffer
	must(t, json.Indent(&b, got, "", "  "))
	b.WriteByte('\n')
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(path, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s differs:\n%s", name, b.Bytes())
	}
}

// sample is a package with three versions: everything that a manifest can have, a deprecated one, a yanked one.
func sample(t testing.TB) *page {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	rich := `{
		"name": "@acme/web", "version": "2.0.0", "description": "A <web> & more", "keywords": ["a"], "license": "MIT", "unknown": {"kept": [1.50, "\u2028"]},
		"repository": {"type": "git", "url": "git+https://github.com/acme/web.git"}, "author": {"name": "A"}, "homepage": "", "bugs": null,
		"dependencies": {"a": "^1"}, "acceptDependencies": {"a": "^2"}, "optionalDependencies": {"b": "1"}, "devDependencies": {"c": "1"}, "bundleDependencies": ["a"],
		"peerDependencies": {"d": "1"}, "peerDependenciesMeta": {"d": {"optional": true}}, "bin": {"web": "cli.js"}, "directories": {}, "engines": {"node": ">=18"},
		"funding": "https://example.com", "os": ["linux"], "cpu": ["x64"], "libc": ["glibc"], "scripts": {"postinstall": "x", "test": "y"}, "main": "index.js",
		"gitHead": "0123456789abcdef0123456789abcdef01234567", "_npmVersion": "11.19.1", "_nodeVersion": "20.20.2", "_id": "forged", "_npmUser": {"name": "forged"},
		"_hasShrinkwrap": false, "hasInstallScript": false, "_resolved": "/home/me/x.tgz", "_from": "file:x.tgz", "_integrity": "x", "integrity": "x", "shasum": "x",
		"readme": "# no", "deprecated": "no", "maintainers": [{"name": "forged"}],
		"dist": {"tarball": "http://elsewhere.example/x.tgz", "shasum": "x", "integrity": "x", "signatures": []}
	}`
	version := func(id int64, v, raw string, tar contents, state registry.State, reason string) registry.Version {
		m := manifest{name: "@acme/web", version: v, object: obj(t, raw), tar: tar, publisher: "alice",
			shasum: "da39a3ee5e6b4b0d3255bfef95601890afd80709", integrity: "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="}
		d, err := m.descriptor()
		must(t, err)
		return registry.Version{ID: id, Name: v, State: state, Reason: reason, Descriptor: d, PublishedAt: at.Add(time.Duration(id) * time.Hour), PURL: purl("@acme/web", v)}
	}
	plain := contents{manifest: obj(t, "{}"), files: 1, unpacked: 10}
	about := marshal(about{Readme: "# Web <3", ReadmeFilename: "README.md", Maintainers: []person{{Name: "alice"}, {Name: "bob", Email: "bob@example.com"}}, Users: map[string]bool{"eve": true}})
	c := catalog.PackageListing{
		Package: registry.Package{ID: 7, Revision: 12, Name: "@acme/web", Descriptor: about, CreatedAt: at, UpdatedAt: at.Add(100 * time.Hour)},
		Versions: []registry.Version{
			version(1, "1.0.0", `{"name":"@acme/web","version":"1.0.0","license":"ISC"}`, plain, registry.Deprecated, `use "2" <now>`),
			version(2, "2.0.0-rc.1", `{"name":"@acme/web","version":"2.0.0-rc.1"}`, plain, registry.Yanked, "leaks"),
			version(3, "2.0.0", rich, contents{manifest: obj(t, rich), files: 12, unpacked: 3456, hasShrinkwrap: true}, registry.Published, ""),
		},
		Tags: []registry.Tag{{Name: "latest", Version: "2.0.0", VersionID: 3}, {Name: "next", Version: "2.0.0-rc.1", VersionID: 2}},
	}
	p, err := newPage(c, "https://registry.example.com/base/npm/main")
	must(t, err)
	return p
}

func TestGolden(t *testing.T) {
	p := sample(t)
	full, err := p.full()
	must(t, err)
	golden(t, "full.json", full)
	short, err := p.abbreviated()
	must(t, err)
	golden(t, "abbreviated.json", short)
	one, err := p.one(p.Versions[2])
	must(t, err)
	golden(t, "version.json", one)
}

// TestAllowList: the abbreviated versions have exactly the listed members of the full ones (npm.md 3.5), and no empty
// one.
func TestAllowList(t *testing.T) {
	p := sample(t)
	full, err := p.full()
	must(t, err)
	short, err := p.abbreviated()
	must(t, err)
	fulls, shorts := parsed(t, full)["versions"].(map[string]any), parsed(t, short)["versions"].(map[string]any)
	allowed := map[string]bool{"dist": true, "deprecated": true}
	for _, key := range abbreviatedMembers {
		allowed[key] = true
	}
	for v, f := range fulls {
		have := f.(map[string]any)
		got := shorts[v].(map[string]any)
		for key, value := range have {
			empty := isEmpty(marshal(value))
			if _, ok := got[key]; ok != (allowed[key] && !empty) {
				t.Errorf("%s: %q in the abbreviated document: %v", v, key, ok)
			}
		}
		for key := range got {
			if fmt.Sprint(got[key]) != fmt.Sprint(have[key]) {
				t.Errorf("%s: %q is %v, %v", v, key, got[key], have[key])
			}
		}
	}
}

func TestUnsealRefuses(t *testing.T) {
	for _, d := range []string{"", "npm1 5", "npm1 5\n{}", "npm1 -1\n{}", "npm2 2\n{}{}", "x\n"} {
		if _, _, err := unseal([]byte(d)); err == nil {
			t.Errorf("%q was read", d)
		}
	}
}

func TestManifestTooLarge(t *testing.T) {
	o := object{{"x", marshal(string(bytes.Repeat([]byte("x"), maxFragmentBytes)))}}
	if _, err := (manifest{name: "a", version: "1.0.0", object: o}).descriptor(); registry.KindOf(err) != registry.TooLarge {
		t.Errorf("%v", err)
	}
}
