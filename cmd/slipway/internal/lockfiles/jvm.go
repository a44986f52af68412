package lockfiles

import (
	"encoding/xml"
	"net/url"
	"strings"
)

// maven adds a version of a Maven artifact. file is the only file that is meant; "" is all.
func (c *collector) maven(group, artifact, version, file, digest string) error {
	if group == "" || artifact == "" || version == "" || strings.ContainsAny(group+artifact+version, "/ \t") {
		return c.skip(group+":"+artifact+":"+version, "it is not group:artifact:version")
	}
	p := purl("maven", group, artifact, version)
	if file != "" {
		p += "?file_name=" + url.QueryEscape(file)
	}
	return c.add(p, digest)
}

// gradleLock reads gradle.lockfile and its older siblings: group:artifact:version=configurations.
func gradleLock(c *collector, data []byte) error {
	for line := range strings.SplitSeq(string(data), "\n") {
		line = strings.TrimSpace(line)
		spec, _, _ := strings.Cut(line, "=")
		if line == "" || line[0] == '#' || spec == "empty" {
			continue
		}
		parts := strings.Split(spec, ":")
		if len(parts) != 3 {
			return errShape
		}
		if err := c.maven(parts[0], parts[1], parts[2], "", ""); err != nil {
			return err
		}
	}
	return nil
}

// xmlSum is a digest in verification-metadata.xml.
type xmlSum struct {
	Value string `xml:"value,attr"`
}

// verificationMetadata reads gradle's verification-metadata.xml, which names every file with its digests.
func verificationMetadata(c *collector, data []byte) error {
	var doc struct {
		XMLName    xml.Name `xml:"verification-metadata"`
		Components []struct {
			Group     string `xml:"group,attr"`
			Name      string `xml:"name,attr"`
			Version   string `xml:"version,attr"`
			Artifacts []struct {
				Name   string  `xml:"name,attr"`
				SHA512 *xmlSum `xml:"sha512"`
				SHA256 *xmlSum `xml:"sha256"`
				SHA1   *xmlSum `xml:"sha1"`
				MD5    *xmlSum `xml:"md5"`
			} `xml:"artifact"`
		} `xml:"components>component"`
	}
	if err := xml.Unmarshal(data, &doc); err != nil {
		return err
	}
	for _, comp := range doc.Components {
		for _, a := range comp.Artifacts {
			var digests []string
			for algorithm, s := range map[string]*xmlSum{"sha512": a.SHA512, "sha256": a.SHA256, "sha1": a.SHA1, "md5": a.MD5} {
				if s != nil {
					digests = append(digests, hexDigest(algorithm, s.Value))
				}
			}
			if err := c.maven(comp.Group, comp.Name, comp.Version, a.Name, strongest(digests)); err != nil {
				return err
			}
		}
	}
	return nil
}
