package maven

import (
	"bytes"
	"cmp"
	"io"
	"strings"

	"slipway/formats"
	"slipway/registry"
)

// maxPOMBytes bounds a POM; the largest published ones have some 300 KiB.
const maxPOMBytes = 4 << 20

// pomFactor is how many bytes of memory a byte of a POM costs while it is read; measured.
const pomFactor = 4

// pom has the used values of a POM. ${…} in values is not resolved.
type pom struct {
	Group       string `json:"group,omitempty"`
	Artifact    string `json:"artifact,omitempty"`
	Version     string `json:"version,omitempty"`
	Packaging   string `json:"packaging,omitempty"`
	Implied     bool   `json:"implied,omitempty"`   // the POM names no packaging
	Relocated   bool   `json:"relocated,omitempty"` // it only says where the artifact has gone
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	URL         string `json:"url,omitempty"`
	// SCM and CI name the version's origin.
	SCMConnection string `json:"scm_connection,omitempty"`
	SCMDeveloper  string `json:"scm_developer,omitempty"`
	SCMURL        string `json:"scm_url,omitempty"`
	SCMTag        string `json:"scm_tag,omitempty"`
	CISystem      string `json:"ci_system,omitempty"`
	CIURL         string `json:"ci_url,omitempty"`
}

// maxPOMText bounds a kept value.
const maxPOMText = 2048

// readAllPOM reads a POM's bytes for storing. TooLarge, BadBody.
func readAllPOM(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxPOMBytes+1))
	if err == nil && len(raw) > maxPOMBytes {
		err = registry.Errorf(registry.TooLarge, registry.AboutFile, "a POM is larger than %d bytes", maxPOMBytes)
	}
	return raw, err
}

// parsePOM reads the used values. Invalid.
func parsePOM(raw []byte) (pom, error) {
	var p, parent pom
	fields := map[string]*string{
		"project/groupId": &p.Group, "project/artifactId": &p.Artifact, "project/version": &p.Version, "project/packaging": &p.Packaging,
		"project/name": &p.Name, "project/description": &p.Description, "project/url": &p.URL,
		"project/parent/groupId": &parent.Group, "project/parent/version": &parent.Version,
		"project/scm/connection": &p.SCMConnection, "project/scm/developerConnection": &p.SCMDeveloper,
		"project/scm/url": &p.SCMURL, "project/scm/tag": &p.SCMTag,
		"project/ciManagement/system": &p.CISystem, "project/ciManagement/url": &p.CIURL,
	}
	root := false
	err := walkXML(bytes.NewReader(raw), func(path, text string) error {
		root = root || path == "project"
		p.Relocated = p.Relocated || path == "project/distributionManagement/relocation"
		if f := fields[path]; f != nil && len(text) <= maxPOMText {
			*f = text
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	if !root {
		return p, invalid("the POM's root element is not <project>")
	}
	p.Group, p.Version = cmp.Or(p.Group, parent.Group), cmp.Or(p.Version, parent.Version)
	p.Implied = p.Packaging == ""
	p.Packaging = cmp.Or(p.Packaging, "jar")
	return p, nil
}

// check compares the POM with its path. Values with expressions are not compared, as clients resolve them. Paths of legacy sbt
// plugins contain versions of tools, which the file's name and the POM do not have. Invalid.
func (p pom) check(t target) error {
	differ := func(what, has, wants string) error {
		return invalid("the POM says %s %q, but its path says %q: %s", what, formats.Clip(has), formats.Clip(wants), t.file.name)
	}
	open := func(s string) bool { return strings.Contains(s, "${") }
	legacy := p.Artifact == t.file.stem && strings.HasPrefix(t.artifact, t.file.stem+"_")
	switch {
	case !open(p.Group) && p.Group != t.group:
		return differ("groupId", p.Group, t.group)
	case !open(p.Artifact) && p.Artifact != t.artifact && !legacy:
		return differ("artifactId", p.Artifact, t.artifact)
	case !open(p.Version) && p.Version != t.version:
		return differ("version", p.Version, t.version)
	}
	return nil
}

// facts are the POM's declared facts about its origin.
func (p pom) facts() []registry.FactInput {
	var out []registry.FactInput
	add := func(key, value, source string) bool {
		if value == "" || strings.Contains(value, "${") {
			return false
		}
		out = append(out, registry.FactInput{Key: key, Value: value, Source: "maven:" + source, Rank: registry.RankDeclared})
		return true
	}
	_ = add(registry.FactSourceRepository, scmURL(p.SCMConnection), "scm.connection") ||
		add(registry.FactSourceRepository, scmURL(p.SCMDeveloper), "scm.developerConnection") ||
		add(registry.FactSourceRepository, registry.NormalizeSource(p.SCMURL), "scm.url")
	r, _ := registry.ParseRevision(p.SCMTag)
	switch {
	case strings.Contains(p.SCMTag, "${"):
	case r.Known && (len(r.Commit) >= 40 || strings.Trim(r.Commit, "0123456789") != ""): // a tag of digits alone is a date or a number
		out = append(out, registry.CommitFacts(p.SCMTag, "maven:scm.tag", registry.RankDeclared)...)
	case p.SCMTag != "HEAD": // HEAD is the default and has no meaning
		add(registry.FactSourceRef, p.SCMTag, "scm.tag")
	}
	add(registry.FactBuildSystem, p.CISystem, "ciManagement.system")
	add(registry.FactBuildURL, registry.CleanURL(p.CIURL), "ciManagement.url")
	return out
}

// scmURL is the URL in "scm:git:https://…" (Maven SCM URL format).
func scmURL(s string) string {
	rest, ok := strings.CutPrefix(s, "scm:")
	if !ok {
		return registry.NormalizeSource(s)
	}
	i := strings.IndexAny(rest, ":|")
	if i < 0 {
		return ""
	}
	return registry.NormalizeSource(rest[i+1:])
}
