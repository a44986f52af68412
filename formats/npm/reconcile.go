package npm

import (
	"encoding/json"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// difference is an install-relevant field of which the client sent another value than the tarball holds.
type difference struct {
	Field string          `json:"field"`
	Sent  json.RawMessage `json:"sent,omitempty"` // absent: it was not sent
}

// field is one that decides what an installation does (npm.md 5.5). Clients rewrite some of them while publishing
// (bin text to map, os text to list), so values are compared in a canonical form.
type field struct {
	key string
	// canonical returns the meaning of the field in a package.json; nil if it says nothing. tar is the tarball's.
	canonical func(pkg object, tar contents) any
	// serve writes the tarball's own value into m, which is what was sent.
	serve func(m *object, tar contents)
}

var installFields = []field{
	{"dependencies", dependencies, serveMap("dependencies")},
	mapField("optionalDependencies"), mapField("peerDependencies"), mapField("devDependencies"), mapField("acceptDependencies"),
	plainField("peerDependenciesMeta"), plainField("engines"),
	listField("os"), listField("cpu"), listField("libc"),
	{"bundleDependencies", bundled, serveBundled},
	{"bin", bins, serveBin},
	{"scripts", scripts, serveScripts},
}

// reconcile returns the sent manifest with every install-relevant field as the tarball has it, and which ones differed:
// clients install by the registry's copy and run what the tarball holds, so one must not tell another story than the
// other.
func reconcile(sent object, tar contents) (object, []difference) {
	m := slices.Clone(sent)
	var differs []difference
	for _, f := range installFields {
		want := f.canonical(tar.manifest, tar)
		got := f.canonical(sent, tar)
		if reflect.DeepEqual(want, got) {
			continue
		}
		differs = append(differs, difference{f.key, sent.get(f.key)})
		f.serve(&m, tar)
	}
	return m, differs
}

func mapField(key string) field {
	return field{key, func(pkg object, _ contents) any { return orNil(rangeMap(pkg.get(key))) }, serveMap(key)}
}

// serveMap drops what is not a string: clients do the same with a warning.
func serveMap(key string) func(*object, contents) {
	return func(m *object, tar contents) {
		if v := stringMap(tar.manifest.get(key)); len(v) > 0 {
			m.set(key, v)
		} else {
			m.drop(func(k string) bool { return k == key })
		}
	}
}

func plainField(key string) field {
	return field{key, func(pkg object, _ contents) any { return decoded(pkg.get(key)) }, serveRaw(key)}
}

// listField is a list that may be written as one string.
func listField(key string) field {
	return field{key, func(pkg object, _ contents) any {
		if s, ok := decoded(pkg.get(key)).(string); ok {
			return []any{s}
		}
		return decoded(pkg.get(key))
	}, serveRaw(key)}
}

func serveRaw(key string) func(*object, contents) {
	return func(m *object, tar contents) {
		if v := tar.manifest.get(key); !isEmpty(v) {
			m.set(key, v)
		} else {
			m.drop(func(k string) bool { return k == key })
		}
	}
}

// decoded returns a value for comparison; nil if it is empty.
func decoded(raw json.RawMessage) any {
	var v any
	if isEmpty(raw) || json.Unmarshal(raw, &v) != nil {
		return nil
	}
	return v
}

// stringMap reads the string members of an object; nil for anything else.
func stringMap(raw json.RawMessage) map[string]string {
	o, err := parseObject(raw)
	if err != nil {
		return nil
	}
	out := map[string]string{}
	for _, m := range o {
		var s string
		if json.Unmarshal(m.value, &s) == nil {
			out[m.key] = s
		}
	}
	return out
}

// rangeMap is stringMap for dependencies: npm writes out the host of owner/repository while publishing.
func rangeMap(raw json.RawMessage) map[string]string {
	m := stringMap(raw)
	for name, want := range m {
		m[name] = strings.TrimPrefix(want, "github:")
	}
	return m
}

func orNil(m map[string]string) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// dependencies leaves out the optional ones: npm 8 adds them to the regular ones while publishing, npm 10 takes them
// out again.
func dependencies(pkg object, _ contents) any {
	deps := rangeMap(pkg.get("dependencies"))
	for name := range stringMap(pkg.get("optionalDependencies")) {
		delete(deps, name)
	}
	return orNil(deps)
}

// bundled returns the sorted names of bundled dependencies, whichever of the two spellings is used. "true" means all
// dependencies, and clients write that out, some of them with the optional ones.
func bundled(pkg object, tar contents) any {
	raw := bundledRaw(pkg)
	var names []string
	switch v := decoded(raw).(type) {
	case bool:
		if v {
			for name := range stringMap(pkg.get("dependencies")) {
				names = append(names, name)
			}
		}
	case []any:
		for _, n := range v {
			if s, ok := n.(string); ok {
				names = append(names, s)
			}
		}
	case map[string]any:
		for name := range v {
			names = append(names, name)
		}
	}
	if string(bundledRaw(tar.manifest)) == "true" {
		optional := stringMap(tar.manifest.get("optionalDependencies"))
		names = slices.DeleteFunc(names, func(n string) bool { return optional[n] != "" })
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func bundledRaw(pkg object) json.RawMessage {
	if raw := pkg.get("bundleDependencies"); !isEmpty(raw) {
		return raw
	}
	return pkg.get("bundledDependencies")
}

func serveBundled(m *object, tar contents) {
	m.drop(func(k string) bool { return k == "bundleDependencies" || k == "bundledDependencies" })
	if names := bundled(tar.manifest, tar); names != nil {
		m.set("bundleDependencies", names)
	}
}

// bins returns commands and their files the way npm-normalize-package-bin does. A package may name a directory of
// commands instead; clients list it while publishing, so commands in there are taken for the tarball's own.
func bins(pkg object, tar contents) any {
	if dir := binDirectory(tar.manifest); dir != "" && isEmpty(tar.manifest.get("bin")) {
		sent := binMap(pkg)
		for command, file := range sent {
			if strings.HasPrefix(file, dir+"/") {
				delete(sent, command)
			}
		}
		return orNil(sent)
	}
	return orNil(binMap(pkg))
}

func serveBin(m *object, tar contents) {
	if v := binMap(tar.manifest); len(v) > 0 {
		m.set("bin", v)
	} else {
		m.drop(func(k string) bool { return k == "bin" })
	}
}

func binDirectory(pkg object) string {
	o, err := parseObject(pkg.get("directories"))
	if err != nil || o.text("bin") == "" {
		return ""
	}
	return rooted(o.text("bin"))
}

func binMap(pkg object) map[string]string {
	out := map[string]string{}
	add := func(command, file string) {
		command = path.Base(rooted(strings.ReplaceAll(command, ":", "/")))
		if file = rooted(file); file != "" && command != "." {
			out[command] = file
		}
	}
	switch v := decoded(pkg.get("bin")).(type) {
	case string:
		add(pkg.text("name"), v)
	case []any:
		for _, f := range v {
			if s, ok := f.(string); ok {
				add(s, s)
			}
		}
	case map[string]any:
		o, _ := parseObject(pkg.get("bin")) // it has just been decoded; in order, as two commands may become one
		for _, m := range o {
			add(m.key, o.text(m.key))
		}
	}
	return out
}

// rooted brings a path of a package.json into one spelling, relative to the package.
func rooted(p string) string {
	return path.Join("/", strings.ReplaceAll(p, `\`, "/"))[1:]
}

// installScripts are those that run on an installation.
var installScripts = []string{"preinstall", "install", "postinstall"}

const gypInstall = "node-gyp rebuild"

// binPath is what npm takes off the start of a script.
var binPath = regexp.MustCompile(`^(\.[/\\])?node_modules[/\\].bin[\\/]`)

// scripts returns the install scripts, with the one that binding.gyp stands for.
func scripts(pkg object, tar contents) any {
	all := stringMap(pkg.get("scripts"))
	out := map[string]string{}
	for _, name := range installScripts {
		if s := all[name]; s != "" {
			out[name] = binPath.ReplaceAllString(s, "")
		}
	}
	if implicitGyp(tar) && out["install"] == "" && out["preinstall"] == "" {
		out["install"] = gypInstall
	}
	return orNil(out)
}

// implicitGyp reports whether npm builds the package without being told: there is a binding.gyp, no script of the
// package's own in its place, and no objection.
func implicitGyp(tar contents) bool {
	own := stringMap(tar.manifest.get("scripts"))
	return tar.hasGyp && own["install"] == "" && own["preinstall"] == "" && string(tar.manifest.get("gypfile")) != "false"
}

func serveScripts(m *object, tar contents) {
	serveMap("scripts")(m, tar)
	if implicitGyp(tar) {
		all := stringMap(tar.manifest.get("scripts"))
		if all == nil {
			all = map[string]string{}
		}
		all["install"] = gypInstall
		m.set("scripts", all)
	}
}

// hasInstallScript is the flag of the abbreviated document (npm.md 3.6); without it clients run no script.
func hasInstallScript(tar contents) bool { return scripts(tar.manifest, tar) != nil }
