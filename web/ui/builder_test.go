package ui_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/registry/registrytest"
)

// builder is the company's build machine: git repositories, and the clients that people use.
type builder struct {
	*client
	c         *company
	elsewhere *site // a registry that everybody uses
}

func newBuilder(t *testing.T, c *company) *builder {
	t.Helper()
	b := &builder{client: &client{t: t, home: t.TempDir()}, c: c}
	run, err := os.MkdirTemp("", "run-") // a short path, of which buildah takes 50 characters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(run) })
	b.write("storage.conf", "[storage]\ndriver = \"vfs\"\nrunroot = \""+run+"\"\ngraphroot = \""+filepath.Join(b.home, "storage")+"\"\n")
	b.write("policy.json", `{"default":[{"type":"insecureAcceptAnything"}]}`)
	b.env = []string{"GIT_CONFIG_NOSYSTEM=1", "npm_config_update_notifier=false", "npm_config_fetch_retries=0", "npm_config_cache=" + filepath.Join(b.home, "cache"), "NO_COLOR=1", "FLIT_NO_NETWORK=1",
		"CONTAINERS_STORAGE_CONF=" + filepath.Join(b.home, "storage.conf"), "XDG_RUNTIME_DIR=" + run,
		"MAVEN_OPTS=-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.home=" + b.home}
	for _, repo := range []string{"web", "data", "platform", "main"} {
		b.ok("", "git", "init", "-q", repo)
	}
	b.mirrors()
	return b
}

// ok runs a client in a folder, which has to succeed, and returns what it says.
func (b *builder) ok(dir string, args ...string) string {
	b.t.Helper()
	b.dir = dir
	out, err := b.run("", args...)
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// mirrors makes a registry elsewhere, in which things have been for long, and a repository that answers from it.
func (b *builder) mirrors() {
	b.t.Helper()
	clock := formatstest.NewClock()
	clock.Later(-400 * 24 * time.Hour)
	o := formatstest.Options{AnonymousRead: true}
	o.Core = append(o.Core, clock.Option(), registrytest.StoreClock(clock.Now))
	b.elsewhere = newSite(b.t, "1.0.0", o, all.All()...)
	token := b.elsewhere.Token("*", "admin")
	for _, version := range []string{"1.1.3", "1.3.0"} {
		b.write("elsewhere/package.json", `{"name":"left-pad","version":"`+version+`","description":"String left pad","license":"WTFPL"}`)
		b.npmrc("elsewhere", b.elsewhere.URL+"/npm/main/", token)
		b.npm("elsewhere", "publish")
	}
	jar := b.write("log4j-core-2.17.1.jar", string(packed(b.t, "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n", "org/apache/logging/log4j/core/Core.class", "x")))
	pom := b.write("log4j-core-2.17.1.pom", `<project><modelVersion>4.0.0</modelVersion><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.17.1</version>
<description>The Apache Log4j Implementation</description><licenses><license><name>Apache-2.0</name></license></licenses></project>`)
	metadata := b.write("maven-metadata.xml", `<metadata><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><versioning><release>2.17.1</release><versions><version>2.17.1</version></versions></versioning></metadata>`)
	b.elsewhere.send("PATCH", "/api/v1/repositories/main", `{"settings":{"maven_immediate":true}}`, 200)
	at := b.elsewhere.URL + "/maven/main/org/apache/logging/log4j/log4j-core/"
	for _, file := range [][2]string{{jar, "2.17.1/log4j-core-2.17.1.jar"}, {pom, "2.17.1/log4j-core-2.17.1.pom"}, {metadata, "maven-metadata.xml"}} {
		b.ok("", "curl", "-sS", "--fail-with-body", "-u", "ci:"+token, "-T", file[0], at+file[1])
	}
	c := b.c
	c.do("admin", "POST", "/repositories", `{"name":"mirror","description":"What comes from registries elsewhere"}`)
	for format, name := range map[string]string{"npm": "npm-registry", "maven": "maven-registry"} {
		c.do("admin", "POST", "/repositories/mirror/upstreams", fmt.Sprintf(`{"name":%q,"format":%q,"url":"%s/%s/main","cooldown":"72h"}`, name, format, b.elsewhere.URL, format))
	}
	c.do("admin", "POST", "/repositories", `{"name":"all","description":"Everything, at one address","upstreams":["web","data","platform","mirror"]}`)
	c.do("dana", "POST", "/rules", `{"action":"deny","match":"pkg:npm/left-pad@<1.3.0","reason":"it pads wrongly; take 1.3.0","repository":"mirror"}`)
}

// commit changes files of a repository, path and content in turn, and returns the commit.
func (b *builder) commit(repo, author, subject string, files ...string) string {
	b.t.Helper()
	for i := 0; i < len(files); i += 2 {
		b.write(filepath.Join(repo, files[i]), files[i+1])
	}
	when := b.c.clock.Now().Format(time.RFC3339)
	b.ok(repo, "git", "add", "-A")
	b.ok(repo, "env", "GIT_AUTHOR_DATE="+when, "GIT_COMMITTER_DATE="+when, "git", "-c", "user.name="+author, "-c", "user.email="+author+"@acme.example", "commit", "-q", "--allow-empty", "-m", subject)
	return b.ok(repo, "git", "rev-parse", "HEAD")
}

// published is a version as the server has it.
func (b *builder) published(w ware) ware {
	b.t.Helper()
	var v struct {
		PURL string `json:"purl"`
	}
	if err := json.Unmarshal(b.c.do("admin", "GET", w.path()+"/versions/"+url.PathEscape(w.version), "").Body, &v); err != nil {
		b.t.Fatal(err)
	}
	w.purl = v.PURL
	return b.c.built(w)
}

func (b *builder) npmrc(dir, registry, token string) {
	b.t.Helper()
	b.write(filepath.Join(dir, ".npmrc"), "registry="+registry+"\n"+strings.TrimPrefix(registry, "http:")+":_authToken="+token+"\n")
}

func (b *builder) npm(dir string, args ...string) string {
	b.t.Helper()
	return b.ok(dir, append([]string{"node", filepath.Join(installedClient(b.t, "npm-11.19.1"), "node_modules/npm/bin/npm-cli.js")}, args...)...)
}

// publishNPM publishes a package of the web team with npm.
func (b *builder) publishNPM(author, subject string, manifest map[string]any, files ...string) ware {
	b.t.Helper()
	name, version := manifest["name"].(string), manifest["version"].(string) //nolint:forcetypeassert // texts
	dir := strings.TrimPrefix(name, "@acme/")
	manifest["license"] = "UNLICENSED"
	manifest["repository"] = map[string]string{"type": "git", "url": "git+https://git.acme.example/web.git", "directory": dir}
	text, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		b.t.Fatal(err)
	}
	list := []string{dir + "/package.json", string(text) + "\n", ".gitignore", ".npmrc\n"}
	for i := 0; i < len(files); i += 2 {
		list = append(list, dir+"/"+files[i], files[i+1])
	}
	w := ware{repository: "web", format: "npm", name: name, version: version}
	w.commit = b.commit("web", author, subject, list...)
	b.npmrc("web/"+dir, b.c.URL+"/npm/web/", b.c.tokens["ci-web"])
	b.npm("web/"+dir, "publish")
	return b.published(w)
}

// publishWheel builds a wheel and a source distribution of the data team with Flit, and publishes them with twine.
func (b *builder) publishWheel(author, subject, name, version, lines, readme string) ware {
	b.t.Helper()
	module := strings.ReplaceAll(name, "-", "_")
	w := ware{repository: "data", format: "pypi", name: name, version: version}
	w.commit = b.commit("data", author, subject, module+".py", "\"\"\"Forecasts of orders.\"\"\"\n\n\ndef forecast(orders, days=7):\n    \"\"\"Return the expected orders of the next days.\"\"\"\n    return [sum(orders[-28:]) / 28] * days\n",
		"README.md", readme, "VERSION", version+"\n", ".gitignore", "dist\npyproject.toml\n")
	b.write("data/pyproject.toml", "[build-system]\nrequires = [\"flit_core\"]\nbuild-backend = \"flit_core.buildapi\"\n[project]\nname = \""+name+"\"\nversion = \""+version+"\"\n"+lines+
		"[project.urls]\nSource = \"https://git.acme.example/data/tree/"+w.commit+"\"\n")
	if err := os.RemoveAll(filepath.Join(b.home, "data", "dist")); err != nil {
		b.t.Fatal(err)
	}
	b.python("flit-4.2.0", "flit", "build")
	built, err := filepath.Glob(filepath.Join(b.home, "data", "dist", "*"))
	if err != nil || len(built) != 2 {
		b.t.Fatalf("Flit built %q, %v", built, err)
	}
	b.python("twine-7.0.0", "twine", append([]string{"upload", "--non-interactive", "--disable-progress-bar", "--repository-url", b.c.URL + "/pypi/data/", "-u", "__token__", "-p", b.c.tokens["ci-data"]}, built...)...)
	return b.published(w)
}

// python runs a program that is written in Python in the repository of the data team.
func (b *builder) python(client, module string, args ...string) {
	b.t.Helper()
	start := fmt.Sprintf("import runpy, sys; sys.path.insert(0, %q); sys.argv[0] = %q; runpy.run_module(%[2]q, run_name='__main__', alter_sys=True)", installedClient(b.t, client), module)
	b.ok("data", append([]string{"python3", "-c", start}, args...)...)
}

// publishJar builds a jar of the platform team with Maven, from what the address for everything has, and deploys it.
func (b *builder) publishJar(author, subject, artifact, version, about, dependencies, source string) ware {
	b.t.Helper()
	class := strings.ToUpper(artifact[:1]) + artifact[1:]
	w := ware{repository: "platform", format: "maven", name: "com.acme:" + artifact, version: version}
	w.commit = b.commit("platform", author, subject, artifact+"/src/main/java/com/acme/"+class+".java", "package com.acme;\n\n"+source, ".gitignore", "target\npom.xml\nCONTAINERFILE\n", artifact+"/VERSION", version+"\n")
	pom, err := os.ReadFile("testdata/company-pom.xml")
	if err != nil {
		b.t.Fatal(err)
	}
	b.write("platform/"+artifact+"/pom.xml", strings.NewReplacer("@artifact@", artifact, "@version@", version, "@about@", about, "@commit@", w.commit, "@dependencies@", dependencies, "@url@", b.c.URL).Replace(string(pom)))
	settings := b.write("settings.xml", `<settings><localRepository>`+filepath.Join(b.home, "repository")+`</localRepository>
<servers><server><id>slipway</id><username>ci</username><password>`+b.c.tokens["ci-platform"]+`</password></server></servers>
<mirrors><mirror><id>plugins</id><mirrorOf>*,!slipway</mirrorOf><url>file://`+installedClient(b.t, "m2")+`</url></mirror></mirrors></settings>`)
	b.ok("platform/"+artifact, "mvn", "-B", "-q", "-s", settings, "deploy")
	return b.published(w)
}

// buildah runs buildah.
func (b *builder) buildah(dir string, args ...string) {
	b.t.Helper()
	if _, err := exec.LookPath("buildah"); err != nil {
		absent(b.t, err)
	}
	b.ok(dir, append([]string{"buildah"}, args...)...)
}

// publishImage builds an image for two platforms from the repository of a team, with buildah, and pushes it with a bill of materials by ORAS.
func (b *builder) publishImage(team, author, subject, name, version, containerfile string) ware {
	b.t.Helper()
	w := ware{repository: team, format: "oci", name: name}
	w.commit = b.commit(team, author, subject, name+"/start.sh", "#!/bin/sh\nexec /srv/"+name+" --version "+version+"\n", name+"/assets.txt", strings.Repeat(version+" assets of "+name+"\n", 4000))
	b.write(filepath.Join(team, name, "Containerfile"), containerfile+"LABEL org.opencontainers.image.revision="+w.commit+" org.opencontainers.image.source=https://git.acme.example/"+team+" org.opencontainers.image.version="+version+"\n")
	list := name + "-" + version
	b.buildah(team, "bud", "-q", "--signature-policy", filepath.Join(b.home, "policy.json"), "--layers", "--platform", "linux/amd64,linux/arm64", "--manifest", list, "-f", name+"/Containerfile", name)
	token := b.c.tokens["ci-"+team]
	digest := filepath.Join(b.home, list+".digest")
	ref := b.c.Addr + "/" + team + "/" + name + ":" + version
	b.buildah(team, "manifest", "push", "-q", "--all", "--signature-policy", filepath.Join(b.home, "policy.json"), "--tls-verify=false", "--creds", "ci:"+token, "--digestfile", digest, list, "docker://"+ref)
	text, err := os.ReadFile(digest)
	if err != nil {
		b.t.Fatal(err)
	}
	w.version = strings.TrimSpace(string(text))
	b.write(".docker/config.json", fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, b.c.Addr, base64.StdEncoding.EncodeToString([]byte("ci:"+token))))
	b.write("sbom.spdx.json", `{"spdxVersion":"SPDX-2.3","name":"`+name+`"}`)
	b.ok("", filepath.Join(installedClient(b.t, "oci"), "oras"), "attach", "--plain-http", "--artifact-type", "application/spdx+json", ref, "sbom.spdx.json")
	return b.published(w)
}

// publishFiles puts files into the repository for all with curl, path and content in turn.
func (b *builder) publishFiles(author, subject, name, version string, files ...string) ware {
	b.t.Helper()
	w := ware{repository: "main", format: "raw", name: name, version: version}
	w.commit = b.commit("main", author, subject, name+".sh", "#!/bin/sh\necho "+version+"\n")
	for i := 0; i < len(files); i += 2 {
		path := b.write(filepath.Join("files", files[i]), files[i+1])
		b.ok("", "curl", "-sS", "--fail-with-body", "-u", "ci:"+b.c.tokens["ci-platform"], "-T", path, b.c.URL+"/raw/main/"+name+"/"+version+"/"+files[i])
	}
	return b.published(w)
}

// reverse is a proxy to an address, which says where it is asked.
func reverse(to string) *httputil.ReverseProxy {
	target, err := url.Parse(to)
	if err != nil {
		panic(err) // it is that of a server
	}
	return &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
	}}
}
