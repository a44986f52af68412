package maven

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"slipway/registry"
	"slipway/registry/publish"
	"slipway/registry/staging"
	"slipway/registry/upstreams"
)

var source upstreams.Source = New(Options{}).(upstreams.Source)

// elsewhere is a package of a repository with remotes.
func elsewhere(pkg string) registry.Name {
	return registry.Name{Repository: "main", Format: formatName, Package: pkg, Display: pkg}
}

func TestSourceDocument(t *testing.T) {
	for pkg, want := range map[string]string{
		"com.acme:lib": "com/acme/lib/maven-metadata.xml", "lib:lib_2.13": "lib/lib_2.13/maven-metadata.xml", ":acme": "acme/maven-metadata.xml",
		"com.acme:a.b": "com/acme/a.b/maven-metadata.xml",
		"com.acme:..":  "", "com..acme:lib": "", ".com:lib": "", "com.acme:": "", "": "", "com.acme:a/b": "", "com.acme:a:b": "", "com/acme:lib": "", "com.acme:%2e": "",
		strings.Repeat("a.", 1200) + "a:lib": "",
	} {
		ask, ok := source.Document(elsewhere(pkg))
		if ok != (want != "") || ok && (ask.URL != want || !ask.Gzip || ask.Accept == "" || ask.Sum != "") {
			t.Errorf("%.50s: %+v %v, want %q", pkg, ask, ok, want)
		}
	}
}

func TestSourceFile(t *testing.T) {
	for _, c := range []struct{ pkg, version, path, want string }{
		{"com.acme:lib", "1.0", "lib-1.0.jar", "com/acme/lib/1.0/lib-1.0.jar"},
		{"com.acme:lib", "1.0", "lib-1.0-sources.jar.asc", "com/acme/lib/1.0/lib-1.0-sources.jar.asc"},
		{"com.acme:lib", "1.0+b~1", "lib-1.0+b~1.tar.gz", "com/acme/lib/1.0%2Bb~1/lib-1.0%2Bb~1.tar.gz"},
		{"com.acme:lib", "1.0-SNAPSHOT", "lib-1.0-20260102.030405-7.jar", "com/acme/lib/1.0-SNAPSHOT/lib-1.0-20260102.030405-7.jar"},
		{"com.acme:lib", "1.0-SNAPSHOT", "lib-1.0-SNAPSHOT.pom", "com/acme/lib/1.0-SNAPSHOT/lib-1.0-SNAPSHOT.pom"},
		{"org.sbt:sbt-foo_2.12_1.0", "0.3", "sbt-foo-0.3.jar", "org/sbt/sbt-foo_2.12_1.0/0.3/sbt-foo-0.3.jar"},
		{"com.acme:lib", "1.0", "lib-1.0.jar.sha1", ""},
		{"com.acme:lib", "1.0", "lib-1.0.jar.asc.md5", ""},
		{"com.acme:lib", "1.0", "lib-1.0.sha512", ""},
		{"com.acme:lib", "1.0", "lib-1.0.sha256", ""},
		{"com.acme:lib", "1.0", "maven-metadata.xml", ""},
		{"com.acme:lib", "1.0", "other-1.0.jar", ""},
		{"com.acme:lib", "1.0", "lib-2.0.jar", ""},
		{"com.acme:lib", "1.0", "lib-1.0", ""},
		{"com.acme:lib", "1.0", "lib-1.0.", ""},
		{"com.acme:lib", "1.0", "lib-1.0./../../x", ""},
		{"com.acme:lib", "1.0", "lib-1.0.jar?x=/y", ""},
		{"com.acme:lib", "1.0", `lib-1.0\..jar`, ""},
		{"com.acme:lib", "1.0", "../lib-1.0.jar", ""},
		{"com.acme:lib", "1.0-SNAPSHOT", "lib-1.0.jar", ""},
		{"com.acme:lib", "1.0-snapshot", "lib-1.0-snapshot.jar", ""},
		{"com.acme:lib", "..", "lib-...jar", ""},
		{"com.acme:lib", "", "lib-.jar", ""},
		{"com.acme:..", "1.0", "..-1.0.jar", ""},
		{":lib", "1.0", "lib-1.0.jar", ""},
		{"com.acme:lib", "1.0", "", ""},
	} {
		ask, err := source.File(elsewhere(c.pkg).At(c.version), c.path, nil)
		if c.want == "" {
			if registry.KindOf(err) != registry.Invalid {
				t.Errorf("%s %s %s: %+v, %v", c.pkg, c.version, c.path, ask, err)
			}
			continue
		}
		if err != nil || ask != (upstreams.Ask{URL: c.want, Sum: ".sha1"}) {
			t.Errorf("%s %s %s: %+v, %v", c.pkg, c.version, c.path, ask, err)
		}
	}
}

func TestSourceMutable(t *testing.T) {
	for file, want := range map[string]bool{
		"1.0/lib-1.0.jar": false, "1.0-SNAPSHOT/lib-1.0-SNAPSHOT.jar": true, "1.0-SNAPSHOT/lib-1.0-20260102.030405-7.jar": false,
		"1.0-SNAPSHOT/lib-1.0-20260102.030405-7.pom.asc": false, "SNAPSHOT/lib-SNAPSHOT.jar": true, "2026.1/lib-2026.1.pom": false,
	} {
		version, path, _ := strings.Cut(file, "/")
		if got := source.Mutable(elsewhere("com.acme:lib").At(version), path); got != want {
			t.Errorf("%s: %v", file, got)
		}
	}
}

func TestSourceCheck(t *testing.T) {
	const page, zip = "<!DOCTYPE html><html><body>Log in", "PK\x03\x04rest"
	for _, c := range []struct {
		path, head string
		ok         bool
	}{
		{"lib-1.0.jar", zip, true}, {"lib-1.0.jar", "PK\x05\x06", true}, {"lib-1.0.jar", "#!/bin/sh\nexec java", true}, {"lib-1.0.JAR", page, false},
		{"lib-1.0.jar", "", false}, {"lib-1.0.war", "gzip?", false}, {"lib-1.0.aar", zip, true}, {"lib-1.0.ear", page, false}, {"lib-1.0.zip", "PK", false},
		{"lib-1.0.pom", pomOf("lib", "1.0", ""), true}, {"lib-1.0.pom", "\ufeff\n<project>", true}, {"lib-1.0.pom", "\xff\xfe<\x00p\x00r\x00", true},
		{"lib-1.0.pom", "<!-- " + strings.Repeat("licence ", 600), true}, {"lib-1.0.pom", page, false}, {"lib-1.0.pom", "", false}, {"lib-1.0.pom", "{}", false},
		{"lib-1.0.pom", "404 page not found", false}, {"lib-1.0.pom", `<?xml version="1.0" encoding="klingon"?><project/>`, false},
		{"lib-1.0-beans.xml", "<beans/>", true}, {"lib-1.0-beans.xml", page, false},
		{"lib-1.0.module", "{\"formatVersion\"", true}, {"lib-1.0.module", "\n {", true}, {"lib-1.0.module", page, false}, {"lib-1.0.module", "[]", false},
		{"lib-1.0.jar.asc", "-----BEGIN PGP SIGNATURE-----", true}, {"lib-1.0.jar.asc", page, false}, {"lib-1.0.tar.gz", page, false}, {"lib-1.0.tar.gz", "\x1f\x8b", true},
		{"lib-1.0-report.html", page, true}, {"lib-1.0-linux", "\x7fELF", true},
	} {
		err := source.Check(c.path, []byte(c.head))
		if c.ok != (err == nil) || err != nil && registry.KindOf(err) != registry.Invalid {
			t.Errorf("%s %.20q: %v", c.path, c.head, err)
		}
	}
}

func TestSourceParse(t *testing.T) {
	doc := `<?xml version="1.0"?><metadata xmlns="http://maven.apache.org/METADATA/1.1.0"><groupId>com.acme</groupId> <artifactId> lib </artifactId><versioning><latest>9</latest>
<release>1.10</release><versions><version>1.10</version><version>1.9</version><version>1.10</version><version>2.0-SNAPSHOT</version><version>1.10-rc1</version>
<version>../../x</version><version>a/b</version><version>..</version><version></version><version>1,2</version><version>${project.version}</version><version>1.0-snapshot</version>
<version>a&#x202e;b</version><version>` + strings.Repeat("1", 256) + `</version></versions><lastUpdated>20260102030405</lastUpdated></versioning></metadata>`
	index, err := source.Parse(elsewhere("com.acme:lib"), "https://repo.example.com/com/acme/lib/maven-metadata.xml", strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range index.Versions {
		got = append(got, fmt.Sprintf("%s %v %s", v.Name, v.Prerelease, v.PURL))
		if v.State != registry.Published || v.Descriptor != nil || v.SortKey == nil || !v.PublishedAt.IsZero() || v.ID != 0 || v.Digest != "" {
			t.Errorf("%+v", v)
		}
	}
	want := []string{"1.9 false pkg:maven/com.acme/lib@1.9", "1.10-rc1 true pkg:maven/com.acme/lib@1.10-rc1", "1.10 false pkg:maven/com.acme/lib@1.10",
		"2.0-SNAPSHOT true pkg:maven/com.acme/lib@2.0-SNAPSHOT"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if index.Name != "com.acme:lib" || !index.UpdatedAt.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || index.Descriptor != nil || index.Entries != nil || index.Tags != nil {
		t.Errorf("%+v", index)
	}
	if _, err := source.Parse(elsewhere("com.acme:lib"), "", io.MultiReader(strings.NewReader(doc[:100]), iotest.ErrReader(io.ErrUnexpectedEOF))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a document that breaks off on its way: %v", err)
	}
}

// TestSourceParseHostile: what is no document about the package is refused, whatever it costs to read.
func TestSourceParseHostile(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		b.WriteString("<metadata><versioning><versions>")
		for i := range n {
			fmt.Fprintf(&b, "<version>%d</version>", i)
		}
		b.WriteString("</versions></versioning></metadata>")
		return b.String()
	}
	for name, doc := range map[string]string{
		"nothing": "", "page": "<!DOCTYPE html><html></html>", "other root": "<project/>", "JSON": "{}", "cut": "<metadata><groupId>com.acme</groupId>",
		"DTD":            `<!DOCTYPE m [<!ENTITY x "y">]><metadata><groupId>&x;</groupId></metadata>`,
		"external":       `<!DOCTYPE m SYSTEM "file:///etc/passwd"><metadata/>`,
		"entity":         `<metadata><groupId>&x;</groupId></metadata>`,
		"depth":          strings.Repeat("<metadata>", 100_000),
		"other group":    `<metadata><groupId>com.evil</groupId><artifactId>lib</artifactId></metadata>`,
		"other artifact": strings.Replace(versionsOf("lib", "1.0"), "<artifactId>lib", "<artifactId>other", 1),
		"no artifact":    `<metadata><groupId>com.evil</groupId></metadata>`,
		"two million":    "<metadata><versioning><versions>" + strings.Repeat("<version>1</version>", 2_000_000) + "</versions></versioning></metadata>",
		"too many":       many(maxIndexVersions + 1),
		"large":          "<metadata><!--" + strings.Repeat("x", maxMetadataBytes) + "--></metadata>",
		"plugins": "<metadata><plugins>" + strings.Repeat("<plugin><prefix>a</prefix><artifactId>b</artifactId></plugin>", maxPairs+1) +
			"</plugins></metadata>",
	} {
		if index, err := source.Parse(elsewhere("com.acme:lib"), "", strings.NewReader(doc)); registry.KindOf(err) != registry.Invalid || err == nil {
			t.Errorf("%s: %d versions, %v", name, len(index.Versions), err)
		}
	}
	if index, err := source.Parse(elsewhere("com.acme:lib"), "", strings.NewReader(many(20_000))); err != nil || len(index.Versions) != 20_000 {
		t.Errorf("20000 versions: %d, %v", len(index.Versions), err)
	}
}

// TestSourcePlugins: the document of a group with plugins is the descriptor of the package at the same path.
func TestSourcePlugins(t *testing.T) {
	doc := `<metadata><plugins><plugin><name>Acme</name><prefix>b</prefix><artifactId>b-maven-plugin</artifactId></plugin><plugin><prefix>a</prefix>
<artifactId>a-maven-plugin</artifactId></plugin><plugin><prefix>../x</prefix><artifactId>y</artifactId></plugin><plugin><prefix>c</prefix></plugin></plugins></metadata>`
	for _, of := range []string{doc, strings.Replace(doc, "<plugins>", "<groupId>com.acme.plugins</groupId><plugins>", 1)} {
		index, err := source.Parse(elsewhere("com.acme:plugins"), "", strings.NewReader(of))
		if err != nil || len(index.Versions) > 0 {
			t.Fatalf("%+v, %v", index, err)
		}
		here := []plugin{{Name: "Ours", Prefix: "b", Artifact: "ours"}, {Prefix: "c", Artifact: "c"}}
		want := []plugin{{Prefix: "a", Artifact: "a-maven-plugin"}, {Name: "Ours", Prefix: "b", Artifact: "ours"}, {Prefix: "c", Artifact: "c"}}
		if got := withListed(here, index.Descriptor); !slices.Equal(got, want) {
			t.Errorf("%+v", got)
		}
	}
	if got := withListed(nil, []byte(`{"plugin":{}}`)); got != nil {
		t.Errorf("%+v", got)
	}
}

func FuzzSourceParse(f *testing.F) {
	f.Add([]byte(versionsOf("lib", "1.0", "2.0-SNAPSHOT", "../x", "2&lt;3")))
	f.Add([]byte(`<metadata><plugins><plugin><prefix>a</prefix><artifactId>b</artifactId></plugin></plugins></metadata>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY x "y">]><metadata>&x;</metadata>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		index, err := source.Parse(elsewhere("com.acme:lib"), "", bytes.NewReader(raw))
		if err != nil {
			if registry.KindOf(err) != registry.Invalid {
				t.Errorf("%v", err)
			}
			return
		}
		for i, v := range index.Versions {
			if registry.CheckVersion(v.Name) != nil || i > 0 && bytes.Compare(index.Versions[i-1].SortKey, v.SortKey) > 0 {
				t.Errorf("%q", v.Name)
			}
			ask, err := source.File(elsewhere("com.acme:lib").At(v.Name), "lib-"+v.Name+".pom", nil)
			if err == nil && (!strings.HasPrefix(ask.URL, "com/acme/lib/") || strings.Count(ask.URL, "/") != 4 || strings.ContainsAny(ask.URL, "?#\\ ")) {
				t.Errorf("%q leads to %q", v.Name, ask.URL)
			}
		}
	})
}

// entered is a file that came from a remote.
func entered(version, path, content string) upstreams.Entered {
	blob := sumsOf([]byte(content))
	blob.Size = int64(len(content))
	return upstreams.Entered{At: elsewhere("com.acme:acme-maven-plugin").At(version), Path: path, Blob: blob,
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

// TestSourceEnter: the files of a version, which enter one by one in any order, make what their deploy would have made.
func TestSourceEnter(t *testing.T) {
	const version, stem = "1.0-rc1", "acme-maven-plugin-1.0-rc1"
	pom := pomOf("acme-maven-plugin", version, "<packaging>maven-plugin</packaging><name>Acme</name><scm><url>https://git.example.com/acme</url><tag>v1</tag></scm>")
	files := []upstreams.Entered{entered(version, stem+".pom", pom), entered(version, stem+".jar", "PK\x03\x04"), entered(version, stem+".module", "{}")}
	p, err := parsePOM([]byte(pom))
	must(t, err)
	var staged []registry.StagedFile
	for _, f := range files {
		s := registry.StagedFile{Format: formatName, Package: f.At.Package, Version: version, Path: f.Path, Blob: f.Blob}
		if strings.HasSuffix(f.Path, ".pom") {
			s.Attributes = attributes{POM: &p}.encode()
		}
		staged = append(staged, s)
	}
	open := func(context.Context, registry.Blob, int64, int64) (io.ReadCloser, error) { return nil, io.EOF }
	deployed, err := assembly{Assembly: staging.Assembly{Open: open, At: files[0].At, Files: staged}}.release(t.Context())
	must(t, err)
	want, err := deployed.Merge(nil)
	must(t, err)

	for _, order := range [][]int{{0, 1, 2}, {1, 2, 0}, {2, 0, 1}} {
		var descriptor []byte
		var facts []registry.FactInput
		for _, i := range order {
			rel, err := source.Enter(t.Context(), files[i])
			must(t, err)
			if descriptor, err = rel.Merge(descriptor); err != nil {
				t.Fatal(err)
			}
			facts = append(facts, rel.Facts...)
			if rel.Mode != publish.Append || rel.Version != version || rel.PURL != deployed.PURL || !bytes.Equal(rel.SortKey, deployed.SortKey) || !rel.Prerelease ||
				len(rel.Files) != 1 || rel.Files[0].Path != files[i].Path || rel.Files[0].MediaType != mediaType(files[i].Path) || rel.Files[0].Blob.Digest != files[i].Blob.Digest {
				t.Errorf("%s: %+v", files[i].Path, rel)
			}
			if (rel.Package != nil) != (i == 0) {
				t.Errorf("%s describes the package: %v", files[i].Path, rel.Package != nil)
			}
		}
		if !bytes.Equal(descriptor, want) || !slices.Equal(facts, deployed.Facts) || len(facts) == 0 {
			t.Errorf("%v: %s, want %s; facts %v", order, descriptor, want, facts)
		}
	}
	got, err := deployed.Package(nil)
	must(t, err)
	rel, err := source.Enter(t.Context(), files[0])
	must(t, err)
	if raw, err := rel.Package(nil); err != nil || !bytes.Equal(raw, got) || !strings.Contains(string(raw), `"prefix":"acme"`) {
		t.Errorf("%s, %v", raw, err)
	}
}

// TestSourceEnterPOM: a POM that can't be read enters all the same; one that can't be opened does not.
func TestSourceEnterPOM(t *testing.T) {
	broken := entered("1.0", "acme-maven-plugin-1.0.pom", `<!DOCTYPE x><project><packaging>maven-plugin</packaging></project>`)
	rel, err := source.Enter(t.Context(), broken)
	if err != nil || rel.Facts != nil || rel.Package != nil {
		t.Errorf("%+v, %v", rel, err)
	}
	large := entered("1.0", "acme-maven-plugin-1.0.pom", "<project>")
	large.Blob.Size = maxPOMBytes + 1
	large.Open = func(context.Context) (io.ReadCloser, error) { return nil, io.ErrClosedPipe }
	if _, err := source.Enter(t.Context(), large); err != nil {
		t.Errorf("%v", err)
	}
	large.Blob.Size = 9
	if _, err := source.Enter(t.Context(), large); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
	literal, err := source.Enter(t.Context(), entered("1.0-SNAPSHOT", "acme-maven-plugin-1.0-SNAPSHOT.jar", "PK"))
	if err != nil || literal.Mode != publish.Append {
		t.Errorf("%+v, %v", literal, err)
	}
}
