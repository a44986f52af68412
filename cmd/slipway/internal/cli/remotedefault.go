package cli

import (
	"archive/zip"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"slipway/internal/lazyregexp"
)

// Package managers that nobody has set up ask a registry that their makers chose. They tell which one that is.

// maxSuperPOM bounds Maven's own POM, of some 5 KiB.
const maxSuperPOM = 1 << 20

var (
	pipIndex  = lazyregexp.New(`--index-url[^\]]*?\(default\s+(https?://[^\s)]+)\)`)
	mavenHome = lazyregexp.New(`(?m)^(?:\x1b\[[0-9;]*m)*Maven home: (.+?)\s*$`)
)

// pipDefault is the index that pip asks by itself, as its help says.
func (c commands) pipDefault(ctx context.Context) (string, error) {
	out, err := c.clientSays(ctx, "pip", "install", "--help")
	if err != nil {
		return "", err
	}
	m := pipIndex.FindStringSubmatch(out)
	if m == nil {
		return "", errors.New("pip does not tell its default index")
	}
	return m[1], nil
}

// mavenDefault is the repository that Maven asks by itself: that of the POM that every POM inherits from, in one of Maven's own jars.
func (c commands) mavenDefault(ctx context.Context) (string, error) {
	out, err := c.clientSays(ctx, "mvn", "--version")
	if err != nil {
		return "", err
	}
	none := errors.New("its settings have no mirror of *, and it does not tell its default repository")
	m := mavenHome.FindStringSubmatch(out)
	if m == nil {
		return "", none
	}
	jars, err := filepath.Glob(filepath.Join(m[1], "lib", "maven-model-builder*.jar"))
	if err != nil || len(jars) == 0 {
		return "", none
	}
	return repositoryOf(jars[0], none)
}

// repositoryOf is the first repository of the POM in a jar of Maven.
func repositoryOf(jar string, none error) (string, error) {
	z, err := zip.OpenReader(jar)
	if err != nil {
		return "", err
	}
	defer z.Close()
	f, err := z.Open("org/apache/maven/model/pom-4.0.0.xml")
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxSuperPOM))
	if err != nil {
		return "", err
	}
	var pom struct {
		URL []string `xml:"repositories>repository>url"`
	}
	if err := xml.Unmarshal(raw, &pom); err != nil || len(pom.URL) == 0 {
		return "", none
	}
	return strings.TrimSpace(pom.URL[0]), nil
}
