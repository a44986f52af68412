package load

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
)

// Maven is the units of Maven artifacts.
type Maven struct {
	Repository string
	Group      string
	Artifact   string // prefix of the names
	Artifacts  int    // that deploys are spread over
	Bytes      int    // of a jar
	Versions   int    // of the artifact that is read
}

// Deploy deploys a version with jar, POM, their checksums and the metadata that ends it.
func (p Maven) Deploy(ctx context.Context, w *Worker) (int64, error) {
	n := w.Serial()
	return p.deploy(ctx, w, fmt.Sprintf("%s-%d", p.Artifact, n%uint64(max(p.Artifacts, 1))), fmt.Sprintf("1.0.%d", n), n)
}

func (p Maven) read() string { return p.Artifact + "-read" }

func (p Maven) path(artifact string) string {
	return "/maven/" + p.Repository + "/" + strings.ReplaceAll(p.Group, ".", "/") + "/" + artifact + "/"
}

func (p Maven) deploy(ctx context.Context, w *Worker, artifact, version string, serial uint64) (int64, error) {
	at := p.path(artifact)
	file := at + version + "/" + artifact + "-" + version
	pom := `<?xml version="1.0" encoding="UTF-8"?><project><modelVersion>4.0.0</modelVersion><groupId>` + p.Group + `</groupId><artifactId>` + artifact +
		`</artifactId><version>` + version + `</version><packaging>jar</packaging></project>`
	for _, f := range []struct {
		path string
		body []byte
	}{{file + ".jar", stamped(w.bytes(p.Bytes), serial)}, {file + ".pom", []byte(pom)}} {
		sum := sha1.Sum(f.body)
		if _, err := w.Do(ctx, Request{Method: "PUT", Path: f.path, Body: f.body}); err != nil {
			return 0, err
		}
		if _, err := w.Do(ctx, Request{Method: "PUT", Path: f.path + ".sha1", Body: []byte(hex.EncodeToString(sum[:]))}); err != nil {
			return 0, err
		}
	}
	doc := `<?xml version="1.0" encoding="UTF-8"?><metadata><groupId>` + p.Group + `</groupId><artifactId>` + artifact + `</artifactId><versioning><release>` +
		version + `</release><versions><version>` + version + `</version></versions></versioning></metadata>`
	_, err := w.Do(ctx, Request{Method: "PUT", Path: at + "maven-metadata.xml", Body: []byte(doc)})
	return int64(p.Bytes), err
}

// Prepare deploys the versions of the artifact that is read.
func (p Maven) Prepare(ctx context.Context, w *Worker) error {
	for i := range p.Versions {
		if _, err := p.deploy(ctx, w, p.read(), fmt.Sprintf("1.%d", i), w.Serial()); err != nil {
			return err
		}
	}
	return nil
}

// Metadata reads the list of versions.
func (p Maven) Metadata(ctx context.Context, w *Worker) (int64, error) {
	a, err := w.Do(ctx, p.MetadataRequest())
	return a.Bytes, err
}

// MetadataRequest is the request of Metadata.
func (p Maven) MetadataRequest() Request {
	return Request{Method: "GET", Path: p.path(p.read()) + "maven-metadata.xml"}
}
