package ui_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

// wares is a site with a version of each format that says much of itself.
func wares(t *testing.T) *site {
	t.Helper()
	s := newPage(t, formatstest.Options{}, all.All()...)
	s.stock()
	return s
}

// stock publishes them.
func (s *site) stock() {
	s.t.Helper()
	s.send(http.MethodPatch, "/api/v1/repositories/main", `{"settings":{"maven_immediate":true}}`, http.StatusOK)
	s.publishNPM("@acme/web", "1.4.2", map[string]any{
		"description": "The shop.", "license": "MIT", "dependencies": map[string]string{"left-pad": "^1.3.0"}, "devDependencies": map[string]string{"mocha": "^10"},
		"peerDependencies": map[string]string{"react": ">=18"}, "engines": map[string]string{"node": ">=20"}, "bin": map[string]string{"shop": "bin/shop.js"},
		"scripts": map[string]string{"test": "mocha", "postinstall": "node build.js"}, "gitHead": "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d",
	})
	s.send(http.MethodPut, "/api/v1/repositories/main/packages/npm/@acme%2Fweb/versions/1.4.2/metadata", `{"source":{"commit":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}`, http.StatusNoContent)
	about := "Metadata-Version: 2.4\nName: acme-tool\nVersion: 2.1.0\nSummary: It cuts.\nRequires-Python: >=3.10\nLicense-Expression: Apache-2.0\n" +
		"Classifier: Programming Language :: Python :: 3\nRequires-Dist: requests<3,>=2.31\nRequires-Dist: rich; extra == \"cli\"\nProject-URL: Changelog, https://acme.example/changes\n" +
		"Description-Content-Type: text/markdown\n\n# Tool\n\nFrom the core metadata.\n"
	for _, tags := range []string{"cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-macosx_11_0_arm64", "cp39-abi3-win_amd64"} {
		s.publishWheel("acme_tool-2.1.0-"+tags+".whl", about)
	}
	s.publishSdist("acme_sdist", "0.9", strings.NewReplacer("acme-tool", "acme-sdist", "2.1.0", "0.9", "From the core metadata", "From the sdist").Replace(about))
	s.publishMaven()
	s.publishImages()
}

// publishNPM publishes a package as npm does. files are further ones in its tarball, names and contents in turn.
func (s *site) publishNPM(name, version string, manifest map[string]any, files ...string) {
	s.t.Helper()
	m := maps.Clone(manifest)
	m["name"], m["version"] = name, version
	packed := s.pack("package", append([]string{"package.json", string(s.json(m))}, files...)...)
	sum := sha512.Sum512(packed)
	m["_id"] = name + "@" + version
	m["dist"] = map[string]any{"integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:]), "tarball": "http://elsewhere.example/x.tgz"}
	body := s.json(map[string]any{"_id": name, "name": name, "dist-tags": map[string]string{"latest": version}, "versions": map[string]any{version: m},
		"_attachments": map[string]any{name + "-" + version + ".tgz": map[string]any{"content_type": "application/octet-stream", "length": len(packed), "data": packed}}})
	s.put("/npm/main/"+url.PathEscape(name), body, "application/json", http.StatusCreated)
}

func (s *site) json(v any) []byte {
	s.t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

func (s *site) put(path string, body []byte, mediaType string, want int) {
	s.t.Helper()
	if res := s.Do(formatstest.Admin, formatstest.Request{Method: http.MethodPut, Path: path, Body: body}.With("Content-Type", mediaType)); res.Status != want {
		s.t.Fatalf("%s: %v", path, res)
	}
}

// pack makes a tar.gz of one directory with names and contents in turn.
func (s *site) pack(dir string, files ...string) []byte {
	s.t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: dir + "/" + files[i], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[i+1]))}); err != nil {
			s.t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		s.t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

func (s *site) publishWheel(file, about string) {
	s.t.Helper()
	parts := strings.Split(file, "-")
	info := parts[0] + "-" + parts[1] + ".dist-info/"
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range [][2]string{{parts[0] + ".py", "x = 1\n"}, {info + "METADATA", about}, {info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\n"}, {info + "RECORD", ""}} {
		w, err := z.Create(f[0])
		if err == nil {
			_, err = w.Write([]byte(f[1]))
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.upload(file, "bdist_wheel", parts[0], parts[1], b.Bytes())
}

func (s *site) publishSdist(name, version, about string) {
	s.t.Helper()
	s.upload(name+"-"+version+".tar.gz", "sdist", name, version, s.pack(name+"-"+version, "setup.py", "", "PKG-INFO", about))
}

func (s *site) upload(file, kind, name, version string, content []byte) {
	s.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for _, f := range [][2]string{{":action", "file_upload"}, {"protocol_version", "1"}, {"filetype", kind}, {"name", name}, {"version", version}} {
		if err := form.WriteField(f[0], f[1]); err != nil {
			s.t.Fatal(err)
		}
	}
	w, err := form.CreateFormFile("content", file)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	q := formatstest.Request{Method: http.MethodPost, Path: "/pypi/main/", Body: b.Bytes()}.With("Content-Type", form.FormDataContentType())
	if res := s.Do(formatstest.Admin, q); res.Status != http.StatusOK {
		s.t.Fatalf("%s: %v", file, res)
	}
}

func (s *site) publishMaven() {
	s.t.Helper()
	pom := `<project><modelVersion>4.0.0</modelVersion><parent><groupId>com.acme</groupId><artifactId>parent</artifactId><version>7</version></parent>
<artifactId>lib</artifactId><version>3.2.1</version><description>What all of us need.</description><licenses><license><name>Apache-2.0</name></license></licenses>
<properties><guava.version>33.0.0-jre</guava.version></properties>
<dependencies><dependency><groupId>com.google.guava</groupId><artifactId>guava</artifactId><version>${guava.version}</version></dependency>
<dependency><groupId>org.junit.jupiter</groupId><artifactId>junit-jupiter</artifactId><version>5.11.0</version><scope>test</scope></dependency></dependencies></project>`
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	if _, err := z.Create("META-INF/MANIFEST.MF"); err != nil {
		s.t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		s.t.Fatal(err)
	}
	for _, f := range [][2]string{{".jar", jar.String()}, {".pom", pom}, {".jar.asc", "-----BEGIN PGP SIGNATURE-----\n-----END PGP SIGNATURE-----\n"}, {"-cyclonedx.json", `{"bomFormat":"CycloneDX"}`}} {
		s.put("/maven/main/com/acme/lib/3.2.1/lib-3.2.1"+f[0], []byte(f[1]), "application/octet-stream", http.StatusCreated)
	}
}

// Media types of images.
const (
	ociImage  = "application/vnd.oci.image.manifest.v1+json"
	ociIndex  = "application/vnd.oci.image.index.v1+json"
	ociConfig = "application/vnd.oci.image.config.v1+json"
	ociLayer  = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// blob pushes a blob of the image app, and returns its descriptor.
func (s *site) blob(image, mediaType, content string) map[string]any {
	s.t.Helper()
	d := digest.FromString(content)
	q := formatstest.Request{Method: http.MethodPost, Path: "/v2/main/" + image + "/blobs/uploads/?digest=" + d.String(), Body: []byte(content)}.With("Content-Type", "application/octet-stream")
	if res := s.Do(formatstest.Admin, q); res.Status != http.StatusCreated {
		s.t.Fatalf("blob: %v", res)
	}
	return map[string]any{"mediaType": mediaType, "digest": d.String(), "size": len(content)}
}

// manifest pushes a manifest under a reference, "" is its digest, and returns its descriptor.
func (s *site) manifest(image, reference string, m map[string]any) map[string]any {
	s.t.Helper()
	m["schemaVersion"] = 2
	raw := s.json(m)
	d := digest.FromBytes(raw)
	if reference == "" {
		reference = d.String()
	}
	mediaType, _ := m["mediaType"].(string)
	s.put("/v2/main/"+image+"/manifests/"+reference, raw, mediaType, http.StatusCreated)
	return map[string]any{"mediaType": mediaType, "digest": d.String(), "size": len(raw)}
}

// platformImage pushes an image for a platform.
func (s *site) platformImage(image, architecture string, config map[string]any) map[string]any {
	s.t.Helper()
	said := map[string]any{"created": "2026-01-02T03:04:05Z", "author": "Jane", "os": "linux", "architecture": architecture, "config": config,
		"history": []map[string]any{{"created_by": "/bin/sh -c #(nop) ADD rootfs.tar.xz in /"}, {"created_by": `ENV DB_PASSWORD=hunter2 PATH=/usr/bin`, "empty_layer": true},
			{"created_by": "RUN /bin/sh -c make install # buildkit", "comment": "buildkit.dockerfile.v0"}}}
	return s.manifest(image, "", map[string]any{"mediaType": ociImage, "config": s.blob(image, ociConfig, string(s.json(said))),
		"layers":      []any{s.blob(image, ociLayer, architecture+strings.Repeat("base", 40_000)), s.blob(image, ociLayer, architecture+strings.Repeat("app", 5_000))},
		"annotations": map[string]string{"org.opencontainers.image.base.name": "registry.example.com/library/debian:13-slim", "org.opencontainers.image.base.digest": digest.FromString("debian").String()}})
}

// publishImages pushes team/app:1.0, an index for two platforms with an attestation, a signature, and an SBOM that is signed in turn.
func (s *site) publishImages() {
	s.t.Helper()
	const image = "team/app"
	config := map[string]any{
		"Entrypoint": []string{"/usr/bin/app", "--config", "/etc/app.yml"}, "Cmd": []string{"serve", "all of it"}, "User": "app", "WorkingDir": "/srv",
		"Env":          []string{"PATH=/usr/bin", "DB_PASSWORD=hunter2", "UPSTREAM=https://bob:s3cret@acme.example/", "LANG=C.UTF-8"},
		"ExposedPorts": map[string]any{"8080/tcp": map[string]any{}}, "Labels": map[string]string{"org.opencontainers.image.description": "The shop's server.", "maintainer": "jane"},
	}
	var parts []any
	for _, architecture := range []string{"amd64", "arm64"} {
		part := s.platformImage(image, architecture, config)
		part["platform"] = map[string]string{"os": "linux", "architecture": architecture}
		parts = append(parts, part)
	}
	empty := s.blob(image, "application/vnd.oci.empty.v1+json", "{}")
	attestation := s.manifest(image, "", map[string]any{"mediaType": ociImage, "config": empty, "layers": []any{s.blob(image, "application/vnd.in-toto+json", `{"predicateType":"https://slsa.dev/provenance/v1"}`)}})
	attestation["platform"] = map[string]string{"os": "unknown", "architecture": "unknown"}
	about, _ := parts[0].(map[string]any)
	attestation["annotations"] = map[string]any{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about["digest"]}
	index := s.manifest(image, "1.0", map[string]any{"mediaType": ociIndex, "manifests": append(parts, attestation)})
	attach := func(subject map[string]any, artifactType, content string) map[string]any {
		return s.manifest(image, "", map[string]any{"mediaType": ociImage, "artifactType": artifactType, "config": empty, "layers": []any{s.blob(image, artifactType, content)}, "subject": subject})
	}
	attach(index, "application/vnd.dev.cosign.artifact.sig.v1+json", "signature")
	sbom := attach(index, "application/spdx+json", `{"spdxVersion":"SPDX-2.3"}`)
	attach(sbom, "application/vnd.cncf.notary.signature", "of the sbom")
	s.send(http.MethodPut, "/api/v1/repositories/main/packages/oci/team%2Fapp/tags/production", fmt.Sprintf(`{"version":%q}`, index["digest"]), http.StatusOK)
}

// indexOf is the version that a tag of an image names.
func (s *site) indexOf(image, tag string) string {
	s.t.Helper()
	res := s.Do(formatstest.Admin, formatstest.Request{Path: "/api/v1/repositories/main/packages/oci/" + url.PathEscape(image) + "/tags/" + tag})
	var named struct{ Version string }
	if err := json.Unmarshal(res.Body, &named); err != nil || named.Version == "" {
		s.t.Fatalf("%v, %v", res, err)
	}
	return named.Version
}

// TestSaid: the page of a version shows what its format lets it say of itself, what is verified of it and what is not, and how its history is
// proved.
func TestSaid(t *testing.T) {
	s := wares(t)
	app := "/r/main/oci/team/app/v/" + s.indexOf("team/app", "1.0")
	for path, c := range map[string]struct{ has, lacks []string }{
		"/r/main/npm/@acme/web/v/1.4.2": {has: []string{"The shop.", "MIT", "left-pad", "^1.3.0", "development", "peer", "node build.js", "runs at install", "<code>shop</code>", "&gt;=20",
			"Sources disagree: <strong>Commit</strong> <code>source.commit</code>", "shown on this page", "built from one commit only", "gitHead in package.json", "declared", "The SHA-256 of every file was computed here", "slipway log verify-proof slipway-", "/proof\" download"}},
		"/r/main/pypi/acme-tool/v/2.1.0": {has: []string{"It cuts.", "&gt;=3.10", "requests", "&lt;3,&gt;=2.31", "extra cli", "Programming Language :: Python :: 3", "Linux x86_64", "macOS arm64", "Windows x86_64", "abi3", "manylinux_2_17",
			"https://acme.example/changes", "From the core metadata."}},
		"/r/main/pypi/acme-sdist/v/0.9": {has: []string{"It cuts.", "From the sdist.", "requests"}},
		"/r/main/maven/com.acme:lib/v/3.2.1": {has: []string{"What all of us need.", "com.google.guava:guava", "33.0.0-jre", "org.junit.jupiter:junit-jupiter", "com.acme:parent:7", "testImplementation &#39;com.acme:lib:3.2.1&#39;",
			"&lt;scope&gt;test&lt;/scope&gt;", "% Test", "lib-3.2.1.jar.asc", "gpg --verify lib-3.2.1.jar.asc lib-3.2.1.jar", "SBOM", "Whether it is complete"}, lacks: []string{"platform("}},
		app: {has: []string{"linux/amd64</a>", "linux/arm64</a>", "/usr/bin/app --config /etc/app.yml", "serve &#39;all of it&#39;", "8080/tcp", "/srv", "DB_PASSWORD", ">masked<", "make install", "registry.example.com/library/debian:13-slim",
			"ADD rootfs.tar.xz", "2 layers", "Signature", "SBOM", "cosign verify ", "└ ", "attestation-manifest", "team/app@sha256:", "team/app:", "crane pull", "oras pull", "That it is about exactly these bytes"},
			lacks: []string{"hunter2", "s3cret"}},
		app + "?platform=linux%2Farm64": {has: []string{`aria-current="true">linux/arm64`, "The image for linux/arm64 is"}},
	} {
		page := s.page(formatstest.Admin, path)
		for _, text := range c.has {
			if !strings.Contains(page, text) {
				t.Errorf("%s: no %q", path, text)
			}
		}
		for _, text := range c.lacks {
			if strings.Contains(page, text) {
				t.Errorf("%s has %q", path, text)
			}
		}
		s.inspect(t, path, s.get(formatstest.Admin, path))
	}
	// A chip of an evidence is no tick: nothing says that all is well.
	if page := s.page(formatstest.Admin, app); strings.Contains(page, "✓") || strings.Contains(page, "chip good") {
		t.Error("the evidence of an image has a bare mark")
	}
}

// TestSaidPast: what belongs to an image is that of the moment that is shown.
func TestSaidPast(t *testing.T) {
	s := wares(t)
	version := s.indexOf("team/app", "1.0")
	api := "/api/v1/repositories/main/packages/oci/team%2Fapp/versions/" + url.PathEscape(version)
	count := func(query string) (kinds []string) {
		t.Helper()
		var got struct {
			Items []struct {
				Kind      string
				Version   string
				Referrers []struct{ Kind string }
			}
		}
		res := s.Do(formatstest.Admin, formatstest.Request{Path: api + "/referrers" + query})
		if err := json.Unmarshal(res.Body, &got); err != nil || res.Status != http.StatusOK {
			t.Fatalf("%v, %v", res, err)
		}
		for _, item := range got.Items {
			kinds = append(kinds, item.Kind)
			for _, below := range item.Referrers {
				kinds = append(kinds, "of the "+item.Kind+" a "+below.Kind)
			}
		}
		return kinds
	}
	now := []string{"signature", "sbom", "of the sbom a signature"}
	if got := count(""); !slices.Equal(got, now) {
		t.Errorf("now: %q", got)
	}
	var size struct{ Seq int64 }
	if err := json.Unmarshal(s.Do(formatstest.Admin, formatstest.Request{Path: api}).Body, &size); err != nil {
		t.Fatal(err)
	}
	if got := count(fmt.Sprintf("?as_of=seq:%d", size.Seq)); len(got) != 0 {
		t.Errorf("right after its push: %q", got)
	}
	if got := count("?as_of=seq:100000"); !slices.Equal(got, now) {
		t.Errorf("later: %q", got)
	}
}

// TestSaidOfMirror: an image of a registry elsewhere shows what of it is here, and no page makes the server ask for more; what cosign attaches by
// tags belongs to an image too.
func TestSaidOfMirror(t *testing.T) {
	s := newPage(t, formatstest.Options{}, all.All()...)
	u := upstreamtest.New(t, upstreamtest.Options{})
	s.Remote("mirror", "oci", u.OCIURL())
	image := u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Platforms: []string{"linux/amd64", "linux/arm64"}, Layers: []int64{1000}})
	first := image.Platforms["linux/amd64"]
	for _, path := range []string{"manifests/1.0", "manifests/" + first.Manifest.Digest(), "blobs/" + first.Config.Digest()} {
		if res := s.Do(formatstest.Admin, formatstest.Request{Path: "/v2/mirror/team/app/" + path}); res.Status != http.StatusOK {
			t.Fatalf("%s: %v", path, res)
		}
	}
	seen := len(u.Requests())
	page := s.page(formatstest.Admin, "/r/mirror/oci/team/app/v/"+image.Manifest.Digest())
	for _, text := range []string{"linux/amd64</a>", "linux/arm64</a>", "not on this server", "The image for linux/amd64 is", "to pull"} {
		if !strings.Contains(page, text) {
			t.Errorf("no %q", text)
		}
	}
	for _, path := range []string{"?platform=linux%2Farm64", "?platform=" + url.QueryEscape(first.Manifest.Digest())} {
		s.page(formatstest.Admin, "/r/mirror/oci/team/app/v/"+image.Manifest.Digest()+path)
	}
	s.page(formatstest.Admin, "/r/mirror/oci/team/app/v/"+first.Manifest.Digest())
	if now := u.Requests(); len(now) != seen {
		t.Errorf("%d requests for pages, the last %v", len(now)-seen, now[len(now)-1])
	}

	subject := s.platformImage("own", "amd64", map[string]any{})
	tag := strings.Replace(fmt.Sprint(subject["digest"]), ":", "-", 1) + ".sig"
	s.manifest("own", tag, map[string]any{"mediaType": ociImage, "config": s.blob("own", ociConfig, "{}"), "layers": []any{s.blob("own", "application/vnd.dev.cosign.simplesigning.v1+json", "{}")}})
	page = s.page(formatstest.Admin, "/r/main/oci/own/v/"+fmt.Sprint(subject["digest"]))
	if !strings.Contains(page, "by its tag, which ends in .sig") || !strings.Contains(page, "└ Signature") && !strings.Contains(page, "└ </span>Signature") {
		t.Error("the signature by a tag is missing")
	}
}
