package raw_test

import (
	"net/url"
	"strings"
	"testing"

	"slipway/formats/raw"
	"slipway/registry"
	"slipway/registry/publish"
	"slipway/registry/upstreams"
)

var source upstreams.Source = raw.New().(upstreams.Source)

func elsewhere(pkg, version string) registry.Coordinate {
	return registry.Name{Repository: "main", Format: "raw", Package: pkg, Display: pkg}.At(version)
}

func TestSourceFile(t *testing.T) {
	for path, want := range map[string]string{
		"tool/1.0/tool.zip": "tool/1.0/tool.zip", "dist/v20/linux/node v20+x.tar.gz": "dist/v20/linux/node%20v20%2Bx.tar.gz", "a/b/c?d#e%2f": "a/b/c%3Fd%23e%252f",
		"tool/1.0/tool.zip.sha256": "tool/1.0/tool.zip.sha256", "tool/1.0/ü": "tool/1.0/%C3%BC", "a/b/@x:y": "a/b/%40x%3Ay",
		"tool/1.0/": "", "tool/1.0//x": "", "tool/1.0/../x": "", "tool/../x/y": "", "../a/b": "", "tool/1.0/a/": "", `tool/1.0/a\b`: "", "tool/1.0/a\x00": "", "tool/1.0/./a": "",
		"tool/ /x": "", "tool/1.0/" + strings.Repeat("a", 256): "", "tool//x": "", "//x": "",
	} {
		parts := strings.SplitN(path, "/", 3)
		ask, err := source.File(elsewhere(parts[0], parts[1]), parts[2], nil)
		if ask != (upstreams.Ask{URL: want}) || want == "" && registry.KindOf(err) != registry.Invalid || want != "" && err != nil {
			t.Errorf("%.40q: %+v, %v", path, ask, err)
		}
	}
	if ask, err := source.File(elsewhere("a/../b", "1"), "x", nil); err == nil {
		t.Errorf("%+v", ask)
	}
	if _, ok := source.Document(elsewhere("tool", "").Name); ok {
		t.Error("raw has a document")
	}
}

func FuzzSourceFile(f *testing.F) {
	f.Add("tool", "1.0", "bin/tool")
	f.Add("..", "%2e%2e", "a/../b?c#d")
	f.Fuzz(func(t *testing.T, pkg, version, path string) {
		ask, err := source.File(elsewhere(pkg, version), path, nil)
		if err != nil {
			if registry.KindOf(err) != registry.Invalid {
				t.Errorf("%v", err)
			}
			return
		}
		u, err := url.Parse("https://files.example.com/x/" + ask.URL)
		if err != nil || u.Host != "files.example.com" || u.Path != "/x/"+pkg+"/"+version+"/"+path || u.JoinPath().Path != u.Path || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q %q %q: %q is %v, %v", pkg, version, path, ask.URL, u, err)
		}
	})
}

// FuzzSourceParse: no document is one of raw files.
func FuzzSourceParse(f *testing.F) {
	f.Add("<html><a href=\"x\">x</a></html>")
	f.Fuzz(func(t *testing.T, doc string) {
		if _, err := source.Parse(elsewhere("tool", "").Name, "https://files.example.com/", strings.NewReader(doc)); registry.KindOf(err) != registry.Invalid {
			t.Errorf("%v", err)
		}
	})
}

func TestSourceMutable(t *testing.T) {
	sum := strings.Repeat("0123456789abcdef", 4)
	for path, want := range map[string]bool{
		"tool/1.2.0/tool-linux.tar.gz": false, "tool/v1.2.0/tool.zip": false, "tool/1.2.0-rc.1/tool.tar.xz.sha256": false, "tool/1.2/tool.deb.asc": false,
		"dist/tools/1.2.0/x.tgz": false, "pub/linux/x-1.2.whl": false, "pub/linux/x_1.2.deb": false, "jdk/21.0.1+12/jdk.rpm": false, "a/b/" + sum + ".bin": false,
		"a/b/sha256-" + sum[:40] + "/x": false, "a/1.0/header-parser.jar": false,
		"tool/latest/tool.zip": true, "tool/1.2.0/tool-latest.zip": true, "tool/1.2.0-SNAPSHOT/tool.zip": true, "tool/1.2.0/index.json": true, "tool/1.2.0/SHA256SUMS": true,
		"tool/nightly/x-1.2.tar.gz": true, "tool/12/tool.zip": true, "tool/1.2.0/tool": true, "a/b/" + sum[:39] + ".bin": true, "tool/stable/tool.zip.sha256": true, "a/b/c.sha256": true,
	} {
		parts := strings.SplitN(path, "/", 3)
		if got := source.Mutable(elsewhere(parts[0], parts[1]), parts[2]); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestSourceCheck(t *testing.T) {
	const page = "<!DOCTYPE html><html><body>Log in"
	for path, ok := range map[string]bool{
		"tool.zip": false, "a/tool.tar.gz": false, "tool.tar.zst": false, "tool.deb": false, "tool.rpm": false, "tool.jar": false, "tool.whl": false, "index.json": false,
		"tool.zip.sha256": false, "x.iso": false,
		"index.html": true, "readme.txt": true, "tool": true, "feed.xml": true, "x.unknown": true,
	} {
		if err := source.Check(path, []byte(page)); ok != (err == nil) || !ok && registry.KindOf(err) != registry.Invalid {
			t.Errorf("%s: %v", path, err)
		}
		if err := source.Check(path, []byte("bytes")); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSourceEnter(t *testing.T) {
	rel, err := source.Enter(t.Context(), upstreams.Entered{At: elsewhere("tool", "1.0-rc1"), Path: "bin/tool.zip", Blob: registry.Blob{Size: 3}})
	if err != nil || rel.Version != "1.0-rc1" || rel.PURL != "pkg:generic/tool@1.0-rc1" || rel.Mode != publish.Append || !rel.Prerelease || rel.SortKey == nil ||
		len(rel.Files) != 1 || rel.Files[0].Path != "bin/tool.zip" || rel.Files[0].MediaType != "application/zip" || rel.Files[0].Blob.Size != 3 {
		t.Errorf("%+v, %v", rel, err)
	}
}
