//go:build linux

package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

// product is the result of a build of one commit for one format: a package with start.sh in it, and the real client's command
// that publishes it.
type product struct {
	format  string
	name    string // of the package, as the API has it
	version string // "" is the digest, for images
	publish func(ctx context.Context) ([]byte, error)
}

// builder is a build machine: a git repository, and every client with its configuration.
type builder struct {
	t       *testing.T
	s       *commandtest.Server
	home    string
	token   string
	env     []string
	clients string // where the clients are
}

func newBuilder(t *testing.T, s *commandtest.Server) *builder {
	t.Helper()
	dir := os.Getenv("SLIPWAY_CLIENTS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", ".cache", "clients")
	}
	dir, err := filepath.Abs(dir)
	mustDo(t, err)
	b := &builder{t: t, s: s, home: t.TempDir(), token: s.Token("main", "read,publish,tag,deploy"), clients: dir}
	for _, needed := range []string{npmClient, twineClient, "oci/crane", "m2"} {
		if _, err := os.Stat(filepath.Join(dir, needed)); err != nil {
			b.missing(err.Error())
		}
	}
	for _, needed := range []string{"git", "mvn", "node", "python3", "curl", "setsid"} {
		if _, err := exec.LookPath(needed); err != nil {
			b.missing(err.Error())
		}
	}
	auth := base64.StdEncoding.EncodeToString([]byte("ci:" + b.token))
	b.write(".docker/config.json", fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, s.Addr, auth))
	b.write(".npmrc", "registry="+s.URL+"/npm/main/\n//"+s.Addr+"/npm/main/:_authToken="+b.token+"\nupdate-notifier=false\nfetch-retries=0\n")
	b.write("settings.xml", `<settings><localRepository>`+filepath.Join(b.home, "repository")+`</localRepository>
<servers><server><id>slipway</id><username>ci</username><password>`+b.token+`</password></server></servers>
<mirrors><mirror><id>plugins</id><mirrorOf>*,!slipway</mirrorOf><url>file://`+filepath.Join(dir, "m2")+`</url></mirror></mirrors></settings>`)
	b.env = slices.Clip(append(os.Environ(), "HOME="+b.home, "DOCKER_CONFIG="+filepath.Join(b.home, ".docker"), "NO_COLOR=1",
		"npm_config_cache="+filepath.Join(b.home, "cache"), "npm_config_userconfig="+filepath.Join(b.home, ".npmrc"), "no_proxy=*",
		"MAVEN_OPTS=-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.home="+b.home, "GIT_CONFIG_NOSYSTEM=1"))
	b.run("git", "init", "-q", "work")
	return b
}

const (
	npmClient   = "npm-11.19.1"
	twineClient = "twine-7.0.0"
)

func (b *builder) missing(what string) {
	b.t.Helper()
	if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
		b.t.Fatalf("%s; run make clients", what)
	}
	b.t.Skipf("%s; run make clients", what)
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *builder) write(path, content string) string {
	b.t.Helper()
	path = filepath.Join(b.home, path)
	mustDo(b.t, os.MkdirAll(filepath.Dir(path), 0o700))
	mustDo(b.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func (b *builder) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = filepath.Join(b.home, dir), b.env, 5*time.Second
	return cmd
}

func (b *builder) run(name string, args ...string) string {
	b.t.Helper()
	out, err := b.command(b.t.Context(), "", name, args...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit changes the sources and returns the commit's id.
func (b *builder) commit(version string) string {
	b.t.Helper()
	b.write("work/VERSION", version+"\n")
	b.run("git", "-C", "work", "add", "VERSION")
	b.run("git", "-C", "work", "-c", "user.name=ci", "-c", "user.email=ci@example.com", "commit", "-qm", "Release "+version)
	return b.run("git", "-C", "work", "rev-parse", "HEAD")
}

// app is the program in a package: it writes its name and version and keeps running.
func app(format, version string) string {
	says := format + " " + version
	return "#!/bin/sh\n# says " + says + "\necho '" + says + "' >\"$DEPLOY_STATE/says\"\nexec sleep 1000\n"
}

// build makes the five products of a commit.
func (b *builder) build(version, commit string) []*product {
	b.t.Helper()
	return []*product{b.image(version, commit), b.wheel(version, commit), b.jar(version, commit), b.npm(version), b.zip(version)}
}

// npm finds the commit by itself: the package lies in the git repository.
func (b *builder) npm(version string) *product {
	b.write("work/package.json", fmt.Sprintf(`{"name":"@acme/app","version":%q,"license":"MIT","files":["start.sh"]}`, version))
	b.write("work/start.sh", app("npm", version))
	return &product{"npm", "@acme/app", version, func(ctx context.Context) ([]byte, error) {
		return b.command(ctx, "work", "node", filepath.Join(b.clients, npmClient, "node_modules/npm/bin/npm-cli.js"), "publish", "--loglevel=http").CombinedOutput()
	}}
}

func (b *builder) wheel(version, commit string) *product {
	info := "acme_app-" + version + ".dist-info/"
	files := [][2]string{
		{"acme_app/start.sh", app("pypi", version)},
		{info + "METADATA", "Metadata-Version: 2.1\nName: acme-app\nVersion: " + version + "\nProject-URL: Source, https://git.example.com/acme/app/tree/" + commit + "\n"},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: acme (1)\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
	}
	record := info + "RECORD,,\n"
	for _, f := range files {
		record += f[0] + ",,\n"
	}
	path := b.write("dist/acme_app-"+version+"-py3-none-any.whl", b.archive(append(files, [2]string{info + "RECORD", record})...))
	start := fmt.Sprintf("import runpy, sys; sys.path.insert(0, %q); sys.argv[0] = 'twine'; runpy.run_module('twine', run_name='__main__', alter_sys=True)", filepath.Join(b.clients, twineClient))
	return &product{"pypi", "acme-app", version, func(ctx context.Context) ([]byte, error) {
		return b.command(ctx, "", "python3", "-c", start, "upload", "--non-interactive", "--disable-progress-bar", "--verbose",
			"--repository-url", b.s.URL+"/pypi/main/", "-u", "__token__", "-p", b.token, path).CombinedOutput()
	}}
}

func (b *builder) archive(files ...[2]string) string {
	b.t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		w, err := z.Create(f[0])
		mustDo(b.t, err)
		_, err = io.WriteString(w, f[1])
		mustDo(b.t, err)
	}
	mustDo(b.t, z.Close())
	return out.String()
}

func (b *builder) jar(version, commit string) *product {
	pom, err := os.ReadFile("testdata/pom.xml")
	mustDo(b.t, err)
	b.write("jar/pom.xml", strings.NewReplacer("@version@", version, "@commit@", commit).Replace(string(pom)))
	b.write("jar/src/main/resources/start.sh", app("maven", version))
	return &product{"maven", "com.acme:app", version, func(ctx context.Context) ([]byte, error) {
		return b.command(ctx, "jar", "mvn", "-B", "-q", "-s", filepath.Join(b.home, "settings.xml"), "-Dslipway.url="+b.s.URL+"/maven/main/", "deploy").CombinedOutput()
	}}
}

func (b *builder) zip(version string) *product {
	path := b.write("dist/app-"+version+".zip", b.archive([2]string{"start.sh", app("raw", version)}))
	return &product{"raw", "acme-app", version, func(ctx context.Context) ([]byte, error) {
		return b.command(ctx, "", "curl", "-sS", "--fail-with-body", "-u", "ci:"+b.token, "-T", path, b.s.URL+"/raw/main/acme-app/"+version+"/app.zip").CombinedOutput()
	}}
}

// image writes an OCI layout; the label of its configuration names the commit.
func (b *builder) image(version, commit string) *product {
	b.t.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	script := app("oci", version)
	mustDo(b.t, w.WriteHeader(&tar.Header{Name: "start.sh", Mode: 0o755, Size: int64(len(script)), Typeflag: tar.TypeReg}))
	_, err := io.WriteString(w, script)
	mustDo(b.t, err)
	mustDo(b.t, w.Close())

	dir := "image-" + version
	type descriptor struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
		Size      int    `json:"size"`
	}
	blob := func(mediaType string, content []byte) descriptor {
		sum := fmt.Sprintf("%x", sha256.Sum256(content))
		b.write(dir+"/blobs/sha256/"+sum, string(content))
		return descriptor{mediaType, "sha256:" + sum, len(content)}
	}
	object := func(v any) []byte {
		raw, err := json.Marshal(v)
		mustDo(b.t, err)
		return raw
	}
	layers := []descriptor{blob("application/vnd.oci.image.layer.v1.tar", layer.Bytes())}
	config := blob("application/vnd.oci.image.config.v1+json", object(map[string]any{
		"architecture": "amd64", "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": []string{layers[0].Digest}},
		"config": map[string]any{"Labels": map[string]string{"org.opencontainers.image.revision": commit, "org.opencontainers.image.source": "https://git.example.com/acme/app"}},
	}))
	manifest := blob("application/vnd.oci.image.manifest.v1+json", object(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers,
	}))
	b.write(dir+"/oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
	b.write(dir+"/index.json", string(object(map[string]any{"schemaVersion": 2, "manifests": []descriptor{manifest}})))
	return &product{"oci", "team/app", manifest.Digest, func(ctx context.Context) ([]byte, error) {
		return b.command(ctx, "", filepath.Join(b.clients, "oci/crane"), "push", filepath.Join(b.home, dir), b.s.Addr+"/main/team/app:"+version).CombinedOutput()
	}}
}
