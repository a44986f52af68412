package lockfiles

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// component is a part of a CycloneDX bill of materials.
type component struct {
	Name   string `json:"name"`
	PURL   string `json:"purl"`
	Hashes []struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	} `json:"hashes"`
	Components []component `json:"components"`
}

// billOfMaterials reads CycloneDX and SPDX 2 as JSON.
func billOfMaterials(c *collector, data []byte) error {
	var doc struct {
		Format     string      `json:"bomFormat"`
		Components []component `json:"components"`
		SPDX       string      `json:"spdxVersion"`
		Packages   []struct {
			Name         string `json:"name"`
			ExternalRefs []struct {
				Type    string `json:"referenceType"`
				Locator string `json:"referenceLocator"`
			} `json:"externalRefs"`
			Checksums []struct {
				Algorithm string `json:"algorithm"`
				Value     string `json:"checksumValue"`
			} `json:"checksums"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return err
	}
	if doc.Format == "" && doc.SPDX == "" {
		return errShape
	}
	if err := c.components(doc.Components, 0); err != nil {
		return err
	}
	for _, p := range doc.Packages {
		var digests []string
		for _, s := range p.Checksums {
			digests = append(digests, hexDigest(s.Algorithm, s.Value))
		}
		for _, r := range p.ExternalRefs {
			if r.Type != "purl" {
				continue
			}
			if err := c.purl(r.Locator, strongest(digests)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *collector) components(list []component, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("its components are nested more than %d deep", maxDepth)
	}
	for _, p := range list {
		var digests []string
		for _, h := range p.Hashes {
			digests = append(digests, hexDigest(h.Algorithm, h.Content))
		}
		if p.PURL != "" {
			if err := c.purl(p.PURL, strongest(digests)); err != nil {
				return err
			}
		}
		if err := c.components(p.Components, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// ours are the types of package URLs that formats here have.
var ours = map[string]bool{"npm": true, "pypi": true, "maven": true, "oci": true, "docker": true, "generic": true}

// purl adds a package URL as a file has it. Types that no format has, and those without a version, are skipped.
func (c *collector) purl(p, digest string) error {
	rest, ok := strings.CutPrefix(p, "pkg:")
	kind, _, _ := strings.Cut(strings.TrimLeft(rest, "/"), "/")
	name, _, _ := strings.Cut(p, "?")
	switch _, version, has := strings.Cut(name[min(len(name), len("pkg:")+len(kind)+2):], "@"); {
	case !ok:
		return c.skip(p, "it is no package URL")
	case !ours[strings.ToLower(kind)]:
		return c.skip(p, "no format here has such packages")
	case (!has || version == "") && !strings.Contains(p, "tag="):
		return c.skip(p, "it has no version")
	}
	return c.add(p, digest)
}

// lines reads a list: Maven coordinates, image references and package URLs.
func lines(c *collector, data []byte) error {
	for line := range strings.SplitSeq(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if strings.ContainsAny(line, " \t<>{}[]\"=") && !strings.HasPrefix(line, "pkg:") {
			return fmt.Errorf("%w: %.40q is neither group:artifact:version nor an image nor a package URL", errShape, line)
		}
		var err error
		switch parts := strings.Split(line, ":"); {
		case strings.HasPrefix(line, "pkg:"):
			err = c.purl(line, "")
		case len(parts) == 3 && !strings.ContainsAny(line, "/@"):
			err = c.maven(parts[0], parts[1], parts[2], "", "")
		default:
			err = c.image(line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// image adds an image reference: host/name:tag, host/name@sha256:…, or both.
func (c *collector) image(ref string) error {
	name, digest, _ := strings.Cut(ref, "@")
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	if digest != "" && colonDigest(digest) == "" || name == "" {
		return c.skip(ref, "it is no reference of an image")
	}
	if tag == "" && digest == "" {
		tag = "latest"
	}
	qualifiers := url.Values{}
	if tag != "" {
		qualifiers.Set("tag", tag)
	}
	host, _, ok := strings.Cut(name, "/")
	if ok = ok && (strings.ContainsAny(host, ".:") || host == "localhost"); ok {
		qualifiers.Set("repository_url", name)
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	p := purl("oci", "", name, digest)
	if len(qualifiers) > 0 {
		p += "?" + qualifiers.Encode()
	}
	return c.add(p)
}
