//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
	"slipway/storage/s3/s3test"
)

// TestNoTemporaryFolder is K1: the server needs no folder for temporary files besides its data directory.
func TestNoTemporaryFolder(t *testing.T) {
	url, env := s3test.New(t)
	s := commandtest.NewServer(t, "--blobs", url)
	s.Env = append(env, "TMPDIR="+filepath.Join(t.TempDir(), "missing"))
	s.Start()
	pushLarge(s)
	s.Terminate()
	s.Fsck()
	mustBeEmpty(t, filepath.Join(s.Data, "spool"))
}

// TestImage (K1) runs the binary as the Dockerfile builds it where its image runs it: as a user without rights, in a root that
// the user can't write and that holds nothing but the binary and an empty /data.
func TestImage(t *testing.T) {
	dockerfile, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	mustDo(t, err)
	build := regexp.MustCompile(`(?s)RUN (CGO_ENABLED=1 go build .*? \./cmd/slipway) `).FindSubmatch(dockerfile)
	if build == nil || !strings.Contains(string(dockerfile), "FROM scratch") || !strings.Contains(string(dockerfile), "USER 65532:65532") {
		t.Fatal("the Dockerfile is not as this test reads it")
	}
	root := filepath.Join(t.TempDir(), "root")
	mustDo(t, os.MkdirAll(filepath.Join(root, "data"), 0o700))
	sh := exec.Command("sh", "-c", strings.Replace(string(build[1]), "-o /slipway", `-o "$OUT"`, 1))
	sh.Dir = filepath.Join("..", "..")
	sh.Env = append(os.Environ(), "OUT="+filepath.Join(root, "slipway"), "VERSION=image", "COMMIT=4f2a9c1", "GOFLAGS=-buildvcs=false")
	if out, err := sh.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build[1], err, out)
	}
	mustDo(t, os.Chmod(root, 0o555))
	t.Cleanup(func() { _ = os.Chmod(root, 0o755) }) // for the removal

	attr := &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532, NoSetGroups: true}}
	if os.Geteuid() == 0 {
		mustDo(t, os.Chown(filepath.Join(root, "data"), 65532, 65532))
		for dir := filepath.Dir(root); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			mustDo(t, os.Chmod(dir, 0o711))
		}
	} else { // in a namespace of its own the caller may change the root, and is that user
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 65532, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 65532, HostID: os.Getegid(), Size: 1}}
	}
	url, env := s3test.New(t)
	s := commandtest.NewServer(t, "--blobs", url)
	s.Bin, s.Data = "/slipway", "/data"
	env = append(env, "SLIPWAY_DATA=/data", "SLIPWAY_LISTEN="+s.Addr, "SLIPWAY_ADMIN_PASSWORD="+commandtest.Password)
	s.Prepare = func(cmd *exec.Cmd) { cmd.SysProcAttr, cmd.Dir, cmd.Env = attr, "/", env }
	s.Start()
	if out := s.Run(0, "version"); !strings.Contains(out, "image") || !strings.Contains(out, "4f2a9c1") {
		t.Errorf("the binary does not know its version and commit: %s", out)
	}
	if out := s.Run(0, "licenses"); !strings.Contains(out, "\ngithub.com/mattn/go-sqlite3 v") {
		t.Errorf("the binary does not carry the licenses of its modules: %.200s", out)
	}
	_, final, _ := strings.Cut(string(dockerfile), "FROM scratch")
	if !strings.Contains(final, "/usr/share/doc/libc6/copyright") {
		t.Error("the image lacks the license of the C library that is linked into its binary")
	}
	if !strings.Contains(final, `HEALTHCHECK`) || !strings.Contains(final, `"health", "--live"`) { // K5
		t.Error("a full disk makes the image unhealthy, and its restart an outage of reads")
	}
	for _, label := range []string{"version=\"${VERSION}\"", "revision=\"${COMMIT}\"", "licenses=", "title="} {
		if !strings.Contains(final, "org.opencontainers.image."+label) {
			t.Errorf("the image has no label %s", label)
		}
	}
	pushLarge(s)
	s.Run(0, "health")
	s.Run(0, "backup", "/data/backup", "--blobs", url)
	s.Terminate()
	s.Fsck()
	mustBeEmpty(t, filepath.Join(root, "data", "spool"))
}

// TestImageFolder: /data belongs to the image's user alone, also where buildah builds the image, which changes the mode of a
// folder that is copied by itself.
func TestImageFolder(t *testing.T) {
	const buildah = "/usr/bin/buildah"
	if _, err := os.Stat(buildah); err != nil && os.Getenv("SLIPWAY_REQUIRE_CLIENTS") == "" {
		t.Skip("buildah is not installed; run .ci/clients-oci.sh")
	}
	dockerfile, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	mustDo(t, err)
	makes := regexp.MustCompile(`mkdir /image && mkdir -m 700 (/image/data)\n`).FindSubmatch(dockerfile)
	copies := regexp.MustCompile(`COPY --from=build \S+ /image/\S* /\S*\n`).Find(dockerfile)
	if makes == nil || copies == nil {
		t.Fatal("the Dockerfile is not as this test reads it")
	}
	dir := t.TempDir()
	mustDo(t, os.MkdirAll(filepath.Join(dir, "build", "image"), 0o755)) //nolint:gosec // as mkdir makes it
	mustDo(t, os.Mkdir(filepath.Join(dir, "build", string(makes[1])), 0o700))
	mustDo(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), append([]byte("FROM scratch AS build\nCOPY build/ /\nFROM scratch\n"), copies...), 0o600))
	mustDo(t, os.WriteFile(filepath.Join(dir, "policy.json"), []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600))
	run := func(args ...string) string {
		cmd := exec.Command(buildah, append([]string{"--storage-driver", "vfs", "--root", filepath.Join(dir, "storage"), "--runroot", filepath.Join(dir, "run")}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		return strings.TrimSpace(string(out))
	}
	run("build", "--isolation", "chroot", "--signature-policy", filepath.Join(dir, "policy.json"), "-t", "folder", dir)
	run("push", "--signature-policy", filepath.Join(dir, "policy.json"), "--disable-compression", "folder", "dir:"+filepath.Join(dir, "out"))
	found := false
	files, err := filepath.Glob(filepath.Join(dir, "out", strings.Repeat("?", 64)))
	mustDo(t, err)
	for _, name := range files {
		f, err := os.Open(name)
		mustDo(t, err)
		defer f.Close()
		for r := tar.NewReader(f); ; {
			h, err := r.Next()
			if err != nil {
				break // the configuration is no tar
			}
			if h.Name == "data/" {
				found = h.Mode&0o777 == 0o700 && h.Uid == 65532 && h.Gid == 65532
				t.Logf("/data: %o %d:%d", h.Mode, h.Uid, h.Gid)
			}
		}
	}
	if !found {
		t.Error("/data does not belong to the image's user alone")
	}
}

// TestUnusableSpool: a server that could not accept a large body does not start, and says why in one line.
func TestUnusableSpool(t *testing.T) {
	url, env := s3test.New(t)
	data := t.TempDir()
	mustDo(t, os.WriteFile(filepath.Join(data, "spool"), nil, 0o600))
	for _, kv := range env {
		key, value, _ := strings.Cut(kv, "=")
		t.Setenv(key, value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // ends a server that starts all the same
	defer cancel()
	code, stdout, stderr := commandtest.Command(ctx, "", nil, "serve", "--listen", "127.0.0.1:0", "--data", data, "--blobs", url)
	if code != command.Usage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--blobs: s3: spool") ||
		!strings.Contains(stderr, filepath.Join(data, "spool")) {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBeEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%s: %v, holds %v", dir, err, left)
	}
}

const largeBytes = 5 << 20 // larger than the part of a body that the store keeps in memory

// pushLarge sends bodies of some MiB through every format, and reads them back.
func pushLarge(s *commandtest.Server) {
	s.T.Helper()
	random := rand.NewChaCha8([32]byte{1})
	noise := func() []byte {
		out := make([]byte, largeBytes)
		_, _ = random.Read(out) // never fails
		return out
	}
	file, jar, chunk, layer := noise(), noise(), noise(), noise()
	tarball := commandtest.NpmTarball(s.T, "large", "1.0.0", noise())
	wheel := killWheel(s.T, "large", "large", "1.0", noise())
	form, formType := uploadForm(s.T, &tracked{pkg: "large", version: "1.0"}, "large-1.0-py3-none-any.whl", wheel)

	sendLarge(s, http.MethodPut, "/raw/main/large/1.0/file", "", file, http.StatusCreated)
	sendLarge(s, http.MethodPut, "/npm/main/large", "application/json", commandtest.NpmDocument(s.T, "large", "1.0.0", tarball), http.StatusCreated)
	sendLarge(s, http.MethodPost, "/pypi/main/", formType, form, http.StatusOK)
	artifact := artifact{name: "large", version: "1.0", jar: jar}
	sendLarge(s, http.MethodPut, artifact.path(".jar"), "", jar, http.StatusCreated)

	begun := sendLarge(s, http.MethodPost, "/v2/main/large/blobs/uploads/", "", nil, http.StatusAccepted)
	sent := sendLarge(s, http.MethodPatch, begun, "application/octet-stream", chunk, http.StatusAccepted)
	sendLarge(s, http.MethodPut, sent+"?digest=sha256:"+sha(chunk), "", nil, http.StatusCreated)
	begun = sendLarge(s, http.MethodPost, "/v2/main/large/blobs/uploads/", "", nil, http.StatusAccepted)
	sendLarge(s, http.MethodPut, begun+"?digest=sha256:"+sha(layer), "application/octet-stream", layer, http.StatusCreated)

	for path, want := range map[string][]byte{
		"/raw/main/large/1.0/file":                                       file,
		"/npm/main/large/-/large-1.0.0.tgz":                              tarball,
		artifact.path(".jar"):                                            jar,
		"/v2/main/large/blobs/sha256:" + sha(chunk):                      chunk,
		"/v2/main/large/blobs/sha256:" + sha(layer):                      layer,
		"/pypi/main/files/" + sha(wheel) + "/large-1.0-py3-none-any.whl": wheel,
	} {
		if status, _, got := requestLarge(s, http.MethodGet, path, "", nil); status != http.StatusOK || !bytes.Equal(got, want) {
			s.T.Errorf("GET %s: %d, %d bytes, want %d", path, status, len(got), len(want))
		}
	}
}

// sendLarge makes a request as the admin, expects its status, and returns the answer's Location.
func sendLarge(s *commandtest.Server, method, path, contentType string, body []byte, want int) (location string) {
	s.T.Helper()
	status, location, answer := requestLarge(s, method, path, contentType, body)
	if status != want {
		s.T.Errorf("%s %s: %d, want %d: %s", method, path, status, want, answer)
	}
	return location
}

func requestLarge(s *commandtest.Server, method, path, contentType string, body []byte) (status int, location string, answer []byte) {
	s.T.Helper()
	if !strings.HasPrefix(path, "http") {
		path = s.URL + path
	}
	req, err := http.NewRequest(method, path, bytes.NewReader(body))
	mustDo(s.T, err)
	req.SetBasicAuth("admin", commandtest.Password)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := http.DefaultClient.Do(req)
	mustDo(s.T, err)
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	mustDo(s.T, err)
	return res.StatusCode, res.Header.Get("Location"), answer
}
