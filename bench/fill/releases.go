package fill

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/formats/npm"
	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/publish"
	"slipway/registry/staging"
)

// coming is a version that is about to be published.
type coming struct {
	*filling
	*Package
	i       int
	version string
	at      registry.Name
	pub     *publish.Publish
	staged  int
}

// releases are the functions that make a version of each format from staged contents.
var releases map[string]func(ctx context.Context, c *coming) (publish.Release, error)

func init() {
	releases = map[string]func(ctx context.Context, c *coming) (publish.Release, error){
		"npm": npmRelease, "maven": mavenRelease, "pypi": pypiRelease, "oci": ociRelease, "raw": rawRelease,
	}
}

// publisher is the publisher that filled versions name.
const publisher = "bench"

var teams = []string{"web", "data", "core", "mobile", "infra", "billing", "search", "media"}

// name is the package's name by its number: readable, and of a few groups.
func (p *Package) name() string {
	team := teams[p.Number%len(teams)]
	switch p.Format {
	case "npm":
		if p.Number%3 == 0 {
			return fmt.Sprintf("@%s/pkg-%d", team, p.Number)
		}
	case "maven":
		return fmt.Sprintf("com.example.%s:lib-%d", team, p.Number)
	case "oci":
		return fmt.Sprintf("%s/app-%d", team, p.Number)
	}
	return fmt.Sprintf("%s-%d", team, p.Number)
}

// version is the i-th version: patches, minors and majors.
func (p *Package) version(i int) string { return fmt.Sprintf("%d.%d.%d", 1+i/500, i/20%25, i%20) }

func tagName(i int) string {
	if names := []string{"production", "staging", "stable", "next"}; i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("channel-%d", i)
}

// commit is a commit that several versions share, as those of one repository do.
func (c *coming) commit() string {
	return digest.FromString(fmt.Sprint(c.plan.Seed, c.Number/8, c.i)).Encoded()[:40]
}

const npmManifest = `{"name":"%s","version":"%s","description":"package %d of the plan","license":"MIT","main":"index.js",` +
	`"repository":{"type":"git","url":"git+https://git.example.com/%s/repo-%d.git"},"gitHead":"%s","scripts":{"test":"node --test"},` +
	`"dependencies":{"alpha":"^1.2.3","bravo":"^2.3.4","charlie":"~3.4.5","delta":"^4.5.6"}}`

func npmRelease(ctx context.Context, c *coming) (publish.Release, error) {
	st, err := c.stage(ctx, "tarball.tgz", "application/gzip", content.SHA1|content.SHA512)
	if err != nil {
		return publish.Release{}, err
	}
	return npm.Release(fmt.Appendf(nil, npmManifest, c.name(), c.version, c.Number, teams[c.Number%len(teams)], c.Number/8, c.commit()), st, publisher)
}

func mavenRelease(ctx context.Context, c *coming) (publish.Release, error) {
	_, artifact, _ := strings.Cut(c.name(), ":")
	paths := []string{artifact + "-" + c.version + ".jar", artifact + "-" + c.version + ".pom"}
	for i := 2; i < c.plan.Files; i++ {
		paths = append(paths, fmt.Sprintf("%s-%s-extra%d.jar", artifact, c.version, i))
	}
	return c.assembled(ctx, paths, content.SHA1|content.MD5)
}

func rawRelease(ctx context.Context, c *coming) (publish.Release, error) {
	paths := make([]string, c.plan.Files)
	for i := range paths {
		paths[i] = fmt.Sprintf("%s-%s-%d.bin", c.name(), c.version, i)
	}
	return c.assembled(ctx, paths, 0)
}

// assembled stages files and lets the format's own rules make the release of them.
func (c *coming) assembled(ctx context.Context, paths []string, sums content.SumSet) (publish.Release, error) {
	at := c.at.At(c.version)
	var files []registry.StagedFile
	for _, path := range paths {
		st, err := c.stage(ctx, path, "", sums)
		if err != nil {
			return publish.Release{}, err
		}
		files = append(files, registry.StagedFile{Format: at.Format, Package: at.Package, Display: at.Display, Version: at.Version, Path: path, Blob: st.Blob})
	}
	rel, err := c.assemblers[at.Format].Assemble(ctx, staging.Assembly{Open: c.core.Content.OpenBlob, Repository: c.repo, At: at, Files: files})
	rel.Files = nil // all that was staged
	rel.Facts = append(rel.Facts, registry.FactInput{Key: registry.FactSourceCommit, Value: c.commit(), Source: "api", Rank: registry.RankDeclared})
	return rel, err
}

func pypiRelease(ctx context.Context, c *coming) (publish.Release, error) {
	base := strings.ReplaceAll(c.name(), "-", "_") + "-" + c.version
	paths := []string{base + "-py3-none-any.whl"}
	for i := 1; i < c.plan.Files; i++ {
		paths = append(paths, fmt.Sprintf("%s-cp3%d-cp3%d-linux_x86_64.whl", base, 9+i, 9+i))
	}
	for _, path := range paths {
		if _, err := c.stage(ctx, path, "application/zip", content.MD5); err != nil {
			return publish.Release{}, err
		}
	}
	rel := publish.Release{
		Mode: publish.Append, SameKey: true, PURL: "pkg:pypi/" + c.name() + "@" + c.version,
		Facts: []registry.FactInput{{Key: registry.FactSourceCommit, Value: c.commit(), Source: "api", Rank: registry.RankDeclared}},
	}
	rel.Version, rel.SortKey = c.rules["pypi"].Spelling(c.version)
	return rel, nil
}

const ociManifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
	`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%d},` +
	`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"%s","size":%d}],` +
	`"annotations":{"org.opencontainers.image.version":"%s","org.opencontainers.image.revision":"%s","org.opencontainers.image.title":"%s"}}`

func ociRelease(ctx context.Context, c *coming) (publish.Release, error) {
	body := func() (publish.Staged, error) {
		content := c.pool[(c.Number*31+c.i*7+c.staged)%len(c.pool)]
		return c.stage(ctx, digest.FromBytes(content).String(), "application/vnd.oci.image.layer.v1.tar", 0)
	}
	config, err := body()
	if err != nil {
		return publish.Release{}, err
	}
	layer, err := body()
	if err != nil {
		return publish.Release{}, err
	}
	manifest := fmt.Appendf(nil, ociManifest, config.Blob.Digest, config.Blob.Size, layer.Blob.Digest, layer.Blob.Size, c.version, c.commit(), c.name())
	d := digest.FromBytes(manifest)
	short := c.at.Package[strings.LastIndex(c.at.Package, "/")+1:]
	return publish.Release{
		Version: d.String(), Digest: d, Mode: publish.Create, MediaType: "application/vnd.oci.image.manifest.v1+json", Descriptor: manifest,
		PURL:    "pkg:oci/" + short + "@sha256%3A" + d.Encoded() + "?repository_url=registry.example.com/" + c.plan.Repository + "/" + c.at.Package,
		SortKey: binary.BigEndian.AppendUint64(nil, uint64(filledAt.Add(time.Duration(c.i)*time.Hour).UnixMicro())),
		Tags:    []string{c.version}, Revive: true,
		Facts: []registry.FactInput{{Key: registry.FactSourceCommit, Value: c.commit(), Source: "oci:annotation", Rank: registry.RankDeclared}},
	}, nil
}

// filledAt is when the first image was pushed, as far as the order of images goes.
var filledAt = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)
