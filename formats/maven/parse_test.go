package maven

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"slipway/registry"
)

func TestParsePath(t *testing.T) {
	for path, want := range map[string]string{
		"com/acme/lib/1.0/lib-1.0.jar":                                    "file com.acme:lib:1.0  .jar",
		"com/acme/lib/1.0/lib-1.0-sources.jar":                            "file com.acme:lib:1.0  -sources.jar",
		"lib/lib/1/lib-1.pom":                                             "file lib:lib:1  .pom",
		"com//acme///lib/1.0/lib-1.0.jar":                                 "file com.acme:lib:1.0  .jar",
		"com/acme/lib/1.0/lib-1.0.jar.sha1":                               "file com.acme:lib:1.0  .jar sum sha1",
		"com/acme/lib/1.0/lib-1.0.jar.asc.sha1.md5":                       "file com.acme:lib:1.0  .jar.asc.sha1 sum md5 unsummed",
		"com/acme/lib/1.0/README.txt":                                     "file com.acme:lib:1.0  ",
		"com/acme/lib/1.0+b.5/lib-1.0+b.5.tar.gz":                         "file com.acme:lib:1.0+b.5  .tar.gz",
		"com/acme/lib/1.0%2Bb.5/lib-1.0+b.5.tar.gz":                       "file com.acme:lib:1.0+b.5  .tar.gz",
		"com/acme/lib-1.0/1.0/lib-1.0-1.0.jar":                            "file com.acme:lib-1.0:1.0  .jar",
		"com/acme/a.b/1.0/a.b-1.0.jar":                                    "file com.acme:a.b:1.0  .jar",
		"com/acme/lib/1.0-SNAPSHOT/lib-1.0-20260102.030405-7-sources.jar": "file com.acme:lib:1.0-SNAPSHOT 20260102.030405-7 -sources.jar",
		"com/acme/lib/1.0-SNAPSHOT/lib-1.0-SNAPSHOT.jar":                  "file com.acme:lib:1.0-SNAPSHOT SNAPSHOT .jar",
		"com/acme/lib/1.0-SNAPSHOT/lib-1.0.jar":                           "file com.acme:lib:1.0-SNAPSHOT SNAPSHOT ",
		"com/acme/lib/SNAPSHOT/lib-20260102.030405-7.jar":                 "file com.acme:lib:SNAPSHOT 20260102.030405-7 .jar",
		"com/acme/lib/1.0-SNAPSHOT/maven-metadata.xml":                    "snapshots com.acme:lib:1.0-SNAPSHOT",
		"com/acme/lib/1.0-SNAPSHOT/maven-metadata.xml.sha256":             "snapshots com.acme:lib:1.0-SNAPSHOT sum sha256",
		"com/acme/lib/maven-metadata.xml":                                 "artifacts com.acme:lib",
		"acme/maven-metadata.xml":                                         "artifacts :acme",
		"maven-metadata.xml":                                              "other",
		"org/sbt/sbt-foo_2.12_1.0/0.3/sbt-foo-0.3.jar":                    "file org.sbt:sbt-foo_2.12_1.0:0.3  .jar",
		"com.acme/lib/1.0/lib-1.0.jar":                                    "other",
		"com/acme/lib-1.0.jar":                                            "other",
		"archetype-catalog.xml":                                           "other", ".meta/prefixes.txt": "other", "com/acme/": "other", "": "other",
	} {
		got, err := parsePath("/maven/main/" + path)
		if err != nil || describe(got) != want {
			t.Errorf("%s: %q, %v; want %q", path, describe(got), err, want)
		}
	}
	for path, kind := range map[string]registry.Kind{
		"com/../acme/lib/1.0/x": registry.Invalid, "com/./x/1/y": registry.Invalid, "com%2Facme/lib/1.0/x": registry.Invalid, "com/acme/%00/1/y": registry.Invalid,
		"com/%2e%2e/x/1/y": registry.Invalid, `com/a%5Cb/1/y`: registry.Invalid, "com/%zz/1/y": registry.Invalid, "com/" + strings.Repeat("a", 256) + "/1/y": registry.Invalid,
		strings.Repeat("a/", 1100): registry.Invalid,
	} {
		if _, err := parsePath("/maven/main/" + path); err == nil || registry.KindOf(err) != kind {
			t.Errorf("%.60s: %v", path, err)
		}
	}
	if _, err := parsePath("/maven/Main!/x"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("%v", err)
	}
}

func describe(t target) string {
	out := map[kind]string{kindOther: "other", kindFile: "file", kindArtifacts: "artifacts", kindSnapshots: "snapshots"}[t.kind]
	if t.kind == kindOther {
		return out
	}
	out += " " + t.group + ":" + t.artifact
	if t.version != "" {
		out += ":" + t.version
	}
	if t.kind == kindFile {
		rest := t.file.rest
		if t.unsummed {
			rest = ".jar.asc.sha1" // of the file's own name
		}
		out += " " + t.file.build + " " + rest
	}
	if t.sum != nil {
		out += " sum " + t.sum.suffix
	}
	if t.unsummed {
		out += " unsummed"
	}
	return out
}

func TestPairs(t *testing.T) {
	known := map[string]pair{"-linux-2.17.tar.gz": {"linux-2.17", "tar.gz"}, "-a.b.c": {"a", "b.c"}}
	for rest, want := range map[string]pair{
		".jar": {"", "jar"}, "-sources.jar": {"sources", "jar"}, ".pom.asc": {"", "pom.asc"}, "-sources.jar.asc": {"sources", "jar.asc"},
		"-bin.tar.gz": {"bin", "tar.gz"}, ".tar.gz": {"", "tar.gz"}, "-x.y.zip": {"x.y", "zip"}, "-linux-2.17.tar.gz": {"linux-2.17", "tar.gz"},
		"-a.b.c": {"a", "b.c"}, ".jar.sigstore.json": {"", "jar.sigstore.json"},
	} {
		if got, ok := (fileName{rest: rest}).pair(known); !ok || got != want {
			t.Errorf("%s: %v %v, want %v", rest, got, ok, want)
		}
	}
	for _, rest := range []string{"", "-x", ".", "-.jar", "-x."} {
		if got, ok := (fileName{rest: rest}).pair(nil); ok {
			t.Errorf("%q: %v", rest, got)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"com/acme/lib/1.0/lib-1.0.jar.sha1", "a/b/1-SNAPSHOT/b-1-20260102.030405-7.pom", "a/b/maven-metadata.xml", "%2e%2e/x", "a//b/c/d/e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parsePath(prefix + "main/" + s)
		if err != nil {
			return
		}
		if strings.Contains("/"+got.path+"/", "/../") || strings.ContainsAny(got.path, "\\\x00") {
			t.Errorf("%q leads to %q", s, got.path)
		}
		if got.kind != kindFile || got.checkNew() != nil || got.sum != nil {
			return
		}
		// The address of a file leads to the file.
		again, err := parsePath(got.href(got.file.name))
		if err != nil || again.name() != got.name() || again.version != got.version || again.file != got.file {
			t.Errorf("%q: %+v, by its address %+v, %v", s, got, again, err)
		}
		if _, err := url.Parse(got.href(got.file.name)); err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(purl(got.at()), "pkg:maven/") {
			t.Error(purl(got.at()))
		}
	})
}

// TestO1: a tag that names a commit is one, in whatever form; any other is a ref. O6: no fact has a credential in it.
func TestO1(t *testing.T) {
	const sha = "0123456789abcdef0123456789abcdef01234567"
	for tag, want := range map[string]string{
		sha: "source.commit=" + sha, strings.ToUpper(sha): "source.commit=" + sha, sha[:12] + "+": "source.commit=" + sha[:12] + " source.revision=" + sha[:12] + "+ source.dirty=true",
		"v1.2-3-gabcdef1": "source.commit=abcdef1 source.revision=v1.2-3-gabcdef1",
		"v1.2":            "source.ref=v1.2", "20260131": "source.ref=20260131", "HEAD": "", "${tag}": "",
	} {
		p, err := parsePOM([]byte(pomOf("lib", "1.0", "<scm><connection>scm:git:oauth2:tok@host/x</connection><tag>"+tag+"</tag></scm><ciManagement><url>https://u:tok@ci.example.com/1</url></ciManagement>")))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range p.facts() {
			if strings.Contains(f.Value, "tok") {
				t.Errorf("%+v has a credential", f)
			}
			if f.Key != registry.FactSourceRepository && f.Key != registry.FactBuildURL {
				got = append(got, f.Key+"="+f.Value)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: %s, want %s", tag, s, want)
		}
	}
}

func FuzzXML(f *testing.F) {
	f.Add([]byte(pomOf("lib", "1.0", "<scm><url>x</url></scm>")))
	f.Add([]byte(versionsOf("lib", "1.0", "2.0")))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY x "y">]><project>&x;</project>`))
	f.Add([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?><metadata><versioning><snapshot><timestamp>1</timestamp><buildNumber>2</buildNumber></snapshot></versioning></metadata>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := parsePOM(raw)
		if err != nil && registry.KindOf(err) != registry.Invalid {
			t.Errorf("%v", err)
		}
		if _, err := parseMetadata(raw); err != nil && registry.KindOf(err) != registry.Invalid {
			t.Errorf("%v", err)
		}
	})
}

// FuzzModule: of a Gradle module only its files are read; what is none names none.
func FuzzModule(f *testing.F) {
	f.Add([]byte(`{"variants":[{"files":[{"url":"lib-1.0.jar","sha256":"00"}]}]}`))
	f.Add([]byte(`{"variants":[{"files":[{"url":1}]}]}`))
	f.Add([]byte(`{"variants":` + strings.Repeat("[", 20_000)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		files, err := readModule(bytes.NewReader(raw))
		if err != nil || len(files) > len(raw) {
			t.Errorf("%d files of %d bytes, %v", len(files), len(raw), err)
		}
		for _, m := range files {
			if m.has(nil) {
				t.Errorf("%+v is among no files", m)
			}
		}
	})
}

func FuzzSum(f *testing.F) {
	f.Add("da39a3ee5e6b4b0d3255bfef95601890afd80709  lib.jar")
	f.Add("SHA1(x)= DA39A3EE5E6B4B0D3255BFEF95601890AFD80709\n")
	f.Fuzz(func(t *testing.T, body string) {
		for _, a := range algorithms {
			if sum, ok := parseSum(body, a); ok && len(sum) != a.size {
				t.Errorf("%q: %x", body, sum)
			}
		}
	})
}

// TestMetadataRoundTrip: what is rendered is read back the same.
func TestMetadataRoundTrip(t *testing.T) {
	var m metadata
	m.versionList(registry.Package{}, "com.acme", "lib", []registry.Version{{Name: "1.0"}, {Name: "2<3"}, {Name: "3", State: registry.Yanked}})
	raw, err := m.render()
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseMetadata(raw)
	if err != nil || got.group != "com.acme" || strings.Join(got.versions, " ") != "2<3 2<3 1.0 2<3 3" {
		t.Errorf("%+v %v\n%s", got, err, raw)
	}
}
