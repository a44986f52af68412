package npm

import (
	"bytes"
	"encoding/json"
	"path"
	"reflect"
	"slices"
	"strings"

	"slipway/internal/lazyregexp"
)

// difference is an install-relevant field for which the client sent another value than the tarball has.
type difference struct {
	Field string          `json:"field"`
	Sent  json.RawMessage `json:"sent,omitempty"` // absent: the field was not sent
}

// field is a member that decides what an installation does (npm.md 5.5). Clients rewrite some of them while publishing (bin
// text to map, os text to list), so values are compared in a canonical form.
type field struct {
	key string
	// reads are the members of pkg that canonical uses: where their texts are equal, so are its results.
	reads []string
	// canonical returns the value of the field in a package.json in canonical form; nil if it is empty. tar has the tarball's
	// contents.
	canonical func(pkg object, tar contents) any
	// serve writes the tarball's value into m, the sent manifest.
	serve func(m *object, tar contents)
}

var installFields = []field{
	{"dependencies", []string{"dependencies", "optionalDependencies"}, dependencies, serveMap("dependencies")},
	mapField("optionalDependencies"), mapField("peerDependencies"), mapField("devDependencies"), mapField("acceptDependencies"),
	plainField("peerDependenciesMeta"), plainField("engines"),
	listField("os"), listField("cpu"), listField("libc"),
	{"bundleDependencies", []string{"bundleDependencies", "bundledDependencies", "dependencies"}, bundled, serveBundled},
	{"bin", []string{"bin", "name"}, bins, serveBin},
	{"scripts", []string{"scripts"}, scripts, serveScripts},
}

// reconcile returns the sent manifest with the tarball's value of every install-relevant field, and the fields that differed:
// clients install by the registry's manifest and run the tarball's, so the two must agree.
func reconcile(sent object, tar contents) (object, []difference) {
	m := slices.Clone(sent)
	var differs []difference
	for _, f := range installFields {
		if f.verbatim(sent, tar.manifest) || reflect.DeepEqual(f.canonical(tar.manifest, tar), f.canonical(sent, tar)) {
			continue
		}
		differs = append(differs, difference{f.key, sent.get(f.key)})
		f.serve(&m, tar)
	}
	return m, differs
}

// verbatim reports whether the field has the same text in two manifests, as it mostly has.
func (f field) verbatim(a, b object) bool {
	for _, key := range f.reads {
		if !bytes.Equal(a.get(key), b.get(key)) {
			return false
		}
	}
	return true
}

func mapField(key string) field {
	return field{key, []string{key}, func(pkg object, _ contents) any { return orNil(rangeMap(pkg.get(key))) }, serveMap(key)}
}

// serveMap drops members that are no strings, as clients do with a warning.
func serveMap(key string) func(*object, contents) {
	return func(m *object, tar contents) {
		m.put(key, marshal(stringMap(tar.manifest.get(key)))) // null for an absent value
	}
}

func plainField(key string) field {
	return field{key, []string{key}, func(pkg object, _ contents) any { return decoded(pkg.get(key)) }, serveRaw(key)}
}

// listField is a list that may be written as one string.
func listField(key string) field {
	return field{key, []string{key}, func(pkg object, _ contents) any {
		if s, ok := decoded(pkg.get(key)).(string); ok {
			return []any{s}
		}
		return decoded(pkg.get(key))
	}, serveRaw(key)}
}

func serveRaw(key string) func(*object, contents) {
	return func(m *object, tar contents) { m.put(key, tar.manifest.get(key)) }
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
		if s, ok := unquoted(m.value); ok || string(m.value) == "null" {
			out[m.key] = s
		}
	}
	return out
}

// rangeMap is stringMap for dependencies: npm rewrites the addresses of repositories while publishing.
func rangeMap(raw json.RawMessage) map[string]string {
	m := stringMap(raw)
	for name, want := range m {
		m[name] = sameSource(want)
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
// dependencies; clients replace it by the names, some of them with the optional ones.
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

// bins returns commands and their files the way npm-normalize-package-bin does. A package may name a directory of commands
// instead; clients list its files while publishing, so commands from that directory count as the tarball's own.
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
	m.put("bin", marshal(binMap(tar.manifest)))
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
		add(strings.TrimSpace(pkg.text("name")), v)
	case []any:
		for _, f := range v {
			if s, ok := f.(string); ok {
				add(s, s)
			}
		}
	case map[string]any:
		o, _ := parseObject(pkg.get("bin")) // it has just been decoded; in order, as two commands may become one
		for _, m := range o {
			file, _ := unquoted(m.value)
			add(m.key, file)
		}
	}
	return out
}

// rooted normalises a path of a package.json, relative to the package.
func rooted(p string) string {
	return path.Join("/", strings.ReplaceAll(p, `\`, "/"))[1:]
}

// installScripts are the scripts that run on an installation.
var installScripts = []string{"preinstall", "install", "postinstall"}

const gypInstall = "node-gyp rebuild"

// binPath is what npm takes off the start of a script.
var binPath = lazyregexp.New(`^(\.[/\\])?node_modules[/\\].bin[\\/]`)

// scripts returns the install scripts, with the one that binding.gyp implies.
func scripts(pkg object, tar contents) any {
	all, _ := parseObject(pkg.get("scripts")) // nil if there are none
	out := map[string]string{}
	for _, name := range installScripts {
		if s := all.text(name); s != "" {
			out[name] = binPath.Get().ReplaceAllString(s, "")
		}
	}
	if implicitGyp(tar) && out["install"] == "" && out["preinstall"] == "" {
		out["install"] = gypInstall
	}
	return orNil(out)
}

// implicitGyp reports whether npm builds the package by default: there is a binding.gyp, no install script that replaces the
// build, and no gypfile set to false.
func implicitGyp(tar contents) bool {
	if !tar.hasGyp || string(tar.manifest.get("gypfile")) == "false" {
		return false
	}
	own, _ := parseObject(tar.manifest.get("scripts")) // nil if there are none
	return own.text("install") == "" && own.text("preinstall") == ""
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
