package ui_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/registry/registrytest"
)

// drive runs a real client.
func drive(t *testing.T, dir string, env []string, args ...string) (string, error) {
	t.Helper()
	program, err := exec.LookPath(args[0])
	if err != nil {
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, append(os.Environ(), env...), 10*time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var madeSecret = regexp.MustCompile(`export SLIPWAY_TOKEN=(slp_[A-Za-z0-9_-]+)`)

// makeToken makes a token on the page that sets a client up, and returns its secret, and where the page looks for what comes of it.
func makeToken(t *testing.T, v *visitor, fields ...string) (secret, check, body string) {
	t.Helper()
	body = v.send(200, "/setup", append([]string{"repository", "main", "days", "7"}, fields...)...).body
	m, at := madeSecret.FindStringSubmatch(body), regexp.MustCompile(`data-refresh="([^"]+)"`).FindStringSubmatch(body)
	if m == nil || at == nil {
		t.Fatal(body)
	}
	return m[1], strings.TrimPrefix(html.UnescapeString(at[1]), v.base), html.UnescapeString(body)
}

// TestSetUpNPM: the lines of the page, with the token made there, are all that npm needs, and the page says that it works; a wrong address and a
// token that ended are told as well.
func TestSetUpNPM(t *testing.T) {
	s := newPage(t, formatstest.Options{}, all.All()...)
	v := s.visitor()
	v.login("admin", registrytest.AdminPassword)
	secret, check, body := makeToken(t, v, "client", "npm", "name", "ci-2", "may", "publish")
	if page := v.want(200, check, nil).body; !strings.Contains(page, "Waiting for your first request") || strings.Contains(page, secret) {
		t.Fatal(page)
	}
	home, dir := t.TempDir(), t.TempDir()
	env := []string{"HOME=" + home, "SLIPWAY_TOKEN=" + secret, "npm_config_cache=" + filepath.Join(home, "cache"), "npm_config_update_notifier=false", "npm_config_audit=false"}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(home, ".npmrc"), block(t, body, ":_authToken="))
	write(filepath.Join(dir, ".npmrc"), block(t, body, "registry="))
	write(filepath.Join(dir, "package.json"), `{"name":"@acme/web","version":"1.4.2"}`)
	if out, err := drive(t, dir, env, "npm", "publish"); err != nil {
		t.Fatal(out, err)
	}
	if page := v.want(200, check, nil).body; !strings.Contains(page, "It works") || !strings.Contains(page, "published @acme/web with token ci-2") {
		t.Error(page)
	}
	write(filepath.Join(dir, "package.json"), `{"name":"other","version":"1.0.0"}`)
	if out, err := drive(t, dir, env, "npm", "install", "@acme/web"); err != nil {
		t.Fatal(out, err)
	}
	if page := v.want(200, check, nil).body; !regexp.MustCompile(`npm [0-9.]+ installed @acme/web 1\.4\.2 with token ci-2`).MatchString(page) {
		t.Error(page)
	}
	if page := v.want(200, "/setup?client=pip", nil).body; !strings.Contains(page, "Waiting for") {
		t.Errorf("npm sets up pip: %s", page)
	}
	stranger := formatstest.As(s.ReadToken("main")) // of the same address
	if page := string(s.get(stranger, "/setup?client=npm").Body); strings.Contains(page, "@acme/web") {
		t.Errorf("another user sees what was asked for: %s", page)
	}
	// A token that was never one, and a path where nothing is.
	other, _, _ := makeToken(t, v, "client", "npm", "name", "ci-3", "may", "read")
	id := regexp.MustCompile(`token=(\d+)`).FindStringSubmatch(check)[1]
	_ = other
	wrong := formatstest.Request{Method: http.MethodGet, Path: "/npm/main/@acme%2fweb"}.With("User-Agent", "npm/10.9.2 node/v22")
	if res := s.Do(formatstest.As("slp_"+strings.Repeat("x", 40)), wrong); res.Status != http.StatusUnauthorized {
		t.Fatal(res)
	}
	wrong.Path = "/nmp/main/@acme%2fweb"
	if res := s.Do(formatstest.Anonymous, wrong); res.Status != http.StatusNotFound {
		t.Fatal(res)
	}
	fresh := v.want(200, strings.Replace(check, "token="+id, "token=99999", 1), nil).body
	for _, text := range []string{"Something is wrong", "npm 10.9.2 was refused: ", "npm 10.9.2 asked for /nmp/main/@acme/web, where nothing is"} {
		if !strings.Contains(fresh, text) {
			t.Errorf("no %q in %s", text, fresh)
		}
	}
}

// TestSetUpSkopeo: the same for images, whose clients ask for a token of their own with the one that was made.
func TestSetUpSkopeo(t *testing.T) {
	s := newPage(t, formatstest.Options{}, all.All()...)
	v := s.visitor()
	v.login("admin", registrytest.AdminPassword)
	secret, check, _ := makeToken(t, v, "client", "docker", "name", "builds", "may", "publish")
	v.want(200, check, nil)
	layout := imageLayout(t)
	to := "docker://" + strings.TrimPrefix(s.URL, "http://") + "/main/app:1.0"
	if out, err := drive(t, layout, nil, "skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", "ci:"+secret[:len(secret)-1]+"_", "oci:"+layout+":1.0", to); err == nil {
		t.Fatal(out)
	}
	if page := v.want(200, check, nil).body; !strings.Contains(page, "Something is wrong") || !strings.Contains(page, "was refused: ") {
		t.Error(page)
	}
	if out, err := drive(t, layout, nil, "skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", "ci:"+secret, "oci:"+layout+":1.0", to); err != nil {
		t.Fatal(out, err)
	}
	if page := v.want(200, check, nil).body; !strings.Contains(page, "It works") || !regexp.MustCompile(`pushed main/app:1\.0 with token builds`).MatchString(page) {
		t.Error(page)
	}
}

// imageLayout writes an image of one empty layer as an OCI image layout, under the name 1.0.
func imageLayout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755))
	blob := func(mediaType string, body []byte) map[string]any {
		sum := fmt.Sprintf("%x", sha256.Sum256(body))
		must(os.WriteFile(filepath.Join(dir, "blobs", "sha256", sum), body, 0o600))
		return map[string]any{"mediaType": mediaType, "digest": "sha256:" + sum, "size": len(body)}
	}
	text := func(v any) []byte {
		b, err := json.Marshal(v)
		must(err)
		return b
	}
	tar := make([]byte, 1024) // an empty one
	layer := blob("application/vnd.oci.image.layer.v1.tar", tar)
	config := blob("application/vnd.oci.image.config.v1+json", text(map[string]any{"architecture": "amd64", "os": "linux", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []any{layer["digest"]}}}))
	manifest := blob("application/vnd.oci.image.manifest.v1+json", text(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": config, "layers": []any{layer}}))
	manifest["annotations"] = map[string]string{"org.opencontainers.image.ref.name": "1.0"}
	must(os.WriteFile(filepath.Join(dir, "index.json"), text(map[string]any{"schemaVersion": 2, "manifests": []any{manifest}}), 0o600))
	must(os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o600))
	return dir
}
