package pypi

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"slipway/formats/archive"
	"slipway/internal/lazyregexp"
	"slipway/registry"
)

// Bounds of what is read of a version to describe it.
const (
	maxDescribedHeader = 256 << 10 // of core metadata; its header, as a rule, has some KiB
	maxDescribedSdist  = 16 << 20  // of a source distribution, packed
	maxDescribedTar    = 64 << 20  // of it, unpacked
)

// describeVersion is registry.Rules.Describe: what the core metadata say, of a wheel or else of a source distribution, and the platforms of the wheels.
func describeVersion(ctx context.Context, v registry.Describing) (registry.Description, error) {
	var out registry.Description
	for _, f := range v.Files {
		if wheel := variantOf(f.Path); wheel != nil {
			out.Variants = append(out.Variants, *wheel)
		}
	}
	slices.SortStableFunc(out.Variants, func(a, b registry.Variant) int { return strings.Compare(a.File, b.File) })
	raw, err := metadataOf(ctx, v)
	if err != nil || raw == nil {
		return out, err
	}
	all, err := fields(raw, "summary", "license", "license-expression", "requires-python", "requires-dist", "classifier", "project-url", "home-page", "author", "author-email")
	if err != nil {
		return out, nil //nolint:nilerr // it was checked when it was stored; of a registry elsewhere it is not ours to judge
	}
	for _, f := range all[:min(len(all), maxDescribedFields)] {
		describeField(&out, f)
	}
	return out, nil
}

// maxDescribedFields bounds the fields of core metadata that are described.
const maxDescribedFields = 2000

func describeField(out *registry.Description, f field) {
	property := func(name, value string) {
		if value != "" {
			out.Properties = append(out.Properties, registry.Property{Name: name, Value: value})
		}
	}
	switch f.name {
	case "summary":
		out.Summary = f.value
	case "license-expression":
		out.License = f.value
	case "license":
		line, _, _ := strings.Cut(f.value, "\n")
		out.License = cmp.Or(out.License, line)
	case "requires-python":
		property("Python", f.value)
	case "author", "author-email":
		property("author", f.value)
	case "home-page":
		property("home page", f.value)
	case "project-url":
		label, address, _ := strings.Cut(f.value, ",")
		property(strings.TrimSpace(label), strings.TrimSpace(address))
	case "classifier":
		out.Classifiers = append(out.Classifiers, f.value)
	case "requires-dist":
		out.Dependencies = append(out.Dependencies, dependencyOf(f.value))
	}
}

var (
	// requirement is a name with extras, versions and a marker (PEP 508).
	requirement = lazyregexp.New(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*([^;]*?)\s*(?:;\s*(.*))?$`)
	// extraMarker is a marker that asks for an extra.
	extraMarker = lazyregexp.New(`^(?:\((.*)\)\s+and\s+|(.*?)\s*\band\s+)?extra\s*==\s*["']([^"']+)["']$`)
)

// dependencyOf reads a Requires-Dist; text that is none stands as the name.
func dependencyOf(text string) registry.Dependency {
	if len(text) > maxFieldBytes {
		text = text[:maxFieldBytes]
	}
	m := requirement.FindStringSubmatch(text)
	if m == nil {
		return registry.Dependency{Name: text}
	}
	d := registry.Dependency{Name: m[1], Requirement: strings.Trim(m[3], "() "), Note: m[4]}
	if m[2] != "" {
		d.Note = strings.TrimSpace("with " + m[2] + " " + d.Note)
	}
	if e := extraMarker.FindStringSubmatch(m[4]); e != nil {
		d.Scope, d.Optional, d.Note = "extra "+e[3], true, strings.TrimSpace(e[1]+e[2])
	}
	return d
}

// variantOf reads the platforms in the name of a wheel; nil: it is no wheel.
func variantOf(name string) *registry.Variant {
	rest, ok := strings.CutSuffix(name, wheelSuffix)
	parts := strings.Split(rest, "-")
	if !ok || len(parts) < 5 {
		return nil
	}
	tags := parts[len(parts)-3:]
	return &registry.Variant{File: name, Languages: strings.Split(tags[0], "."), ABIs: strings.Split(tags[1], "."), Platforms: strings.Split(tags[2], ".")}
}

// metadataOf are the first bytes of the core metadata of a version: of a wheel, beside which they lie, or out of a source distribution. nil: they
// are not here.
func metadataOf(ctx context.Context, v registry.Describing) ([]byte, error) {
	for _, f := range v.Files {
		if !strings.HasSuffix(f.Path, metadataSuffix) {
			continue
		}
		if raw, err := v.ReadHere(ctx, v.Version.Name, f.Path, maxDescribedHeader); raw != nil || err != nil {
			return raw, err
		}
	}
	f, ok := v.File(func(path string) bool { return strings.HasSuffix(path, tarballSuffix) })
	if !ok || f.Blob.Size > maxDescribedSdist {
		return nil, nil
	}
	r, err := v.Here.Open(ctx, v.Version.Name, f.Path, maxDescribedSdist)
	if r == nil || err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read from
	return pkgInfoOf(r, maxDescribedHeader), nil
}

// errFound ends the reading of an archive.
var errFound = errors.New("pypi: found")

// pkgInfoOf takes the first bytes of PKG-INFO out of a source distribution; nil: it has none as far as it can be read.
func pkgInfoOf(r io.Reader, limit int64) (raw []byte) {
	look := func(_ *tar.Header, name string, body io.Reader) (err error) {
		if name != pkgInfo {
			return nil
		}
		if raw, err = io.ReadAll(io.LimitReader(body, limit)); err != nil {
			return err
		}
		return errFound
	}
	_ = archive.Tarball{MaxBytes: maxDescribedTar, MaxRatio: maxUnpackRatio, MaxEntries: maxEntries, Entry: look}.Read(r) // it was checked when it was stored
	return raw
}

// sdistDescription is the Parse of a readme in a source distribution.
func sdistDescription(file []byte) (text, mediaType string) {
	return description(pkgInfoOf(bytes.NewReader(file), maxMetadataBytes))
}
