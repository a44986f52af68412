package npm

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"slipway/formats"
	"slipway/formats/version"
	"slipway/internal/httpserver"
	"slipway/internal/lazyregexp"
	"slipway/registry"
	"slipway/registry/publish"
	"slipway/registry/upstreams"
)

var _ upstreams.Source = (*Format)(nil)

// OnRemoval implements an option of upstreams.Source: a version that vanishes there while it is in use was nearly always taken back for what it does.
func (*Format) OnRemoval() string { return upstreams.RemovalBlock }

// Checksum implements an option of upstreams.Source: registries of the kind announce sums of all files.
func (*Format) Checksum() string { return upstreams.ChecksumRequire }

// factDiffers is the fact of a tarball from elsewhere that does not hold what the registry there says of it.
const factDiffers = "upstream.manifest_differs"

// Document implements upstreams.Source: the full packument, as the one for installations lacks times, scripts and libc.
func (*Format) Document(at registry.Name) (upstreams.Ask, bool) {
	return upstreams.Ask{URL: escapedName(at.Package), Accept: fullType, Gzip: true}, true
}

// escapedName is a package in a URL as npm writes it: @acme%2fweb.
func escapedName(name string) string {
	if scope, last, ok := splitName(name); ok && scope != "" {
		return "@" + formats.Escape(scope) + "%2f" + formats.Escape(last)
	}
	return formats.Escape(name)
}

// File implements upstreams.Source.
func (*Format) File(at registry.Coordinate, path string, e *upstreams.Entry) (upstreams.Ask, error) {
	if e == nil {
		return upstreams.Ask{}, registry.Errorf(registry.Invalid, registry.AboutFile, "no document names the file %q of %s", formats.Clip(path), formats.Clip(at.Package))
	}
	return upstreams.Ask{URL: e.URL}, nil
}

// Guess implements upstreams.Guesser: /<name>/-/<file> is where nearly all registries have tarballs.
func (*Format) Guess(at registry.Coordinate, path string) string {
	_, last, ok := splitName(at.Package)
	if !ok || !tarballName.MatchString(at.Package+"/"+path) || !strings.HasPrefix(path, last+"-") {
		return ""
	}
	return at.Package + "/-/" + path
}

// tarballName is the name of a package and of a tarball of it that need no escapes in a URL.
var tarballName = lazyregexp.New(`^(@[a-z0-9._-]+/)?[a-z0-9._-]+/[A-Za-z0-9._-]+\.tgz$`)

// Check implements upstreams.Source.
func (*Format) Check(path string, head []byte) error {
	if !bytes.HasPrefix(head, []byte("\x1f\x8b")) {
		return registry.Errorf(registry.Invalid, registry.AboutFile, "what came in the place of %q is no gzipped tarball", formats.Clip(path))
	}
	return nil
}

// Mutable implements upstreams.Source: the bytes of a tarball never change.
func (*Format) Mutable(registry.Coordinate, string) bool { return false }

// Enter implements upstreams.Source. The manifest stays the one that the index has, with the sums that it lacks; where the tarball's own
// package.json is another one, that is a fact.
func (*Format) Enter(ctx context.Context, e upstreams.Entered) (publish.Release, error) {
	v := e.Version
	if v == nil {
		return publish.Release{}, registry.Errorf(registry.Invalid, registry.AboutVersion, "no document names the file %q of %s", formats.Clip(e.Path), formats.Clip(e.At.Package))
	}
	o, err := storedManifest(v.Descriptor)
	if err != nil {
		return publish.Release{}, err
	}
	differs, err := compareTarball(ctx, e, o)
	if err != nil {
		return publish.Release{}, err
	}
	descriptor, err := completed(v.Descriptor, o, e.Blob)
	if err != nil {
		return publish.Release{}, err
	}
	rel := publish.Release{
		Version: v.Name, PURL: v.PURL, Mode: publish.Append, Prerelease: v.Prerelease, Descriptor: descriptor,
		Files: []publish.Staged{publish.HeldFile(e.Path, tarballType, e.Blob)}, Facts: facts(o, nil, ""),
	}
	if differs != "" {
		rel.Facts = append(rel.Facts, registry.FactInput{Key: factDiffers, Value: differs, Source: "npm:tarball", Rank: registry.RankObserved})
	}
	if v.State != registry.Published {
		rel.State, rel.Reason = v.State, v.Reason
	}
	rel.SortKey, _ = version.Key(v.Name)
	return rel, nil
}

// compareTarball returns what of the tarball differs from the manifest, for a fact; "" for nothing. Its error is one of reading.
func compareTarball(ctx context.Context, e upstreams.Entered, m object) (string, error) {
	r, err := e.Open(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	tar, err := inspect(r, func(n int64) error { return httpserver.Hold(ctx, n) })
	if registry.KindOf(err) == registry.Invalid {
		return formats.Clip("the tarball can't be read: " + registry.AsError(err).Detail), nil
	}
	if err != nil {
		return "", err
	}
	_, differs := reconcile(m, tar)
	if strings.TrimSpace(tar.manifest.text("name")) != e.At.Package {
		differs = append(differs, difference{"name", m.get("name")})
	}
	if inner, _ := looseVersion(tar.manifest.text("version")); inner != e.Version.Name {
		differs = append(differs, difference{"version", m.get("version")})
	}
	if len(differs) == 0 {
		return "", nil
	}
	return differenceText(differs), nil
}

// completed adds the sums to a descriptor that clients want and the registry elsewhere did not announce.
func completed(descriptor []byte, o object, blob registry.Blob) ([]byte, error) {
	dist, err := parseObject(o.get("dist"))
	if err != nil {
		return nil, err
	}
	had := len(dist)
	if dist.text("integrity") == "" && blob.SHA512 != nil {
		dist.set("integrity", "sha512-"+base64.StdEncoding.EncodeToString(blob.SHA512))
	}
	if dist.text("shasum") == "" && blob.SHA1 != nil {
		dist.set("shasum", hex.EncodeToString(blob.SHA1))
	}
	if len(dist) == had {
		return descriptor, nil
	}
	o = slices.Clone(o)
	o.drop(func(key string) bool { return key == "dist" })
	return fragments(o, dist)
}

// storedManifest reads the manifest in a version's descriptor. Values are parts of it.
func storedManifest(descriptor []byte) (object, error) {
	full, _, err := unseal(descriptor)
	if err != nil {
		return nil, err
	}
	return parseObject(append(appendAddress(bytes.Clone(full), ""), "}}"...))
}
