package maven

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha1"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry"
)

// TestSnapshots: builds appear whole, metadata names the newest, and the literal name follows it.
func TestSnapshots(t *testing.T) {
	e := newEnv(t, Options{})
	one, two := e.publisher(), e.publisher()
	const dir = "com/acme/lib/1.0-SNAPSHOT/"
	meta := func(build string) string {
		stamp, n, _ := strings.Cut(build, "-")
		return `<metadata modelVersion="1.1.0"><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.0-SNAPSHOT</version><versioning><snapshot><timestamp>` +
			stamp + `</timestamp><buildNumber>` + n + `</buildNumber></snapshot></versioning></metadata>`
	}
	files := func(as formatstest.As, build string, rests ...string) {
		for _, rest := range rests {
			body := build + rest
			if rest == ".pom" {
				body = pomOf("lib", "1.0-SNAPSHOT", "<description>"+build+"</description>")
			}
			e.put(as, dir+"lib-1.0-"+build+rest, body, 201)
		}
	}
	const b1, b2, b3 = "20260102.030405-1", "20260102.040506-2", "20260102.040507-2"
	files(one, b1, ".jar", "-sources.jar", ".pom")
	e.get(e.reader(), dir+"maven-metadata.xml", 404)
	e.put(one, dir+"maven-metadata.xml", meta(b1), 201)
	e.put(one, "com/acme/lib/maven-metadata.xml", versionsOf("lib", "1.0-SNAPSHOT"), 201)
	e.get(e.reader(), dir+"maven-metadata.xml", 200, "<timestamp>20260102.030405</timestamp>", "<buildNumber>1</buildNumber>",
		"<classifier>sources</classifier>", "<value>1.0-"+b1+"</value>")
	e.get(e.reader(), "com/acme/lib/maven-metadata.xml", 200, "<version>1.0-SNAPSHOT</version>", "<latest>1.0-SNAPSHOT</latest>")
	// Two at once, one of which is killed; by one token, too.
	files(one, b2, ".jar")
	files(one, b3, ".jar", ".pom")
	files(two, b2, ".pom")
	e.put(one, dir+"maven-metadata.xml", meta(b3), 201)
	e.get(e.reader(), dir+"lib-1.0-"+b2+".jar", 404)
	doc := e.get(e.reader(), dir+"maven-metadata.xml", 200, "<timestamp>20260102.040507</timestamp>").Body
	if !bytes.Contains(doc, []byte("<value>1.0-"+b3+"</value>")) || !bytes.Contains(doc, []byte("<value>1.0-"+b1+"</value>")) || bytes.Contains(doc, []byte(b2)) {
		t.Errorf("%s", doc)
	}
	res := e.get(e.reader(), dir+"lib-1.0-SNAPSHOT.jar", 200, b3+".jar")
	if res.Header.Get("Content-Location") != "/maven/main/"+dir+"lib-1.0-"+b3+".jar" || res.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("%v", res.Header)
	}
	e.get(e.reader(), dir+"lib-1.0-SNAPSHOT.jar.sha1", 200, sumHex(sha1.New(), b3+".jar"))
	e.get(e.reader(), dir+"lib-1.0-"+b1+".jar", 200, b1)
	e.put(two, dir+"lib-1.0-"+b1+".jar", "other", 409, "other content")
	// Literal names replace each other, and a newer one wins.
	for _, body := range []string{"first", "second"} {
		e.put(two, dir+"lib-1.0-SNAPSHOT.jar", body, 201)
		e.put(two, dir+"maven-metadata.xml", `<metadata><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.0-SNAPSHOT</version></metadata>`, 201)
		e.get(e.reader(), dir+"lib-1.0-SNAPSHOT.jar", 200, body)
	}
	e.put(two, "com/acme/lib/1.0-snapshot/lib-1.0-snapshot.jar", "x", 400, "upper case SNAPSHOT")
	e.MustFsck(t)
}

// TestPOM: agreement with the path, declared facts, and documents made to hurt (S-53).
func TestPOM(t *testing.T) {
	e := newEnv(t, Options{})
	const path = "com/acme/lib/1.0/lib-1.0.pom"
	for body, word := range map[string]string{
		pomOf("lib", "2.0", ""):   "version",
		pomOf("other", "1.0", ""): "artifactId",
		strings.Replace(pomOf("lib", "1.0", ""), "com.acme", "com.evil", 1): "groupId",
		"not xml": "XML", "<project>": "XML", "<other/>": "<project>", "": "XML",
	} {
		e.put(formatstest.Admin, path, body, 400, word)
	}
	e.put(formatstest.Admin, "com/acme/lib/1.0/other-1.0.pom", pomOf("other", "1.0", ""), 400, "artifactId")
	e.put(formatstest.Admin, "com/acme/sbt-x_2.12_1.0/1.0/sbt-x-1.0.pom", pomOf("sbt-x", "1.0", ""), 201)
	e.put(formatstest.Admin, path, pomOf("lib", "${revision}", ""), 201)
	e.put(formatstest.Admin, path, `<project><parent><groupId>com.acme</groupId><artifactId>p</artifactId><version>1.0</version></parent><artifactId>lib</artifactId>
		<scm><connection>scm:git:git@git.example.com:acme/lib.git</connection><tag>0123456789abcdef0123456789abcdef01234567</tag></scm>
		<ciManagement><system>Jenkins</system><url>https://ci.example.com/job/1</url></ciManagement></project>`, 201)
	e.put(formatstest.Admin, "com/acme/lib/1.0/lib-1.0.jar", "x", 201)
	e.put(formatstest.Admin, "com/acme/lib/maven-metadata.xml", versionsOf("lib", "1.0"), 201)
	d, err := e.Catalog.VersionDetail(e.Admin, registry.Name{Repository: "main", Format: "maven", Package: "com.acme:lib"}.At("1.0"))
	must(t, err)
	got := map[string]string{}
	for _, f := range d.Facts {
		got[f.Key] = f.Value + " by " + f.Source
	}
	for key, want := range map[string]string{
		"source.repository": "https://git.example.com/acme/lib by maven:scm.connection",
		"source.commit":     "0123456789abcdef0123456789abcdef01234567 by maven:scm.tag",
		"build.system":      "Jenkins by maven:ciManagement.system", "build.url": "https://ci.example.com/job/1 by maven:ciManagement.url",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
}

func TestS53(t *testing.T) {
	e := newEnv(t, Options{})
	lol := `<!DOCTYPE project [<!ENTITY a "lol">`
	for c := 'b'; c <= 'j'; c++ {
		lol += fmt.Sprintf("<!ENTITY %c %q>", c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 10))
	}
	utf16 := "\xff\xfe"
	for _, c := range `<?xml version="1.0" encoding="UTF-16"?><project/>` {
		utf16 += string([]byte{byte(c), 0})
	}
	for name, body := range map[string]string{
		"external entity":  `<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><project><name>&x;</name></project>`,
		"parameter entity": `<!DOCTYPE p [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;]><project/>`,
		"billion laughs":   lol + `]><project><name>&j;</name></project>`,
		"unknown entity":   `<project><name>&x;</name></project>`,
		"UTF-16":           utf16,
		"UTF-7":            `<?xml version="1.0" encoding="UTF-7"?>+ADw-project/+AD4-`,
		"charset":          `<?xml version="1.0" encoding="x-evil"?><project/>`,
		"nested":           strings.Repeat("<a>", 1_000_000),
		"wide":             "<project>" + strings.Repeat("<a/>", 600_000) + "</project>",
		"long names":       strings.Repeat("<"+strings.Repeat("a", 60_000)+">", 60) + strings.Repeat("<a/>", 100_000),
		"large":            strings.Repeat(" ", maxPOMBytes+1),
	} {
		start := time.Now()
		for _, path := range []string{"com/acme/lib/1.0/lib-1.0.pom", "com/acme/lib/maven-metadata.xml"} {
			if res := e.do(formatstest.Admin, http.MethodPut, path, body); res.Status != 400 && res.Status != 413 {
				t.Errorf("%s: %v", name, res)
			}
		}
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
	if p, err := parsePOM([]byte("<?xml version='1.0' encoding='ISO-8859-1'?><project xmlns='urn:x'><name>M\xf6llers &copy;</name></project>")); err != nil || p.Name != "Möllers ©" {
		t.Errorf("%q %v", p.Name, err)
	}
}

// jarWith is a zip with one entry.
func jarWith(t testing.TB, name string, content []byte) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	must(t, err)
	_, err = w.Write(content)
	must(t, err)
	must(t, z.Close())
	return b.String()
}

// TestPlugins: the metadata of a group lists the prefixes of its plugins, read from their jars.
func TestPlugins(t *testing.T) {
	e := newEnv(t, Options{})
	plugin := func(artifact, jar string) {
		base := "com/acme/" + artifact + "/1.0/" + artifact + "-1.0"
		e.put(formatstest.Admin, base+".jar", jar, 201)
		e.put(formatstest.Admin, base+".pom", pomOf(artifact, "1.0", "<packaging>maven-plugin</packaging><name>Acme "+artifact+"</name>"), 201)
		e.put(formatstest.Admin, "com/acme/"+artifact+"/maven-metadata.xml", versionsOf(artifact, "1.0"), 201)
	}
	e.get(formatstest.Admin, "com/acme/maven-metadata.xml", 404)
	plugin("tool-maven-plugin", jarWith(t, pluginXMLPath, []byte("<plugin><name>x</name><goalPrefix>acme</goalPrefix><mojos/></plugin>")))
	plugin("shiny-maven-plugin", "not a zip")
	e.deploy(formatstest.Admin, "1.0", "bytes")
	res := e.get(formatstest.Admin, "com/acme/maven-metadata.xml", 200, "<prefix>acme</prefix>", "<artifactId>tool-maven-plugin</artifactId>",
		"<name>Acme tool-maven-plugin</name>", "<prefix>shiny</prefix>")
	if bytes.Contains(res.Body, []byte("lib")) {
		t.Errorf("%s", res.Body)
	}
	e.put(formatstest.Admin, "com/acme/maven-metadata.xml", `<metadata><plugins><plugin><prefix>evil</prefix><artifactId>x</artifactId></plugin></plugins></metadata>`, 201)
	if res := e.get(formatstest.Admin, "com/acme/maven-metadata.xml", 200); bytes.Contains(res.Body, []byte("evil")) {
		t.Errorf("%s", res.Body)
	}
	// A path can be a group and an artifact.
	e.put(formatstest.Admin, "com/acme/1.0/acme-1.0.pom", `<project><groupId>com</groupId><artifactId>acme</artifactId><version>1.0</version><packaging>pom</packaging></project>`, 201)
	e.put(formatstest.Admin, "com/acme/maven-metadata.xml", `<metadata><groupId>com</groupId><artifactId>acme</artifactId></metadata>`, 201)
	e.get(formatstest.Admin, "com/acme/maven-metadata.xml", 200, "<prefix>acme</prefix>", "<version>1.0</version>")
}

// TestS57: looking into a plugin's jar reads little of it, however much it inflates to or claims to hold.
func TestS57(t *testing.T) {
	e := newEnv(t, Options{})
	var bomb, many bytes.Buffer
	z := zip.NewWriter(&bomb)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	w, err := z.Create(pluginXMLPath)
	must(t, err)
	_, err = io.WriteString(w, "<plugin><x>")
	must(t, err)
	for zeros, inflated := make([]byte, 1<<20), 0; inflated < 256<<20; inflated += len(zeros) { // what it inflates to need not be in memory at once
		_, err = w.Write(zeros)
		must(t, err)
	}
	must(t, z.Close())
	z = zip.NewWriter(&many)
	for i := range 200_000 {
		_, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Method: zip.Store})
		must(t, err)
	}
	must(t, z.Close())
	for artifact, jar := range map[string]string{"bomb-maven-plugin": bomb.String(), "many-maven-plugin": many.String()} {
		base := "com/acme/" + artifact + "/1.0/" + artifact + "-1.0"
		e.put(formatstest.Admin, base+".jar", jar, 201)
		e.put(formatstest.Admin, base+".pom", pomOf(artifact, "1.0", "<packaging>maven-plugin</packaging>"), 201)
		start := time.Now()
		e.put(formatstest.Admin, "com/acme/"+artifact+"/maven-metadata.xml", versionsOf(artifact, "1.0"), 201)
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s took %v", artifact, d)
		}
		// The name says what the jar does not.
		e.get(formatstest.Admin, "com/acme/maven-metadata.xml", 200, "<prefix>"+strings.TrimSuffix(artifact, "-maven-plugin")+"</prefix>")
	}
}
