package maven

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"

	"slipway/formats"
	"slipway/internal/lazyregexp"
	"slipway/registry"
	"slipway/registry/upstreams"
)

var _ upstreams.Gatherer = format{}

// maxAncestors bounds how many parents a POM may have, and how deep imports of POMs may nest.
const maxAncestors = 50

// Gather implements upstreams.Gatherer. The qualifier file_name means one file, type and classifier mean another one than the main one.
// A POM leads to its parents and to the POMs that it and they import, and a relocated artifact to where it has gone.
func (format) Gather(ctx context.Context, at registry.Coordinate, p registry.PURL, get upstreams.Get) error {
	g := &gathering{ctx: ctx, repository: at.Repository, get: get, seen: map[string]bool{}}
	a := gav{Group: p.Namespace, Artifact: p.Name, Version: p.Version}
	if file := p.Qualifiers.Get("file_name"); file != "" {
		return g.file(a, file)
	}
	chain, err := g.project(a, 0)
	if err != nil {
		return err
	}
	kind, classifier := p.Qualifiers.Get("type"), p.Qualifiers.Get("classifier")
	if kind == "" && classifier == "" {
		return g.main(a, chain, 0)
	}
	name := a.Artifact + "-" + a.Version
	if classifier != "" {
		name += "-" + classifier
	}
	return g.file(a, name+"."+cmp.Or(kind, "jar"))
}

// gav is a coordinate as POMs name one.
type gav struct{ Group, Artifact, Version string }

func (a gav) text() string { return a.Group + ":" + a.Artifact + ":" + a.Version }

// gathering gets what one artifact leads to.
type gathering struct {
	ctx        context.Context
	repository string
	get        upstreams.Get
	seen       map[string]bool // projects whose POMs were read
}

// file gets one file of an artifact.
func (g *gathering) file(a gav, name string) error {
	_, err := g.read(a, name, false)
	return err
}

// read gets a file, and returns its content if that is wanted and is not too large. NotFound, Invalid.
func (g *gathering) read(a gav, name string, content bool) ([]byte, error) {
	at, err := registry.NewName(g.repository, formatName, a.Group+":"+a.Artifact, a.Group+":"+a.Artifact)
	if err == nil {
		err = registry.CheckVersion(a.Version)
	}
	if err != nil {
		return nil, err
	}
	r, err := g.get(g.ctx, at.At(a.Version), name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if !content {
		return nil, nil
	}
	return readAllPOM(r)
}

// linkedPOM is what a POM leads to.
type linkedPOM struct {
	gav
	parent     gav
	packaging  string
	relocation gav
	relocated  bool
	module     bool // Gradle's own metadata lies beside it
	imports    []gav
	properties map[string]string
}

// project gets the POM of an artifact, those of its parents, and those that they import. It returns the artifact's and its parents'.
func (g *gathering) project(a gav, depth int) ([]linkedPOM, error) {
	if depth > maxAncestors {
		return nil, invalid("POMs import each other more than %d deep: %s", maxAncestors, formats.Clip(a.text()))
	}
	g.seen[a.text()] = true
	var chain []linkedPOM
	for next := a; next != (gav{}); next = chain[len(chain)-1].parent {
		if len(chain) == maxAncestors {
			return nil, invalid("%s has more than %d parents", formats.Clip(a.text()), maxAncestors)
		}
		raw, err := g.read(next, next.Artifact+"-"+next.Version+".pom", true)
		if err != nil {
			return nil, err
		}
		p, err := parseLinks(raw)
		if err != nil {
			return nil, err
		}
		p.Group, p.Version = cmp.Or(p.Group, p.parent.Group), cmp.Or(p.Version, p.parent.Version)
		chain = append(chain, p)
	}
	for _, p := range chain {
		for _, i := range p.imports {
			bom := resolved(i, chain)
			if g.seen[bom.text()] || strings.Contains(bom.text(), "${") {
				continue // an expression that only a profile or a command line gives a value
			}
			if _, err := g.project(bom, depth+1); err != nil {
				return nil, err
			}
		}
	}
	return chain, nil
}

// archives are the extensions of the files of packagings that are not a jar.
var archives = []string{"war", "ear", "rar", "aar", "zip"}

// main gets the main file of an artifact whose POM is chain[0], and Gradle's metadata where it has them.
func (g *gathering) main(a gav, chain []linkedPOM, depth int) error {
	p := chain[0]
	if p.relocated {
		to := resolved(gav{cmp.Or(p.relocation.Group, a.Group), cmp.Or(p.relocation.Artifact, a.Artifact), cmp.Or(p.relocation.Version, a.Version)}, chain)
		if to == a || g.seen[to.text()] {
			return nil
		}
		next, err := g.project(to, depth+1)
		if err != nil {
			return err
		}
		return g.main(to, next, depth+1)
	}
	stem := a.Artifact + "-" + a.Version
	if p.module {
		if err := g.file(a, stem+".module"); err != nil {
			return err
		}
	}
	if p.packaging == "pom" {
		return nil
	}
	ext := "jar"
	if slices.Contains(archives, p.packaging) {
		ext = p.packaging
	}
	err := g.file(a, stem+"."+ext)
	if p.module && err != nil && registry.KindOf(err) == registry.NotFound {
		return nil // Gradle's metadata may name other files alone
	}
	return err
}

// parseLinks reads what a POM leads to. Invalid.
func parseLinks(raw []byte) (linkedPOM, error) {
	p := linkedPOM{properties: map[string]string{}, module: bytes.Contains(raw, []byte("published-with-gradle-metadata"))}
	var dependency struct {
		gav
		kind, scope string
	}
	const dependencies, relocation = "project/dependencyManagement/dependencies/dependency", "project/distributionManagement/relocation"
	fields := map[string]*string{
		"project/groupId": &p.Group, "project/artifactId": &p.Artifact, "project/version": &p.Version, "project/packaging": &p.packaging,
		"project/parent/groupId": &p.parent.Group, "project/parent/artifactId": &p.parent.Artifact, "project/parent/version": &p.parent.Version,
		relocation + "/groupId": &p.relocation.Group, relocation + "/artifactId": &p.relocation.Artifact, relocation + "/version": &p.relocation.Version,
		dependencies + "/groupId": &dependency.Group, dependencies + "/artifactId": &dependency.Artifact, dependencies + "/version": &dependency.Version,
		dependencies + "/type": &dependency.kind, dependencies + "/scope": &dependency.scope,
	}
	err := walkXML(bytes.NewReader(raw), func(path, text string) error {
		if f := fields[path]; f != nil && len(text) <= maxPOMText {
			*f = text
		}
		switch name, ok := strings.CutPrefix(path, "project/properties/"); {
		case ok && len(text) <= maxPOMText:
			p.properties[name] = text
		case path == relocation:
			p.relocated = true
		case path == dependencies:
			if dependency.kind == "pom" && dependency.scope == "import" {
				p.imports = append(p.imports, dependency.gav)
			}
			dependency.gav, dependency.kind, dependency.scope = gav{}, "", ""
		}
		return nil
	})
	return p, err
}

// expression finds ${name}.
var expression = lazyregexp.New(`\$\{([^${}]+)\}`)

// resolved replaces the expressions in a coordinate by the properties of a POM and its parents, of which the nearest counts.
func resolved(a gav, chain []linkedPOM) gav {
	value := func(text string) string {
		for range 10 { // a property may name another
			next := expression.Get().ReplaceAllStringFunc(text, func(e string) string {
				if v, ok := property(e[2:len(e)-1], chain); ok {
					return v
				}
				return e
			})
			if next == text || len(next) > maxPOMText {
				break
			}
			text = next
		}
		return text
	}
	return gav{value(a.Group), value(a.Artifact), value(a.Version)}
}

// property is the value of a name in expressions.
func property(name string, chain []linkedPOM) (string, bool) {
	own := chain[0]
	short := strings.TrimPrefix(strings.TrimPrefix(name, "project."), "pom.")
	switch short {
	case "groupId":
		return own.Group, true
	case "artifactId":
		return own.Artifact, true
	case "version":
		return own.Version, true
	case "parent.groupId":
		return own.parent.Group, true
	case "parent.version":
		return own.parent.Version, true
	}
	for _, p := range chain {
		if v, ok := p.properties[name]; ok {
			return v, true
		}
	}
	return "", false
}
