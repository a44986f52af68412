package npm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/setup"
)

// routine is what every version of a client does in TestClientVersions. PACKAGE stands for the package that it publishes.
type routine struct {
	client  string
	publish string // "": it can't
	tag     string // "": it can't
	view    string // "": it can't
	add     string // @acme/tool, into a new project
	locked  string // installs by the lockfile alone
}

var routines = func() []routine {
	npm := routine{"", "publish", "dist-tag add PACKAGE@1.0.0 prod", "view PACKAGE dist-tags", "install @acme/tool --no-audit", "ci --no-audit"}
	pnpm := routine{"", "publish --no-git-checks", "dist-tag add PACKAGE@1.0.0 prod", "view PACKAGE dist-tags", "add @acme/tool", "install --frozen-lockfile"}
	yarn := routine{"", "npm publish", "npm tag add PACKAGE@1.0.0 prod", "npm tag list PACKAGE", "add @acme/tool", "install --immutable"}
	out := []routine{
		{yarn1, "publish --new-version 1.0.0 --no-git-tag-version --non-interactive", "tag add PACKAGE@1.0.0 prod", "info PACKAGE dist-tags",
			"add @acme/tool --non-interactive", "install --frozen-lockfile --non-interactive"},
		{bun, "publish", "", "info PACKAGE", "add @acme/tool", "install --frozen-lockfile"},
		{deno, "", "", "", "add npm:@acme/tool", "install --frozen"},
	}
	for base, clients := range map[*routine][]string{&npm: {npm6, npm8, npm10, npm11, npm12}, &pnpm: {pnpm9, pnpm10, pnpm11, pnpm12}, &yarn: {yarn3, yarn4}} {
		for _, client := range clients {
			base.client = client
			out = append(out, *base)
		}
	}
	return out
}()

// TestClientVersions: each version of each client that is in use publishes, tags, shows and installs, set up by the lines of the
// front page, with its defaults.
func TestClientVersions(t *testing.T) {
	e := newEnv(t, formatstest.Options{Local: true})
	// Zero bytes behind the compressed data (fault J2) are no problem for any of them.
	e.publish(pub{name: "@acme/leaf", version: "1.0.0", tarball: append(pack(t, `{"name":"@acme/leaf","version":"1.0.0"}`), make([]byte, 10_240)...)})
	e.publish(pub{name: "@acme/tool", version: "1.0.0", manifest: map[string]any{"dependencies": map[string]any{"@acme/leaf": "^1.0.0"}}})
	e.publish(pub{name: "@acme/old", version: "1.0.0"})
	e.publish(pub{name: "@acme/old", version: "1.0.1"})
	guide := setup.NewGuide(New().Setup()).At(setup.AddressOf(e.URL, "main"))[0]
	for _, r := range routines {
		t.Run(r.client, func(t *testing.T) {
			t.Parallel() // each waits for its client most of the time
			r.run(t, e, guide)
		})
	}
}

func (r routine) run(t *testing.T, e *env, guide setup.Section) {
	m := newMachine(t, e, r.client)
	if r.client == pnpm9 || r.client == pnpm10 {
		m.withNpm(npm10)
	}
	m.vars = []string{"SLIPWAY_TOKEN=" + e.everything(), "YARN_NODE_LINKER=node-modules", "YARN_ENABLE_TELEMETRY=0"}
	pkg := "@acme/" + strings.ToLower(r.client)
	args := func(line string) []string { return strings.Fields(strings.ReplaceAll(line, "PACKAGE", pkg)) }

	if r.publish != "" {
		dir := m.pkg(pkg, "1.0.0")
		m.setUp(dir, guide)
		if r.client == yarn3 || r.client == yarn4 { // these publish only what they have installed
			must(t, os.WriteFile(filepath.Join(dir, "yarn.lock"), nil, 0o644))
			m.run(dir, "install", "--no-immutable")
		}
		m.run(dir, args(r.publish)...)
		if got := e.get("/" + pkg + "/1.0.0")["name"]; got != pkg {
			t.Errorf("published %v", got)
		}
		if r.tag != "" {
			m.run(dir, args(r.tag)...)
			contains(t, m.run(dir, args(r.view)...), "prod", "1.0.0")
		} else {
			contains(t, m.run(dir, args(r.view)...), "1.0.0")
		}
	}

	app := m.app()
	must(t, os.WriteFile(filepath.Join(app, "yarn.lock"), nil, 0o644)) // marks a project for Yarn 4; the others do not mind
	m.setUp(app, guide)
	m.run(app, args(r.add)...)
	m.forget()
	must(t, os.RemoveAll(filepath.Join(app, "node_modules")))
	m.run(app, args(r.locked)...)
	if _, err := os.Stat(filepath.Join(app, "node_modules/@acme/tool/package.json")); err != nil {
		t.Error(err)
	}
	switch r.client {
	case npm6: // its last request has the path of the repository twice (fault J5)
		m.run(app, "unpublish", "@acme/old@1.0.0")
		if got := e.versions("@acme/old"); len(got) != 1 {
			t.Errorf("versions after an unpublish: %v", got)
		}
	case pnpm11, pnpm12: // they have a path of their own for it (fault J6)
		contains(t, m.run(app, "access", "get", "status", "@acme/tool"), "restricted")
	}
	does := "install, install by the lockfile"
	if r.view != "" {
		does = "publish, show, " + does
	}
	if r.tag != "" {
		does = strings.Replace(does, "publish,", "publish, tag,", 1)
	}
	m.does(does)
}

// setUp follows the front page: each block goes into the file that it names, where this version of the client knows what is in it.
func (m *machine) setUp(dir string, guide setup.Section) {
	m.t.Helper()
	for _, c := range guide.Clients {
		for _, b := range c.Blocks {
			name, _, _ := strings.Cut(m.client, "-")
			switch {
			case b.File == "", // a command
				strings.HasPrefix(b.Text, "always-auth") && m.client != yarn1,
				(b.File == ".yarnrc.yml") != (name == "cli"),
				strings.HasPrefix(b.Text, "npmPreapproved") && m.client == yarn3,
				b.File == "pnpm-workspace.yaml" && m.client != pnpm11 && m.client != pnpm12,
				b.File == "deno.json" && m.client != deno:
				continue
			}
			path := filepath.Join(dir, b.File)
			if home, ok := strings.CutPrefix(b.File, "~/"); ok {
				path = filepath.Join(m.home, home)
			}
			f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			must(m.t, err)
			_, err = f.WriteString(b.Text + "\n")
			must(m.t, err)
			must(m.t, f.Close())
		}
	}
}
