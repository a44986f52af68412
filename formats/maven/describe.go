package maven

import (
	"bytes"
	"context"
	"strings"

	"slipway/registry"
)

// maxDescribedPOM bounds the POM of a version that is described; the largest published ones have some 300 KiB.
const maxDescribedPOM = 1 << 20

// describeVersion is registry.Rules.Describe: what the POM says, of the newest build of a snapshot.
func describeVersion(ctx context.Context, v registry.Describing) (registry.Description, error) {
	var out registry.Description
	var newest registry.File
	for _, f := range v.Files {
		if strings.HasSuffix(f.Path, ".pom") && (newest.Path == "" || f.AddedAt.After(newest.AddedAt)) {
			newest = f
		}
	}
	if newest.Path == "" {
		return out, nil
	}
	raw, err := v.ReadHere(ctx, v.Version.Name, newest.Path, maxDescribedPOM)
	if raw == nil || err != nil {
		return out, err
	}
	p := describedPOM{properties: map[string]string{}, out: &out}
	if walkXML(bytes.NewReader(raw), p.visit) != nil {
		return out, nil // what could be read of it is described
	}
	p.finish()
	return out, nil
}

// describedPOM reads what is described of a POM.
type describedPOM struct {
	properties map[string]string // by the names that ${…} has
	dependency map[string]string // the elements of the one that is being read
	packaging  string
	out        *registry.Description
}

// maxProperties bounds the properties that are kept of a POM.
const maxProperties = 1000

const (
	dependencyPath = "project/dependencies/dependency"
	propertyPath   = "project/properties/"
)

// visit is called at the end of each element.
func (p *describedPOM) visit(path, text string) error {
	if name, ok := strings.CutPrefix(path, dependencyPath+"/"); ok {
		if p.dependency == nil {
			p.dependency = map[string]string{}
		}
		if !strings.Contains(name, "/") {
			p.dependency[name] = text
		}
		return nil
	}
	switch {
	case path == dependencyPath:
		if len(p.out.Dependencies) <= registry.MaxDescribed {
			p.out.Dependencies = append(p.out.Dependencies, p.read())
		}
		p.dependency = nil
	case strings.HasPrefix(path, propertyPath):
		p.keep(path[len(propertyPath):], text)
	case path == "project/groupId", path == "project/artifactId", path == "project/version", path == "project/parent/groupId", path == "project/parent/artifactId", path == "project/parent/version":
		p.keep(strings.ReplaceAll(path, "/", "."), text)
	case path == "project/packaging":
		p.packaging = text
	case path == "project/description":
		p.out.Summary = text
	case path == "project/name" && p.out.Summary == "":
		p.out.Summary = text
	case path == "project/licenses/license/name":
		p.out.License = strings.TrimPrefix(p.out.License+", "+text, ", ")
	case path == "project/url":
		p.out.Properties = append(p.out.Properties, registry.Property{Name: "home page", Value: text})
	}
	return nil
}

func (p *describedPOM) keep(name, text string) {
	if len(p.properties) < maxProperties && len(text) <= maxPOMText {
		p.properties[name] = text
	}
}

// read is the dependency that has been read, with ${…} as it stands.
func (p *describedPOM) read() registry.Dependency {
	e := p.dependency
	d := registry.Dependency{Name: e["groupId"] + ":" + e["artifactId"], Requirement: e["version"], Scope: e["scope"], Optional: e["optional"] == "true"}
	if d.Scope == "compile" {
		d.Scope = ""
	}
	var notes []string
	for _, name := range []string{"classifier", "type"} {
		if e[name] != "" && e[name] != "jar" {
			notes = append(notes, name+" "+e[name])
		}
	}
	d.Note = strings.Join(notes, ", ")
	return d
}

// finish resolves ${…} by what the POM itself says; what its parents say stays as it is written.
func (p *describedPOM) finish() {
	for _, name := range []string{"groupId", "version"} {
		if p.properties["project."+name] == "" {
			p.properties["project."+name] = p.properties["project.parent."+name]
		}
	}
	if parent := p.properties["project.parent.artifactId"]; parent != "" {
		p.out.Properties = append(p.out.Properties, registry.Property{Name: "parent", Value: p.properties["project.parent.groupId"] + ":" + parent + ":" + p.properties["project.parent.version"]})
	}
	if p.packaging != "" && p.packaging != "jar" {
		p.out.Properties = append(p.out.Properties, registry.Property{Name: "packaging", Value: p.packaging})
	}
	for i := range p.out.Dependencies {
		d := &p.out.Dependencies[i]
		d.Name, d.Requirement = p.resolved(d.Name), p.resolved(d.Requirement)
	}
	p.out.Summary = strings.Join(strings.Fields(p.out.Summary), " ")
}

// resolved puts the values of properties in the place of ${…}, one level deep.
func (p *describedPOM) resolved(s string) string {
	var b strings.Builder
	for b.Len() < maxPOMText {
		before, rest, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if value := p.properties[name]; closed && value != "" {
			b.WriteString(value)
			s = after
		} else {
			b.WriteString("${")
			s = rest
		}
	}
	return b.String()
}
