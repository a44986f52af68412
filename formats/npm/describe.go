package npm

import (
	"bytes"
	"context"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"

	"slipway/registry"
)

// Scopes of dependencies, by the members of a manifest that list them. A dependency that is optional is listed twice by old clients; the first
// counts.
var dependencyScopes = []struct {
	key, scope string
	optional   bool
}{
	{"optionalDependencies", "", true}, {"dependencies", "", false}, {"peerDependencies", "peer", false}, {"devDependencies", "development", false},
}

// describeVersion is registry.Rules.Describe: what the manifest says, which is the version's descriptor.
func describeVersion(_ context.Context, v registry.Describing) (registry.Description, error) {
	var out registry.Description
	full, _, err := unseal(v.Version.Descriptor)
	if err != nil {
		return out, nil //nolint:nilerr // only a registry elsewhere has it
	}
	o, err := parseObject(closed(full))
	if err != nil {
		return out, nil //nolint:nilerr // as above
	}
	out.Summary, out.License = o.text("description"), licenseOf(o)
	for _, list := range [][2]string{{"engines", ""}, {"os", "os"}, {"cpu", "cpu"}, {"libc", "libc"}, {"type", "module type"}, {"homepage", "home page"}} {
		out.Properties = append(out.Properties, propertiesOf(o, list[0], list[1])...)
	}
	if dist, err := parseObject(o.get("dist")); err == nil {
		for _, p := range [][2]string{{"fileCount", "files"}, {"unpackedSize", "bytes unpacked"}} {
			if n, err := strconv.ParseInt(string(dist.get(p[0])), 10, 64); err == nil {
				out.Properties = append(out.Properties, registry.Property{Name: p[1], Value: strconv.FormatInt(n, 10)})
			}
		}
	}
	out.Dependencies = dependenciesOf(o)
	out.Commands = commandsOf(o)
	out.Scripts = scriptsOf(o)
	return out, nil
}

// closed completes a stored fragment, which ends inside of "dist".
func closed(fragment []byte) []byte {
	b := slices.Clone(fragment)
	if bytes.HasSuffix(b, []byte(openAddress)) {
		b = appendAddress(b, "")
	}
	return append(b, "}}"...)
}

// licenseOf reads "license", text or an object of former times.
func licenseOf(o object) string {
	if text := o.text("license"); text != "" {
		return text
	}
	in, err := parseObject(o.get("license"))
	if err != nil {
		return ""
	}
	return in.text("type")
}

// propertiesOf are the entries of a member that is an object, or its text or its list under a name.
func propertiesOf(o object, key, name string) (out []registry.Property) {
	raw := o.get(key)
	if in, err := parseObject(raw); err == nil {
		for _, m := range in[:min(len(in), registry.MaxDescribed)] {
			if text, ok := unquoted(m.value); ok {
				out = append(out, registry.Property{Name: m.key, Value: text})
			}
		}
		return out
	}
	text := strings.Join(textsOf(raw), ", ")
	if text == "" || name == "" {
		return nil
	}
	return []registry.Property{{Name: name, Value: text}}
}

// textsOf reads a text, or a list of texts.
func textsOf(raw json.RawMessage) []string {
	if text, ok := unquoted(raw); ok {
		return []string{text}
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list[:min(len(list), registry.MaxDescribed)]
}

// dependenciesOf are those of every scope, by name within it.
func dependenciesOf(o object) (out []registry.Dependency) {
	meta, _ := parseObject(o.get("peerDependenciesMeta")) // nothing without one
	listed := map[string]bool{}
	for _, scope := range dependencyScopes {
		in, err := parseObject(o.get(scope.key))
		if err != nil {
			continue
		}
		var some []registry.Dependency
		for _, m := range in[:min(len(in), registry.MaxDescribed+1)] {
			requirement, ok := unquoted(m.value)
			if !ok || scope.scope == "" && listed[m.key] {
				continue
			}
			d := registry.Dependency{Name: m.key, Requirement: requirement, Scope: scope.scope, Optional: scope.optional}
			if scope.scope == "" {
				listed[m.key] = true
			}
			if said, err := parseObject(meta.get(m.key)); scope.scope == "peer" && err == nil && string(said.get("optional")) == "true" {
				d.Optional = true
			}
			some = append(some, d)
		}
		slices.SortFunc(some, func(a, b registry.Dependency) int { return strings.Compare(a.Name, b.Name) })
		out = append(out, some...)
	}
	slices.SortStableFunc(out, func(a, b registry.Dependency) int { return rankOf(a) - rankOf(b) })
	return out
}

// rankOf puts what is needed for use first.
func rankOf(d registry.Dependency) int {
	switch {
	case d.Scope == "" && !d.Optional:
		return 0
	case d.Scope == "peer":
		return 1
	case d.Scope == "":
		return 2
	}
	return 3
}

// commandsOf reads "bin": programs by name, or the one that is called as the package.
func commandsOf(o object) []registry.Property {
	if file := o.text("bin"); file != "" {
		return []registry.Property{{Name: path.Base(o.text("name")), Value: file}}
	}
	return propertiesOf(o, "bin", "")
}

// scriptsOf are the scripts, those first that run at install.
func scriptsOf(o object) (out []registry.Script) {
	in, err := parseObject(o.get("scripts"))
	if err == nil {
		for _, m := range in[:min(len(in), registry.MaxDescribed+1)] {
			if command, ok := unquoted(m.value); ok && command != "" {
				out = append(out, registry.Script{Name: m.key, Command: command, Installs: slices.Contains(installScripts, m.key)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b registry.Script) int { return scriptRank(a) - scriptRank(b) })
	if string(o.get("hasInstallScript")) == "true" && (len(out) == 0 || !out[0].Installs) {
		out = append([]registry.Script{{Name: "install", Command: gypInstall, Installs: true}}, out...) // there is a binding.gyp
	}
	return out
}

func scriptRank(s registry.Script) int {
	if i := slices.Index(installScripts, s.Name); i >= 0 {
		return i
	}
	return len(installScripts)
}
