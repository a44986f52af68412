package main

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"net/http"
)

// mavenWork deploys as Maven does: jar and POM with their sums, then the metadata that shows them.
type mavenWork struct{}

func (mavenWork) name() string   { return "maven" }
func (mavenWork) format() string { return "maven" }

// artifact holds the files that a deploy sends.
type artifact struct {
	name, version string
	jar, pom      []byte
}

func drawArtifact(c *caller, name, version string) artifact {
	pom := `<project><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId><artifactId>` + name + `</artifactId><version>` + version + `</version></project>`
	return artifact{name, version, c.random(64 << 10), []byte(pom)}
}

func (a artifact) path(suffix string) string {
	return "/maven/main/com/acme/" + a.name + "/" + a.version + "/" + a.name + "-" + a.version + suffix
}

func (a artifact) metadata() string { return "/maven/main/com/acme/" + a.name + "/maven-metadata.xml" }

func sha1Hex(b []byte) []byte { return fmt.Appendf(nil, "%x", sha1.Sum(b)) }

// files are the files of the artifact that readers see.
func (a artifact) files() []servedFile {
	return []servedFile{
		{path: a.path(".jar"), sum: sha(a.jar)}, {path: a.path(".pom"), sum: sha(a.pom)},
		{path: a.path(".jar.sha1"), sum: sha(sha1Hex(a.jar))}, {path: a.path(".pom.sha1"), sum: sha(sha1Hex(a.pom))},
	}
}

// deploy sends one artifact and reports whether all was acknowledged.
func (a artifact) deploy(c *caller, header map[string]string) bool {
	list := []byte(`<metadata><groupId>com.acme</groupId><artifactId>` + a.name + `</artifactId><versioning><release>` + a.version +
		`</release><versions><version>` + a.version + `</version></versions></versioning></metadata>`)
	for _, put := range []struct {
		path string
		body []byte
	}{
		{a.path(".jar"), a.jar}, {a.path(".jar.sha1"), sha1Hex(a.jar)}, {a.path(".pom"), a.pom}, {a.path(".pom.sha1"), sha1Hex(a.pom)}, {a.metadata(), list},
	} {
		if _, ok := c.send(http.MethodPut, put.path, put.body, header, http.StatusCreated, http.StatusOK); !ok {
			return false
		}
	}
	return true
}

func (mavenWork) draw(c *caller, pkg, version string) *tracked {
	a := drawArtifact(c, pkg, version)
	return &tracked{pkg: pkg, version: version, atomic: true, mustEnd: true, files: a.files(), progress: a}
}

func (mavenWork) publish(c *caller, v *tracked) {
	a, _ := v.progress.(artifact)
	c.settle(func() { v.sent, v.settled = len(v.files), false }) // a complete artifact appears without its metadata, after some time
	if a.deploy(c, nil) {
		v.whole(c)
	}
}

func (mavenWork) check(c *caller, v *tracked, n int) {
	a, _ := v.progress.(artifact)
	a.check(c, v, n)
}

// check: the list of versions names it when its files are there, and not before.
func (a artifact) check(c *caller, v *tracked, n int) {
	list := c.document(a.metadata(), nil)
	if listed := list.status == http.StatusOK && bytes.Contains(list.body, []byte("<version>"+a.version+"</version>")); listed != (n > 0) {
		c.t.Errorf("%s: %s is listed: %v, there: %v", v.id(), a.name, listed, n > 0)
	}
}

// setWork publishes two artifacts and a raw file that appear at one moment.
type setWork struct{}

func (setWork) name() string   { return "set" }
func (setWork) format() string { return "" }

func (setWork) draw(c *caller, pkg, version string) *tracked {
	api, core, notes := drawArtifact(c, "api-"+pkg, version), drawArtifact(c, "core-"+pkg, version), c.random(1<<10)
	return &tracked{
		pkg: pkg, version: version, atomic: true, progress: set{api, core, notes},
		files: append(append(api.files(), core.files()...), servedFile{path: "/raw/main/" + pkg + "/" + version + "/notes", sum: sha(notes)}),
		events: [][3]string{
			{"maven", "com.acme:" + api.name, version}, {"maven", "com.acme:" + core.name, version}, {"raw", pkg, version},
		},
	}
}

type set struct {
	api, core artifact
	notes     []byte
}

func (setWork) publish(c *caller, v *tracked) {
	s, _ := v.progress.(set)
	id := v.pkg + "-" + v.version
	header := map[string]string{"X-Slipway-Publish": id}
	if !s.api.deploy(c, header) || !s.core.deploy(c, header) {
		return
	}
	if _, ok := c.send(http.MethodPut, "/raw/main/"+v.pkg+"/"+v.version+"/notes", s.notes, header, http.StatusCreated, http.StatusOK); !ok {
		return
	}
	c.settle(func() { v.sent, v.settled = len(v.files), false })
	if _, ok := c.send(http.MethodPost, "/api/v1/publishes/"+id+"/commit", nil, nil, http.StatusOK); ok {
		v.whole(c)
	}
}

func (setWork) check(c *caller, v *tracked, n int) {
	s, _ := v.progress.(set)
	s.api.check(c, v, n)
	s.core.check(c, v, n)
}
