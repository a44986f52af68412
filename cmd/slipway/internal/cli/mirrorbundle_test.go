package cli_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
	"slipway/integration/upstream/upstreamtest"
)

// rewritten is a bundle of which every entry passed a function, which may change it, or drop it by returning no header.
func rewritten(t *testing.T, bundle string, change func(h *tar.Header, body []byte) (*tar.Header, []byte)) string {
	t.Helper()
	raw, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	in, to := tar.NewReader(bytes.NewReader(raw)), tar.NewWriter(&out)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		body, rerr := io.ReadAll(in)
		if err != nil || rerr != nil {
			t.Fatal(err, rerr)
		}
		if h, body = change(h, body); h == nil {
			continue
		}
		h.Size = int64(len(body))
		if err := to.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "changed.tar")
	if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestMirrorBundle carries what was fetched and what was published to a server without a network. There every file is as it was, its name
// is still that of the registry elsewhere where it came from one, and what was published is owned.
func TestMirrorBundle(t *testing.T) {
	t.Parallel()
	up, lists := elsewhere(t)
	r := mirroring(t, up)
	r.CLI(0, append([]string{"mirror", "fetch", "all"}, lists...)...)
	r.CLI(0, "repo", "create", "team")
	r.CLI(0, "upstream", "add", "all", "team")
	put(t, r, "/raw/team/ours/1.0.0/ours.bin", "what we made")
	r.CLI(0, "tag", "set", "team", "raw", "ours", "stable", "1.0.0")
	manifest := pushOne(t, r, "team", "app")
	key := strings.TrimSpace(r.CLI(0, "log", "key"))
	bundle := filepath.Join(t.TempDir(), "bundle.tar")
	r.CLI(2, "mirror", "export", "all")
	r.CLI(0, "mirror", "export", "all", "--file", bundle)
	if out := r.CLI(0, "events", "ls", "--types", "mirror.exported", "-o", "json"); !strings.Contains(out, `"bundle"`) {
		t.Errorf("events: %s", out)
	}
	raw, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(up.Origin.Addr)) || bytes.Contains(raw, []byte(up.CDN.Addr)) {
		t.Error("the bundle has an address of a registry elsewhere")
	}

	far := commandtest.Start(t, func(c *installation.Config) { c.Offline = true })
	far.Login()
	far.CLI(0, "repo", "create", "all")
	take := func(code int, files ...string) string {
		t.Helper()
		return far.CLI(code, append(append([]string{"mirror", "import"}, files...), "--to", "all", "--trust", key)...)
	}
	// Nothing of a bundle that is not what was signed is taken.
	for what, file := range map[string]string{
		"a version": rewritten(t, bundle, func(h *tar.Header, b []byte) (*tar.Header, []byte) {
			if h.Name == "versions/00000.jsonl" {
				b = bytes.Replace(b, []byte(`"1.3.0"`), []byte(`"1.3.1"`), 1)
			}
			return h, b
		}),
		"the manifest": rewritten(t, bundle, func(h *tar.Header, b []byte) (*tar.Header, []byte) {
			if h.Name == "manifest.json" {
				b = bytes.Replace(b, []byte(`"all"`), []byte(`"alt"`), 1)
			}
			return h, b
		}),
		"a proof": rewritten(t, bundle, func(h *tar.Header, b []byte) (*tar.Header, []byte) {
			if h.Name == "log/00000.jsonl" {
				b = bytes.Replace(b, []byte(`"seq":`), []byte(`"seq":1`), 1)
			}
			return h, b
		}),
	} {
		take(1, file)
		if out := far.CLI(0, "package", "ls", "all"); strings.Contains(out, "left-pad") {
			t.Errorf("%s was changed, and taken: %s", what, out)
		}
	}
	if out := far.CLI(0, "events", "ls", "--types", "mirror.*", "-o", "json"); strings.TrimSpace(out) != "" {
		t.Errorf("events of what was refused: %s", out)
	}
	for what, file := range map[string]string{
		"a flipped byte": rewritten(t, bundle, func(h *tar.Header, b []byte) (*tar.Header, []byte) {
			if strings.HasPrefix(h.Name, "blobs/") && bytes.Equal(b, []byte("a tool")) {
				b[0] ^= 1
			}
			return h, b
		}),
		"a path": rewritten(t, bundle, func(h *tar.Header, b []byte) (*tar.Header, []byte) {
			if strings.HasPrefix(h.Name, "blobs/") {
				h.Name = "blobs/sha256/../../" + strings.TrimPrefix(h.Name, "blobs/sha256/")
			}
			return h, b
		}),
	} {
		take(1, file)
		if out := far.CLI(0, "package", "ls", "all"); strings.Contains(out, "tool") {
			t.Errorf("%s: %s", what, out)
		}
	}
	// Another key, although the bundle is whole.
	far.CLI(1, "mirror", "import", bundle, "--to", "all", "--trust", strings.TrimSpace(far.CLI(0, "log", "key")))

	// Cut off in the middle, then whole: what came is not sent again.
	cut := filepath.Join(t.TempDir(), "cut.tar")
	if err := os.WriteFile(cut, raw[:len(raw)-4096], 0o600); err != nil {
		t.Fatal(err)
	}
	take(1, cut)
	first := true
	rest := rewritten(t, bundle, func(h *tar.Header, b []byte) (*tar.Header, []byte) {
		if strings.HasPrefix(h.Name, "blobs/") && first {
			first, h = false, nil
		}
		return h, b
	})
	if out := take(0, rest); !strings.Contains(out, "MISSING") {
		t.Errorf("import: %s", out)
	}
	if out := take(0, bundle, "-o", "json"); !strings.Contains(out, `"versions": 0`) {
		t.Errorf("import again: %s", out)
	}
	for _, path := range []string{"/npm/all/left-pad/-/left-pad-1.3.0.tgz", "/maven/all/com/acme/lib/1.0/lib-1.0.jar", "/maven/all/com/acme/bom/3/bom-3.pom", "/raw/all/tool/1.0.0/tool.tar.gz",
		"/raw/all/ours/1.0.0/ours.bin", "/maven/all/com/acme/lib/1.0/lib-1.0.jar.sha1"} {
		if here, there := get(t, r, path), get(t, far, path); here != there || there == "" {
			t.Errorf("%s: %d bytes, not %d", path, len(there), len(here))
		}
	}
	if page := get(t, far, "/pypi/all/simple/six/"); !strings.Contains(page, "six-1.16.0-py3-none-any.whl") {
		t.Errorf("page: %s", page)
	}
	if doc := get(t, far, "/npm/all/left-pad"); !strings.Contains(doc, `"1.3.0"`) || !strings.Contains(doc, "sha512-") {
		t.Errorf("packument: %s", doc)
	}
	for _, path := range []string{"/v2/all/app/manifests/1.0", "/v2/all/app/manifests/" + digestOf(manifest), "/v2/all/app/blobs/" + digestOf("{}"), "/v2/all/app/blobs/" + digestOf("a layer")} {
		if here, there := get(t, r, strings.Replace(path, "/all/", "/team/", 1)), get(t, far, path); here != there || there == "" {
			t.Errorf("%s: %q", path, there)
		}
	}
	if out := far.CLI(0, "tag", "ls", "all", "raw", "ours"); !strings.Contains(out, "stable") {
		t.Errorf("tags: %s", out)
	}
	if out := far.CLI(0, "version", "show", "all", "npm", "left-pad", "1.3.0", "-o", "json"); !strings.Contains(out, "imported.seq") || !strings.Contains(out, "imported.from") {
		t.Errorf("version: %s", out)
	}
	if out := far.CLI(0, "events", "ls", "-o", "json"); !strings.Contains(out, "mirror.imported") || !strings.Contains(out, "cache.entered") || strings.Contains(out, up.Origin.Addr) {
		t.Errorf("events: %s", out)
	}
	// A name that came from elsewhere stays so.
	if status := put(t, far, "/raw/all/tool/2.0.0/tool", "ours"); status != http.StatusForbidden {
		t.Errorf("a publish over a name from elsewhere: %d", status)
	}
	if status := put(t, far, "/raw/all/ours/2.0.0/ours", "ours"); status >= 300 {
		t.Errorf("a publish: %d", status)
	}
	far.Stop()
	if out := far.With("", nil, 0, "fsck", "--data", far.Data); strings.Contains(out, "finding") {
		t.Errorf("fsck: %s", out)
	}
}

// TestMirrorExportSome: a bundle may have what a list names alone, or what is new, and may be split; a claim there keeps names out, and a rule here does.
func TestMirrorExportSome(t *testing.T) {
	t.Parallel()
	up, lists := elsewhere(t)
	r := mirroring(t, up)
	bundle := filepath.Join(t.TempDir(), "bundle.tar")
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte("pkg:npm/left-pad@1.3.0\ncom.acme:lib:1.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if msg := r.CLI(1, "mirror", "export", "all", list, "--file", bundle); !strings.Contains(msg, "is not here") {
		t.Errorf("export of what is not here: %s", msg)
	}
	r.CLI(0, append([]string{"mirror", "fetch", "all"}, lists...)...)
	names := strings.Fields(r.CLI(0, "mirror", "export", "all", list, "--file", bundle, "--max-part", "9000"))
	if len(names) < 2 {
		t.Fatalf("parts: %v", names)
	}
	far := commandtest.Start(t)
	far.Login()
	key := strings.TrimSpace(r.CLI(0, "log", "key"))
	far.CLI(0, "claim", "add", "npm", "left-*", "--repository", "main")
	if msg := far.CLI(1, append(append([]string{"mirror", "import"}, names...), "--to", "main", "--trust", key)...); !strings.Contains(msg, "left-pad") || !strings.Contains(msg, "claimed") {
		t.Errorf("import of a claimed name: %s", msg)
	}
	if out := far.CLI(0, "package", "ls", "main"); strings.Contains(out, "left-pad") || strings.Contains(out, "six") || !strings.Contains(out, "com.acme:parent") {
		t.Errorf("packages: %s", out)
	}
	r.CLI(1, "mirror", "export", "all", "--since", "100000", "--file", bundle)

	r.CLI(0, "rule", "add", "deny", "pkg:npm/left-pad@*", "--reason", "malware")
	bundle = filepath.Join(t.TempDir(), "without.tar")
	r.CLI(0, "mirror", "export", "all", "--file", bundle)
	raw, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("left-pad")) || !bytes.Contains(raw, []byte("com.acme")) {
		t.Error("the bundle has what a rule denies, or lacks the rest")
	}
}

// TestMirrorImportOwned: what a bundle brings from a registry elsewhere enters as it would by a transfer from the upstream of that name: not where another
// upstream owns the package, or may own it, nor where the upstream is not asked for it.
func TestMirrorImportOwned(t *testing.T) {
	t.Parallel()
	up, owner := upstreamtest.New(t, upstreamtest.Options{}), upstreamtest.New(t, upstreamtest.Options{})
	r := mirroring(t, up)
	list := filepath.Join(t.TempDir(), "list")
	var purls string
	for _, name := range []string{"ours", "theirs", "kept-out"} {
		up.NPM(name, "1.0.0", upstreamtest.NPMVersion{})
		purls += "pkg:npm/" + name + "@1.0.0\n"
	}
	up.Raw("tool/1.0.0/tool.tar.gz", []byte("a tool"))
	owner.Raw("tool/1.0.0/tool.tar.gz", []byte("our tool"))
	owner.NPM("ours", "2.0.0", upstreamtest.NPMVersion{})
	if err := os.WriteFile(list, []byte(purls+"pkg:generic/tool@1.0.0?file_name=tool.tar.gz\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.CLI(0, "mirror", "fetch", "all", list)
	bundle := filepath.Join(t.TempDir(), "bundle.tar")
	r.CLI(0, "mirror", "export", "all", "--file", bundle)
	key := strings.TrimSpace(r.CLI(0, "log", "key"))
	for name, c := range map[string]struct {
		upstreams [][]string
		down      bool
		refused   map[string]string // why, by package
	}{
		"owners": {[][]string{{owner.NPMURL(), "--format", "npm", "--name", "corp", "--owns"}, {owner.RawURL(), "--format", "raw", "--name", "corp-raw", "--owns"},
			{up.NPMURL(), "--format", "npm", "--name", "npm", "--deny", "kept-*"}}, false,
			map[string]string{"ours": "belongs to upstream corp", "tool": "belongs to upstream corp-raw", "kept-out": "is not asked for at upstream npm"}},
		"stays": {[][]string{{owner.NPMURL(), "--format", "npm", "--name", "corp", "--mode", "first"}, {up.NPMURL(), "--format", "npm", "--name", "npm", "--mode", "first"}}, false,
			map[string]string{"ours": "slipway origin set stays npm ours upstream --upstream npm"}},
		"silent": {[][]string{{owner.NPMURL(), "--format", "npm", "--name", "corp", "--owns"}}, true,
			map[string]string{"ours": "corp", "theirs": "corp", "kept-out": "corp"}},
		"itself": {[][]string{{owner.NPMURL(), "--format", "npm", "--name", "npm", "--owns"}}, true, nil},
	} {
		far := commandtest.Start(t, func(c *installation.Config) { c.UpstreamAllow = []string{"127.0.0.1"} })
		far.Login()
		far.CLI(0, "repo", "create", name)
		for _, flags := range c.upstreams {
			far.CLI(0, append([]string{"upstream", "add", name, "--redirects", "127.0.0.1"}, flags...)...)
		}
		if name == "stays" {
			getFile(t, far, "/npm/stays/ours/-/ours-2.0.0.tgz", http.StatusOK)
		}
		if c.down {
			owner.Origin.Down()
			owner.CDN.Down()
		}
		code := 0
		if len(c.refused) > 0 {
			code = 1
		}
		out := far.CLI(code, "mirror", "import", bundle, "--to", name, "--trust", key)
		have := far.CLI(0, "cache", "ls", name)
		for _, pkg := range []string{"ours", "theirs", "kept-out", "tool"} {
			why, refused := c.refused[pkg]
			file := pkg + "-1.0.0.tgz"
			if pkg == "tool" {
				file = "tool.tar.gz"
			}
			if refused && !strings.Contains(out, why) || strings.Contains(have, file) == refused {
				t.Errorf("%s: %s is refused: %v, for %q: %s\n%s", name, pkg, refused, why, out, have)
			}
		}
		owner.Origin.Up(t)
		owner.CDN.Up(t)
		far.Stop()
		if out := far.With("", nil, 0, "fsck", "--data", far.Data); strings.Contains(out, "finding") {
			t.Errorf("%s, fsck: %s", name, out)
		}
	}
}

func digestOf(s string) string { return digest.FromString(s).String() }

// pushOne pushes an image of one layer with the tag 1.0, and returns its manifest.
func pushOne(t *testing.T, r *commandtest.Running, repository, name string) string {
	t.Helper()
	for _, blob := range []string{"{}", "a layer"} {
		if status, _ := ask(t, r, http.MethodPost, "/v2/"+repository+"/"+name+"/blobs/uploads/?digest="+digestOf(blob), blob); status != http.StatusCreated {
			t.Fatalf("a blob: %d", status)
		}
	}
	const media = "application/vnd.oci.image."
	manifest := `{"schemaVersion":2,"mediaType":"` + media + `manifest.v1+json","config":{"mediaType":"` + media + `config.v1+json","digest":"` + digestOf("{}") + `","size":2},` +
		`"layers":[{"mediaType":"` + media + `layer.v1.tar","digest":"` + digestOf("a layer") + `","size":7}]}`
	if status := put(t, r, "/v2/"+repository+"/"+name+"/manifests/1.0", manifest); status != http.StatusCreated {
		t.Fatalf("a manifest: %d", status)
	}
	return manifest
}

func get(t *testing.T, r *commandtest.Running, path string) string {
	t.Helper()
	_, body := ask(t, r, http.MethodGet, path, "")
	return body
}

func put(t *testing.T, r *commandtest.Running, path, body string) int {
	t.Helper()
	status, _ := ask(t, r, http.MethodPut, path, body)
	return status
}

func ask(t *testing.T, r *commandtest.Running, method, path, body string) (int, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(path, "/v2/") && method == http.MethodPut {
		q.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	}
	q.Header.Set("Authorization", "Bearer "+r.Token())
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode >= 300 && method == http.MethodGet {
		t.Errorf("GET %s: %d %s", path, res.StatusCode, raw)
		return res.StatusCode, ""
	}
	return res.StatusCode, string(raw)
}
