package upstreamtest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// MavenVersion is what a version of an artifact has besides its coordinate. The zero value is a jar with a POM.
type MavenVersion struct {
	// Packaging is "jar" if it is "". With "pom" there is no jar.
	Packaging string
	// Dependencies are coordinates "group:artifact:version".
	Dependencies []string
	// POM is used instead of one that is made.
	POM []byte
	// Files are further files of the jar, by their path in it.
	Files map[string]string
	// Size adds a file of so many incompressible bytes to the jar.
	Size int64
	// Jar is used instead of one that is made.
	Jar []byte
	// Published is the time of its files, and of the list that has it last; zero: an hour after what was published before.
	Published time.Time
	// Classifiers are further jars, such as "sources"; empty bytes stand for one that is made.
	Classifiers map[string][]byte
}

// mavenTree is the documents; files are those of the server.
type mavenTree struct {
	artifacts map[string]*mavenArtifact // by group and artifact as a path
	sidecars  bool
	headers   bool
}

type mavenArtifact struct {
	group, artifact string
	versions        []string
	modified        time.Time
	snapshots       map[string]*mavenSnapshot // by version
}

// mavenSnapshot is the newest build of a snapshot.
type mavenSnapshot struct {
	build int
	at    time.Time
	files [][2]string // classifier and extension
}

// MavenURL is the address of the Maven repository, with a slash at its end.
func (u *Server) MavenURL() string { return u.URL + "/maven/" }

// MavenPath is the path of what a coordinate "group:artifact" or "group:artifact:version" has for a folder, without a slash at its end.
func MavenPath(coordinate string) string {
	c := strings.Split(coordinate, ":")
	return "/maven/" + strings.Join(append([]string{strings.ReplaceAll(c[0], ".", "/")}, c[1:]...), "/")
}

// Maven publishes "group:artifact:version" and returns its files, the POM first, the jar second. A version that ends in
// -SNAPSHOT gets another build with each call.
func (u *Server) Maven(coordinate string, v MavenVersion) []*File {
	c := strings.Split(coordinate, ":")
	if len(c) != 3 {
		panic("upstreamtest: not group:artifact:version: " + coordinate)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	key := strings.TrimPrefix(MavenPath(c[0]+":"+c[1]), "/maven/")
	a := u.maven.artifacts[key]
	if a == nil {
		a = &mavenArtifact{group: c[0], artifact: c[1], snapshots: map[string]*mavenSnapshot{}}
		u.maven.artifacts[key] = a
	}
	a.versions = append(slices.DeleteFunc(a.versions, func(old string) bool { return old == c[2] }), c[2])
	a.modified = u.now()
	if !v.Published.IsZero() {
		a.modified = v.Published
	}
	name := c[2]
	var s *mavenSnapshot
	if base, ok := strings.CutSuffix(c[2], "-SNAPSHOT"); ok {
		s = a.nextBuild(c[2])
		name = base + "-" + s.value()
	}
	var files []*File
	put := func(classifier, extension, media string, b []byte) {
		if s != nil {
			s.files = append(s.files, [2]string{classifier, extension})
		}
		if classifier != "" {
			classifier = "-" + classifier
		}
		f := u.add(MavenPath(coordinate)+"/"+c[1]+"-"+name+classifier+"."+extension, media, fixed(b))
		if !v.Published.IsZero() {
			f.modified = v.Published
		}
		files = append(files, f)
	}
	put("", "pom", "text/xml", v.pom(c))
	if v.Packaging != "pom" {
		put("", "jar", "application/java-archive", v.jar(coordinate, v.Jar))
	}
	for _, classifier := range sorted(maps.Keys(v.Classifiers)) {
		put(classifier, "jar", "application/java-archive", v.jar(coordinate+":"+classifier, v.Classifiers[classifier]))
	}
	return files
}

func (a *mavenArtifact) nextBuild(version string) *mavenSnapshot {
	s := &mavenSnapshot{build: 1, at: a.modified}
	if before := a.snapshots[version]; before != nil {
		s.build = before.build + 1
	}
	a.snapshots[version] = s
	return s
}

// value is the part of a file name that stands for SNAPSHOT.
func (s *mavenSnapshot) value() string {
	return fmt.Sprintf("%s-%d", s.at.Format("20060102.150405"), s.build)
}

func (v MavenVersion) pom(c []string) []byte {
	if v.POM != nil {
		return v.POM
	}
	var b strings.Builder
	packaging := v.Packaging
	if packaging == "" {
		packaging = "jar"
	}
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>%s</groupId>
  <artifactId>%s</artifactId>
  <version>%s</version>
  <packaging>%s</packaging>
`, c[0], c[1], c[2], packaging)
	if len(v.Dependencies) > 0 {
		b.WriteString("  <dependencies>\n")
		for _, d := range v.Dependencies {
			g := strings.Split(d, ":")
			fmt.Fprintf(&b, "    <dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n", g[0], g[1], g[2])
		}
		b.WriteString("  </dependencies>\n")
	}
	b.WriteString("</project>\n")
	return []byte(b.String())
}

func (v MavenVersion) jar(about string, instead []byte) []byte {
	if len(instead) > 0 {
		return instead
	}
	const manifest = "META-INF/MANIFEST.MF"
	files := map[string]string{manifest: "Manifest-Version: 1.0\r\nCreated-By: upstreamtest\r\n\r\n", "about.txt": about + "\n"}
	maps.Copy(files, v.Files)
	if v.Size > 0 {
		files["data.bin"] = string(padding(about, v.Size))
	}
	return zipped(files, manifest)
}

// MavenFile publishes any file below MavenURL: a plugin's metadata, Gradle's module, an archetype.
func (u *Server) MavenFile(name string, b []byte) *File {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.add("/maven/"+name, "application/octet-stream", fixed(b))
}

// MavenRemove removes "group:artifact:version" with its files, or "group:artifact" with all versions.
func (u *Server) MavenRemove(coordinate string) {
	c := strings.Split(coordinate, ":")
	u.mu.Lock()
	defer u.mu.Unlock()
	key := strings.TrimPrefix(MavenPath(c[0]+":"+c[1]), "/maven/")
	a := u.maven.artifacts[key]
	if a == nil {
		panic("upstreamtest: no artifact " + coordinate)
	}
	a.versions = slices.DeleteFunc(a.versions, func(v string) bool { return len(c) < 3 || v == c[2] })
	a.modified = u.now()
	if len(a.versions) == 0 {
		delete(u.maven.artifacts, key)
	}
	folder := MavenPath(coordinate) + "/"
	maps.DeleteFunc(u.files, func(path string, _ *File) bool { return strings.HasPrefix(path, folder) })
}

// MavenSidecars switches the .md5, .sha1, .sha256 and .sha512 files off and on; they are there at first.
func (u *Server) MavenSidecars(on bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.maven.sidecars = on
}

// MavenChecksumHeaders switches X-Checksum-Md5, -Sha1, -Sha256 and -Sha512 on answers with files on and off; they are not there at first.
func (u *Server) MavenChecksumHeaders(on bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.maven.headers = on
}

// mavenDocument answers files, sidecars and metadata. The caller holds mu.
func (u *Server) mavenDocument(name string) *answer {
	if f := u.files["/maven/"+name]; f != nil {
		a := f.answer()
		if u.maven.headers {
			sums := f.announces()
			a.header["X-Checksum-Md5"], a.header["X-Checksum-Sha1"] = []string{sums.MD5()}, []string{sums.SHA1()}
			a.header["X-Checksum-Sha256"], a.header["X-Checksum-Sha512"] = []string{sums.SHA256()}, []string{sums.SHA512()}
		}
		return a
	}
	if base, ok := strings.CutSuffix(name, path.Ext(name)); ok && u.maven.sidecars {
		if algorithm := path.Ext(name); algorithm != "" && algorithms[algorithm[1:]] != nil {
			return u.sidecar(base, algorithm[1:])
		}
	}
	dir, file := path.Split(name)
	if file != "maven-metadata.xml" {
		return nil
	}
	dir = strings.TrimSuffix(dir, "/")
	if a := u.maven.artifacts[dir]; a != nil {
		return page("text/xml", a.metadata(), a.modified)
	}
	above, version := path.Split(dir)
	if a := u.maven.artifacts[strings.TrimSuffix(above, "/")]; a != nil && a.snapshots[version] != nil {
		return page("text/xml", a.snapshotMetadata(version), a.modified)
	}
	return nil
}

// sidecar is the sum of a file or document. The caller holds mu.
func (u *Server) sidecar(name, algorithm string) *answer {
	var sums *File
	if f := u.files["/maven/"+name]; f != nil {
		sums = f.announces()
	} else if a := u.mavenDocument(name); a != nil {
		sums = sumsOf(a.body)
	} else if a := u.fromDir("/maven/" + name); a != nil {
		sums = sumsOf(a.body)
	} else {
		return nil
	}
	return &answer{header: map[string][]string{"Content-Type": {"text/plain"}}, body: fixed(fmt.Appendf(nil, "%x", sums.sum(algorithm))), modified: Epoch}
}

func (a *mavenArtifact) metadata() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <groupId>%s</groupId>\n  <artifactId>%s</artifactId>\n  <versioning>\n", a.group, a.artifact)
	fmt.Fprintf(&b, "    <latest>%s</latest>\n", a.versions[len(a.versions)-1])
	for _, v := range slices.Backward(a.versions) {
		if !strings.HasSuffix(v, "-SNAPSHOT") {
			fmt.Fprintf(&b, "    <release>%s</release>\n", v)
			break
		}
	}
	b.WriteString("    <versions>\n")
	for _, v := range a.versions {
		fmt.Fprintf(&b, "      <version>%s</version>\n", v)
	}
	fmt.Fprintf(&b, "    </versions>\n    <lastUpdated>%s</lastUpdated>\n  </versioning>\n</metadata>\n", a.modified.UTC().Format("20060102150405"))
	return []byte(b.String())
}

func (a *mavenArtifact) snapshotMetadata(version string) []byte {
	s := a.snapshots[version]
	value := strings.TrimSuffix(version, "SNAPSHOT") + s.value()
	updated := s.at.Format("20060102150405")
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<metadata modelVersion="1.1.0">
  <groupId>%s</groupId>
  <artifactId>%s</artifactId>
  <version>%s</version>
  <versioning>
    <snapshot><timestamp>%s</timestamp><buildNumber>%d</buildNumber></snapshot>
    <lastUpdated>%s</lastUpdated>
    <snapshotVersions>
`, a.group, a.artifact, version, s.at.Format("20060102.150405"), s.build, updated)
	for _, f := range s.files {
		b.WriteString("      <snapshotVersion>")
		if f[0] != "" {
			fmt.Fprintf(&b, "<classifier>%s</classifier>", f[0])
		}
		fmt.Fprintf(&b, "<extension>%s</extension><value>%s</value><updated>%s</updated></snapshotVersion>\n", f[1], value, updated)
	}
	b.WriteString("    </snapshotVersions>\n  </versioning>\n</metadata>\n")
	return []byte(b.String())
}
